"""The part of `FakeHived` that is asked about agents' lives: destroyed ones, deployments, work, diffs and logs."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hived.wire import routes
from hived.wire.agents import AgentDetail, AgentView, SpawnRequest
from hived.wire.approvals import Approval, WaitingItem
from hived.wire.base import Answer
from hived.wire.deployments import DeploymentDetail, DeploymentList, Diff, Template, TemplateList
from hived.wire.errors import BY_CODE
from hived.wire.logs import LogLines
from hived.wire.snapshot import Snapshot
from hived.wire.tombstones import Purged, PurgePlan
from hived.wire.work import Work, WorkFetched
from tests.fakes.hived_decisions import WHEN


def _lines(lines: list[str], file: str = "1") -> bytes:
    said = LogLines(lines=lines, file=file, written_at="9999-12-31T00:00:00.000Z").model_dump_json()
    return f"event: lines\ndata: {said}\n\n".encode()


class LivesApi:
    snapshot: Snapshot
    plans: dict[str, PurgePlan]
    """By name."""
    diffs: dict[str, Diff]
    """By base, and `before`."""
    works: dict[str, Work]
    """By the agent's name."""
    logs: dict[str, list[str]]
    details: dict[str, AgentDetail]
    setups: dict[str, str]
    """What each deployment's setup printed."""

    def __init__(self) -> None:
        self.templates: list[Template] = []
        self.plans, self.diffs, self.works, self.logs, self.details, self.setups = {}, {}, {}, {}, {}, {}

    def say(self, kind: Any, thing: Answer | dict[str, Any]) -> None:
        raise NotImplementedError

    def _json(self, body: Any, status: int = 200) -> Response:
        raise NotImplementedError

    def _put(self, name: str, data: bytes) -> None:
        raise NotImplementedError

    def _stream(self, name: str, *first: bytes) -> Response:
        raise NotImplementedError

    async def _remember(self, request: Request) -> Any:
        raise NotImplementedError

    def _view(self, name: str) -> AgentView:
        raise NotImplementedError

    def _life_routes(self) -> list[Route]:
        return [
            Route(routes.AGENT, self._get_agent),
            Route(routes.AGENT, self._delete_agent, methods=["DELETE"]),
            Route(routes.TEMPLATES, self._get_templates),
            Route(routes.AGENT_LOG_STREAM, self._get_log_stream),
            Route(routes.AGENT_WORK, self._get_work),
            Route(routes.AGENT_WORK_FETCH, self._post_fetch, methods=["POST"]),
            Route(routes.AGENT_ROLLBACK, self._post_rollback, methods=["POST"]),
            Route(routes.TOMBSTONE_REVIVE, self._post_revive, methods=["POST"]),
            Route(routes.TOMBSTONE_PURGE, self._get_plan),
            Route(routes.TOMBSTONE, self._delete_tombstone, methods=["DELETE"]),
            Route(routes.DEPLOYMENTS, self._get_deployments),
            Route(routes.DEPLOYMENT, self._get_deployment),
            Route(routes.DEPLOYMENT_DIFF, self._get_deployment_diff),
            Route(routes.APPROVAL_DIFF, self._get_approval_diff),
        ]

    async def _get_agent(self, request: Request) -> Response:
        if request.path_params["name"] not in {view.name for view in self.snapshot.agents}:
            return Response("Not Found", 404)
        view = self._view(request.path_params["name"])
        spec = SpawnRequest(name=view.name, engine=view.engine)
        return self._json(self.details.get(view.name) or AgentDetail(**view.model_dump(), spec=spec))

    async def _get_templates(self, request: Request) -> Response:
        return self._json(TemplateList(templates=self.templates))

    def _completed(self, body: dict[str, Any]) -> dict[str, Any]:
        """What is asked for, over what its template says by now."""
        template = next((found for found in self.templates if found.name == body.get("template")), None)
        return body if template is None else SpawnRequest.model_validate(template.said | body).model_dump()

    async def _get_log_stream(self, request: Request) -> Response:
        """Its newest lines, those of `logs`, then what `print` says."""
        name, which = request.path_params["name"], request.query_params["which"]
        known = self.logs.get(name) if which == "engine" else None
        return self._stream(f"{which} log of {name}", *([_lines(known)] if known else []))

    def print(self, name: str, which: str, *lines: str, file: str = "1") -> None:
        """Something is written to that log."""
        self._put(f"{which} log of {name}", _lines(list(lines), file))

    async def _delete_agent(self, request: Request) -> Response:
        """It is no agent any more."""
        await self._remember(request)
        view = self._view(request.path_params["name"])
        stone = next((one for one in self.snapshot.tombstones), None)
        assert stone is not None, "a test that destroys gives a tombstone to copy"
        buried = stone.model_copy(update={"id": view.id, "name": view.name, "buried_at": WHEN, "reviving": None})
        self.snapshot.agents.remove(view)
        self.snapshot.tombstones.append(buried)
        self.say("agent_removed", {"id": view.id, "name": view.name})
        self.say("tombstone", buried)
        return self._json(buried)

    async def _post_revive(self, request: Request) -> Response:
        await self._remember(request)
        name = request.path_params["name"]
        stone = next(one for one in self.snapshot.tombstones if one.name == name)
        approval = Approval(
            id=f"revive-{name}", kind="spawn", status="pending", requester="operator", subject=f"revive {name}",
            payload={"name": name, "engine": stone.engine, "revive": stone.id, "changed": ["messages: 2 wait for it"]},
            created_at=WHEN,
        )  # fmt: skip
        self.snapshot.approvals.append(approval)
        item = WaitingItem(id=approval.id, kind="spawn", agent=None, subject=approval.subject, since=WHEN)
        self.snapshot.waiting.append(item)
        self.say("approval", approval)
        self.say("waiting", item)
        return self._json(approval, 202)

    async def _get_plan(self, request: Request) -> Response:
        return self._json(self.plans[request.path_params["name"]])

    async def _delete_tombstone(self, request: Request) -> Response:
        body = await self._remember(request)
        name = request.path_params["name"]
        plan = self.plans[name]
        if plan.stopped_by and not body["discard_work"]:
            raise BY_CODE["work_unmerged"](name=name, what=plan.stopped_by)
        self.snapshot.tombstones[:] = [one for one in self.snapshot.tombstones if one.name != name]
        self.say("tombstone_removed", {"id": plan.id, "name": name})
        return self._json(Purged(name=name, id=plan.id, bytes=plan.bytes))

    async def _get_work(self, request: Request) -> Response:
        return self._json(self.works[request.path_params["name"]])

    async def _post_fetch(self, request: Request) -> Response:
        await self._remember(request)
        name = request.path_params["name"]
        found = self.works[name]
        fetched = WorkFetched(
            agent=name, repo=found.repo or "", branch=f"hive/{name}", commit=found.state.head or "", commits=2, state=found.state
        )  # fmt: skip
        return self._json(fetched)

    async def _get_deployments(self, request: Request) -> Response:
        before = request.query_params.get("before")
        known = sorted(self.snapshot.deployments, key=lambda found: found.created_at, reverse=True)
        at = next((index + 1 for index, found in enumerate(known) if found.id == before), 0)
        return self._json(DeploymentList(deployments=known[at:]))

    async def _get_deployment(self, request: Request) -> Response:
        id = request.path_params["id"]
        found = next(one for one in self.snapshot.deployments if one.id == id)
        return self._json(DeploymentDetail(**found.model_dump(), log=self.setups.get(id, "")))

    async def _post_rollback(self, request: Request) -> Response:
        body = await self._remember(request)
        name = request.path_params["name"]
        to = next(one for one in self.snapshot.deployments if one.id == body["to"])
        ended = to.model_copy(
            update={"id": f"rollback-{name}", "kind": "rollback", "created_at": WHEN, "ended_at": WHEN}
        )
        self.snapshot.deployments.insert(0, ended)
        self.say("deployment", ended)
        return self._json(ended)

    async def _get_approval_diff(self, request: Request) -> Response:
        return self._json(self.diffs[request.query_params["base"]])

    async def _get_deployment_diff(self, request: Request) -> Response:
        return self._json(self.diffs["before"])
