"""The two calls that an agent's work consists of, answered before any routing: a router costs as much as the deed.

The same functions stand behind the routes, which answer what is not plain here, and describe both.
"""

from pydantic import ValidationError
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from hived.api.events import post_events
from hived.api.inbox import answer_claim
from hived.wire import routes
from hived.wire.messages import Claim


class HotRoutes:
    """Innermost, so that what is refused is refused as everywhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            if scope["path"] == routes.EVENTS:
                answer = await post_events(Request(scope, receive, send))
                await answer(scope, receive, send)
                return
            if scope["path"] == routes.CLAIM and (claim := _claim(scope)) is not None:
                request = Request(scope, receive, send)
                await request.body()
                answer = await answer_claim(request, claim)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _claim(scope: Scope) -> Claim | None:
    try:
        return Claim.model_validate_json(scope.get("hive_body", b""))
    except ValidationError:
        return None
