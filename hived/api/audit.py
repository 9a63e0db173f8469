"""The audit, and the check of all the books."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request

from hived.api.callers import hive_of
from hived.core import audit, check
from hived.store.check import select_recorded
from hived.upkeep.config_check import check_configs, with_configs
from hived.wire import routes
from hived.wire.audit import AuditList, CheckReport

RECORD_SECONDS = (0.2, 1.0, 3.0)
host_router = APIRouter(tags=["decisions"])


@host_router.get(routes.AUDIT)
async def get_audit(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="Only those with a lower number.")] = None,
    subject: Annotated[
        str | None, Query(min_length=1, max_length=64, description="Only those on this id, or ids that begin so.")
    ] = None,
) -> AuditList:
    """The newest that fit, oldest first."""
    return await hive_of(request).database.read(
        lambda conn: AuditList(entries=audit.list_entries(conn, limit=limit, before=before, subject=subject))
    )


@host_router.get(routes.CHECK)
async def get_check(request: Request) -> CheckReport:
    """Look at every promise of the books, and at what lies beside them. 200 whatever is found; `ok` says it."""
    hive = hive_of(request)
    report = await hive.database.read(check.check_books)
    wrong: list[str] = []
    for pause in (0.0, *RECORD_SECONDS):  # the books come first: what is just being recorded is looked at again
        await asyncio.sleep(pause)
        rows = await hive.database.read(select_recorded)
        wrong = await asyncio.to_thread(check_configs, hive.paths, rows)
        if not wrong:
            break
    return with_configs(report, wrong)
