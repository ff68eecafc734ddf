"""What `truc doctor` compares of the database with this node's folder of keys: who signed there, and under which name.

A node guards what its own folder remembers. Nodes on one database that have a folder each sign in turns, publish each
its own keys, and each notices only what becomes of its own trees; so the folder is to be one, or one node is to sign.
"""

from typing import TYPE_CHECKING, Final

from app.cli.finding import Check, Grade
from app.errors import NotAuthenticated

if TYPE_CHECKING:
    from app.settings import Settings
    from app.store.database import Transaction

CHECKPOINTS: Final = 50
"""Newest of them that are looked at: where two nodes sign in turns, both are among those."""
RECEIPTS: Final = 50
_SHARE: Final = (
    'Let all nodes of this database share one keys folder (the operator\'s guide, "Several nodes"), or restore this '
    "node's. Whoever checks needs the keys of all that signed."
)


async def signed_here(tx: "Transaction", settings: "Settings") -> Check:
    """Tell whether others than the keys of this folder signed the newest checkpoints and receipts.

    Raises:
        DataFault: a key file can be read by group or others, is no regular file, or holds no such key.
    """
    from app.node import KEYS_FOLDER
    from app.signing import ledger_key, node_key
    from app.signing.checkpoint import open_checkpoint
    from app.store import checkpoints, documents

    folder, origin = settings.data_dir / KEYS_FOLDER, await checkpoints.origin(tx)
    rows = await checkpoints.newest(tx, limit=CHECKPOINTS)
    receipts = await documents.newest_receipts(tx, limit=RECEIPTS)
    if origin is None or not rows:
        return Check("signers", Grade.OK, "nothing was signed yet")
    if settings.ledger_origin and settings.ledger_origin != origin:
        detail = f"the ledger is named {origin!r} for good, TRUC_LEDGER_ORIGIN says {settings.ledger_origin!r}"
        return Check("signers", Grade.WARNING, detail, "Is it the right database? If so, set the name it has.")
    log = ledger_key.keys_in(folder, origin) if folder.is_dir() else ()
    strange = 0
    for row in rows:
        try:
            open_checkpoint(row.note, log=log)
        except NotAuthenticated:
            strange += 1
    if strange:
        detail = f"{strange} of the newest {len(rows)} checkpoint(s) are signed with keys that {folder} does not have"
        return Check("signers", Grade.WARNING, detail, _SHARE)
    own = {str(key.kid) for key in (node_key.keys_in(folder) if folder.is_dir() else ())}
    strange = sum(node_key.key_named(receipt) not in own for receipt in receipts)
    if strange:
        detail = f"{strange} of the newest {len(receipts)} receipt(s) name keys that {folder} does not have"
        return Check("signers", Grade.WARNING, detail, _SHARE)
    return Check("signers", Grade.OK, f"what was signed last as {origin}, this node's keys signed")
