"""What `truc doctor` asks of servers outside: whether the scanner scans and the time-stamping authority stamps."""

import asyncio
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from app.cli.finding import Check, Grade

if TYPE_CHECKING:
    from app.settings import Settings


def outside(settings: "Settings") -> Iterator[Check]:
    """Ask those that are configured; of the others nothing is said.

    Raises:
        RequestInvalid: an address cannot be read.
    """
    if settings.scanner_address:
        yield asyncio.run(_scanner(settings))
    if settings.timestamp_authority_url:
        yield asyncio.run(_authority(settings))


async def _scanner(settings: "Settings") -> Check:
    from app.remote.scanner import Scanner, ScannerAddress, ScannerUnavailable, ScanTooLong

    scanner = Scanner(
        ScannerAddress.parse(settings.scanner_address), settings.scanner_seconds_max, settings.scanner_bytes_max
    )
    try:
        found = await scanner.scan(iter((b"truc doctor",)))
    except (ScannerUnavailable, ScanTooLong) as error:
        grade = Grade.FAILURE if settings.scanner_unavailable == "refuse" else Grade.WARNING
        meanwhile = "refused with 503" if grade is Grade.FAILURE else "accepted unscanned"
        return Check(
            "scanner",
            grade,
            f"{error}; documents with attachments are {meanwhile}",
            "Start clamd, or correct TRUC_SCANNER_ADDRESS.",
        )
    if found is not None:
        return Check("scanner", Grade.WARNING, f"it found {found} in two plain words", "Look at its signatures.")
    return Check("scanner", Grade.OK, f"{settings.scanner_address} scans")


async def _authority(settings: "Settings") -> Check:
    from app.remote.call import Limits
    from app.remote.fetch import Fetch
    from app.remote.tsa import ask
    from app.signing.timestamps import TimestampRefused, build_request, token_of

    fetch = Fetch(
        limits=Limits(total=settings.revocation_timeout_seconds),
        private=settings.revocation_private_targets,
        bytes_max=64 * 1024,
    )
    fix = "Correct TRUC_TIMESTAMP_AUTHORITY_URL, or ask the authority. Receipts wait for their time stamps; mail flows."
    request = build_request(
        secrets.token_bytes(32), nonce=secrets.randbits(64), policy=settings.timestamp_policy or None
    )
    try:
        answer = await ask(fetch, settings.timestamp_authority_url, request)
        if isinstance(answer, str):
            return Check("time stamps", Grade.WARNING, f"no time stamp: {answer}", fix)
        token_of(answer)
    except TimestampRefused as error:
        return Check("time stamps", Grade.WARNING, f"the authority gave none: {error}", fix)
    finally:
        fetch.close()
    # Whether it is trusted depends on anchors and revocations of the day, which the worker looks at.
    at_most = timedelta(seconds=settings.timestamp_interval_seconds)
    return Check("time stamps", Grade.OK, f"the authority stamps; receipts wait {at_most} at most")
