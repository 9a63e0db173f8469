"""Requests of an engine, which is hostile: HTTP/1.1 read strictly and in bounded memory. Whatever two readers could read in two
ways (two lengths, a bare line feed, a folded line) is refused, so nothing can be smuggled behind it.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from http import HTTPStatus

MOST_HEAD_BYTES = 64 * 1024
MOST_BODY_BYTES = 64 * 1024 * 1024
"""Anthropic takes 32 MB."""
PIECE_BYTES = 64 * 1024
HEAD_SECONDS = 20.0
"""From its first byte to its end."""
BODY_SECONDS = 60.0
"""Without a byte."""
IDLE_SECONDS = 600.0
"""Between two requests."""

_REQUEST = re.compile(rb"([A-Z]{1,20}) ([\x21-\x7e]+) HTTP/1\.([01])")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[\t\x20-\x7e]*)?")
_HOP_BY_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade", b"expect",
})  # fmt: skip

Headers = list[tuple[bytes, bytes]]


class Refused(Exception):
    """What the engine is answered instead; its connection ends then."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Gone(Exception):
    """The engine went away in the middle of it."""


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body. `length`: of the body; None: it comes in chunks."""

    method: str
    target: str
    """As it came: printable ASCII without a space."""
    minor: int
    headers: Headers
    length: int | None

    def all(self, name: bytes) -> list[bytes]:
        return [value for found, value in self.headers if found.lower() == name]

    @property
    def keeps_alive(self) -> bool:
        said = b",".join(self.all(b"connection")).lower()
        return b"close" not in said if self.minor else b"keep-alive" in said

    def passed_on(self) -> Headers:
        """Its headers without those that are between two neighbours alone, and without the host and the length."""
        return end_to_end(self.headers, {b"host", b"content-length"})


def end_to_end(headers: Iterable[tuple[bytes, bytes]], without: set[bytes]) -> Headers:
    headers = list(headers)
    named = b",".join(value for name, value in headers if name.lower() == b"connection").lower()
    dropped = _HOP_BY_HOP | without | {word.strip() for word in named.split(b",")}
    return [(name, value) for name, value in headers if name.lower() not in dropped]


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """The next request; None where no more comes. `reader` has MOST_HEAD_BYTES as its limit. Raises Refused."""
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            first = await reader.read(1)
        if not first:
            return None
        async with asyncio.timeout(HEAD_SECONDS):
            data = first + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise Refused(431, f"The head of this request is longer than {MOST_HEAD_BYTES} bytes.") from error
    except TimeoutError:
        return None
    return parse_head(data)


def parse_head(data: bytes) -> Head:
    """`data` ends with the empty line. Raises Refused."""
    request, *lines = data[:-4].split(b"\r\n")
    found = _REQUEST.fullmatch(request)
    if found is None:
        raise Refused(400, "This is no request of HTTP/1.1.")
    headers: Headers = []
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise Refused(400, "One of its headers is none.")
        headers.append((header[1], header[2]))
    minor = int(found[3])
    return Head(found[1].decode(), found[2].decode(), minor, headers, _length(headers, minor))


def _length(headers: Headers, minor: int) -> int | None:
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    codings = [value for name, value in headers if name.lower() == b"transfer-encoding"]
    if codings:
        if lengths or minor == 0 or len(codings) > 1 or codings[0].lower() != b"chunked":
            raise Refused(400, "How long its body is can be read in two ways.")
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or _LENGTH.fullmatch(lengths[0]) is None:
        raise Refused(400, "How long its body is can be read in two ways.")
    length = int(lengths[0])
    if length > MOST_BODY_BYTES:
        raise Refused(413, f"Its body is longer than {MOST_BODY_BYTES} bytes.")
    return length


async def read_body(reader: asyncio.StreamReader, length: int | None) -> AsyncIterator[bytes]:
    """The body in pieces as they come, without its chunks' frames. Raises Refused, Gone."""
    try:
        if length is not None:
            async for piece in _exactly(reader, length):
                yield piece
            return
        total = 0
        while size := await _chunk_size(reader):
            total += size
            if total > MOST_BODY_BYTES:
                raise Refused(413, f"Its body is longer than {MOST_BODY_BYTES} bytes.")
            async for piece in _exactly(reader, size):
                yield piece
            if await _line(reader) != b"":
                raise Refused(400, "A chunk of its body is longer than it says.")
        if await _line(reader) != b"":
            raise Refused(400, "Its body has headers behind it.")
    except asyncio.IncompleteReadError as error:
        raise Gone from error


async def _exactly(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size:
        async with asyncio.timeout(BODY_SECONDS):
            piece = await reader.read(min(size, PIECE_BYTES))
        if not piece:
            raise Gone
        size -= len(piece)
        yield piece


async def _chunk_size(reader: asyncio.StreamReader) -> int:
    found = _CHUNK.fullmatch(await _line(reader))
    if found is None:
        raise Refused(400, "A chunk of its body has no size.")
    return int(found[1], 16)


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return (await reader.readuntil(b"\r\n"))[:-2]
    except asyncio.LimitOverrunError as error:
        raise Refused(400, "A line of its body is too long.") from error


def answer_head(status: int, reason: str, headers: Headers) -> bytes:
    lines = [b"HTTP/1.1 %d %b" % (status, reason.encode("latin-1", "replace"))]
    lines += [b"%b: %b" % header for header in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def plain_answer(status: int, body: bytes, kind: bytes) -> bytes:
    """A whole answer, after which the connection ends."""
    headers = [(b"Content-Type", kind), (b"Content-Length", b"%d" % len(body)), (b"Connection", b"close")]
    return answer_head(status, HTTPStatus(status).phrase, headers) + body


def failure(status: int, message: str, code: str) -> bytes:
    """In the shape that the engines of Anthropic and of OpenAI both read."""
    kind = "api_error" if status >= 500 else "invalid_request_error"
    body = {"type": "error", "error": {"type": kind, "code": code, "message": message}}
    return plain_answer(status, json.dumps(body).encode(), b"application/json")
