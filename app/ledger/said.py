"""What the bodies of events say, as the check of the log reads them: whatever became of them."""

import json
from typing import Any, Final, NamedTuple

_read_json: Final = json.JSONDecoder().raw_decode


class Said(NamedTuple):
    """What the body of an event says; empty where it cannot be read, which step (2) reports."""

    whole: dict[str, Any]
    detail: dict[str, Any]


def said_by(row: Any) -> Said:
    """Read the body of an event, whatever became of it."""
    return read_body(row.body)


def read_body(body: Any) -> Said:
    """Read one as it is kept."""
    try:
        whole, end = _read_json(body)
        if end != len(body):
            whole = json.loads(body)
    except (TypeError, ValueError, RecursionError):
        whole = _said_oddly(body)
    if not isinstance(whole, dict):
        whole = {}
    detail = whole.get("detail")
    return Said(whole, detail if isinstance(detail, dict) else {})


def _said_oddly(body: Any) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return {}
