"""Having a signature stamped by a time-stamping authority, for whoever signs on the command line."""

import asyncio
import secrets
from collections.abc import Callable

from app.errors import DocumentRefused, Unavailable
from app.remote.call import Limits
from app.remote.fetch import Fetch
from app.remote.tsa import ANSWER_BYTES_MAX, ask
from app.signing.timestamps import TimestampRefused, build_request, token_of


def stamper(url: str) -> Callable[[bytes], bytes]:
    """Return what gets a time-stamp token for octets (RFC 3161).

    Whoever signs has chosen the authority, so addresses within one's own network are called too. Whether the token is
    worth anything is for those to say who verify.

    Raises:
        Unavailable: when called: the authority does not answer.
        DocumentRefused: when called: it declines.
    """

    def stamp(octets: bytes) -> bytes:
        answer = asyncio.run(_asked(url, build_request(octets, nonce=secrets.randbits(63))))
        if isinstance(answer, str):
            raise Unavailable(f"the time-stamping authority does not answer: {answer}")
        try:
            return token_of(answer)
        except TimestampRefused as error:
            raise DocumentRefused("the time-stamping authority gives no token", findings=error.findings) from error

    return stamp


async def _asked(url: str, request: bytes) -> bytes | str:
    fetch = Fetch(limits=Limits(), private=True, bytes_max=ANSWER_BYTES_MAX)
    try:
        return await ask(fetch, url, request)
    finally:
        fetch.close()
