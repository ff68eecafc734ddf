"""The ledger over HTTP: checkpoints, tiles and keys as C2SP describes them, and proofs as JSON.

What is hashes only is public: whoever checks a log must not need its leave. Entries need the scope `audit`, and reading
them is an event (decision 0020).
"""

import asyncio
import gzip
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.errors import NotFound, RequestInvalid
from app.exchange.ledger_readers import LedgerReaders, note_entry
from app.findings import Finding, Severity
from app.ledger import proofs, publish, published
from app.ledger.cosigning import take_in
from app.ledger.tile_paths import TilePath, read_level
from app.ledger.tree import WIDTH
from app.registry.model import Scope
from app.routers import clock, problems
from app.routers.access import AtNode, Caller, require
from app.routers.calls import calls, octets
from app.routers.conditions import JSON, negotiate, takes_gzip
from app.routers.ledger_shapes import ConsistencyView, CosignedView, EntryView, InclusionView, proof_file

router: APIRouter = calls(tag="Ledger", guarded=False)

OCTETS: Final = "application/octet-stream"
NOTE: Final = "text/plain"

_IMMUTABLE: Final = "max-age=31536000, immutable"
_PARTIAL: Final = "max-age=3600"
"""A partial tile never changes either, but in an hour nobody asks for it any more."""
_INDEX_MAX: Final = 2**53
_GZIP_LEVEL: Final = 5

_COSIGNED: Final = octets(16 * 1024, "text/plain", "*/*")
"""A checkpoint with its lines is below one thousand octets; of other witnesses there may be some."""

_GUARD: Final[dict[int | str, dict[str, Any]]] = problems.answers(401, 403)
_TILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}},
        "description": "Hashes of 32 octets, or entries each behind its length in two octets, big-endian.",
    },
    **problems.answers(404, 422),
}
_TEXT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {NOTE: {"schema": {"type": "string"}}}, "description": "Text in UTF-8."}
}

Size = Annotated[
    int | None,
    Query(ge=0, le=_INDEX_MAX, description="Size of the tree; that of the newest checkpoint where left out."),
]


@router.get(
    "/v1/ledger/checkpoint",
    summary="Read the newest checkpoint",
    response_class=PlainTextResponse,
    responses={**_TEXT, **problems.answers(404, 422)},
)
async def checkpoint(
    node: AtNode,
    *,
    witnessed: Annotated[bool, Query(description="The newest one that a witness cosigned.")] = False,
) -> Response:
    """Return the newest signed checkpoint with the cosignatures it has: a signed note (C2SP tlog-checkpoint)."""
    async with node.database.read() as tx:
        found = await published.newest(tx, witnessed=witnessed)
    return PlainTextResponse(found.note, headers={"Cache-Control": "no-cache"})


@router.get("/v1/ledger/keys", summary="List the ledger's keys", response_class=PlainTextResponse, responses={**_TEXT})
async def keys(node: AtNode) -> Response:
    """List the verifier keys of this ledger's checkpoints, one a line, oldest first (C2SP signed-note `vkey`).

    Whoever gets the keys from the same place as what they check has checked little: compare them once by another way.
    """
    async with node.database.read() as tx:
        found = await publish.verifier_keys(tx, node.publisher.key, proposed=node.publisher.origin)
    return PlainTextResponse("".join(f"{key}\n" for key in found))


@router.get(
    "/v1/ledger/tile/entries/{path:path}",
    summary="Read a bundle of entries",
    response_class=Response,
    responses={**_TILE, **_GUARD},
)
async def entry_bundle(
    request: Request,
    node: AtNode,
    caller: Annotated[Caller, require(Scope.AUDIT)],
    path: str,
    accept_encoding: Annotated[str | None, Header(description="`gzip` makes it a quarter as long.")] = None,
) -> Response:
    """Return 256 entries, or with `.p/W` the first W of them (C2SP tlog-tiles): `…/x001/x234/067`.

    A reader's first bundle of an hour becomes an event of the ledger, the others of that hour do not.
    """
    wanted = TilePath.read(path)
    readers: LedgerReaders = request.app.state.ledger_readers
    async with node.database.read() as tx:
        octets = await published.bundle(tx, wanted)
    await readers.note_bundle(node.desk, client=caller.client, first=wanted.number * WIDTH, at=clock.now())
    headers = {"Cache-Control": f"private, {_lifetime(wanted)}", "Vary": "Accept-Encoding, Authorization"}
    if takes_gzip(accept_encoding):
        headers["Content-Encoding"] = "gzip"
        # Some milliseconds as a rule, and a third of a second for 256 of the longest entries there may be.
        octets = await asyncio.to_thread(gzip.compress, octets, _GZIP_LEVEL, mtime=0)
    return Response(octets, media_type=OCTETS, headers=headers)


@router.get(
    "/v1/ledger/tile/{level}/{path:path}", summary="Read a tile of hashes", response_class=Response, responses=_TILE
)
async def tile(node: AtNode, level: str, path: str) -> Response:
    """Return 256 hashes of a level of the tree, or with `.p/W` the first W of them (C2SP tlog-tiles): `…/0/x001/067`.

    404 beyond the newest checkpoint.
    """
    at_level, wanted = read_level(level), TilePath.read(path)
    async with node.database.read() as tx:
        octets = await published.tile(tx, at_level, wanted)
    return Response(octets, media_type=OCTETS, headers={"Cache-Control": f"public, {_lifetime(wanted)}"})


@router.get(
    "/v1/ledger/entries/{index}",
    summary="Read an entry",
    response_model=EntryView,
    responses={**problems.answers(404, 422), **_GUARD},
)
async def entry(node: AtNode, caller: Annotated[Caller, require(Scope.AUDIT)], index: int) -> EntryView:
    """Return an entry: the exact text that is hashed, and the same read.

    The reading becomes an event itself.
    """
    if not 0 <= index <= _INDEX_MAX:
        raise _wrong("index", f"{index} is no index of an entry.", "Indices begin with 0.", "path parameter index")
    async with node.database.read() as tx:
        found = await published.entry(tx, index)
    await note_entry(node.desk, found, client=caller.client, at=clock.now())
    return EntryView.of(found)


@router.get(
    "/v1/ledger/proofs/inclusion",
    summary="Prove that an entry is in the ledger",
    response_model=InclusionView,
    responses={
        200: {"content": {NOTE: {"schema": {"type": "string", "description": "C2SP tlog-proof."}}}},
        **problems.answers(404, 406, 422),
    },
)
async def inclusion(
    node: AtNode,
    index: Annotated[int, Query(ge=0, le=_INDEX_MAX, description="Index of the entry.")],
    size: Size = None,
    *,
    witnessed: Annotated[
        bool, Query(description="Without a size: in the tree of the newest checkpoint that a witness cosigned.")
    ] = False,
    accept: Annotated[str | None, Header(description="JSON, or text for one file that is checked offline.")] = None,
) -> Any:
    """Return the audit path from an entry to the root of a tree, and the checkpoint with that root where it is kept.

    As `text/plain` both are one file (C2SP tlog-proof), which there is of trees whose checkpoint is kept.
    """
    form = negotiate(accept, (JSON, NOTE))
    async with node.database.read() as tx:
        newest = await published.size_of(tx)
        if size is None and witnessed:
            size = (await published.newest(tx, witnessed=True)).size
        whole = _published_size(newest, size, "size")
        if index >= whole:
            raise _wrong(
                "index",
                f"Entry {index} is not in a tree of {whole} entries.",
                "Ask with a size above the index, or wait for the next checkpoint.",
                "query parameter index",
            )
        (proof,) = await proofs.inclusion(tx, [index], whole)
        signed = await published.of_size(tx, whole)
    if form == JSON:
        return InclusionView.of(proof, signed.note if signed else None)
    if signed is None:
        raise _not_kept(whole)
    return PlainTextResponse(proof_file(proof, signed.note))


@router.get(
    "/v1/ledger/proofs/consistency",
    summary="Prove that the ledger was only appended to",
    response_model=ConsistencyView,
    responses=problems.answers(404, 422),
)
async def consistency(
    node: AtNode,
    old: Annotated[int, Query(alias="from", ge=1, le=_INDEX_MAX, description="Size of the earlier tree.")],
    new: Annotated[
        int | None, Query(alias="to", ge=1, le=_INDEX_MAX, description="Size of the later one; the newest's, left out.")
    ] = None,
) -> ConsistencyView:
    """Return the proof that the tree of one size is the beginning of the tree of another."""
    async with node.database.read() as tx:
        whole = _published_size(await published.size_of(tx), new, "to")
        if old > whole:
            raise _wrong(
                "sizes",
                f"A tree of {old} entries is not the beginning of one of {whole}.",
                "Give the smaller size as `from`, and as `to` none beyond the newest checkpoint.",
                "query parameter from",
            )
        return ConsistencyView.of(await proofs.consistency(tx, old, whole))


@router.post(
    "/v1/ledger/cosignatures",
    summary="Give a witness's cosignature",
    response_model=CosignedView,
    responses=problems.answers(400, 404, 409, 413, 415, 422, 429),
    openapi_extra=_COSIGNED.description,
)
async def cosign(node: AtNode, content: Annotated[bytes, Depends(_COSIGNED)]) -> CosignedView:
    """Take in a checkpoint of this ledger with the line of a witness behind the log's own (C2SP tlog-cosignature).

    Needs no token: the signature says who it is, and only witnesses that the operator named count. A checkpoint that
    was cosigned stays for ever, so one is taken from a witness in a minute, and never one that is older than its last.
    """
    done = await take_in(
        node.publisher,
        content.decode("utf-8", "replace"),
        witnesses=node.witnesses,
        rest=timedelta(seconds=node.settings.ledger_cosignature_seconds),
        now=clock.now(),
    )
    return CosignedView(size=done.size, witness=done.witness, cosigned_at=done.at)


def _published_size(newest: int, asked: int | None, parameter: str) -> int:
    if asked is not None and asked > newest:
        raise _wrong(
            "size",
            f"The newest checkpoint covers {newest} entries, not {asked}.",
            "Ask for a size up to that, or wait for the next checkpoint.",
            f"query parameter {parameter}",
        )
    return newest if asked is None else asked


def _lifetime(path: TilePath) -> str:
    return _IMMUTABLE if path.is_full else _PARTIAL


def _not_kept(size: int) -> NotFound:
    finding = Finding(
        "ledger.checkpoint-not-kept",
        Severity.ERROR,
        f"No checkpoint of {size} entries is kept.",
        "Leave the size out, or name that of a checkpoint that stays: one in five minutes, and each cosigned one.",
        "C2SP tlog-proof",
        "query parameter size",
    )
    return NotFound(f"there is no checkpoint of {size} entries any more", findings=(finding,))


def _wrong(part: str, message: str, fix: str, location: str) -> RequestInvalid:
    finding = Finding(f"ledger.{part}", Severity.ERROR, message, fix, "RFC 6962 §2.1", location)
    return RequestInvalid(message, findings=(finding,))
