"""The one place where an error becomes `{code, message, detail}` with its status; and the headers on every answer."""

import errno
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hived.api.callers import agent_of
from hived.core.text import one_line
from hived.store.database import says_full
from hived.wire.errors import DiskFull, ForbiddenRole, HiveError, Internal, InvalidRequest, NotJson, UnknownRoute
from hived.wire.protocol import BUILD, BUILD_HEADER, PROTOCOL, PROTOCOL_HEADER

logger = logging.getLogger(__name__)
Handler = Callable[[Request, Any], Awaitable[Response]]

_STAMPS = [(PROTOCOL_HEADER.encode(), str(PROTOCOL).encode()), (BUILD_HEADER.encode(), BUILD.encode())]


class Faults:
    """Stamps every answer, and answers what nothing below it did. Outermost, and plain ASGI: streams pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def stamped(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), *_STAMPS]
            await send(message)

        try:
            await self._app(scope, receive, stamped)
        except HiveError as error:
            if started:
                raise
            await answer_to(error)(scope, receive, stamped)
        except Exception as error:
            logger.exception("%s %s failed", scope.get("method"), one_line(str(scope.get("path"))))
            if started:
                raise
            await answer_to(DiskFull() if _is_full(error) else Internal())(scope, receive, stamped)


def _is_full(error: Exception) -> bool:
    return says_full(error) or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT))


def answer_to(error: HiveError, status: int | None = None) -> Response:
    """The error as an answer."""
    return JSONResponse(error.to_wire(), status_code=status or error.status)


def add_handlers(app: FastAPI) -> None:
    """Map every error that a route of `app` can meet."""
    handlers: dict[type[Exception], Handler] = {
        HiveError: _refuse,
        RequestValidationError: _refuse_invalid,
        HTTPException: _refuse_http,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def invalid(errors: Sequence[Any]) -> InvalidRequest:
    """Pydantic's errors as one sentence that names the first field."""
    first = errors[0]
    where = list(map(str, first["loc"]))
    if where and where[0] in ("body", "query", "path", "header"):
        del where[0]
    field = one_line(".".join(where), 100) or "the body"
    said = "there is no such key" if first["type"] == "extra_forbidden" else str(first["msg"])
    return InvalidRequest(reason=f"{field}: {one_line(said)}.", field=field)


async def _refuse(request: Request, error: HiveError) -> Response:
    return answer_to(error)


async def _refuse_invalid(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return answer_to(NotJson(reason=f"{first['ctx']['error']} at character {first['loc'][-1]}"))
    return answer_to(invalid(error.errors()))


async def _refuse_http(request: Request, error: HTTPException) -> Response:
    """What the router itself refuses: an agent's socket has few routes, and says no to everything else."""
    where = {"method": request.method, "path": one_line(request.url.path)}
    if error.status_code in (404, 405):
        agent = agent_of(request.scope)
        if agent is not None:
            return answer_to(ForbiddenRole(who=agent[1], **where))
        return answer_to(UnknownRoute(**where), error.status_code)
    if error.status_code == 400:
        return answer_to(NotJson(reason="it cannot be read"))
    return answer_to(InvalidRequest(reason=f"{one_line(str(error.detail))}."), error.status_code)
