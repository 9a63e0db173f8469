"""Templates of new agents: which there are, and a spawn's request completed by one before anybody is asked."""

import asyncio

from fastapi import APIRouter, Request
from pydantic import ValidationError

from hived.api.callers import hive_of
from hived.api.faults import invalid
from hived.core.hive import Hive
from hived.deploy.templates import applied_template, list_templates
from hived.wire import routes
from hived.wire.agents import SpawnDraft, SpawnRequest
from hived.wire.deployments import TemplateList
from hived.wire.errors import InvalidRequest

host_router = APIRouter(tags=["config"])


@host_router.get(routes.TEMPLATES)
async def get_templates(request: Request) -> TemplateList:
    """By name; `problem` says why one cannot be used."""
    return TemplateList(templates=await asyncio.to_thread(list_templates, hive_of(request).paths))


async def completed(hive: Hive, draft: SpawnDraft) -> SpawnRequest:
    """What is asked for, over what its template says. Raises TemplateNotFound, InvalidTemplate, InvalidRequest."""
    if draft.files:
        raise InvalidRequest(reason="files: these are a template's to give.", field="files")
    said = draft.model_dump(exclude_unset=True)
    if draft.template is not None:
        said = await asyncio.to_thread(applied_template, hive.paths, draft.template, draft)
    try:
        return SpawnRequest.model_validate(
            {key: value for key, value in said.items() if (key, value) != ("engine", None)}
        )
    except ValidationError as error:
        raise invalid(error.errors()) from None
