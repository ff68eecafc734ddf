"""A verification report as plain text, in Vietnamese or English, for a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.exchange.verification_words import Language, words

_LABELS: Final[dict[str, tuple[str, str]]] = {
    "signature": ("Riêng chữ ký", "The signature alone"),
    "octets": ("byte", "octets"),
    "steps": ("Các bước kiểm tra", "Checks"),
    "signer": ("Chữ ký", "Signature"),
    "agency": ("Cơ quan", "Agency"),
    "certificate": ("Chứng thư", "Certificate"),
    "issuer": ("Người cấp", "Issued by"),
    "period": ("Hiệu lực", "In force"),
    "serial": ("Số sê-ri", "Serial"),
    "claimed": ("Thời điểm người ký tự khai (không chứng minh được gì)", "Time the signer claims (proves nothing)"),
    "best": ("Thời điểm được chứng minh", "Proven time"),
    "algorithm": ("Thuật toán", "Algorithm"),
    "covers": ("Phạm vi", "Covers"),
    "document": ("toàn bộ văn bản", "the whole document"),
    "part": ("một phần", "a part"),
    "path": ("Đường dẫn chứng thực", "Certification path"),
    "anchor": ("gốc tin cậy", "trust anchor"),
    "no-path": ("không có", "none"),
    "attachments": ("Tệp kèm", "Attachments"),
    "findings": ("Phát hiện", "Findings"),
    "none": ("không có", "none"),
    "fix": ("Cách sửa", "Fix"),
    "source": ("Căn cứ", "Source"),
}


def lines_of(report: Mapping[str, Any], language: Language, *, file: str) -> Iterator[str]:
    """Write a report, the verdict first.

    Args:
        report: as the API gives it.
        language: of everything but the words of findings, which are English.
        file: what it is about.
    """

    def label(key: str) -> str:
        return _LABELS[key][language == "en"]

    def said(group: str, code: str) -> str:
        return words(group, code).said(language)

    yield f"{report['indication']}" + (f" / {report['sub_indication']}" if report["sub_indication"] else "")
    yield said("indication", report["indication"])
    if report["legacy"] is not None:
        yield said("legacy", report["legacy"])
    cause = report["signature"]["sub_indication"]
    if cause is not None:
        yield f"{label('signature')}: {report['signature']['indication']} / {cause}: {said('sub-indication', cause)}"
    examined = report["examined"]
    yield ""
    yield f"{file}: {examined['media_type']}, {examined['size']} {label('octets')}, SHA-256 {examined['sha256']}"
    yield ""
    yield f"{label('steps')}:"
    for step in report["steps"]:
        yield f"  ({step['number']}) {said('step', step['step'])}: {said('outcome', step['outcome'])}"
    for signature in report["signatures"]:
        yield ""
        yield from _signature(signature, report, label, said)
    if report["attachments"]:
        yield ""
        yield f"{label('attachments')}:"
        for each in report["attachments"]:
            size = f"{each['size']} {label('octets')}"
            yield f"  {each['number']}. {each['name'] or '–'}: {each['media_type']}, {size}, SHA-256 {each['sha256']}"
    yield ""
    yield f"{label('findings')}:" if report["findings"] else f"{label('findings')}: {label('none')}"
    for finding in report["findings"]:
        yield f"  [{finding['severity']}] {finding['code']}" + (
            f" {finding['location']}" if finding["location"] else ""
        )
        yield f"    {finding['message']}"
        yield f"    {label('fix')}: {finding['fix']} {label('source')}: {finding['source']}"


def _signature(signature: Mapping[str, Any], report: Mapping[str, Any], label: Any, said: Any) -> Iterator[str]:
    described = {each["sha256"]: each for each in report["certificates"]}
    role = f", {said('role', signature['role'])}" if signature["role"] else ""
    pair = " / ".join(filter(None, (signature["indication"], signature["sub_indication"])))
    yield f"{label('signer')} {signature['number']}: {pair} ({signature['form']}{role})"
    own = described.get(signature["certificate"])
    if own is not None:
        yield f"  {label('certificate')}: {own['subject']}"
        yield f"  {label('issuer')}: {own['issuer']}; {label('serial')} {own['serial']}"
        yield f"  {label('period')}: {own['not_before']} – {own['not_after']}"
    if signature["agency"]:
        yield f"  {label('agency')}: {signature['agency']}"
    if signature["algorithm"]:
        yield f"  {label('algorithm')}: {signature['algorithm']}"
    for reference in signature["references"]:
        digest = f"{reference['digest_algorithm']} {reference['digest']}"
        yield f"  {label('covers')}: {label(reference['covers'])}, {digest}"
    if signature["claimed_signing_time"]:
        yield f"  {label('claimed')}: {signature['claimed_signing_time']}"
    basis = said("best-signing-time", signature["best_signing_time_by"])
    yield f"  {label('best')}: {signature['best_signing_time']} ({basis})"
    yield f"  {label('path')}:" if len(signature["path"]) > 1 else f"  {label('path')}: {label('no-path')}"
    if len(signature["path"]) > 1:
        for step in signature["path"]:
            revocation = step["revocation"]
            standing = label("anchor") if revocation is None else said("revocation", revocation["status"])
            reason = f" ({revocation['reason']})" if revocation is not None and revocation["reason"] else ""
            named = described[step["certificate"]]["subject"] if step["certificate"] in described else ""
            yield f"    {named}: {standing}{reason}"
            for sha256 in revocation["evidence"] if revocation is not None else ():
                yield f"      {_evidence(report, sha256, said)}"


def _evidence(report: Mapping[str, Any], sha256: str, said: Any) -> str:
    cited = next((each for each in report["evidence"] if each["sha256"] == sha256), None)
    if cited is None:
        return sha256
    return f"{said('material', cited['kind'])} {cited['since']} – {cited['until'] or '…'}, SHA-256 {sha256}"
