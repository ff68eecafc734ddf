"""Two provincial contracts, as far as they are known: a client of each sends, lists, fetches and receipts."""

import base64
import itertools
from typing import Any

import pytest

from app.registry.model import Scope
from app.routers.brake import FAILURES_MAX
from tests.exchange.remains import events_since, remains
from tests.routers.compat.conftest import Doors, let_in
from tests.support import edxml_library as library
from tests.support.office import GOVERNMENT_OFFICE, PROVINCE, created
from tests.support.vxp import Sdk

G22 = GOVERNMENT_OFFICE
TRUNK = "/truclienthong/v1.0.0"
NUMBERS = itertools.count(2_000_000)


def lgsp_session(doors: Doors, sdk: Sdk) -> dict[str, str]:
    """Sign in as the province's guide says and return the headers of every call."""
    asked = {"username": sdk.system_id, "password": sdk.secret, "applicationCode": "x", "otp": None, "typeObjs": [0, 1]}
    answer = doors.exchange.running.http.post("/lgsp/v1/auth/login?allow_anonymous=true", json=asked)
    assert answer.json()["success"], answer.text
    token = answer.json()["data"]["token"]
    return {"Authorization": f"Bearer {token}", "X-SystemId": sdk.system_id, "X-SecretKey": sdk.secret}


def done(answer: Any) -> Any:
    assert answer.status_code == 200
    assert answer.text.isascii()
    told = answer.json()
    assert told["success"] is True, told
    return told


def test_a_document_goes_through_the_provincial_rest(doors: Doors) -> None:
    http, ours, theirs = doors.exchange.running.http, doors.sdk[G22], doors.sdk[PROVINCE]
    sender, recipient = lgsp_session(doors, ours), lgsp_session(doors, theirs)
    file = library.document(G22, PROVINCE, number=next(NUMBERS))
    sent = done(
        http.post(
            "/lgsp/v1/sendEdoc",
            headers=sender,
            files={"edocFile": ("van-ban.edxml", file, "application/xml")},
            data={"messageType": "edoc"},
        )
    )
    doors.seal()
    dates = {"messageType": "edoc", "fromDate": "2030/01/01", "toDate": "2030/01/02"}
    listed = done(http.get("/lgsp/v1/syncReceivedEdocList", params=dates, headers=recipient))
    item = listed["data"][-1]
    assert listed["count"] == len(listed["data"])
    assert item.keys() == {
        *("docId", "serviceType", "messageType", "from", "to", "status", "statusDesc", "createdTime", "updatedTime"),
    }
    fetched = done(http.get("/lgsp/v1/getEdoc", params={"docId": item["docId"]}, headers=recipient))["data"]
    assert base64.b64decode(fetched["edxml"]) == file
    assert (fetched["from"], fetched["edocCode"].split("/")[1], fetched["fromName"]) == (
        *(G22, "VPCP-TTĐT", "Văn phòng Chính phủ"),
    )
    [attached] = fetched["attachments"]
    assert (attached["fileName"], base64.b64decode(attached["fileContent"])) == ("so-lieu.txt", b"so lieu\r\n")
    done(http.post("/lgsp/v1/updateStatus", json={"docId": item["docId"], "status": "done"}, headers=recipient))
    [leg] = ours.call("getSentEdocList", docId=sent["docId"]).ok()["data"]
    assert leg["receiveStatus"] == "done"
    units = done(http.get("/lgsp/v1/getAgenciesList", headers=sender))["data"]
    assert {"orgCode", "orgName", "parentCode", "address", "email", "phone"} == units[0].keys()
    # A status report has no attachments, and comes as documents do.
    told = library.status(PROVINCE, G22, library.document_id_of(file), "03")
    done(http.post("/lgsp/v1/sendEdoc", headers=recipient, content=told))
    doors.seal()
    report = done(http.get("/lgsp/v1/syncReceivedEdocList?messageType=status", headers=sender))["data"][-1]
    shown = done(http.get("/lgsp/v1/getEdoc", params={"docId": report["docId"]}, headers=sender))["data"]
    assert (base64.b64decode(shown["edxml"]), shown["attachments"]) == (told, [])


def test_the_provincial_directory_says_how_to_reach_a_unit(doors: Doors) -> None:
    contact = {"email": "vanthu@h41.vn", "telephone": "0205 3812 345", "address": "1 Hùng Vương"}
    created(doors.exchange.administrator.patch(f"/v1/agencies/{PROVINCE}", json={"contact": contact}), 200)
    headers = lgsp_session(doors, doors.sdk[G22])
    units = done(doors.exchange.running.http.get("/lgsp/v1/getAgenciesList", headers=headers))["data"]
    reached = {each["orgCode"]: (each["email"], each["phone"], each["address"]) for each in units}
    assert reached[PROVINCE] == ("vanthu@h41.vn", "0205 3812 345", "1 Hùng Vương")
    assert reached[G22] == ("", "", "")


def test_refusals_of_the_provincial_rest_have_its_shape(doors: Doors) -> None:
    http, sdk = doors.exchange.running.http, doors.sdk[G22]
    headers = lgsp_session(doors, sdk)
    unknown = library.document(G22, "000.00.00.H98", number=next(NUMBERS))
    told = http.post("/lgsp/v1/sendEdoc", headers=headers, files={"edocFile": ("a", unknown)}).json()
    assert (told["success"], told["data"]["errorCode"], told["data"]["status"]) == (False, "18", "FAIL")
    assert told["message"] == told["data"]["errorDesc"]
    before = remains(doors.exchange)
    for changed in ({"X-SecretKey": "wrong"}, {"X-SystemId": PROVINCE}, {"Authorization": "Bearer x"}):
        answer = http.get("/lgsp/v1/getAgenciesList", headers=headers | changed)
        assert (answer.status_code, answer.json()["data"]["errorCode"]) == (401, "15")
    recorded = events_since(doors.exchange, before, event="token.refused")
    assert [event["detail"]["method"] for event in recorded] == ["lgsp_secret"] * 2
    for path in ("/lgsp", "/lgsp/v1/nothing", "/lgsp/v1/sendEdoc"):
        assert http.get(path, headers=headers).json()["success"] is False
    # Its sessions open this door alone.
    assert http.get("/v1/agencies", headers={"Authorization": headers["Authorization"]}).status_code == 401


def test_a_document_goes_through_the_api_manager(doors: Doors) -> None:
    running = doors.exchange.running
    http, unit = running.http, "6f" * 32
    client = running.client(Scope.EXCHANGE, agencies=[PROVINCE], name="QLVB")
    let_in(running, PROVINCE, system_id=unit, client_id=client.client_id)
    granted = http.post("/token", data={"grant_type": "client_credentials"}, auth=(client.client_id, client.secret))
    assert {"access_token", "scope", "token_type", "expires_in"} <= granted.json().keys()
    headers = {"Authorization": f"Bearer {granted.json()['access_token']}"}
    theirs = headers | {"secretDonVi": unit}

    file = library.document(PROVINCE, G22, number=next(NUMBERS))
    body = base64.b64encode(file)
    for sent in (body, b'"' + body + b'"'):
        answer = http.post(f"{TRUNK}/vanbans", params={"loaiVanBan": "edoc"}, content=sent, headers=theirs).json()
        assert (answer["status"], answer["errorCode"], answer["errorDesc"]) == ("OK", "0", "Thanh cong")
    doors.sdk[G22].send(library.document(G22, PROVINCE, number=next(NUMBERS)), **{"from": G22}).ok()
    doors.seal()
    items = http.get(f"{TRUNK}/vanbans", params={"secretDonVi": unit}, headers=headers).json()["data"]
    item = items[-1]
    assert item.keys() >= {"serviceType", "messageType", "statusDesc", "docId", "from", "to", "status", "createdTime"}
    assert item["status"] == "INITIAL"
    fetched = http.get(f"{TRUNK}/vanbans/{item['docId']}", headers=theirs).json()
    assert base64.b64decode(fetched["data"]).startswith(b"<?xml")
    put = http.put(f"{TRUNK}/vanbans/{item['docId']}", params={"status": "DONE"}, headers=theirs).json()
    assert put == {"status": "OK", "errorCode": "0", "errorDesc": "Thanh cong"}
    assert item["docId"] not in {each["docId"] for each in http.get(f"{TRUNK}/vanbans", headers=theirs).json()["data"]}

    everybody = http.get(f"{TRUNK}/donvilienthongs", headers=theirs).json()["data"]
    province = http.get(f"{TRUNK}/donvilienthongs/qn", headers=theirs).json()["data"]
    assert {each["code"] for each in everybody} > {each["code"] for each in province} >= {PROVINCE}
    for wrong in (headers, headers | {"secretDonVi": G22}):
        assert http.get(f"{TRUNK}/vanbans", headers=wrong).json()["errorCode"] == "15"
    assert http.post(f"{TRUNK}/vanbans", content=b"<edXML/>", headers=theirs).json()["errorCode"] == "10"
    assert http.delete(f"{TRUNK}/vanbans", headers=theirs).json()["errorCode"] == "404"
    new = {"code": "000.00.55.H41", "name": "Sở Khác", "pcode": PROVINCE}
    assert http.post(f"{TRUNK}/donvilienthongs", json=new, headers=theirs).json()["errorCode"] == "403"


def test_a_token_opens_the_api_manager_no_further_than_its_scopes(doors: Doors) -> None:
    running, unit = doors.exchange.running, "7a" * 32
    client = running.client(Scope.EXCHANGE, Scope.REGISTRY_WRITE, agencies=[PROVINCE], name="QLVB")
    let_in(running, PROVINCE, system_id=unit, client_id=client.client_id)

    def numbers(scope: str) -> list[str]:
        form = {"grant_type": "client_credentials", "scope": scope}
        token = running.http.post("/token", data=form, auth=(client.client_id, client.secret)).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "secretDonVi": unit}
        calls = (("GET", "vanbans"), ("GET", "donvilienthongs"), ("POST", "donvilienthongs"))
        return [
            running.http.request(verb, f"{TRUNK}/{name}", headers=headers).json()["errorCode"] for verb, name in calls
        ]

    assert numbers("exchange") == ["0", "0", "403"]
    assert numbers("registry.read") == ["403", "0", "403"]
    assert numbers("registry.write") == ["403", "0", "400"]


def test_a_client_that_signs_in_is_forgiven_what_failed_before(doors: Doors) -> None:
    running = doors.exchange.running
    client = running.client(Scope.EXCHANGE, agencies=[PROVINCE], name="QLVB")

    def signed_in(secret: str) -> int:
        asked = {"username": client.client_id, "password": secret}
        return running.http.post("/lgsp/v1/auth/login", json=asked).status_code

    assert [signed_in("wrong") for _ in range(FAILURES_MAX - 1)] == [401] * (FAILURES_MAX - 1)
    assert signed_in(client.secret) == 200
    before = remains(doors.exchange)
    assert signed_in("wrong") == 401
    [recorded] = events_since(doors.exchange, before, event="token.refused")
    assert (recorded["actor"], recorded["detail"]["method"]) == (client.client_id, "lgsp_secret")
    assert done(
        running.http.post("/lgsp/v1/auth/login", json={"username": client.client_id, "password": client.secret})
    )


@pytest.mark.parametrize("path", ["/token", "/token/"])
def test_the_token_call_refuses_as_oauth_does(doors: Doors, path: str) -> None:
    answer = doors.exchange.running.http.post(path, data={"grant_type": "client_credentials"}, auth=("x", "y"))
    assert answer.status_code == (401 if path == "/token" else 404)
