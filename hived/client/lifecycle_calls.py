"""The calls of `HiveClient` about agents' lives: lifecycle, work, tombstones, proposals, deployments, diffs, templates."""

from typing import Any, Literal
from urllib.parse import quote

from hived.client.decision_calls import Query
from hived.wire import routes
from hived.wire.agents import AgentView
from hived.wire.approvals import Approval
from hived.wire.deployments import (
    Deployment,
    DeploymentDetail,
    DeploymentList,
    Diff,
    DiffBase,
    Proposal,
    Rollback,
    TemplateList,
)
from hived.wire.tombstones import Destroy, Purge, Purged, PurgePlan, Revive, Tombstone, TombstoneList
from hived.wire.work import Work, WorkFetch, WorkFetched

Verb = Literal["start", "stop", "restart", "kill", "pause", "resume", "rebuild"]
WhichLog = Literal["harness", "engine", "setup"]
BUILD_SECONDS = 1000.0
"""Of what may run an agent's setup first: a start, a rebuild, a rollback."""
DISK_SECONDS = 330.0
"""Of what walks or deletes an agent's folders, or brings its work home."""


class LifecycleCalls:
    """A part of HiveClient, which makes the calls. Each answers when it has happened."""

    async def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query | None = None,
        key: str | None = None,
        seconds: float = 120.0,
    ) -> Any:
        raise NotImplementedError

    async def act(self, name: str, verb: Verb) -> AgentView:
        """Raises the HiveError that says why it could not be done."""
        path = _path(routes.AGENT_ACTION, name=name, action=verb)
        slow = verb in ("start", "restart", "rebuild")
        body: dict[str, Any] | None = {} if verb == "rebuild" else None
        answer = await self._call("POST", path, body, seconds=BUILD_SECONDS if slow else 120.0)
        return AgentView.model_validate(answer)

    async def destroy(self, name: str, wanted: Destroy | None = None) -> Tombstone | Purged:
        """Stop and bury it; its tombstone, or with `purge` what is gone."""
        body = (wanted or Destroy()).model_dump(exclude_none=True)
        answer = await self._call("DELETE", _path(routes.AGENT, name=name), body, seconds=DISK_SECONDS)
        kind = Purged if wanted is not None and wanted.purge else Tombstone
        return kind.model_validate(answer)

    # Tombstones --------------------------------------------------------------------------------------------

    async def list_tombstones(self) -> list[Tombstone]:
        """Newest first."""
        return TombstoneList.model_validate(await self._call("GET", routes.TOMBSTONES)).tombstones

    async def show_tombstone(self, name: str) -> Tombstone:
        """With sizes and work as they are now."""
        answer = await self._call("GET", _path(routes.TOMBSTONE, name=name), seconds=DISK_SECONDS)
        return Tombstone.model_validate(answer)

    async def revive(self, name: str, note: str | None = None) -> Approval:
        """The pending spawn approval that must be decided first."""
        body = Revive(note=note).model_dump(exclude_none=True)
        path = _path(routes.TOMBSTONE_REVIVE, name=name)
        return Approval.model_validate(await self._call("POST", path, body, seconds=DISK_SECONDS))

    async def plan_purge(self, name: str) -> PurgePlan:
        """What a purge would take, read now."""
        answer = await self._call("GET", _path(routes.TOMBSTONE_PURGE, name=name), seconds=DISK_SECONDS)
        return PurgePlan.model_validate(answer)

    async def purge(self, name: str, *, discard_work: bool = False) -> Purged:
        body = Purge(discard_work=discard_work).model_dump()
        answer = await self._call("DELETE", _path(routes.TOMBSTONE, name=name), body, seconds=DISK_SECONDS)
        return Purged.model_validate(answer)

    # Work --------------------------------------------------------------------------------------------------

    async def fetch_work(self, name: str, *, patch: bool = False) -> Work:
        """What it changed in its clone, read now."""
        query: Query = {"patch": "true"} if patch else {}
        answer = await self._call("GET", _path(routes.AGENT_WORK, name=name), query=query, seconds=DISK_SECONDS)
        return Work.model_validate(answer)

    async def bring_work_home(self, name: str, branch: str | None = None) -> WorkFetched:
        """Its commits as a branch of the repository that its clone came from."""
        body = WorkFetch(branch=branch).model_dump(exclude_none=True)
        path = _path(routes.AGENT_WORK_FETCH, name=name)
        return WorkFetched.model_validate(await self._call("POST", path, body, seconds=DISK_SECONDS))

    # Config ------------------------------------------------------------------------------------------------

    async def propose(self, proposal: Proposal) -> Approval:
        """Ask that this commit may run."""
        body = proposal.model_dump(exclude_none=True)
        return Approval.model_validate(await self._call("POST", routes.PROPOSALS, body))

    async def list_deployments(
        self, *, agent: str | None = None, before: str | None = None, limit: int = 50
    ) -> DeploymentList:
        """The newest that fit, of those older than `before`; newest first."""
        query: Query = {"limit": limit}
        if agent is not None:
            query["agent"] = agent
        if before is not None:
            query["before"] = before
        return DeploymentList.model_validate(await self._call("GET", routes.DEPLOYMENTS, query=query))

    async def show_deployment(self, id: str) -> DeploymentDetail:
        """With what its setup printed."""
        return DeploymentDetail.model_validate(await self._call("GET", _path(routes.DEPLOYMENT, id=id)))

    async def roll_back(self, name: str, to: str | None = None, note: str | None = None) -> Deployment:
        """`to`: a deployment's id; None: what was deployed before what runs now. Answered when it has ended."""
        body = Rollback(to=to, note=note).model_dump(exclude_none=True)
        path = _path(routes.AGENT_ROLLBACK, name=name)
        return Deployment.model_validate(await self._call("POST", path, body, seconds=BUILD_SECONDS))

    async def diff_approval(self, id: str, base: DiffBase = "running") -> Diff:
        """What the commit that is asked for changes."""
        return Diff.model_validate(await self._call("GET", _path(routes.APPROVAL_DIFF, id=id), query={"base": base}))

    async def diff_deployment(self, id: str) -> Diff:
        """Against what ran before it."""
        return Diff.model_validate(await self._call("GET", _path(routes.DEPLOYMENT_DIFF, id=id)))

    async def list_templates(self) -> TemplateList:
        return TemplateList.model_validate(await self._call("GET", routes.TEMPLATES))


def _path(template: str, **parts: str) -> str:
    return template.format_map({name: quote(value, safe="") for name, value in parts.items()})
