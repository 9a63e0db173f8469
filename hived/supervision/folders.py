"""What a harness finds when it starts: its folders, its workspace, its settings, and its launch file. Everything blocks."""

import os
from pathlib import Path

from hived.config import Config
from hived.core.agents import Supervised
from hived.core.conditions import resumes_by_itself
from hived.paths import AgentPaths, HivePaths
from hived.wire.launch import Launch
from hived.wire.protocol import PROTOCOL
from hived.workspace.clones import make_workspace, origin_objects
from hived.workspace.folders import private_folder
from hived.workspace.lines import write_line
from hived.workspace.ownership import engine_uid, give, share

UNWALLED = "process"
"""In it an engine is hived's own user."""


def prepare(agent: Supervised, paths: AgentPaths, hive: HivePaths) -> None:
    """Make what is missing; what is there is left as it is. Raises InvalidRepo, OSError."""
    for folder in (paths.root, paths.harness, paths.state, paths.home):
        private_folder(folder)
    private_folder(paths.io)
    make_workspace(agent.name, agent.request.repo, paths.workspace, data=hive.data)
    settings = (
        (paths.model_file, agent.model),
        (paths.effort_file, agent.effort),
        (paths.permission_mode_file, agent.permission_mode),
    )
    for file, value in settings:
        if value is not None and not file.exists():
            write_line(file, value)
    _hand_over(agent, paths, hive)


def _hand_over(agent: Supervised, paths: AgentPaths, hive: HivePaths) -> None:
    """hived as root: an agent behind walls owns what it may write, and can read what is shown to it. Raises OSError."""
    uid = engine_uid(agent.id, agent.request.role)
    if uid is None:
        return
    walled = agent.runtime != UNWALLED
    for folder in (paths.workspace, paths.state, paths.home, paths.io):
        give(folder, uid if walled else os.geteuid())
    if walled and agent.request.role == "queen":
        private_folder(hive.proposed)
        share(hive.proposed, uid)
        share(hive.meta)
    elif walled:
        share(paths.proposed)


def write_launch(agent: Supervised, generation: int, paths: AgentPaths, hive: HivePaths, config: Config) -> None:
    """Write the launch file of that generation. Raises OSError, InvalidRepo where the origin of its clone is gone."""
    launch = launch_of(agent, generation, paths, hive, config)
    write_private(paths.launch_file, launch.model_dump_json(indent=1) + "\n")


def prove_seconds(agent: Supervised, config: Config) -> float | None:
    """How long its engine may take to come up at this start. Only a deployment asks for that, and nothing runs in a pause."""
    return config.prove_seconds if agent.on_trial and not agent.paused and config.prove_seconds > 0 else None


def launched_to_prove(paths: AgentPaths) -> float | None:
    """The same of the harness that was started last, as it was told. Blocking."""
    try:
        return Launch.model_validate_json(paths.launch_file.read_bytes()).prove_seconds
    except (OSError, ValueError):
        return None


def launch_of(agent: Supervised, generation: int, paths: AgentPaths, hive: HivePaths, config: Config) -> Launch:
    """What a harness of that generation is told; its setup is told the same. Raises InvalidRepo, OSError."""
    repo, queen = agent.request.repo, agent.request.role == "queen"
    return Launch(
        protocol=PROTOCOL,
        agent_id=agent.id,
        name=agent.name,
        generation=generation,
        spec=agent.request,
        runtime=agent.runtime,
        harness=str(paths.harness),
        state=str(paths.state),
        home=str(paths.home),
        workspace=str(paths.workspace),
        origin_objects=[] if repo is None else [str(folder) for folder in origin_objects(repo)],
        agent_socket=str(paths.socket),
        io=str(paths.io),
        tools_socket=str(paths.tools_socket),
        model_socket=str(paths.model_socket),
        proxy_socket=str(paths.proxy_socket),
        config=None if agent.commit is None else str(paths.builds / agent.commit),
        commit=agent.commit,
        proposed=str(hive.proposed if queen else paths.proposed),
        meta=str(hive.meta) if queen else None,
        hidden=[str(folder) for folder in dict.fromkeys((hive.config, hive.data, hive.run))],
        engine_uid=None if agent.runtime == UNWALLED else engine_uid(agent.id, agent.request.role),
        prove_seconds=prove_seconds(agent, config),
        rate_limit_resume=resumes_by_itself(agent.request, config.rate_limit_resume),
        prices=config.prices,
        model_file=str(paths.model_file),
        events_db=str(paths.events_db),
        secrets_file=str(hive.secrets_file),
    )


def write_private(path: Path, text: str) -> None:
    """Atomically, 0600."""
    scratch = path.with_name(path.name + ".new")
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(scratch, path)
