"""Server-Sent Events, read incrementally: bytes in, events out. Pure; used by every client of a stream."""

from typing import NamedTuple

MAX_EVENT_BYTES = 64 * 1024 * 1024
"""A stream that sends this much without ending an event is broken, and is not buffered any further."""


class StreamBroken(ValueError):
    """The stream is no SSE, or one event of it is longer than MAX_EVENT_BYTES."""


class ServerEvent(NamedTuple):
    """One event. `id` is None where it has none (live only); a comment or a keep-alive is no event."""

    event: str
    data: str
    id: str | None = None


class SseParser:
    """Feed it what was read; it gives the events that are complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._event = ""
        self._data: list[bytes] = []
        self._id: str | None = None
        self._held = 0

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Raises StreamBroken where one event grows over MAX_EVENT_BYTES."""
        end = chunk.rfind(b"\n")
        if end < 0:
            self._buffer += chunk
            self._check()
            return []
        whole = bytes(self._buffer) + chunk[:end]
        self._buffer = bytearray(chunk[end + 1 :])
        found: list[ServerEvent] = []
        for line in whole.split(b"\n"):
            if line.endswith(b"\r"):
                line = line[:-1]
            if line:
                self._take(line)
            elif (event := self._ended()) is not None:
                found.append(event)
        self._check()
        return found

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            self._data.append(value)
            self._held += len(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id":
            self._id = value.decode("utf-8", "replace")

    def _ended(self) -> ServerEvent | None:
        event = None
        if self._data:
            event = ServerEvent(
                event=self._event or "message",
                data=b"\n".join(self._data).decode("utf-8", "replace"),
                id=self._id,
            )
        self._event, self._data, self._id, self._held = "", [], None, 0
        return event

    def _check(self) -> None:
        if self._held + len(self._buffer) > MAX_EVENT_BYTES:
            raise StreamBroken(f"one event of the stream is over {MAX_EVENT_BYTES} bytes")
