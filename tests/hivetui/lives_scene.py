"""The scene's hive with all that can happen in agents' lives: paused and parked ones, tombstones, deployments, a config asked for."""

from typing import Any

from hived.wire.agents import (
    AgentDetail,
    AgentView,
    Condition,
    Lifecycle,
    LifecycleChange,
    SpawnRequest,
    TurnState,
)
from hived.wire.approvals import Actor, Approval, WaitingItem
from hived.wire.deployments import Deployment, DeploymentDetail, Diff, DiffFile
from hived.wire.snapshot import Snapshot
from hived.wire.tombstones import OpenItems, PurgePlan, Tombstone
from hived.wire.work import WorkState
from tests.hivetui import scene
from tests.hivetui.scene import agent, ago, ident

YOU = Actor(who="operator", uid=1000, pid=4301, client="hivetui", socket="host")
QUEEN = Actor(who="queen", socket="agent")
SHA = {
    "now": "3f9c2e1ab47d50c6e8f19a2b3c4d5e6f70819a2b",
    "before": "a81d04c7e2f3b5968c7d1e0f2a3b4c5d6e7f8091",
    "next": "7be40d92f1c3a5b6d8e9f0a1b2c3d4e5f6071829",
    "old": "c0ffee12d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708",
}
APPLY, REVIVE = ident(160), ident(161)


def work(**given: Any) -> WorkState:
    known = {
        "looked_at": ago(40),
        "branch": "hive/alice",
        "head": SHA["next"],
        "base": SHA["old"],
        "origin_branch": "main",
    }
    return WorkState(**{**known, **given})


def agents() -> list[AgentView]:
    """Some of the scene's, walled and of config commits, in every state that a life has."""
    unsandboxed = [Condition(kind="unsandboxed", since=ago(8000), detail="the runtime process has no walls")]
    found = {view.name: view for view in scene.agents()}
    lives: dict[str, dict[str, Any]] = {
        "queen": {"commit": SHA["now"], "runtime": "bwrap"},
        "alice": {
            "commit": SHA["now"], "runtime": "bwrap", "repo": "/home/ann/work/api",
            "work": work(commits=2, changed=3, merged=False),
        },
        "bob": {
            "runtime": "process", "conditions": unsandboxed, "repo": "/home/ann/work/api", "commit": SHA["before"],
            "lifecycle": Lifecycle(state="paused", since=ago(64), cause="operator paused it"), "paused": True, "wanted": "paused",
            "work": work(branch="hive/bob", changed=1),
        },
        "carol": {
            "runtime": "bwrap", "commit": SHA["now"], "online": False, "waiting": 1,
            "lifecycle": Lifecycle(
                state="parked", since=ago(710),
                cause="its harness was to run, but it exited with code 1, 3 times within 60 s: ModuleNotFoundError: No module named 'lint'",
            ),
        },
        "dave": {"runtime": "bwrap", "commit": SHA["before"], "deploying": ident(501)},
        "erin": {
            "runtime": "bwrap", "commit": SHA["now"], "conditions": [], "waiting": 0, "unread": 0, "online": False,
            "lifecycle": Lifecycle(state="stopped", since=ago(5400), cause="it is wanted stopped, and it ended"),
            "wanted": "stopped",
        },
        "fay": {"runtime": "process", "conditions": unsandboxed, "paused": True, "wanted": "paused"},
    }  # fmt: skip
    listed = [view.model_copy(update=lives[name]) for name, view in found.items()]
    listed.append(
        agent(
            8, "scout", runtime="bwrap", model="haiku", online=False, deploying=ident(500), turn=TurnState(state="unknown", since=ago(14)),
            lifecycle=Lifecycle(state="requested", since=ago(14), cause="its spawn was approved by operator"),
        )
    )  # fmt: skip
    return listed


def tombstone(number: int, name: str, buried: float, **given: Any) -> Tombstone:
    known: dict[str, Any] = {
        "id": ident(number), "name": name, "role": "worker", "engine": "claude", "model": "sonnet", "runtime": "bwrap",
        "parent": "queen", "created_at": ago(buried + 86_400 * 2), "buried_at": ago(buried), "buried_by": YOU,
        "cause": "it was destroyed by operator", "turns": 31, "usd": 4.02, "commit": SHA["old"], "session_id": "8f1c2d3e",
    }  # fmt: skip
    return Tombstone(**{**known, **given})


def tombstones() -> list[Tombstone]:
    return [
        tombstone(
            21, "gus", 86_400 * 3, bytes=4_130_000,
            sizes={"journal": 1_210_000, "state": 9_300, "home": 640_000, "work": 2_200_000, "logs": 61_000, "config": 9_700},
            last_words="The retry loop is in place, and the two tests that were red are green. I left the third commit "
            "unpushed: [bold]somebody[/bold] should look at the back-off first.",
            last_words_at=ago(86_400 * 3 + 320), open=OpenItems(messages=2, questions=1, spawned=["hana"]),
            work=work(branch="hive/gus", commits=2, changed=1, merged=False),
        ),
        tombstone(
            22, "hana", 86_400 * 9, bytes=812_000, model="opus", turns=6, usd=0.61,
            sizes={"journal": 430_000, "state": 2_100, "home": 371_000, "logs": 8_900}, last_words="Nothing is left to do here.",
            last_words_at=ago(86_400 * 9 + 60), work=work(branch="hive/hana", merged=True),
        ),
        tombstone(
            23, "ivo", 3_700, bytes=61_000, engine="command", model="default", runtime="process", turns=1, usd=None,
            sizes={"journal": 48_000, "logs": 13_000}, session_id=None, commit=None, cause="it was destroyed by operator: no longer needed",
            reviving=REVIVE,
        ),
    ]  # fmt: skip


def plan() -> PurgePlan:
    gus = tombstones()[0]
    return PurgePlan(
        name="gus", id=gus.id, bytes=gus.bytes, sizes=gus.sizes, work=gus.work,
        goes=[
            "/home/ann/.hive/agents/gus: journal, notes, home, clone and logs, 4.1 MB",
            "/home/ann/.hive/config/gus and applied/gus: 14 commits of config",
            "2 messages that wait for it, and 61 older ones",
            "1 question", "1 rule: allow Bash pytest -q *",
        ],
        stays=[
            "9 decisions, without what was asked",
            "4 deployments, and what meta/ says of them",
            "the audit, and the messages that were read",
        ],
        stopped_by="work that is nowhere else: 2 commits and 1 changed file",
    )  # fmt: skip


def deployment(number: int, name: str, age: float, **given: Any) -> Deployment:
    known: dict[str, Any] = {
        "id": ident(number), "agent": name, "agent_id": ident(5), "kind": "apply", "status": "deployed", "commit": SHA["now"],
        "base": SHA["before"], "by": YOU, "engine": "claude", "model": "sonnet", "runtime": "bwrap", "created_at": ago(age),
        "started_at": ago(age - 1), "ended_at": ago(age - 14),
    }  # fmt: skip
    return Deployment(**{**known, **given})


FAILED = ident(499)


def deployments() -> list[Deployment]:
    of = {view.name: view.id for view in agents()}
    return [
        deployment(
            501, "dave", 26, agent_id=of["dave"], status="checking", commit=SHA["next"], engine="acp", model="gemini-2.5-pro",
            ended_at=None, approval=ident(162),
        ),
        deployment(
            500, "scout", 13, agent_id=of["scout"], kind="spawn", status="building", commit=SHA["old"], base=None, model="haiku",
            ended_at=None,
        ),
        deployment(
            499, "carol", 760, agent_id=of["carol"], status="failed", step="health", commit=SHA["next"], base=SHA["now"], model="haiku", by=QUEEN,
            reason="it ended within 5 s of its start, with exit code 1: ModuleNotFoundError: No module named 'lint'",
            note="lint runs before every commit now",
        ),
        deployment(498, "alice", 7300, agent_id=of["alice"], note="more room: max_turns 40"),
        deployment(497, "bob", 9400, agent_id=of["bob"], kind="rebuild", commit=SHA["before"], base=SHA["old"]),
        deployment(496, "alice", 86_400 * 2, agent_id=of["alice"], commit=SHA["before"], base=SHA["old"]),
        deployment(
            495, "carol", 86_400 * 2 + 300, agent_id=of["carol"], commit=SHA["now"], model="haiku",
        ),
        deployment(
            494, "alice", 86_400 * 4, agent_id=of["alice"], status="superseded", commit=SHA["old"], base=SHA["old"], by=QUEEN,
            reason="a newer one was approved before it began",
        ),
        deployment(493, "alice", 86_400 * 5, agent_id=of["alice"], kind="spawn", commit=SHA["old"], base=None),
    ]  # fmt: skip


def deployment_log(id: str) -> DeploymentDetail:
    found = next(one for one in deployments() if one.id == id)
    log = (
        "$ uv sync --frozen\nResolved 41 packages in 210ms\nInstalled 41 packages in 1.31s\n$ make hooks\n"
        "pre-commit installed at .git/hooks/pre-commit\n"
    )
    return DeploymentDetail(**found.model_dump(), log=log)


CONFIG_DIFF = """\
diff --git a/agent.toml b/agent.toml
index 4f1c2d3..8a9b0c1 100644
--- a/agent.toml
+++ b/agent.toml
@@ -1,9 +1,12 @@
 engine = "claude"
-model = "haiku"
+model = "sonnet"
 role = "worker"
 prompt = "prompt.md"
 runtime = "bwrap"
-setup = ["uv sync --frozen"]
+network = true
+setup = ["uv sync --frozen", "make hooks"]
 can_message = ["queen", "alice"]
 ~
 [limits]
-usd_per_day = 2.0
+usd_per_day = 5.0
+turns_per_hour = 40
diff --git a/prompt.md b/prompt.md
index 1234567..89abcde 100644
--- a/prompt.md
+++ b/prompt.md
@@ -3,7 +3,8 @@
 You keep the linter green.
 ~
 - Read the report before you change anything.
-- Fix one rule at a time, and say which in the commit.
+- Fix one rule at a time, and name it in the subject of the commit.
+- Run `make lint` before each commit. \x1b[31m[red]Never[/red] skip it.
 - Ask alice where a fix would change an interface.
 ~
 Your notes are in state/notes.md.
diff --git a/hooks/pre-commit b/hooks/pre-commit
new file mode 100755
index 0000000..e69de29
--- /dev/null
+++ b/hooks/pre-commit
@@ -0,0 +1,3 @@
+#!/bin/sh
+set -e
+make lint
""".replace(" ~\n", " \n")  # no line of this file ends in a blank


def diff(base: Any = "running") -> Diff:
    titles = {
        "running": "deployed 2 d ago by operator",
        "approved": "approved 2 d ago by operator",
        "queued": "nothing: nothing was proposed before",
    }
    return Diff(
        id=APPLY, agent="carol", base=base, base_commit=SHA["now"], base_title=titles[base], commit=SHA["next"],
        files=[
            DiffFile(path="agent.toml", status="changed", added=5, removed=3),
            DiffFile(path="prompt.md", status="changed", added=2, removed=1),
            DiffFile(path="hooks/pre-commit", status="added", added=3, removed=0),
        ],
        text=CONFIG_DIFF,
    )  # fmt: skip


def approvals() -> list[Approval]:
    request = {
        "name": "ivo", "engine": "command", "role": "worker", "runtime": "process", "parent": "queen",
        "engine_options": {"command": ["cat"]}, "revive": ident(23),
        "changed": [
            "config: 2 commits of its config since, not applied",
            "repo: main of /home/ann/work/api is 14 commits further",
            "messages: 2 wait for it, the oldest 1 h old",
        ],
    }  # fmt: skip
    proposal = {
        "agent": "carol", "agent_id": ident(4), "commit": SHA["next"], "base": SHA["now"],
        "summary": "Run the linter before every commit, on a bigger model",
        "reason": "carol's fixes were sent back twice because the hook was missing.",
        "files": ["agent.toml", "prompt.md", "hooks/pre-commit"], "added": 10, "removed": 4,
        "setup": ["uv sync --frozen", "make hooks"],
        "flags": ["network", "new setup: make hooks", "another limit: usd_per_day 2.0 → 5.0"],
    }  # fmt: skip
    return [
        *scene.approvals()[1:],
        Approval(
            id=APPLY, kind="apply_commit", status="pending", requester="queen", created_at=ago(245), payload=proposal,
            subject="config 7be40d92f1c3 of carol (3 files, 2 setup commands; CAREFUL: network, new setup, another limit): carol's fixes were sent back twice because the hook was missing.",
        ),
        Approval(
            id=REVIVE, kind="spawn", status="pending", requester="operator", created_at=ago(30), payload=request,
            subject="revive ivo (worker, command), destroyed a short while ago: messages: 2 wait for it, the oldest 1 h old",
        ),
    ]  # fmt: skip


def waiting() -> list[WaitingItem]:
    return [
        WaitingItem(id=one.id, kind=one.kind, agent=one.requester if one.requester != "operator" else None, subject=one.subject,
                    since=one.created_at, blocks=one.kind == "tool_use")
        for one in approvals()
    ] + [
        WaitingItem(id=ident(4), kind="parked", agent="carol", since=ago(710),
                    subject="carol is parked: its harness was to run, but it exited with code 1, 3 times within 60 s"),
    ]  # fmt: skip


def snapshot() -> Snapshot:
    return scene.snapshot().model_copy(
        update={
            "agents": agents(), "approvals": approvals(), "waiting": waiting(), "tombstones": tombstones(),
            "deployments": deployments(), "messages": [],
        }
    )  # fmt: skip


def detail(name: str) -> AgentDetail:
    view = next(view for view in agents() if view.name == name)
    steps = [
        ("requested", 8600, "its spawn was approved by operator", None),
        ("starting", 8598, "its harness is started, generation 1", 4711),
        ("running", 8597, "its harness is connected", 4711),
        ("crashed", 722, "its harness was to run, but it exited with code 1", 4711),
        ("starting", 720, "its harness is started, generation 2", 5120),
        ("crashed", 716, "its harness was to run, but it exited with code 1", 5120),
        ("starting", 714, "its harness is started, generation 3", 5133),
        ("parked", 710, view.lifecycle.cause, None),
    ] if view.lifecycle.state == "parked" else [
        ("requested", 8600, "its spawn was approved by operator", None),
        ("starting", 8598, "its harness is started, generation 1", 4711),
        ("running", 8597, "its harness is connected", 4711),
        *([("paused", 64, "operator paused it", 4711)] if view.paused else []),
    ]  # fmt: skip
    history = [
        LifecycleChange(at=ago(seconds), state=state, cause=cause, generation=at // 2 + 1, pid=pid)  # type: ignore[arg-type]
        for at, (state, seconds, cause, pid) in enumerate(steps)
    ]
    spec = SpawnRequest(name=name, engine=view.engine, model=view.model, allow_hosts=["pypi.org"])
    pid = 4711 if view.lifecycle.state not in ("parked", "stopped") else None
    return AgentDetail(**{**view.model_dump(), "pid": pid, "generation": 3}, spec=spec, history=history)


def log() -> tuple[str, ...]:
    """carol's engine's."""
    return (
        "Traceback (most recent call last):",
        '  File "/work/api-carol/hooks/lint.py", line 3, in <module>',
        "    from lint import report",
        "ModuleNotFoundError: No module named 'lint'",
    )


def harness_log() -> tuple[str, ...]:
    return (
        "14:19:58 harness started, generation 3",
        "14:19:59 engine: claude --print --output-format stream-json",
        "14:20:00 stopping: the engine ended with exit code 1",
    )
