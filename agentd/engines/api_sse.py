"""Server-Sent Events out of bytes, in bounded memory. Pure."""

from dataclasses import dataclass

from agentd.engines.api_failures import ApiFailure

MOST_EVENT_BYTES = 32 * 1024 * 1024
"""A tool's input of 20 MB in one event is legal; beyond this it is taken for garbage."""


@dataclass(frozen=True, slots=True)
class SseEvent:
    name: str
    data: bytes


class SseParser:
    """`feed` gives the events that are complete. Raises ApiFailure for one that is larger than the limit."""

    def __init__(self, limit: int = MOST_EVENT_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        """Of the line that has no end yet."""
        self._data: list[bytes] = []
        self._name = ""
        self._held = self._data_held = 0
        self._after_return = False
        """The last chunk ended in a carriage return: a line feed at the start of the next belongs to it."""

    def feed(self, chunk: bytes) -> list[SseEvent]:
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_return = chunk.endswith(b"\r")
        self._hold(len(chunk))
        if b"\n" not in chunk and b"\r" not in chunk:
            self._parts.append(chunk)
            return []
        first, *lines = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        lines.insert(0, b"".join([*self._parts, first]))
        self._parts = [last] if (last := lines.pop()) else []
        found = [event for line in lines if (event := self._line(line)) is not None]
        self._held = sum(map(len, self._parts)) + self._data_held
        return found

    def rest(self) -> list[SseEvent]:
        """The last event, where the stream ended without an empty line after it."""
        line, self._parts = b"".join(self._parts), []
        found = [event for event in (self._line(line), self._line(b"")) if event is not None]
        self._held = 0
        return found

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > self._limit:
            raise ApiFailure("failed", f"The model's server sent an event of more than {self._limit} bytes.")

    def _line(self, line: bytes) -> SseEvent | None:
        if not line:
            data, self._data, self._data_held = self._data, [], 0
            name, self._name = self._name, ""
            return SseEvent(name, b"\n".join(data)) if data else None
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._data_held += len(line) + 1  # a line without a word takes room too
        elif field == b"event":
            self._name = value[:200].decode("utf-8", "replace")
        return None
