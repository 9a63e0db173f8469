"""Presence: a screen says whether it has the focus."""

from fastapi import APIRouter, Request

from hived.api.callers import hive_of
from hived.wire import routes
from hived.wire.presence import Presence, PresenceSaid

host_router = APIRouter(tags=["decisions"])


@host_router.post(routes.PRESENCE)
async def post_presence(request: Request, said: PresenceSaid) -> Presence:
    """While some screen has the focus, the command of `notify` is not run: what arrives is seen. Ends with the client's feed."""
    presence = hive_of(request).presence
    attached = presence.say(said.client_id, focused=said.focused)
    return Presence(
        client_id=said.client_id,
        attached=attached,
        focused=presence.is_focused(said.client_id),
        somebody=presence.somebody,
    )
