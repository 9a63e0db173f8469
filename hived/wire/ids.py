"""Row keys: UUIDv7, so that they sort by time of making. Text, lower case, 36 characters."""

import uuid_utils

ID_PATTERN = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
"""What an agent may name a row of the one list by: the CLI and the routes find it by that."""


def new_id() -> str:
    """A fresh UUIDv7 as text."""
    return str(uuid_utils.uuid7())
