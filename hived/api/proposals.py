"""Proposals: a commit of an agent's config, taken in and tagged before anybody is asked, and refused at once where it could
never run. The operator's socket and a queen's."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Request

from hived.api.callers import harness_of, hive_of
from hived.api.idempotency import remembered
from hived.api.spawns import check_thinking
from hived.core import budgets, proposals, rules
from hived.core.agent_views import find_agent, spec_of
from hived.core.approval_rows import find_approval
from hived.core.creation import check_engine
from hived.core.hive import Hive
from hived.core.text import one_line
from hived.core.widening import MOST_EACH, kinds, widened
from hived.deploy import agent_toml, applied
from hived.deploy.agent_toml import BadAgentToml, applied_to
from hived.deploy.diffs import Difference, contains, difference
from hived.deploy.repository import Files, is_commit
from hived.paths import AgentPaths
from hived.store.database import Connection, Row, Tx
from hived.store.deployments import select_open_of
from hived.upkeep.refused import forget_refused
from hived.wire import routes
from hived.wire.agents import AgentSpec, SpawnRequest
from hived.wire.approvals import Approval
from hived.wire.deployments import Proposal, ProposalPayload
from hived.wire.errors import (
    ForbiddenRole,
    HiveError,
    InvalidProposal,
    InvalidRequest,
    NotACommit,
    ProposalOutdated,
    ProposalSuperseded,
)
from hived.wire.ids import new_id
from hived.wire.names import OPERATOR
from hived.workspace.plain_files import kind_below, opened_folder

host_router = APIRouter(tags=["config"])
agent_router = APIRouter(tags=["harness"])
MOST_FILES = 100
"""Named in the payload."""
_locks: "WeakKeyDictionary[Hive, defaultdict[str, asyncio.Lock]]" = WeakKeyDictionary()


@host_router.post(routes.PROPOSALS, status_code=202)
async def post_proposal(request: Request, proposal: Proposal) -> Approval:
    """Ask for a commit of an agent's config; without one, for what HEAD of the repository names now."""
    hive = hive_of(request)
    agent = await hive.database.read(lambda conn: find_agent(conn, proposal.agent))
    source = None if proposal.repo is None else Path(proposal.repo)
    if source is not None and (not source.is_absolute() or "\0" in str(source)):
        raise InvalidRequest(reason="repo: its path must be absolute.", field="repo")
    commit = proposal.commit
    if commit is None:
        commit = await asyncio.to_thread(applied.head_of_proposed, hive.paths.agent(agent["name"]), source)
    return await _propose(request, agent, proposal, commit, source, asker=None)


@agent_router.post(routes.PROPOSALS, status_code=202)
async def post_queens_proposal(request: Request, proposal: Proposal) -> Approval:
    """The same, of a queen: she names the commit."""
    hive = hive_of(request)
    asker, _ = await harness_of(request)
    if asker["role"] != "queen":
        raise ForbiddenRole(who=asker["name"], method="POST", path=routes.PROPOSALS)
    if proposal.commit is None:
        raise InvalidRequest(reason="commit: 40 hex digits, as git rev-parse HEAD prints them.", field="commit")
    if proposal.repo is not None:
        raise InvalidRequest(reason="repo: a queen proposes what is in the agent's config repository.", field="repo")
    agent = await hive.database.read(lambda conn: find_agent(conn, proposal.agent))
    return await _propose(request, agent, proposal, proposal.commit, None, asker=asker)


async def _propose(
    request: Request, agent: Row, proposal: Proposal, commit: str, source: Path | None, *, asker: Row | None
) -> Approval:
    """The approval, new or the one that asks for the same already."""
    if not is_commit(commit):
        raise NotACommit(given=one_line(commit, 64))
    hive, paths, approval_id = hive_of(request), hive_of(request).paths.agent(agent["name"]), proposal.id or new_id()
    requester, requester_id = (OPERATOR, None) if asker is None else (asker["name"], asker["id"])

    def asked_already(conn: Connection) -> Approval | None:
        same = proposals.known_ask(conn, approval_id, requester, requester_id, commit)
        return same or proposals.pending_of(conn, agent["id"], commit)

    async with _locks.setdefault(hive, defaultdict(asyncio.Lock))[agent["id"]]:
        same = await hive.database.read(asked_already)
        if same is not None:
            return same
        proposals.check_new(agent, commit)
        async with (
            _swept(hive, agent),
            hive.gate(agent["id"]).writing(),
            _taken_in(paths, commit, approval_id, source) as proposed,
        ):
            spec = await _checked(hive, agent, proposed, look=asker is None)
            changed = await asyncio.to_thread(_changed, paths, agent["commit_sha"], commit)
            payload = ProposalPayload(
                agent=agent["name"],
                agent_id=agent["id"],
                commit=commit,
                base=agent["commit_sha"],
                summary=one_line(proposed.summary),
                reason=proposal.reason,
                files=[one_line(file.path, 400) for file in changed.files[:MOST_FILES]],
                added=changed.added,
                removed=changed.removed,
                setup=spec.setup,
                flags=_flags(spec_of(agent), spec, agent["runtime"], proposed.files),
            )

            def ask(tx: Tx) -> Approval:
                return proposals.ask_apply(tx, payload, requester, requester_id, approval_id)

            return await hive.database.write(remembered(request, ask, 202))


@contextlib.asynccontextmanager
async def _swept(hive: Hive, agent: Row) -> AsyncIterator[None]:
    """What was taken in goes again where no proposal comes of it."""
    try:
        yield
    except HiveError:
        await forget_refused(hive, agent["id"], agent["name"])
        raise


@contextlib.asynccontextmanager
async def _taken_in(
    paths: AgentPaths, commit: str, approval_id: str, source: Path | None
) -> AsyncIterator[applied.Proposed]:
    """The commit, copied and tagged; the tag goes again where it is refused. After any other fault the books may hold the proposal
    all the same: a tag that has none is found by the next sweep."""
    try:
        proposed = await asyncio.to_thread(applied.fetch_proposal, paths, commit, approval_id, source)
    except OSError as error:
        raise InvalidProposal(
            commit=commit[: proposals.SHOWN], reason=f"it cannot be taken in: {error.strerror}."
        ) from error
    try:
        yield proposed
    except HiveError:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(applied.repository(paths).delete_ref, f"refs/tags/proposal/{approval_id}")
        raise


async def _checked(hive: Hive, agent: Row, proposed: applied.Proposed, *, look: bool) -> SpawnRequest:
    """The agent as it would be. `look`: at what its options name on this machine, too: not where an agent names it, before
    anybody has approved that. Raises InvalidProposal with the first thing that would keep it from working."""
    try:
        request = applied_to(spec_of(agent), proposed.spec, agent["runtime"])
        check_engine(request)
        budgets.check_spec(request)
        rules.check_spec(request)
        if request.runtime is not None:
            await hive.runtimes.check(request.runtime)
        await asyncio.to_thread(_check_prompt, hive.paths.agent(agent["name"]), request.prompt, proposed)
        if look:
            await check_thinking(request)
    except BadAgentToml as error:
        raise InvalidProposal(commit=proposed.commit[: proposals.SHOWN], reason=error.reason) from None
    except HiveError as error:
        raise InvalidProposal(
            commit=proposed.commit[: proposals.SHOWN], reason=error.message, because=error.code
        ) from error
    return request


def _check_prompt(paths: AgentPaths, prompt: str | None, proposed: applied.Proposed) -> None:
    """A prompt that is no file of the commit may lie in the workspace. One that is must be text: what is none stands in no diff.
    Raises BadAgentToml."""
    if prompt is None:
        return
    if prompt in proposed.files:
        agent_toml.check_prompt_text(prompt, proposed.files[prompt].content)
        return
    *levels, name = prompt.split("/")
    with contextlib.suppress(OSError), opened_folder(paths.workspace, *levels) as folder:
        if kind_below(folder, name) == "file":
            return
    raise BadAgentToml(f"agent.toml: prompt: there is no file {one_line(prompt, 80)!r} in its config.")


def _changed(paths: AgentPaths, base: str | None, commit: str) -> Difference:
    """Raises InvalidProposal where that is nothing."""
    found = difference(applied.repository(paths).folder, base, commit, text=False)
    if base is not None and not found.files:
        raise InvalidProposal(commit=commit[: proposals.SHOWN], reason=f"it changes nothing of what {paths.name} runs.")
    return found


async def check_current(hive: Hive, approval_id: str) -> None:
    """Raises ProposalSuperseded where what runs now came after that proposal's commit, and did not when it was asked; and
    ProposalOutdated, once, where it would let the agent do what it may not now, and the proposal does not say so: it does then.
    """

    def query(conn: Connection) -> tuple[Row, Row, list[str]] | None:
        row = find_approval(conn, approval_id)
        if row["kind"] != proposals.KIND or row["status"] != "pending":
            return None
        agent = find_agent(conn, ProposalPayload.model_validate_json(row["payload_json"]).agent)
        ahead = [one for one in select_open_of(conn, agent["id"]) if one["status"] == "building" and one["commit_sha"]]
        return row, agent, [one["commit_sha"] for one in ahead]

    found = await hive.database.read(query)
    if found is None:
        return
    payload, running = ProposalPayload.model_validate_json(found[0]["payload_json"]), found[1]["commit_sha"]
    ahead = found[2]
    if running is None or (running == payload.base and not ahead):
        return
    repo = applied.repository(hive.paths.agent(payload.agent)).folder

    def outrun() -> bool:
        before = payload.base is not None and contains(repo, payload.base, payload.commit)
        return not before and contains(repo, running, payload.commit)

    if await asyncio.to_thread(outrun):
        raise ProposalSuperseded(agent=payload.agent, commit=payload.commit[: proposals.SHOWN])
    current = await asyncio.to_thread(_against_now, hive.paths.agent(payload.agent), payload, found[1], ahead)
    more = [flag for flag in current.flags if flag not in payload.flags]
    if more:
        approval: str = found[0]["id"]
        await hive.database.write(lambda tx: proposals.renew(tx, approval, current))
        raise ProposalOutdated(agent=payload.agent, id=approval, flags="; ".join(kinds(more)))


def _against_now(paths: AgentPaths, payload: ProposalPayload, agent: Row, ahead: list[str]) -> ProposalPayload:
    """The payload as it would be, were it asked now. `ahead`: the commits that are built before it. Raises HiveError."""
    commit, running = payload.commit, spec_of(agent)
    files = applied.files_of(paths, commit)
    spec = applied.spec_of(commit, files)
    befores: list[AgentSpec] = [running, *(applied.spec_of(one, applied.files_of(paths, one)) for one in ahead)]
    flags = [flag for before in befores for flag in _flags(before, spec, before.runtime or agent["runtime"], files)]
    changed = difference(applied.repository(paths).folder, agent["commit_sha"], commit, text=False)
    return payload.model_copy(
        update={
            "base": agent["commit_sha"],
            "files": [one_line(file.path, 400) for file in changed.files[:MOST_FILES]],
            "added": changed.added,
            "removed": changed.removed,
            "flags": list(dict.fromkeys(flags)),
        }
    )


def _flags(before: AgentSpec, after: AgentSpec, runtime: str, files: Files) -> list[str]:
    flags = widened(before, after, runtime)
    if after.prompt is not None and after.prompt not in files:
        flags.insert(0, one_line(f"a prompt that it writes itself: {after.prompt}, in its workspace", MOST_EACH))
    return flags


async def tag_denied(hive: Hive, approval: Approval) -> None:
    """Tag the denied commit in applied/, with the note, and let older ones go. What cannot be now is at hived's next start."""
    if approval.kind != proposals.KIND or approval.status != "denied" or approval.decided_at is None:
        return
    payload = ProposalPayload.model_validate(approval.payload)
    paths = hive.paths.agent(payload.agent)
    async with hive.gate(payload.agent_id).writing():
        with contextlib.suppress(OSError, KeyError):
            await asyncio.to_thread(applied.deny, paths, approval.id, approval.note or "", approval.decided_at)
    await forget_refused(hive, payload.agent_id, payload.agent)
