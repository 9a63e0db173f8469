"""The protocol's version and this build's name. Standard library only: the CLI loads it on every call."""

PROTOCOL = 4
"""Raised when a released client could misread an answer. A mismatch is one clear sentence, never a retry loop."""

VERSION = "0.1.0"
BUILD = f"hivetui {VERSION}"

MAX_REQUEST_BYTES = 1024 * 1024
MAX_MESSAGE_BODY_BYTES = 256 * 1024
MAX_PAYLOAD_BYTES = 256 * 1024
"""An event's payload as JSON. What is longer is cut, marked with `cut`, and kept whole in a file."""

MAX_SOCKET_PATH_BYTES = 107

GENERATION_HEADER = "hive-generation"
JOURNAL_HEADER = "hive-journal"
OLDEST_HEADER = "hive-oldest"
"""On an event batch: the oldest id the journal still has, so that a pruned start is not taken for a gap."""
IDEMPOTENCY_HEADER = "idempotency-key"
CLIENT_HEADER = "hive-client"
"""What kind of client asks (`hive`, `hivetui`, …): recorded with decisions, trusted for nothing."""
PROTOCOL_HEADER = "hive-protocol"
"""On every answer of hived, with BUILD_HEADER."""
BUILD_HEADER = "hive-build"
