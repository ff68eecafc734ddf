"""The one source of ids."""

import uuid_utils


def new_id() -> str:
    """Make an id nobody else makes: UUIDv7 (RFC 9562 §5.7), whose text sorts by the millisecond it was made in."""
    return str(uuid_utils.uuid7())
