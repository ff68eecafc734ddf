"""Step (2) of the check for one event: its body is canonical, and each column says what the body says.

Nearly every event is found sound by comparing text: what columns say gives all of a canonical body but its detail, and
the detail is canonical if writing it again gives the same text. Only where that fails the body is read as a whole, to
say what is wrong. Whatever the short way lets pass, the long way would, too.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from app.ledger.canonical import canonical_json
from app.ledger.divergence import CheckReport, Likely
from app.statistics.measures import durations_column, measures_column
from app.store.census import LeafRow

STEP: Final = "(2) leaf"
_SAID: Final = LeafRow._fields[LeafRow._fields.index("id") : LeafRow._fields.index("measures")]
"""Columns that a body has a member for, of the same name."""
_VERSIONS: Final = {"1}": 1, "2}": 2}
_LONG_NUMBER: Final = re.compile(r"[\[:,]-?[0-9]{16}")
_OPENED_MAX: Final = 30


class _NotSimple(ValueError):
    """The detail holds what only the long way judges."""


def _refuse(text: str) -> float:
    raise _NotSimple(text)


_read = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse).raw_decode
_write = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False).encode


def sound(row: LeafRow) -> bool:
    """Tell whether a body certainly is canonical and its columns say the same; False means to look more closely."""
    (
        _,
        id_,
        at,
        kind,
        outcome,
        actor,
        agency,
        tier,
        branch,
        form,
        peer,
        document,
        delivery,
        measures,
        durations,
        body,
        _,
    ) = row
    try:
        said = "".join(filter(None, row[1:13]))
        # Members of an object in the order of their names, as RFC 8785 wants them.
        head = (
            f'{{"actor":"{actor}"'
            + (f',"agency":"{agency}","at":"{at}"' if agency is not None else f',"at":"{at}"')
            + (f',"branch":"{branch}"' if branch is not None else "")
            + (f',"delivery":"{delivery}","detail":' if delivery is not None else ',"detail":')
        )
        tail = (
            (f',"document":"{document}"' if document is not None else "")
            + (f',"document_type":"{form}"' if form is not None else "")
            + f',"id":"{id_}","kind":"{kind}","outcome":"{outcome}"'
            + (f',"peer_tier":"{peer}"' if peer is not None else "")
            + (f',"tier":"{tier}","v":' if tier is not None else ',"v":')
        )
        first, last = len(head), len(body) - len(tail) - 2
        version = _VERSIONS.get(body[-2:])
        # What would have to be escaped could be text that only looks like further members.
        plain = said.isprintable() and '"' not in said and "\\" not in said
        if version is None or first >= last or not plain or not body.startswith(head) or body[last:-2] != tail:
            return False
        written = body[first:last]
        if _LONG_NUMBER.search(written) or written.count("{") + written.count("[") > _OPENED_MAX:
            return False
        detail, end = _read(written)
        return (
            end == len(written)
            and type(detail) is dict
            and (_plainly_canonical(written, detail) or (written.isascii() and _write(detail) == written))
            and measures == measures_column(kind, detail, version)
            and durations == durations_column(kind, detail, version)
        )
    except (TypeError, ValueError, RecursionError):
        return False


def _plainly_canonical(written: str, detail: Mapping[str, Any]) -> bool:
    """Tell whether a text that reads as an object without others in it can only be the canonical one of it.

    Without blanks and escapes it can differ in the order of its members, in members it has twice, and in minus zero.
    """
    if " " in written or "\\" in written or not written.isprintable() or written.count("{") != 1:
        return False
    if ":-" in written or ",-" in written or "[-" in written or written.count('":') != len(detail):
        return False
    names = list(detail)
    return names == sorted(names) and (written.isascii() or "".join(names).isascii())


def compare(report: CheckReport, row: LeafRow) -> None:
    """Note what is wrong with an event whose body goes with its leaf hash."""
    whole: Any = None
    try:
        whole = json.loads(row.body)
        canonical = isinstance(whole, dict) and canonical_json(whole) == octets_of(row.body)
    except (TypeError, ValueError, RecursionError):
        canonical = False
    if not canonical:
        report.add(STEP, row.position, "the body is not canonical JSON")
        return
    inner = whole.get("detail")
    detail: Mapping[str, Any] = inner if isinstance(inner, dict) else {}
    version = whole.get("v")
    kept: dict[str, object] = {name: getattr(row, name) for name in _SAID}
    said: dict[str, object] = {name: whole.get(name) for name in _SAID}
    kept["measures"], said["measures"] = row.measures, measures_column(row.kind, detail, version)
    kept["durations"], said["durations"] = row.durations, durations_column(row.kind, detail, version)
    report.compare(STEP, row.position, kept=kept, said=said)


def octets_of(body: object) -> bytes:
    """Return the octets of a body, whatever a changed row holds in its place."""
    return body if isinstance(body, bytes) else str(body).encode("utf-8", "surrogatepass")


def hash_differs(report: CheckReport, row: LeafRow, computed: str, stands: str | None) -> None:
    """Note an event whose body does not hash to its leaf hash.

    Args:
        computed: what the body hashes to.
        stands: the leaf hash the tree has at its index, where it has one.
    """
    message = f"the body hashes to {computed}, its leaf hash is {row.leaf_hash}"
    match stands:
        case None:
            pass
        case row.leaf_hash:
            message += ", and so the tree has it: the body was changed"
        case _ if stands == computed:
            message += "; the tree has what the body hashes to: the leaf hash was changed"
        case _:
            message += f", in the tree it is {stands}"
    report.add(STEP, row.position, message, Likely.CHANGED)
