"""`truc timestamp`: the time stamp of a receipt, checked without the node that gave it out."""

import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.terminal import print_json, read_file
from app.errors import DocumentRefused, RequestInvalid


def timestamp(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="What GET /v1/documents/{id}/timestamp gave; - reads standard input."),
    ],
    anchor: Annotated[
        list[Path],
        typer.Option(metavar="FILE", help="Root certificate the time-stamping authority's must lead to."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Check from when on at the latest a receipt existed: digest, proof, root, token, authority.

    Ends with 1 where a step does not hold. Whether the authority's certificate was revoked is not asked: that takes its
    revocation list of the day.
    """
    from app.signing.certificates import parse_certificates, subject_of
    from app.signing.path import UnknownRevocation
    from app.signing.revocations import RevocationIndex
    from app.signing.stamped_receipt import StampedReceipt
    from app.signing.timestamps import TimestampRefused

    anchors = [certificate for each in anchor for certificate in parse_certificates(read_file(each))]
    try:
        shown = json.loads(read_file(file))
    except ValueError as error:
        raise RequestInvalid(f"{file} is no JSON: {error}") from error
    if not isinstance(shown, dict):
        raise RequestInvalid(f"{file} is no JSON object")
    stamped = StampedReceipt.read(shown)
    try:
        stamp = stamped.verify(
            anchors=anchors, revocations=RevocationIndex(), unknown_revocation=UnknownRevocation.ACCEPT
        )
    except TimestampRefused as error:
        raise DocumentRefused(str(error), findings=error.findings) from error
    found = {
        "sha256": stamped.digest.hex(),
        "existed_at": stamp.gen_time.isoformat(),
        "accuracy_seconds": stamp.accuracy.total_seconds() if stamp.accuracy is not None else None,
        "authority": subject_of(stamp.tsa),
        "policy": stamp.policy,
        "serial": f"{stamp.serial:x}",
        "receipts": stamped.size,
        "revocation_asked": False,
    }
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        print(f"{name:17} {value}")
