"""The VXP protocol over raw sockets, byte for byte as the SDK writes it, both versions; answers key by key."""

import asyncio
import base64
import hashlib
import itertools
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.edxml.write import write
from app.exchange import backlog
from app.exchange.doorbell import Doorbell
from app.exchange.inbox import InboxKind
from app.ids import new_id
from app.registry.model import Scope
from app.routers.compat.known_lists import KnownLists, registry_of
from app.routers.compat.postbox import LISTED_MAX, NEWEST_LISTED
from app.store.database import Database, note
from app.store.sealing import GROWN
from app.store.versions import Part
from tests.exchange.remains import events_since, remains
from tests.exchange.statements import statements
from tests.routers.compat.conftest import Doors, let_in
from tests.routers.compat.large import file_in_answer, large_document, little_more_memory
from tests.support import edxml_library as library
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE
from tests.support.vxp import Sdk, connect, read, read_pieces, speak

LIST = {"servicetype": "eDoc", "messagetype": "edoc"}
G22 = GOVERNMENT_OFFICE
NUMBERS = itertools.count(1_000_000)


def waiting(doors: Doors, sdk: Sdk, messagetype: str = "edoc") -> list[dict[str, str]]:
    return doors.waiting(sdk, messagetype)


def test_a_document_goes_from_service_object_to_service_object(doors: Doors) -> None:
    sender, recipient = doors.fresh(G22), doors.fresh(PROVINCE)
    file = write(doors.exchange[G22].paper(PROVINCE))
    answer = sender.send(file, **{"from": G22}, **LIST, to=f'["{PROVINCE}"]')
    assert list(answer.ok()) == ["status", "ErrorCode", "ErrorDesc", "DocId"]
    sent = answer.ok()["DocId"]
    item = next(each for each in waiting(doors, recipient) if each["from"] == G22)
    assert item.keys() == {
        *("docId", "serviceType", "messageType", "created_time", "updated_time", "from", "to", "status"),
        "status_desc",
    }
    assert (item["serviceType"], item["messageType"], item["to"], item["status"]) == (
        *("eDoc", "edoc", PROVINCE, "initial"),
    )

    fetched = recipient.call("getEdoc", docId=item["docId"], filePath="/home/of/somebody")
    assert fetched.continued
    assert base64.b64decode(fetched.ok()["data"]) == file
    assert recipient.call("downloadEdoc", docId=item["docId"]).body == file

    [leg] = sender.call("getSentEdocList", docId=sent).ok()["data"]
    assert (leg["receiveStatus"], leg["receiverDocId"], leg["senderDocId"]) == ("initial", item["docId"], sent)
    assert "receivedTime" not in leg
    recipient.call("updateStatus", docid=item["docId"], status="done").ok()
    assert item["docId"] not in {each["docId"] for each in waiting(doors, recipient)}
    recipient.call("updateStatus", docid=item["docId"], status="done").ok()
    [leg] = sender.call("getSentEdocList", docId=sent).ok()["data"]
    assert (leg["receiveStatus"], leg["toCode"], leg["fromCode"]) == ("done", PROVINCE, G22)
    assert leg.keys() >= {"title", "notation", "sentTime", "receivedTime", "sendStatus", "sendStatusDesc"}


def test_an_object_that_is_kept_for_years_repeats_everything_and_is_understood(doors: Doors) -> None:
    ours, theirs = doors.fresh(G22), doors.fresh(PROVINCE)
    first, second = (library.document(G22, PROVINCE, number=next(NUMBERS)) for _ in range(2))
    for file in (first, second):
        ours.send(file, **{"from": G22}, **LIST, to=f'["{PROVINCE}"]').ok()
    # The recipient has sent something itself, so from, to and hash-file are in its map for ever.
    own = theirs.send(
        library.document(PROVINCE, G22, number=next(NUMBERS)), **{"from": PROVINCE}, **LIST, to=f'["{G22}"]'
    )
    assert own.ok()["DocId"]
    aaa, bbb = [each["docId"] for each in waiting(doors, theirs)][-2:]
    assert base64.b64decode(theirs.call("getEdoc", docId=aaa, filePath="C:\\").ok()["data"]) == first
    theirs.call("updateStatus", docid=aaa, status="done").ok()
    assert base64.b64decode(theirs.call("getEdoc", docId=bbb).ok()["data"]) == second
    assert (theirs.map["docId"], theirs.map["docid"], theirs.map["status"]) == (bbb, aaa, "done")
    assert bbb in {each["docId"] for each in waiting(doors, theirs)}
    theirs.call("updateStatus", docid=bbb, status="done").ok()
    assert bbb not in {each["docId"] for each in waiting(doors, theirs)}
    assert {each["messageType"] for each in waiting(doors, theirs, "status")} <= {"status"}
    # A status package, sent with the recipients of the earlier document, and called a document by its header.
    told = library.status(PROVINCE, G22, library.document_id_of(first), "03")
    assert theirs.send(told, messagetype="edoc").ok()["DocId"]
    [report] = waiting(doors, ours, "status")
    assert (report["from"], report["to"], report["messageType"]) == (PROVINCE, G22, "status")
    assert base64.b64decode(ours.call("getEdoc", docId=report["docId"]).ok()["data"]) == told
    ours.call("updateStatus", docid=report["docId"], status="done").ok()
    assert waiting(doors, ours, "status") == []


def test_what_the_edxml_library_writes_comes_out_byte_for_byte(doors: Doors) -> None:
    sender, recipient = doors.fresh(G22), doors.fresh(PROVINCE)
    for signature in ("", library.SIGNATURE):
        file = library.document(G22, PROVINCE, number=next(NUMBERS), signature=signature)
        assert file.endswith(b"</edXML>\r\n")
        sent = sender.send(file, **{"from": G22}, **LIST).ok()["DocId"]
        item = waiting(doors, recipient)[-1]
        assert base64.b64decode(recipient.call("getEdoc", docId=item["docId"]).ok()["data"]) == file
        shown = doors.exchange[G22].system.get(f"/v1/documents/{sent}").json()
        assert shown["signature"] == ("foreign-namespace" if signature else "unsigned")
        assert shown["verification"]["indication"] == "INDETERMINATE"
        attached = doors.exchange[PROVINCE].system.get(f"/v1/documents/{sent}/attachments/1")
        assert attached.content == b"so lieu\r\n"


def test_a_thousand_recipients_fit_into_two_headers(doors: Doors) -> None:
    sender = doors.fresh(G22)
    codes = ",".join(f'"000.00.{number // 100:02}.H{number % 100:02}"' for number in range(1_000))
    file = library.document(G22, PROVINCE, number=next(NUMBERS))
    head = sender.send_head(file, **{"from": G22}, **LIST, to=f"[{codes}]")
    assert len(head) > 34_000
    assert speak(sender.url, head, file + b"\r\n").ok()["DocId"]
    # What is signed is signed as the octets that are sent, Vietnamese ones too.
    assert sender.send(file, description="Đã gửi").ok()["DocId"]
    for to in (f'"{PROVINCE}"', f"{PROVINCE},{G22}"):
        assert sender.send(file, to=to).ok()["DocId"]


def test_a_lost_connection_and_its_retry_make_one_document(doors: Doors) -> None:
    sender = doors.fresh(G22)
    file = library.document(G22, PROVINCE, number=next(NUMBERS), attachment=secrets.token_bytes(200_000))
    head, body = sender.send_head(file, **{"from": G22}, **LIST), file + b"\r\n"
    with connect(sender.url) as cut:
        cut.sendall(head + body[:100_000])
    before = {each["docId"] for each in waiting(doors, doors.sdk[PROVINCE])}
    with connect(sender.url) as unread:
        # All of it arrives, and the answer is lost.
        unread.sendall(head + body)
    ids = {speak(sender.url, head, body).ok()["DocId"] for _ in range(2)}
    assert len(ids) == 1
    assert len({each["docId"] for each in waiting(doors, doors.sdk[PROVINCE])} - before) == 1
    other = file.replace(b"PageAmount>1<", b"PageAmount>2<")
    assert other != file
    told = sender.send(other, **{"from": G22}).fail()
    assert (told["ErrorCode"], "document-id-taken" in told["ErrorDesc"]) == ("21", True)


def test_a_document_of_fifty_megabytes_goes_through_whole_in_bounded_memory(doors: Doors) -> None:
    sender, recipient = doors.fresh(G22), doors.fresh(PROVINCE)
    pieces = large_document(G22, PROVINCE, number=next(NUMBERS))
    digest, size = hashlib.sha256(), sum(map(len, pieces))
    for piece in pieces:
        digest.update(piece)
    assert size > 50_000_000

    with little_more_memory(), connect(sender.url) as connection:
        connection.sendall(sender.head_of_file(digest.digest(), size, **{"from": G22}, **LIST))
        for piece in (*pieces, b"\r\n"):
            connection.sendall(piece)
        assert read(connection).ok()["DocId"]
    item = waiting(doors, recipient)[-1]

    with little_more_memory(), connect(recipient.url) as connection:
        connection.sendall(recipient.request("getEdoc", None, {"docId": item["docId"]}))
        length, answer = read_pieces(connection)
        assert file_in_answer(answer) == (length, digest.hexdigest())
    fetched = hashlib.sha256()
    with little_more_memory(), connect(recipient.url) as connection:
        connection.sendall(recipient.request("downloadEdoc", None, {"docId": item["docId"]}))
        length, answer = read_pieces(connection)
        for piece in answer:
            fetched.update(piece)
    assert (length, fetched.hexdigest()) == (size, digest.hexdigest())


def test_a_multipart_body_of_another_client_is_the_same_document(doors: Doors) -> None:
    sender = doors.fresh(G22)
    file = library.document(G22, PROVINCE, number=next(NUMBERS))
    sent = sender.send(file, **{"from": G22}, **LIST).ok()["DocId"]
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.edxml"\r\n\r\n' + file + b"\r\n--xyz--\r\n"
    )
    plain = sender.send_head(file).replace(
        b"\r\nContent-Type: application/octet-stream", b"\r\nContent-Type: multipart/form-data; boundary=xyz", 1
    )
    head = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), plain)
    assert speak(sender.url, head, body).ok()["DocId"] == sent


@pytest.mark.parametrize(
    ("change", "number", "said"),
    [
        (lambda file: file[:200], "10", "not-well-formed"),
        (lambda file: file.decode().encode("utf-16"), "22", "ours.markup.encoding"),
        (lambda file: file.replace("Hà Nội".encode(), b"H\xe0 N\xf4i"), "10", "not-utf8"),
        (lambda file: file.replace(b"H41<", b"H99<"), "18", "ours.route.recipient-unknown"),
        (lambda file: file.replace(b"DocumentId>", b"DocumentNo>"), "22", "qcvn102.1.14.document-id-missing"),
        (
            lambda file: file.replace(b"<edXML:OrganId>000.00.00.G22", b"<edXML:OrganId>000.00.00.H41", 1),
            "19",
            "act for",
        ),
        (lambda file: file.replace(b"<edXML ", b'<!DOCTYPE edXML [<!ENTITY a "b">]><edXML ', 1), "22", "doctype"),
    ],
)
def test_a_refusal_says_why_in_every_key_and_is_on_record(
    doors: Doors, change: Callable[[bytes], bytes], number: str, said: str
) -> None:
    before = remains(doors.exchange)
    sender = doors.fresh(G22)
    told = sender.send(change(library.document(G22, PROVINCE, number=next(NUMBERS))), **{"from": G22}, **LIST).fail()
    assert told["ErrorCode"] == number, told
    assert said in told["ErrorDesc"]
    [recorded] = events_since(doors.exchange, before, event="document.refused")
    assert recorded["outcome"] == "refused"
    assert (recorded["agency"] == G22) >= (number == "18")


def test_refusals_before_the_content_is_judged_are_on_record_too(doors: Doors) -> None:
    before = remains(doors.exchange)
    sender = doors.fresh(G22)
    file = library.document(G22, PROVINCE, number=next(NUMBERS))
    head = sender.send_head(file, **{"from": G22}, **LIST)
    damaged = speak(sender.url, head, file[:-1] + b" \r\n")
    assert (damaged.fail()["ErrorCode"], "hash-file" in damaged.fail()["ErrorDesc"]) == ("10", True)
    foreign = sender.send(file, **{"from": PROVINCE}).fail()
    assert foreign["ErrorCode"] == "19"
    assert f"Don vi gui {PROVINCE} khong dung voi ma da dang ky: {G22}" in foreign["ErrorDesc"]
    # The code of the unit in its other form stands for it as well.
    assert sender.send(file, **{"from": "G22"}).ok()["DocId"]

    recorded = events_since(doors.exchange, before, event="document.refused")
    assert [event["detail"]["problem"] for event in recorded] == ["digest-mismatch", "agency-not-granted"]
    assert [event["agency"] for event in recorded] == [None, None]


def test_a_status_that_may_not_follow_is_a_refused_status(doors: Doors) -> None:
    sender, recipient = doors.fresh(G22), doors.fresh(PROVINCE)
    file = library.document(G22, PROVINCE, number=next(NUMBERS))
    sender.send(file, **{"from": G22}, **LIST).ok()
    told = library.status(PROVINCE, G22, library.document_id_of(file), "15")
    before = remains(doors.exchange)
    failed = recipient.send(told, **{"from": PROVINCE}, messagetype="status").fail()
    [recorded] = events_since(doors.exchange, before, event="status.refused")
    assert (recorded["agency"], recorded["detail"]["problem"]) == (PROVINCE, "transition-not-allowed")
    assert (failed["ErrorCode"], "ours.status.transition" in failed["ErrorDesc"]) == ("21", True)


def test_nobody_is_believed_without_a_secret_in_force(doors: Doors) -> None:
    before, url = remains(doors.exchange), doors.exchange.running.url
    for system_id, secret in (("unknown.system", "x"), (G22, "wrong")):
        told = Sdk(url, system_id, secret).call("getReceivedEdocList", **LIST).fail()
        assert told["ErrorCode"] == "15"
        assert "ours.vxp.not-proven" in told["ErrorDesc"]
    overridden = doors.fresh(G22)
    assert overridden.call("getReceivedEdocList", systemid=PROVINCE).fail()["ErrorCode"] == "15"
    recorded = events_since(doors.exchange, before, event="token.refused")
    assert [event["detail"]["method"] for event in recorded] == ["vxp_hmac"] * 3
    assert recorded[0]["actor"] == "unknown" != recorded[1]["actor"]
    unsigned = speak(url, b"POST /vxp/getAgenciesList HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"").fail()
    assert (unsigned["ErrorCode"], "header-missing" in unsigned["ErrorDesc"]) == ("15", True)


@pytest.mark.parametrize(
    "line",
    [
        "GET /vxp/getReceivedEdocList",
        "POST /vxp/downloadedoc",
        "POST /vxp/nosuchmethod",
        "DELETE /vxp/sendEdoc",
        "POST /vxp",
        "POST /vxp/",
        "POST /vxp/%00/x",
        "POST /vxp/sendEdoc/more",
    ],
)
def test_the_framework_never_answers_below_the_prefix(doors: Doors, line: str) -> None:
    raw = f"{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode()
    assert speak(doors.exchange.running.url, raw, b"").fail()["ErrorCode"] in ("400", "404")


def test_ids_that_nobody_has_and_what_is_missing_are_told(doors: Doors) -> None:
    sdk = doors.fresh(G22)
    assert sdk.call("getEdoc", docId="../../etc/passwd").fail()["ErrorCode"] == "404"
    assert sdk.call("updateStatus", docid=new_id(), status="done").fail()["ErrorCode"] == "404"
    assert sdk.call("updateStatus", docid=new_id(), status="03").fail()["ErrorCode"] == "400"
    assert sdk.call("getSentEdocList", docId=new_id()).fail()["ErrorCode"] == "404"
    assert sdk.call("getReceivedEdocList", messagetype="mail").fail()["ErrorCode"] == "400"
    assert doors.fresh(G22).call("getEdoc").fail()["ErrorCode"] == "400"
    gone = sdk.call("downloadEdoc", docId=new_id())
    assert (gone.status, gone.body) == (200, b"")


def test_a_body_that_is_gone_is_told_and_not_cut_off(doors: Doors) -> None:
    sender = doors.fresh(G22)
    file = library.document(G22, PROVINCE, number=next(NUMBERS))
    sent = sender.send(file, **{"from": G22}, **LIST).ok()["DocId"]
    blobs = doors.exchange.running.node.blobs
    blobs.path_of(hashlib.sha256(file).hexdigest()).unlink()
    assert sender.call("getEdoc", docId=sent).fail()["ErrorCode"] == "20"
    assert sender.call("downloadEdoc", docId=sent).body == b""


def test_somebody_elses_mail_is_nobodys(doors: Doors) -> None:
    sender = doors.fresh(G22)
    sent = sender.send(library.document(G22, PROVINCE, number=next(NUMBERS)), **{"from": G22}, **LIST).ok()["DocId"]
    [*_, item] = waiting(doors, doors.sdk[PROVINCE])
    assert sender.call("updateStatus", docid=item["docId"], status="done").fail()["ErrorCode"] == "404"
    assert doors.sdk[PROVINCE].call("getSentEdocList", docId=sent).fail()["ErrorCode"] == "404"


@pytest.mark.parametrize("status", ["fail", "processing", "DONE"])
def test_each_receipt_takes_the_delivery_over(doors: Doors, status: str) -> None:
    sender, recipient = doors.fresh(G22), doors.fresh(PROVINCE)
    before = recipient.call("countReceiveEdoc").ok()["count"]
    file = library.document(G22, PROVINCE, number=next(NUMBERS))
    sent = sender.send(file, **{"from": G22}, **LIST).ok()["DocId"]
    [*_, item] = waiting(doors, recipient)
    assert recipient.call("countReceiveEdoc").ok()["count"] == before + 1
    recipient.call("updateStatus", docId=item["docId"], status=status).ok()
    assert recipient.call("countReceiveEdoc").ok()["count"] == before
    assert isinstance(recipient.call("countReceiveStatus").ok()["count"], int)
    # What a receiver failed at is delivered all the same, and still to be had.
    assert sender.call("getSentEdocList", docId=sent).ok()["data"][0]["receiveStatus"] == "done"
    assert base64.b64decode(recipient.call("getEdoc", docId=item["docId"]).ok()["data"]) == file


def test_what_a_system_could_not_use_is_there_for_its_people_to_see(doors: Doors) -> None:
    recipient, running = doors.fresh(PROVINCE), doors.exchange.running
    doors.fresh(G22).send(library.document(G22, PROVINCE, number=next(NUMBERS)), **{"from": G22}, **LIST).ok()
    [*_, item] = waiting(doors, recipient)
    before = remains(doors.exchange)
    recipient.call("updateStatus", docId=item["docId"], status="FAIL").ok()
    [taken] = events_since(doors.exchange, before, event="delivery.acknowledged")
    running.run(lambda node: node.mistakes.flush(node.database))
    told = doors.exchange.administrator.get(f"/v1/clients/{taken['actor']}/mistakes").json()["items"]
    [failed] = [each for each in told if each["code"] == "ours.compat.receiver-failed"]
    assert (failed["system_id"], failed["refused"], failed["accepted"] > 0) == (PROVINCE, 0, True)


def test_pages_of_a_list_end(doors: Doors) -> None:
    sender, recipient = doors.fresh(G22), doors.fresh(PROVINCE)
    for _ in range(3):
        sender.send(library.document(G22, PROVINCE, number=next(NUMBERS)), **{"from": G22}, **LIST).ok()
    everything = [each["docId"] for each in waiting(doors, recipient)]
    paged: list[str] = []
    for number in range(1, 100):
        page = recipient.call("getReceivedEdocList", pageSize="2", pageIndex=str(number)).ok()["data"]
        if not page:
            break
        paged += [each["docId"] for each in page]
    assert paged == everything


async def test_a_list_that_is_known_to_be_empty_asks_for_nothing(doors: Doors) -> None:
    """At a desk of its own beside the node's, where nothing is sealed and no bell rings but here."""
    running, unit, at = doors.exchange.running, "000.00.98.H41", datetime.now(UTC)
    database = Database(running.settings.effective_database_url)
    desk = replace(running.node.desk, database=database, doorbell=Doorbell())
    lists = KnownLists()
    lists.remember("client", unit, (unit,), registry=registry_of(desk), at=at)
    known = lists.find(desk, "client", unit, at=at)
    assert known is not None
    assert known.agencies == (unit,)

    async def listed() -> tuple[int, int]:
        with statements() as heard:
            rows = await backlog.ends(desk, (unit,), kind=InboxKind.STATUS, oldest=2, newest=1)
        return len(rows), len(heard)

    assert await listed() == (0, 1)
    assert not known.holds_nothing(desk, InboxKind.STATUS)
    looked_at = asyncio.get_running_loop().time() + 3_600
    desk.doorbell.quiet.looked(at=looked_at, sealed=database.changes[GROWN], versions=())
    assert [await listed(), await listed()] == [(0, 1), (0, 0)]
    assert known.holds_nothing(desk, InboxKind.STATUS)
    for other in (at - timedelta(seconds=1), at + timedelta(minutes=1)):
        assert lists.find(desk, "client", unit, at=other) is None
    assert not known.holds_nothing(desk, InboxKind.DOCUMENT)
    assert lists.find(desk, "other", unit, at=at) is None
    desk.doorbell.ring([unit])
    assert not known.holds_nothing(desk, InboxKind.STATUS)
    assert [await listed(), known.holds_nothing(desk, InboxKind.STATUS)] == [(0, 1), True]
    async with database.write() as tx:
        note(tx, Part.AGENCIES)
    assert lists.find(desk, "client", unit, at=at) is None
    # What the database says counts: at other versions than those of the memory nothing is given.
    given = {"kind": InboxKind.STATUS, "oldest": 2, "newest": 1}
    desk.doorbell.ring([unit])
    assert await backlog.ends(desk, (unit,), versions=(-1, -1), **given) is None
    assert not known.holds_nothing(desk, InboxKind.STATUS), "what was not looked for is not remembered as nothing"
    await database.close()


def test_what_is_new_is_listed_for_who_never_takes_over(doors: Doors) -> None:
    sender, recipient = doors.fresh(G22), doors.fresh(PROVINCE)
    for _ in range(2):
        sender.send(library.document(G22, PROVINCE, number=next(NUMBERS)), **{"from": G22}, **LIST).ok()
    *_, old, new = [each["docId"] for each in waiting(doors, recipient)]
    with doors.crowded(behind=old, before=new, count=LISTED_MAX) as ids:
        listed = [each["docId"] for each in recipient.call("getReceivedEdocList").ok()["data"]]
        assert len(listed) == LISTED_MAX
        middle = listed.index(ids[0])
        oldest = LISTED_MAX - NEWEST_LISTED
        assert listed[middle:oldest] == ids[: oldest - middle]
        assert listed[oldest:] == [*ids[1 - NEWEST_LISTED :], new]
        # A page is asked for by its number however many lie before it; a size that no page has is the longest.
        pages = [recipient.call("getReceivedEdocList", pageSize="9999", pageIndex=str(each)) for each in (1, 2, 3)]
        whole = [item["docId"] for page in pages for item in page.ok()["data"]]
        assert whole[middle - 1 :] == [old, *ids, new]
        first = recipient.call("getReceivedEdocList", pageSize="3", pageIndex="").ok()["data"]
        assert [each["docId"] for each in first] == whole[:3]
    assert [each["docId"] for each in waiting(doors, doors.fresh(PROVINCE))][-2:] == [old, new]


def test_lists_close_the_connection_that_the_sdk_never_closes(doors: Doors) -> None:
    sdk = doors.fresh(G22)
    for method in ("getAgenciesList", "getSynchronizeUnit", "getReceivedEdocList", "getSentEdocList"):
        answer = sdk.call(method)
        assert answer.headers["connection"] == "close"
        assert Sdk(sdk.url, "nobody", "x").call(method).headers["connection"] == "close"
        assert isinstance(answer.ok()["data"], list)


def test_units_are_listed_registered_and_cancelled(doors: Doors) -> None:
    sdk = doors.fresh(G22)
    units = {each["code"]: each for each in sdk.call("getAgenciesList").ok()["data"]}
    assert units[G22].keys() >= {"id", "pid", "code", "name", "mail"}
    [both] = [each for each in sdk.call("getAgenciesListQD20", level="1").ok()["data"] if each["code102"] == G22]
    assert both["code"] == "G22"
    assert sdk.call("registerAgency", b"{}").fail()["ErrorCode"] == "403"

    admin = let_in(doors.exchange.running, PROVINCE, Scope.REGISTRY_WRITE, system_id="admin.h41")
    new = {"id": "1", "pcode": PROVINCE, "code": "000.00.77.H41", "name": "Sở Mẫu", "mail": "so@h41.vn", "fax": "1"}
    broken = b'{"id":"1","pcode":"x","code":"y","name":"n","mail":cc"","mobile":"","fax":""}'
    assert admin.call("registerAgency", broken).fail()["ErrorCode"] == "400"
    assert admin.call("registerAgency", json.dumps(new | {"pcode": G22}).encode()).fail()["ErrorCode"] == "19"
    admin.call("registerAgency", json.dumps(new, ensure_ascii=False).encode()).ok()
    assert admin.call("registerAgency", json.dumps(new).encode()).fail()["ErrorCode"] == "409"
    listed = {each["code"]: each for each in sdk.call("getAgenciesList").ok()["data"]}
    assert (listed["000.00.77.H41"]["name"], listed["000.00.77.H41"]["mail"]) == ("Sở Mẫu", "so@h41.vn")
    assert listed["000.00.77.H41"]["pid"] == listed[PROVINCE]["id"]
    admin.call("deleteAgency", AgencyCode="000.00.77.H41").ok()
    assert "000.00.77.H41" not in {each["code"] for each in sdk.call("getAgenciesList").ok()["data"]}
    locked = library.document(G22, "000.00.77.H41", number=next(NUMBERS))
    assert sdk.send(locked, **{"from": G22}).fail()["ErrorCode"] == "23"
    assert admin.call("deleteAgency", AgencyCode=G22).fail()["ErrorCode"] == "19"
