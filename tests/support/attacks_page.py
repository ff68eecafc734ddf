"""Writes docs/attacks.md from the attacks the tests make: `python -m tests.support.attacks_page`; a test compares."""

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

from tests.signing.attacks import attacks

PAGE = Path(__file__).parents[2] / "docs" / "attacks.md"

_INTRODUCTION = """# Attacks on signed documents

Each row is a document that an attacker makes, and the finding that refuses it. The tests make every one of them, whole
and with its long text cut out as large documents have it, and count the work: a few thousand calls and a fixed number
of canonical forms, whatever the document says ([attacks.py](../tests/signing/attacks.py),
[test_attacks.py](../tests/signing/test_attacks.py)). What a finding means is in [rules.md](rules.md). Made from the
code by `python -m tests.support.attacks_page`; do not edit.
"""

AT_THE_NODE = (
    # what is done, what stops it, the file of its test
    ("a certificate of another agency, a good signature", "ours.signature.signer-not-sender", "exchange/bad_inputs.py"),
    ("a certificate nobody registered, below a trusted root", "ours.trust.not-registered", "exchange/bad_inputs.py"),
    ("a person's certificate of another agency below the seal", "ours.signature.signer-not-sender",
     "exchange/test_signatures.py"),
    ("two persons and no seal", "ours.signature.seal-missing", "exchange/test_signatures.py"),
    ("two seals", "ours.signature.seals-several", "exchange/test_signatures.py"),
    ("a person behind the seal", "ours.signature.seal-not-last", "exchange/test_signatures.py"),
    ("a timestamp of another signature", "rfc3161.2.4.2.imprint", "exchange/test_signatures.py"),
    ("a claimed signing time before the revocation", "rfc5280.6.3.revoked", "exchange/test_signatures.py"),
    ("the signature stripped by a sender that may use SHA-1 only", "ours.signature.missing",
     "exchange/test_signatures.py"),
    ("the same DocumentId with other content", "ours.exchange.document-id-taken", "exchange/test_idempotency.py"),
    ("a sign-in assertion used twice", "invalid_client", "routers/test_oauth.py"),
)  # fmt: skip


@cache
def page() -> str:
    """Make the page."""
    return "\n".join([_INTRODUCTION, *_lines()]) + "\n"


def _lines() -> Iterator[str]:
    for kind, some in groupby(attacks(), key=lambda attack: attack.kind):
        yield f"## {kind}\n\n| what is done | what stops it |\n| --- | --- |"
        for attack in some:
            yield f"| {attack.name.replace('|', chr(92) + '|')} | `{attack.code}` |"
        yield ""
    yield "## At the node\n\nThese need a registry, clients or a clock, and are tried over HTTP.\n"
    yield "| what is done | what stops it | tried in |\n| --- | --- | --- |"
    for what, code, where in AT_THE_NODE:
        yield f"| {what} | `{code}` | [{where}](../tests/{where}) |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
