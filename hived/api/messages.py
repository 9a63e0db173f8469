"""Messages, as the operator sends, lists and reads them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from hived.api.callers import actor_of, hive_of
from hived.api.idempotency import remembered
from hived.core import held_messages, messages
from hived.core.agent_views import find_any_agent
from hived.store.database import Connection, Tx
from hived.wire import routes
from hived.wire.messages import Message, MessageDraft, MessageList, MessageRetry, Sent
from hived.wire.names import HIVED, OPERATOR

host_router = APIRouter(tags=["messages"])


@host_router.get(routes.MESSAGES)
async def get_messages(
    request: Request,
    agent: Annotated[str | None, Query(description="Only those from or to it; `operator` and `hived` too.")] = None,
    to: Annotated[str | None, Query(description="Only those to it.")] = None,
    unread: Annotated[bool, Query(description="Only those that are still queued.")] = False,
    held: Annotated[bool, Query(description="Only those that are held, by a pair too.")] = False,
    thread: Annotated[str | None, Query(description="Only those of the thread that this message is in.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[str | None, Query(description="Only those older than this message.")] = None,
) -> MessageList:
    """The newest that fit, oldest first; fewer than `limit` where they are very long, and then `more` says so."""

    def query(conn: Connection) -> MessageList:
        for name in (agent, to):
            if name not in (None, OPERATOR, HIVED):
                find_any_agent(conn, str(name))
        return messages.page_messages(
            conn, agent=agent, to=to, unread=unread, held=held, thread=thread, limit=limit, before=before
        )

    return await hive_of(request).database.read(query)


@host_router.get(routes.MESSAGE)
async def get_message(request: Request, id: str) -> Message:
    """One message, by its id or a unique beginning of it."""

    def query(conn: Connection) -> Message:
        return messages.to_message(messages.find_message(conn, id))

    return await hive_of(request).database.read(query)


@host_router.post(routes.MESSAGES, status_code=201)
async def post_message(request: Request, draft: MessageDraft) -> Sent:
    """Send to one agent, or to all (`*`). Answered when the message is durable in the queue."""

    def change(tx: Tx) -> Sent:
        return Sent(
            messages=messages.send(
                tx, sender=OPERATOR, to=draft.to, body=draft.body, reply_to=draft.reply_to, when=draft.when
            )
        )

    return await hive_of(request).database.write(remembered(request, change, 201))


@host_router.post(routes.MESSAGE_RETRY)
async def post_message_retry(request: Request, id: str, retry: MessageRetry | None = None) -> Message:
    """Send a held message again, with other words where `body` has some. 409 `not_held` for any other."""
    actor, body = actor_of(request), None if retry is None else retry.body

    def change(tx: Tx) -> Message:
        return held_messages.retry_held(tx, id, actor, body)

    return await hive_of(request).database.write(remembered(request, change))


@host_router.post(routes.MESSAGE_DROP)
async def post_message_drop(request: Request, id: str) -> Message:
    """Give a held message up; the agent that sent it is told. 409 `not_held` for any other."""
    actor = actor_of(request)
    return await hive_of(request).database.write(remembered(request, lambda tx: held_messages.drop_held(tx, id, actor)))


@host_router.post(routes.MESSAGE_READ)
async def post_message_read(request: Request, id: str) -> Message:
    """Say that the operator has read a message to him."""
    return await hive_of(request).database.write(remembered(request, lambda tx: held_messages.mark_read(tx, id)))
