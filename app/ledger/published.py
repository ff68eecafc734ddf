"""What of the ledger is published: the tree and the entries below the newest signed checkpoint, and no further.

Between sealing and signing the ledger is a moment ahead of its newest checkpoint. What lies between the two is given
out to nobody, for nobody could check it.
"""

from dataclasses import dataclass
from datetime import datetime

from app.errors import DataFault, NotFound
from app.findings import Finding, Severity
from app.ledger import tree
from app.ledger.events import BODY_OCTETS_MAX
from app.ledger.tile_paths import SOURCE, TilePath
from app.store import checkpoints, cosignatures, entries, ledger_tiles
from app.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint as it is given out.

    Attributes:
        size: number of entries.
        root: 32 octets.
        note: with the signature lines of the log and of all witnesses.
        published_at: when the log signed it, UTC.
        witnesses: verifier key and the moment it says it saw the checkpoint, of each cosignature.
        stamped_at: when a time-stamping authority had seen it; None where it has no time stamp.
    """

    size: int
    root: bytes
    note: str
    published_at: datetime
    witnesses: tuple[tuple[str, datetime], ...] = ()
    stamped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    Attributes:
        body: the event's canonical JSON; exactly these octets in UTF-8 are hashed.
        leaf_hash: as the tree has it, 32 octets.
    """

    index: int
    body: str
    leaf_hash: bytes


async def newest(tx: Transaction, *, witnessed: bool = False) -> Published:
    """Return the newest checkpoint.

    Args:
        witnessed: the newest that a witness cosigned.

    Raises:
        NotFound: there is none yet.
    """
    size = await cosignatures.newest_size(tx) if witnessed else await _newest_size(tx)
    found = None if size is None else await of_size(tx, size)
    if found is None:
        raise NotFound("no witness has cosigned a checkpoint yet" if witnessed else "no checkpoint is signed yet")
    return found


async def of_size(tx: Transaction, size: int) -> Published | None:
    """Return the checkpoint of a size; None where there is none, or none any more."""
    row = await checkpoints.of_size(tx, size)
    if row is None:
        return None
    signed = await checkpoints.cosignatures_of(tx, size)
    return Published(
        row.size,
        bytes.fromhex(row.root),
        row.note + "".join(each.line for each in signed),
        row.published_at,
        tuple((each.witness, each.cosigned_at) for each in signed),
        row.stamped_at,
    )


async def tile(tx: Transaction, level: int, path: TilePath) -> bytes:
    """Return the hashes of a tile, or the first of them; cut from a longer one where it has grown since.

    Raises:
        NotFound: the newest checkpoint does not cover that much of it.
        DataFault: the tile that is kept is shorter than it must be.
    """
    size = await size_of(tx)
    _require_published(path, size // tree.WIDTH**level, f"tile {level}/{path}", size)
    address = (level, path.number)
    held = (await ledger_tiles.read(tx, [address])).get(address, b"")
    octets = held[: path.width * tree.HASH_OCTETS]
    if len(octets) < path.width * tree.HASH_OCTETS:
        raise DataFault(f"tile {level}/{path.number} of the ledger has {len(held)} octets, {path.width} hashes are due")
    return octets


async def bundle(tx: Transaction, path: TilePath) -> bytes:
    """Return the entries of a tile of level 0, each behind its length in two octets, big-endian.

    Raises:
        NotFound: the newest checkpoint does not cover that much of it, or entries of it were archived.
        DataFault: an entry is longer than a bundle can say.
    """
    size = await size_of(tx)
    _require_published(path, size, f"entry bundle {path}", size)
    first = path.number * tree.WIDTH
    found = await entries.bodies(tx, first, first + path.width)
    if len(found) < path.width:
        raise _archived(f"of the entries {first} to {first + path.width - 1} only {len(found)} are in the database")
    octets = [body.encode("utf-8") for body in found]
    longest = max(map(len, octets))
    if longest > BODY_OCTETS_MAX:
        raise DataFault(f"the entry bundle {path} has an entry of {longest} octets; its length does not fit")
    return b"".join(len(each).to_bytes(2, "big") + each for each in octets)


async def entry(tx: Transaction, index: int) -> Entry:
    """Return an entry with the hash that the tree has for it.

    Raises:
        NotFound: the newest checkpoint does not cover it, or it was archived.
    """
    size = await size_of(tx)
    if index >= size:
        raise _beyond(f"the newest checkpoint covers {size} entries, and {index} is none of their indices")
    found = await entries.bodies(tx, index, index + 1)
    if not found:
        raise _archived(f"entry {index} is not in the database any more")
    return Entry(index, found[0], await leaf(tx, index))


async def leaf(tx: Transaction, index: int) -> bytes:
    """Return the leaf hash of an entry as the tree has it.

    Raises:
        DataFault: the tile is missing.
    """
    span = tree.Span(index, index + 1)
    return tree.hash_of(await ledger_tiles.read(tx, tree.tiles_for([span])), span)


async def size_of(tx: Transaction) -> int:
    """Return the size of the newest checkpoint.

    Raises:
        NotFound: there is none yet.
    """
    size = await _newest_size(tx)
    if size is None:
        raise NotFound("no checkpoint is signed yet")
    return size


async def _newest_size(tx: Transaction) -> int | None:
    row = await checkpoints.latest(tx)
    return None if row is None else int(row.size)


def _require_published(path: TilePath, count: int, what: str, size: int) -> None:
    held = min(max(count - path.number * tree.WIDTH, 0), tree.WIDTH)
    if path.width > held:
        has = f"the first {held} of it" if held else "nothing of it"
        raise _beyond(f"{what} is not published: the newest checkpoint, of {size} entries, covers {has}")


def _beyond(detail: str) -> NotFound:
    finding = Finding(
        "ledger.not-published",
        Severity.ERROR,
        f"{detail[0].upper()}{detail[1:]}.",
        "Read /v1/ledger/checkpoint first, and ask for what a tree of its size has.",
        SOURCE,
        "path",
    )
    return NotFound(detail, findings=(finding,))


def _archived(detail: str) -> NotFound:
    finding = Finding(
        "ledger.archived",
        Severity.ERROR,
        f"{detail[0].upper()}{detail[1:]}.",
        "Their hashes are still in the tree; ask the operator for the archive of those months.",
        "ours, decision 0023",
        "path",
    )
    return NotFound(detail, findings=(finding,))
