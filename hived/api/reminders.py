"""Reminders, as the operator sees, makes, cancels and retries them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from hived.api.callers import actor_of, hive_of
from hived.api.idempotency import remembered
from hived.core import reminder_retries, reminders
from hived.core.agent_views import find_any_agent
from hived.store.database import Connection
from hived.wire import routes
from hived.wire.reminders import Reminder, ReminderDraft, ReminderList

host_router = APIRouter(tags=["decisions"])


@host_router.get(routes.REMINDERS)
async def get_reminders(
    request: Request,
    all: Annotated[bool, Query(description="Done and cancelled ones too.")] = False,
    agent: Annotated[str | None, Query(description="Only those of that agent.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    before: Annotated[str | None, Query(description="Only those due before this reminder.")] = None,
) -> ReminderList:
    """The one that is due first comes first; of more than `limit` those that are due last."""

    def query(conn: Connection) -> ReminderList:
        if agent is not None:
            find_any_agent(conn, agent)
        return ReminderList(
            reminders=reminders.list_reminders(conn, agent=agent, closed=all, limit=limit, before=before)
        )

    return await hive_of(request).database.read(query)


@host_router.post(routes.REMINDERS, status_code=201)
async def post_reminder(request: Request, draft: ReminderDraft) -> Reminder:
    """Remind an agent. A moment up to a minute ago is now; one that is longer past is 400 `invalid_moment`."""
    return await hive_of(request).database.write(remembered(request, lambda tx: reminders.remind_agent(tx, draft), 201))


@host_router.post(routes.REMINDER_CANCEL)
async def post_reminder_cancel(request: Request, id: str) -> Reminder:
    """Cancel it, and its message unless a turn has that now (409 `reminder_closed`)."""
    actor = actor_of(request)
    return await hive_of(request).database.write(remembered(request, lambda tx: reminders.cancel(tx, id, actor)))


@host_router.post(routes.REMINDER_RETRY)
async def post_reminder_retry(request: Request, id: str) -> Reminder:
    """A failed one is sent again, a pending one is due now. 409 `reminder_closed` for any other."""
    actor = actor_of(request)
    return await hive_of(request).database.write(remembered(request, lambda tx: reminder_retries.retry(tx, id, actor)))
