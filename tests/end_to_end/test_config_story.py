"""An agent's config from its first commit to a rollback, told over the command line; and the same for a queen who proposes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.configs import Config, git
from tests.support.deploying import HELLO, QUICK, until_settled
from tests.support.hive import LiveHive, live_hive, wait_until
from tests.support.living import SECONDS, command, living, scripted, send, waiting
from tests.support.tools import missing

BOUNDS = QUICK + "setup_seconds = 20.0\n"


class Operator:
    """Types `hive …`."""

    def __init__(self, hive: LiveHive) -> None:
        self.hive = hive

    def __call__(self, *words: str, code: int = 0) -> str:
        """What it prints; on an error what it complains of."""
        done = command(self.hive, *words)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))

    def until_ended(self, name: str) -> dict[str, Any]:
        """The newest deployment of that agent, once it has ended."""

        def newest() -> dict[str, Any] | None:
            found: dict[str, Any] = self.hive.get(f"/v1/deployments?agent={name}&limit=1")[1]["deployments"][0]
            return found if found["ended_at"] is not None else None

        found: dict[str, Any] = wait_until(newest, f"the end of {name}'s deployment", SECONDS)
        return found


def test_a_config_is_proposed_read_approved_deployed_broken_taken_back_and_rolled_back(tmp_path: Path) -> None:
    with live_hive(start=False) as hive:
        (hive.home / "hive.toml").write_text(BOUNDS)
        hive.start()
        operator = Operator(hive)
        scenario = hive.home / "scenario.toml"
        scenario.write_text(HELLO)

        assert "scout is online" in operator(
            "spawn", "scout", "--engine", "scripted", "--scenario", str(scenario), "--yes"
        )
        until_settled(hive, "scout")
        first = hive.agent("scout")["commit"]
        assert "runs it already" in operator("propose", "scout", code=1)

        clone = Config(hive.paths, "scout").clone(tmp_path / "clone")
        text = clone.read("agent.toml")
        good = clone.commit(
            {
                "agent.toml": text.replace(
                    'engine = "scripted"\n', 'engine = "scripted"\nsetup = ["echo tools are here"]\n'
                )
            },
            "Install the tools",
        )
        assert "commit_not_found" in operator("propose", "scout", good, code=4), "it is in the clone alone"
        assert "not_a_commit" in operator("propose", "scout", "main", code=2)
        asked = operator.json("propose", "scout", good, "--from", str(clone.folder), "--reason", "it needs them")
        shown = operator("approvals", asked["id"])
        assert "CAREFUL     new setup: echo tools are here" in shown
        assert "setup runs  echo tools are here" in shown
        assert good in shown
        diff = operator("diff", asked["id"])
        assert diff.startswith(f"scout: {good[:12]} against {first[:12]} (deployed ")
        assert '\n+setup = ["echo tools are here"]\n' in diff
        assert "changed  +1 -0  agent.toml" in operator("diff", asked["id"], "--stat", "--base", "approved")
        assert [item["kind"] for item in waiting(hive)] == ["apply_commit"]

        assert "It is built and started now: hive deployments scout" in operator("approve", asked["id"])
        assert operator.until_ended("scout")["status"] == "deployed"
        assert hive.agent("scout")["commit"] == good
        deployed = operator.json("deployments", "scout")["deployments"][0]
        assert "tools are here" in operator("deployments", deployed["id"])

        broken = clone.commit(
            {"agent.toml": clone.read("agent.toml").replace("echo tools are here", "false")}, "Break it"
        )
        asked = operator.json("propose", "scout", "--from", str(clone.folder))
        assert asked["payload"]["commit"] == broken
        operator("approve", asked["id"])
        ended = operator.until_ended("scout")
        assert (ended["status"], ended["step"], ended["commit"]) == ("failed", "setup", broken)
        until_settled(hive, "scout")
        assert hive.agent("scout")["commit"] == good, "it was taken back by itself"
        assert "failure" in operator("approvals", asked["id"])

        assert f"scout: runs {first[:12]}." in operator("rollback", "scout", "--note", "tools are gone")
        assert hive.agent("scout")["commit"] == first
        assert "nothing_to_roll_back" in operator("rollback", "scout", "--yes", code=5)
        assert f"scout: runs {good[:12]}." in operator("rollback", "scout", "--to", deployed["id"], "--yes")

        kinds = [(one["kind"], one["status"]) for one in operator.json("deployments", "scout")["deployments"]]
        assert kinds == [
            ("rollback", "deployed"),
            ("rollback", "deployed"),
            ("apply", "failed"),
            ("apply", "deployed"),
            ("spawn", "deployed"),
        ]
        table = operator("deployments")
        assert "failed at setup" in table
        assert "tools are gone" in table
        trail = operator("deployments", "scout", "--log")
        assert trail.count("\n    scout: ") == 4
        assert f"scout: rollback of {good[:12]} by operator" in trail


QUEEN = """
[[turn]]
match = "another prompt"
steps = [
  {{ shell = "cd {repo} && echo 'Be brief.' > prompt.md && git add --all && git -c user.name=q -c user.email=q@hive commit -q -m 'Be brief'" }},
  {{ propose = {{ agent = "worker", repo = "{repo}", reason = "it talks too much" }} }},
  {{ say = "proposed" }},
]
[[turn]]
repeat = true
steps = [ {{ reply_all = "thank you" }}, {{ say = "heard" }} ]
"""


def told(hive: LiveHive, name: str) -> list[str]:
    """What hived has written to that agent, oldest first."""
    found = hive.get("/v1/messages?limit=200")[1]["messages"]
    return [message["body"] for message in found if (message["sender"], message["recipient"]) == ("hived", name)]


@pytest.mark.parametrize("runtime", ["process", "bwrap"])
def test_a_queen_changes_a_workers_config_in_its_repository_proposes_the_commit_and_is_told_how_it_ends(
    runtime: str,
) -> None:
    if runtime == "bwrap" and shutil.which("bwrap") is None:
        missing("bubblewrap is not on this machine")
    with living(HELLO, BOUNDS) as hive:
        until_settled(hive)
        config = Config(hive.paths, "worker")
        scripted(hive, QUEEN.format(repo=config.folder), "queen", role="queen", runtime=runtime)
        until_settled(hive, "queen")
        send(hive, "another prompt, please", "queen")
        [item] = wait_until(lambda: waiting(hive, "apply_commit"), "her proposal", SECONDS)
        commit = hive.get(f"/v1/approvals/{item['id']}")[1]["payload"]["commit"]
        assert item["agent"] == "queen"
        assert item["subject"] == f"config {commit[:12]} of worker (1 file): it talks too much"
        approval = hive.get(f"/v1/approvals/{item['id']}")[1]
        assert (approval["requester"], approval["payload"]["summary"]) == ("queen", "Be brief")
        operator = Operator(hive)
        assert "+Be brief." in operator("diff", item["id"])
        operator("approve", item["id"], "--note", "good")
        assert operator.until_ended("worker")["status"] == "deployed"
        assert git(hive.paths.agent("worker").applied, "rev-parse", "main") == commit
        heard = wait_until(
            lambda: [words for words in told(hive, "queen") if commit[:12] in words and "deployed" in words or "runs a new" in words],
            "the news of its end",
            SECONDS,
        )  # fmt: skip
        assert heard
        assert any("was approved by operator" in words and "Note: good" in words for words in told(hive, "queen"))
