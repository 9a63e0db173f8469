"""Request bodies: at most 1 MiB, told or not, read whole before a route runs; and JSON whatever their type is called."""

import json
import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hived.wire.errors import InvalidRequest, TooLarge
from hived.wire.protocol import MAX_REQUEST_BYTES

LINES = "application/x-ndjson"
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
DRAINED_BYTES = 64 * 1024 * 1024
"""How much of a body that is too large is read and dropped, so that its sender gets the answer and not a broken pipe."""


class Bodies:
    """Hands the body on in one piece. Raises TooLarge; InvalidRequest where the caller went away in the middle."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        body = await _whole(receive)
        if body and not (Headers(scope=scope).get("content-type") or "").startswith(LINES):
            _refuse_half_characters(body)
            kept = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
            scope["headers"] = [*kept, (b"content-type", b"application/json")]
        scope["hive_body"] = body
        given = False

        async def receive_again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive_again, send)


def _refuse_half_characters(body: bytes) -> None:
    """Half of a surrogate pair is legal JSON and no text: it could be neither stored nor answered."""
    if _HALF.search(body) is None:
        return
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InvalidRequest(reason="The request holds half of a character, so it is no text.") from None
    except (ValueError, RecursionError):
        return  # The route says what is wrong with it.


async def _whole(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more and size <= DRAINED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise InvalidRequest(reason="The caller went away before the end of its request.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_REQUEST_BYTES:
            chunks.clear()
        else:
            chunks.append(chunk)
        more = message.get("more_body", False)
    if size > MAX_REQUEST_BYTES:
        raise TooLarge(what="request", bytes=size, limit=MAX_REQUEST_BYTES)
    return b"".join(chunks)
