"""Bytes in, whole lines out, in bounded memory: a line over the limit is dropped and counted, never buffered."""

MAX_LINE_BYTES = 32 * 1024 * 1024
"""A tool result of 20 MB in one JSON line is legal; beyond this it is taken for garbage."""


class LineSplitter:
    """`feed` gives the lines that are complete, without their end; `rest` the last one, which has no end."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._held = 0
        self._skipping = 0
        """Bytes of the over-long line that is being dropped; 0 when none is."""
        self.dropped: list[int] = []
        """The length of each line dropped since it was last emptied."""

    def feed(self, chunk: bytes) -> list[bytes]:
        if b"\n" not in chunk:
            self._hold(chunk)
            return []
        first, *more = chunk.split(b"\n")
        self._hold(first)
        lines = [line] if (line := self._end_line()) is not None else []
        last = more.pop()
        lines += more
        self._hold(last)
        return lines

    def rest(self) -> bytes | None:
        """What came after the last line end; None where nothing did."""
        if not self._held and not self._skipping:
            return None
        return self._end_line()

    def _hold(self, part: bytes) -> None:
        if self._skipping:
            self._skipping += len(part)
        elif self._held + len(part) > self._limit:
            self._skipping = self._held + len(part)
            self._parts, self._held = [], 0
        elif part:
            self._parts.append(part)
            self._held += len(part)

    def _end_line(self) -> bytes | None:
        if self._skipping:
            self.dropped.append(self._skipping)
            self._skipping = 0
            return None
        line = b"".join(self._parts)
        self._parts, self._held = [], 0
        return line
