"""`Idempotency-Key` on calls that change something: the same key and request again is answered with the same answer.

A route that hands its change through `remembered` has its answer kept in the same transaction as the deed, so that not even
a kill between the two makes it happen twice. Other answers below 500 are kept once they are given.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hived.api.callers import caller_key, hive_of
from hived.store import idempotency as store
from hived.store.database import Row, Tx
from hived.wire import routes
from hived.wire.errors import IdempotencyMismatch, InvalidRequest
from hived.wire.protocol import IDEMPOTENCY_HEADER

M = TypeVar("M", bound=BaseModel)
MAX_KEY = 200
METHODS = ("POST", "PUT", "DELETE")
_UNKEPT = re.compile(routes.AGENT_LOGIN_CODE.replace("{name}", "[^/]*"))
"""Of a call that carries a secret nothing is kept, not even a digest: its key is passed over."""


@dataclass(slots=True)
class Kept:
    """The key of the call under way, and whether its answer has been kept."""

    key: str
    caller: str
    fingerprint: str
    done: bool = False

    def keep(self, tx: Tx, status: int, answer: str) -> None:
        store.insert_answer(tx, self.key, self.caller, self.fingerprint, status, answer)


def remembered(request: HTTPConnection, change: Callable[[Tx], M], status: int = 200) -> Callable[[Tx], M]:
    """`change`, with what it gives kept as this call's answer in the same transaction."""
    kept: Kept | None = request.scope.get("hive_kept")
    if kept is None:
        return change

    def change_and_keep(tx: Tx) -> M:
        result = change(tx)
        kept.keep(tx, status, result.model_dump_json())
        kept.done = True
        return result

    return change_and_keep


class Idempotency:
    """Answers a repeated call from what was kept. Raises IdempotencyMismatch, InvalidRequest (the key's form)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._under_way: dict[tuple[str, str], asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = Headers(scope=scope).get(IDEMPOTENCY_HEADER) if scope["type"] == "http" else None
        if key is None or scope["method"] not in METHODS or _UNKEPT.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        if not 0 < len(key) <= MAX_KEY or not key.isprintable():
            raise InvalidRequest(reason=f"{IDEMPOTENCY_HEADER}: 1 to {MAX_KEY} printable characters.")
        kept = Kept(key, caller_key(scope), _fingerprint(scope))
        mine = (kept.caller, key)
        while (other := self._under_way.get(mine)) is not None:
            await other.wait()
        ended = self._under_way[mine] = asyncio.Event()
        try:
            await self._answer(kept, scope, receive, send)
        finally:
            del self._under_way[mine]
            ended.set()

    async def _answer(self, kept: Kept, scope: Scope, receive: Receive, send: Send) -> None:
        database = hive_of(Request(scope)).database
        known: Row | None = await database.read(lambda conn: store.select_answer(conn, kept.key, kept.caller))
        if known is not None:
            if known["fingerprint"] != kept.fingerprint:
                raise IdempotencyMismatch(key=kept.key)
            again = Response(known["answer"], status_code=known["status"], media_type="application/json")
            await again(scope, receive, send)
            return
        scope["hive_kept"] = kept
        held: list[Message] = []
        status, body = 500, b""

        async def hold(message: Message) -> None:
            nonlocal status, body
            held.append(message)
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                body += message.get("body", b"")

        await self._app(scope, receive, hold)
        if status < 500 and not kept.done:
            answer = body.decode("utf-8", "replace")
            await database.write(lambda tx: kept.keep(tx, status, answer))
        for message in held:
            await send(message)


def _fingerprint(scope: Scope) -> str:
    body: bytes = scope.get("hive_body", b"")
    call = json.dumps([scope["method"], scope["path"], scope.get("query_string", b"").decode("latin-1")])
    return hashlib.sha256(call.encode() + b"\0" + body).hexdigest()
