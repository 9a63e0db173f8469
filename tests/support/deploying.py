"""Configs proposed, approved and deployed on a real hive, as an operator's script does it.

commit = change(hive, setup=["make"])
deployment = deploy(hive, commit)
"""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

from hived.deploy.agent_toml import render
from hived.wire.agents import AgentSpec
from tests.support.configs import Config, git
from tests.support.hive import LiveHive, call, wait_until
from tests.support.living import SECONDS, WORKER

HELLO = '[[turn]]\nrepeat = true\nsteps = [ { say = "hello" } ]\n'
QUICK = "healthy_seconds = 0.2\n"
"""hive.toml: nothing here is about how long a deployment is watched."""
ENDED = ("deployed", "failed", "superseded")


def config_of(hive: LiveHive, name: str = WORKER) -> Config:
    return Config(hive.paths, name)


def spec_now(hive: LiveHive, name: str = WORKER) -> dict[str, Any]:
    """What its agent.toml in config/ says."""
    return tomllib.loads(config_of(hive, name).read("agent.toml"))


def change(
    hive: LiveHive,
    name: str = WORKER,
    files: dict[str, str | None] | None = None,
    words: str = "another config",
    **keys: Any,
) -> str:
    """Commit these keys of its agent.toml (None: without it), and these files; the commit."""
    said = {key: value for key, value in {**spec_now(hive, name), **keys}.items() if value is not None}
    written = render(AgentSpec.model_validate(said))
    return config_of(hive, name).commit({"agent.toml": written, **(files or {})}, words)


def propose(hive: LiveHive, commit: str, name: str = WORKER) -> dict[str, Any]:
    status, asked = hive.post("/v1/proposals", {"agent": name, "commit": commit})
    assert status == 202, asked
    found: dict[str, Any] = asked
    return found


def approve(hive: LiveHive, approval: str) -> None:
    status, answer = hive.post(f"/v1/approvals/{approval}/approve", {})
    assert status == 200, answer


def ask(hive: LiveHive, commit: str, name: str = WORKER) -> str:
    """Propose it and approve it; the approval's id."""
    asked = propose(hive, commit, name)
    approve(hive, asked["id"])
    found: str = asked["id"]
    return found


def deploy(hive: LiveHive, commit: str, name: str = WORKER) -> dict[str, Any]:
    """Propose it, approve it, and wait until its deployment has ended; that."""
    return until_ended(hive, ask(hive, commit, name))


def of_approval(hive: LiveHive, approval: str) -> dict[str, Any]:
    found = [one for one in deployments(hive) if one["approval"] == approval]
    assert len(found) == 1, found
    return found[0]


def until_ended(hive: LiveHive, approval: str) -> dict[str, Any]:
    """The deployment of that approval, once it has ended, with its log."""
    wait_until(lambda: of_approval(hive, approval)["status"] in ENDED, "the end of its deployment", SECONDS)
    found: dict[str, Any] = hive.get(f"/v1/deployments/{of_approval(hive, approval)['id']}")[1]
    return found


def until_settled(hive: LiveHive, name: str = WORKER) -> dict[str, Any]:
    """Wait until no deployment of it is open, and it is connected; the newest one."""
    wait_until(
        lambda: all(one["status"] in ENDED for one in deployments(hive, name)) and hive.agent(name)["online"],
        f"the end of every deployment of {name}",
        SECONDS,
    )
    return deployments(hive, name)[0]


def deployments(hive: LiveHive, name: str | None = None) -> list[dict[str, Any]]:
    """Newest first."""
    status, answer = hive.get(f"/v1/deployments{f'?agent={name}' if name else ''}")
    assert status == 200, answer
    found: list[dict[str, Any]] = answer["deployments"]
    return found


def rollback(hive: LiveHive, name: str = WORKER, to: str | None = None) -> tuple[int, Any]:
    return call(
        hive.paths.host_socket, "POST", f"/v1/agents/{name}/rollback", {} if to is None else {"to": to}, timeout=60
    )


def meta_log(hive: LiveHive) -> list[str]:
    """The subjects of meta's commits, newest first."""
    return git(hive.paths.meta, "log", "--format=%s").splitlines()


def lock(hive: LiveHive) -> dict[str, Any]:
    """hive.lock, as meta's newest commit has it."""
    return tomllib.loads(git(hive.paths.meta, "show", "HEAD:hive.lock"))


def tag_words(hive: LiveHive, tag: str, name: str = WORKER) -> str:
    """What an annotated tag in applied/ says."""
    return git(hive.paths.agent(name).applied, "tag", "-l", "--format=%(contents)", tag)


def until_tagged(hive: LiveHive, tag: str, name: str = WORKER) -> None:
    wait_until(lambda: tag in config_of(hive, name).applied_tags(), f"the tag {tag}", SECONDS)


def processes_with(words: str) -> list[int]:
    """The pids of processes whose command line has these words."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if words in line:
                found.append(int(entry.name))
    return found


def check_repository(folder: Path) -> None:
    """git finds nothing wrong with it, and nothing changed in it."""
    done = subprocess.run(
        ["git", "fsck", "--strict", "--no-dangling"], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr.strip()) == (0, ""), done
    assert git(folder, "status", "--porcelain") == ""
