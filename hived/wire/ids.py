"""Row keys: UUIDv7, so that they sort by time of making. Text, lower case, 36 characters."""

import uuid_utils


def new_id() -> str:
    """A fresh UUIDv7 as text."""
    return str(uuid_utils.uuid7())
