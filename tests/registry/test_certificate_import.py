"""Lists of certificates: all or none, every fault with its place, judged like one that comes alone."""

import base64
import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import RequestInvalid
from app.registry import agencies, certificates
from app.registry.agency_import import Existing, Progress
from app.registry.certificate_import import import_list
from app.registry.certificate_sheet import read_list
from app.registry.model import AgencyStatus, CertificateKind
from app.registry.revocation_lists import import_crl
from app.store.schema import certificates as certificates_table
from app.store.versions import Part, current
from tests.registry.filling import ACT, Registry, agency, bundle, code, once, seal_of
from tests.support.pki import DAY, NOW, shared_pki

PKI = shared_pki()


@pytest.fixture
async def trusting(registry: Registry) -> Registry:
    """A registry with one anchor and the agencies H44 and H45."""
    await registry.trust(PKI)
    await registry.add("H44", "H45")
    return registry


def table(rows: Sequence[Mapping[str, str]], separator: str = ",") -> bytes:
    """Write a list."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, sorted({name for row in rows for name in row}), restval="", delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def packed(**files: bytes) -> bytes:
    """Make an archive; `_` in names stands for a dot."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"danh-sach/{name.replace('_', '.')}", content)
    return file.getvalue()


async def _faults(registry: Registry, content: bytes) -> list[tuple[str, str | None]]:
    report = (await import_list(registry.database, content, dry_run=True, act=ACT)).value
    assert report.dry_run
    assert not report.registered
    return [(each.code, each.location) for each in report.findings]


async def test_a_list_is_registered_whole(trusting: Registry) -> None:
    seals = [seal_of(organ_id) for organ_id in ("H44", "H45", "H44")]
    person = PKI.person()
    forms = [
        {"organ_id": "H44", "certificate": bundle(seals[0]).decode()},
        {"organ_id": "H45", "certificate": base64.b64encode(seals[1].der()).decode(), "kind": "seal"},
        {"organ_id": "H44", "certificate": seals[2].pem()},
        {"organ_id": "H45", "certificate": person.pem(), "kind": "person"},
    ]
    # The authority that came with the first is looked for above all of them.
    content = table(forms, ";")
    seen: list[Progress] = []
    async with trusting.database.read() as tx:
        before = await current(tx, Part.TRUST)
    dry = (await import_list(trusting.database, content, dry_run=True, act=ACT)).value
    assert (dry.registered, dry.findings) == (4, ())
    assert await trusting.count(certificates_table) == 0
    done = await import_list(trusting.database, content, act=ACT, tell=seen.append)
    assert (done.value.rows, done.value.registered, done.value.skipped) == (4, 4, 0)
    assert {step.stage.value for step in seen} == {"reading", "checking", "registering"}
    async with trusting.database.read() as tx:
        assert await current(tx, Part.TRUST) > before
        held = {each.sha256: each for each in await certificates.list_of(tx, code("H45"), limit=9)}
    assert held[person.sha256].kind is CertificateKind.PERSON
    events = [event for event in await trusting.events() if event["kind"] == "certificate.registered"]
    assert [event["detail"]["sha256"] for event in events] == [*(each.sha256 for each in seals), person.sha256]


async def test_an_archive_holds_the_certificates(trusting: Registry) -> None:
    first, second = seal_of("H44"), seal_of("H45")
    rows = [{"organ_id": "H44", "file": "A.pem"}, {"organ_id": "H45", "file": "b.cer"}]
    content = packed(
        list_csv=table(rows), a_pem=first.pem().encode(), b_cer=second.der(), authorities_pem=PKI.issuing_pem.encode()
    )
    assert (await import_list(trusting.database, content, act=ACT)).value.registered == 2
    again = await import_list(trusting.database, content, existing=Existing.SKIP, act=ACT)
    assert (again.value.registered, again.value.skipped) == (0, 2)


async def test_faults_are_told_by_line_and_column_and_nothing_is_registered(trusting: Registry) -> None:
    await agencies.register(trusting.database, agency("H28", status=AgencyStatus.CLOSED), act=ACT)
    known, revoked, good = seal_of("H44"), seal_of("H45"), seal_of("H44")
    await trusting.enrol("H44", known)
    await import_crl(trusting.database, PKI.crl([revoked], at=NOW - DAY), act=ACT)
    rows = [
        {"organ_id": "H44", "certificate": bundle(good).decode().replace("\n", "\r\n")},
        {"organ_id": "H99", "certificate": base64.b64encode(seal_of("H99").der()).decode()},
        {"organ_id": "H28", "certificate": base64.b64encode(seal_of("H28").der()).decode()},
        {"organ_id": "H45", "certificate": base64.b64encode(known.der()).decode()},
        {"organ_id": "H44", "certificate": base64.b64encode(known.der()).decode()},
        {"organ_id": "H45", "certificate": base64.b64encode(revoked.der()).decode()},
        {"organ_id": "H45", "certificate": base64.b64encode(PKI.expired("H45").der()).decode()},
        {"organ_id": "H44", "certificate": base64.b64encode(good.der()).decode()},
        {"organ_id": "H44", "certificate": "AAAA"},
        {"organ_id": "H44", "certificate": "?"},
        {"organ_id": "H44"},
        {"organ_id": "?", "certificate": base64.b64encode(good.der()).decode(), "kind": "stamp"},
    ]
    content = table(rows)
    # The first row takes several lines, each other one.
    at = content.count(b"\n", 0, content.index(b"H99"))
    found = await _faults(trusting, content)
    assert [(slug.removeprefix("ours.import."), int(place.split(":")[0]) - at) for slug, place in found if place] == [
        ("unknown-agency", 1),
        ("closed-agency", 2),
        ("taken", 3),
        ("registered", 4),
        ("rfc5280.6.3.revoked", 5),
        ("rfc5280.4.1.2.5.expired", 6),
        ("repeated", 7),
        ("certificate", 8),
        ("certificate", 9),
        ("certificate", 10),
        ("kind", 11),
        ("code", 11),
    ]
    with pytest.raises(RequestInvalid) as refused:
        await import_list(trusting.database, content, act=ACT)
    assert len(refused.value.findings) == len(rows)
    assert await trusting.count(certificates_table) == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "column"),
        (b"organ_id,kind\nH44,seal\n", "column"),
        (b"organ_id,certificate,colour\n", "column"),
        (b"organ_id,certificate\n", "empty"),
        (b"organ_id,certificate\nH44\n", "cells"),
        (b'organ_id,certificate\nH44,"x\n', "quoting"),
        (b"organ_id,certificate\n\xff\n", "encoding"),
        (b"PK\x03\x04 broken", "archive"),
        (packed(a_pem=b""), "archive"),
        (packed(a_csv=b"", b_csv=b""), "archive"),
        (packed(a_csv=b"organ_id,file\nH44,none\n"), "certificate"),
        (packed(a_csv=b"organ_id,file\nH44,b\n", authorities_pem=b"nothing"), "authorities"),
        (packed(a_csv=b"organ_id,file\nH44,b\n", b=bytes(33 * 1024 * 1024)), "archive"),
    ],
)
def test_a_list_that_cannot_be_read_is_told_so(content: bytes, expected: str) -> None:
    assert [each.code for each in read_list(content).faults] == [f"ours.import.{expected}"]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["organ_id", "certificate", "file", "kind", "x"]), st.text()), max_size=6),
    st.booleans(),
)
def test_whatever_is_sent_gives_entries_or_faults(cells: list[tuple[str, str]], archived: bool) -> None:
    content = "\n".join(",".join(part) for part in cells).encode("utf-8", "surrogatepass")
    sheet = read_list(packed(list_csv=content) if archived else content)
    assert sheet.faults or sheet.entries


async def test_a_repeated_import_gives_the_first_answer(trusting: Registry) -> None:
    content = table([{"organ_id": "H44", "certificate": bundle(seal_of("H44")).decode()}])
    first = await import_list(trusting.database, content, act=once("k1"))
    again: Any = await import_list(trusting.database, content, act=once("k1"))
    assert (again.replayed, again.value) == (True, first.value)
