"""The build of one deployment: its commit made or read, checked, written out, and its setup run. Nothing of the agent changes
before the start; whatever is done here is done again after a kill -9, to the same end.
"""

import asyncio
import os
from dataclasses import dataclass, replace
from functools import partial

from hived.core import budgets, rules
from hived.core.agent_views import spec_of
from hived.core.agents import Supervised, supervised_one
from hived.core.creation import check_engine
from hived.core.deployment_steps import FIRST_KINDS, keep_log, made_commit, note_setup
from hived.core.fault_points import reach
from hived.core.hive import Hive
from hived.core.rebuild import merged
from hived.core.text import one_line
from hived.deploy import agent_toml, applied, worktree
from hived.deploy.agent_toml import MOST_PROMPT_BYTES
from hived.deploy.repository import File, Files, GitFailed
from hived.doctor.agentd import ask_agentd
from hived.paths import AgentPaths
from hived.store.approvals import select_approval
from hived.store.database import Connection, Row
from hived.supervision.setup_run import SetupFailed, run_setup, to_its_end
from hived.wire.agents import AgentSpec, Rebuild, SpawnRequest
from hived.wire.approvals import Actor
from hived.wire.deployments import DeploymentStep
from hived.wire.errors import HiveError, InvalidProposal
from hived.workspace.plain_files import opened_folder, read_below


class BuildFailed(Exception):
    """`reason` is one sentence."""

    def __init__(self, step: DeploymentStep, reason: str) -> None:
        super().__init__(reason)
        self.step = step
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Built:
    commit: str
    request: SpawnRequest
    """What the agent is, with this commit."""
    model: str | None
    """The one that was asked for; None keeps the one that is set."""


async def build(hive: Hive, row: Row, agent: Row) -> Built:
    """Build what the deployment `row` is of. Raises BuildFailed; OSError where the machine cannot do it."""
    paths = hive.paths.agent(agent["name"])
    asked_by_agent = await hive.database.read(lambda conn: _asked_by_agent(conn, row))
    try:
        async with hive.gate(agent["id"]).writing():
            commit, files = await to_its_end(partial(_commit, paths, row, agent, asked_by_agent))
        if commit != row["commit_sha"] and row["kind"] not in FIRST_KINDS:  # theirs is written with their start
            await hive.database.write(lambda tx: made_commit(tx, row["id"], commit))
        spec = applied.spec_of(commit, files)
        request = agent_toml.applied_to(spec_of(agent), spec, agent["runtime"])
        await _check(paths, row, request, files)
        if request.runtime is not None:
            await hive.runtimes.check(request.runtime)
        await to_its_end(partial(_write_out, paths, row, commit, files))
    except agent_toml.BadAgentToml as error:
        raise BuildFailed("validate", error.reason) from None
    except InvalidProposal as error:
        raise BuildFailed("validate", str(error.detail.get("reason") or error.message)) from None
    except HiveError as error:
        raise BuildFailed("validate", error.message) from None
    except GitFailed as error:
        raise BuildFailed("validate", f"its commit cannot be read: {error.reason}") from None
    reach("hived_validated")
    if request.setup:
        await _set_up(hive, paths, row, agent, request, commit)
        reach("hived_set_up")
    return Built(commit, request, _model_of(row, agent, request))


# The commit ------------------------------------------------------------------------------------------------------------


def _asked_by_agent(conn: Connection, row: Row) -> bool:
    approval = None if row["approval_id"] is None else select_approval(conn, row["approval_id"])
    return approval is not None and approval["requester_id"] is not None


def _commit(paths: AgentPaths, row: Row, agent: Row, asked_by_agent: bool) -> tuple[str, Files]:
    """The commit that the deployment is of, and what it holds. Blocking."""
    request = spec_of(agent)
    first = ensure_first(paths, agent, row["created_at"], asked_by_agent=asked_by_agent)
    commit = row["commit_sha"]
    if commit is None:
        commit = agent["commit_sha"] or agent["good_sha"] or first
        if row["change_json"] is not None:
            commit = _changed(paths, row, agent, request, commit)
    applied.begin(paths, row["id"], commit, row["approval_id"] if row["kind"] == "apply" else None)
    return commit, applied.files_of(paths, commit)


def ensure_first(paths: AgentPaths, agent: Row, at: str, *, asked_by_agent: bool = False) -> str:
    """The agent's repositories, made of what it is asked to be where they are missing; its first commit. Blocking.

    `asked_by_agent`: no file of this machine that it names is read. Raises OSError, GitFailed, BadAgentToml, HiveError.
    """
    repo = applied.repository(paths)
    first = repo.ref(applied.FIRST) if repo.exists else None
    if first is None:
        request = spec_of(agent)
        if asked_by_agent:
            agent_toml.check_prompt(request.prompt)
        first = applied.make(paths, first_files(request), f"{request.name}, as it was asked for", at)
    applied.make_proposed(paths, first)
    return first


def first_files(request: SpawnRequest) -> Files:
    """What an agent's config begins as: agent.toml, its template's files, and a prompt that lay elsewhere."""
    files = {path: File(text.encode("utf-8", "replace")) for path, text in request.files.items()}
    spec = AgentSpec(**{key: getattr(request, key) for key in AgentSpec.model_fields})
    if spec.prompt is not None and os.path.isabs(spec.prompt):
        name = agent_toml.prompt_name(spec.prompt)
        files[name] = File(_outside(spec.prompt))
        spec = spec.model_copy(update={"prompt": name})
    files[agent_toml.AGENT_TOML] = File(
        agent_toml.render(spec, f"{request.name}: {request.reason or 'an agent'}").encode()
    )
    return files


def _outside(path: str) -> bytes:
    """A prompt that the operator named by its path: in the config it stays as it was."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = file.read(MOST_PROMPT_BYTES + 1)
    except OSError as error:
        raise agent_toml.BadAgentToml(f"prompt: {path} cannot be read: {error.strerror}.") from None
    if len(found) > MOST_PROMPT_BYTES:
        raise agent_toml.BadAgentToml(f"prompt: {path} has more than {MOST_PROMPT_BYTES} bytes.")
    return found


def _changed(paths: AgentPaths, row: Row, agent: Row, request: SpawnRequest, parent: str) -> str:
    """The commit that a rebuild makes on top of what runs; that itself where nothing is different."""
    new = merged(agent, Rebuild.model_validate_json(row["change_json"]))
    before, after = (
        AgentSpec(**{key: getattr(spec, key) for key in AgentSpec.model_fields}) for spec in (request, new)
    )
    if before == after:
        return parent
    changed = [key for key in AgentSpec.model_fields if getattr(before, key) != getattr(after, key)]
    files = dict(applied.files_of(paths, parent))
    files[agent_toml.AGENT_TOML] = File(agent_toml.render(after, f"{request.name}: rebuilt").encode())
    who = Actor.model_validate_json(row["actor_json"]).who
    return applied.commit_on(paths, parent, files, f"Rebuilt by {who}: {', '.join(changed)}", row["created_at"])


def _write_out(paths: AgentPaths, row: Row, commit: str, files: Files) -> None:
    """The build is read-only and whole, or not there. A spawn's reaches the disk when it is deployed: nobody waits for that."""
    worktree.build(paths.builds, commit, files, durable=row["kind"] not in FIRST_KINDS)


# Checks ------------------------------------------------------------------------------------------------------------------


async def _check(paths: AgentPaths, row: Row, request: SpawnRequest, files: Files) -> None:
    """Raises HiveError, BadAgentToml. Of a spawn all this was looked at before it was asked, and its harness looks again."""
    check_engine(request)
    budgets.check_spec(request)
    rules.check_spec(request)
    if request.prompt is not None and request.prompt not in files and row["kind"] not in FIRST_KINDS:
        await asyncio.to_thread(_look_for_prompt, paths, request.prompt)
    if row["kind"] not in FIRST_KINDS:
        problem = await ask_agentd("check", given=request.model_dump_json().encode())
        if isinstance(problem, dict):
            raise BuildFailed("validate", one_line(str(problem.get("message")), 600))


def _look_for_prompt(paths: AgentPaths, prompt: str) -> None:
    """A prompt that no file of the commit is may lie in the workspace."""
    *levels, name = prompt.split("/")
    try:
        with opened_folder(paths.workspace, *levels) as folder:
            if read_below(folder, name, MOST_PROMPT_BYTES) is not None:
                return
    except OSError:
        pass
    raise agent_toml.BadAgentToml(f"agent.toml: prompt: there is no file {one_line(prompt, 80)!r} in its config.")


def _model_of(row: Row, agent: Row, request: SpawnRequest) -> str | None:
    """A model that the operator set while it ran stands until a config names another one than the config before it."""
    if row["change_json"] is not None:
        return Rebuild.model_validate_json(row["change_json"]).model
    return request.model if request.model != spec_of(agent).model else None


# Setup -------------------------------------------------------------------------------------------------------------------


async def _set_up(hive: Hive, paths: AgentPaths, row: Row, agent: Row, request: SpawnRequest, commit: str) -> None:
    await hive.database.write(lambda tx: note_setup(tx, row))
    seen = await hive.database.read(lambda conn: supervised_one(conn, agent["id"]))
    if seen is None:
        raise BuildFailed("setup", "it was destroyed meanwhile.")
    as_built: Supervised = replace(seen, request=request, runtime=request.runtime or seen.runtime, commit=commit)
    log = ""
    try:
        log = await run_setup(hive, paths, as_built)
    except SetupFailed as error:
        log = error.log
        raise BuildFailed("setup", error.reason) from None
    except HiveError as error:
        raise BuildFailed("setup", error.message) from None
    finally:
        await hive.database.write(lambda tx: keep_log(tx, row["id"], log))
