"""One deterministic hive for tests and pictures: seven agents at work on 20 November 2026, 14:32 UTC. No clock, no chance."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hived.wire.agents import (
    AgentSession,
    AgentView,
    Condition,
    EngineAbilities,
    EngineFound,
    Lifecycle,
    LoginView,
    ModelList,
    ModelOffered,
    Spend,
    TurnState,
)
from hived.wire.approvals import Approval, WaitingItem
from hived.wire.doctor import Check, DoctorReport
from hived.wire.events import Event, TranscriptPage
from hived.wire.messages import Message
from hived.wire.snapshot import HiveInfo, Snapshot
from hived.wire.times import to_text
from hived.wire.turns import Ctx
from hivetui.app import HiveApp
from hivetui.state.hive import EnginesListed, LinkMade, SnapshotTaken
from hivetui.sync import EventsCame, PageCame

NOW = datetime(2026, 11, 20, 14, 32, 0, tzinfo=UTC)


def clock() -> datetime:
    return NOW


def ago(seconds: float) -> str:
    return to_text(NOW - timedelta(seconds=seconds))


def to_come(seconds: float) -> str:
    return ago(-seconds)


def ident(number: int) -> str:
    """A UUIDv7 that sorts by its number."""
    return f"0196f000-0000-7000-8000-{number:012d}"


def agent(number: int, name: str, **given: Any) -> AgentView:
    """An agent that runs and is idle, but for what is given."""
    shown: dict[str, Any] = {
        "id": ident(number),
        "name": name,
        "role": "worker",
        "engine": "claude",
        "model": "sonnet",
        "runtime": "process",
        "parent": "queen",
        "created_at": ago(9000 - number),
        "lifecycle": Lifecycle(state="running", since=ago(8000), cause="started by the operator"),
        "turn": TurnState(state="idle", since=ago(360)),
        "online": True,
        "generation": 1,
        "abilities": EngineAbilities(steer=True, interrupt=True, set_model=True, resume=True),
        "journal_uuid": f"journal-of-{name}",
        "last_event_at": ago(120),
    }
    return AgentView(**{**shown, **given})


def agents() -> list[AgentView]:
    return [
        agent(
            1, "queen", role="queen", parent=None, model="opus", turn=TurnState(state="thinking", since=ago(42)),
            ctx=Ctx(tokens=82_000, window=200_000), spend=Spend(today_usd=2.10, total_usd=2.10, turns=21), waiting=1,
            last_event_at=ago(1),
        ),
        agent(
            2, "alice", turn=TurnState(state="thinking", since=ago(185), turn_id="t-17", wake="message from queen"),
            ctx=Ctx(tokens=126_000, window=200_000), spend=Spend(today_usd=1.84, total_usd=1.84, turns=17), unread=2,
            last_event_at=ago(0.4), workspace="/work/api-alice", effort="high", permission_mode="acceptEdits",
            abilities=CLAUDES,
        ),
        agent(
            3, "bob", turn=TurnState(state="thinking", since=ago(118)), ctx=Ctx(tokens=56_000, window=200_000),
            spend=Spend(today_usd=0.77, total_usd=0.77, turns=9), waiting=1, workspace="/work/api-bob",
            last_event_at=ago(118),
        ),
        agent(
            4, "carol", model="haiku", ctx=Ctx(tokens=24_000, window=200_000),
            spend=Spend(today_usd=0.09, total_usd=0.09, turns=4),
        ),
        agent(
            5, "dave", engine="acp", model="gemini-2.5-pro", turn=TurnState(state="compacting", since=ago(11)),
            ctx=Ctx(tokens=162_000, window=200_000), spend=Spend(today_usd=0.93, total_usd=0.93, turns=12, estimated=True),
            last_event_at=ago(11),
        ),
        agent(
            6, "erin", model="opus", ctx=Ctx(tokens=70_000, window=200_000), unread=5,
            spend=Spend(today_usd=0.61, total_usd=0.61, turns=6),
            conditions=[Condition(kind="rate_limited", since=ago(480), detail="Usage limit reached", until=to_come(2280))],
            waiting=1,
        ),
        agent(
            7, "fay", engine="api", model="qwen3",
            turn=TurnState(state="napping", since=ago(3700), until=to_come(5280)),
            lifecycle=Lifecycle(state="running", since=ago(7000), cause="started by the operator"),
        ),
    ]  # fmt: skip


CLAUDES = EngineAbilities(
    steer=True, interrupt=True, set_model=True, resume=True, compact=True, login=True,
    efforts=["low", "medium", "high", "xhigh", "max"],
    permission_modes=["default", "acceptEdits", "plan", "auto", "dontAsk", "bypassPermissions"],
)  # fmt: skip
LOGIN_URL = (
    "https://claude.ai/oauth/authorize?code=true&client_id=9d1c250a-e61b-44d9-88ed-5944d1962f5e&response_type=code"
    "&redirect_uri=https%3A%2F%2Fconsole.anthropic.com%2Foauth%2Fcode%2Fcallback&scope=org%3Acreate_api_key+user%3A"
    "profile+user%3Ainference&code_challenge=Xk2mVw0nq9hRrYtq1F0cD5cQ0iVdl3jz1bKcQmS2uY8&code_challenge_method=S256"
    "&state=7b1f0d8e5a5c4d2c9a8e6f3b1d0c2e4f"
)


def troubled() -> list[AgentView]:
    """Agents that need the operator for themselves."""
    return [
        agent(
            11, "gus", waiting=1, abilities=CLAUDES, ctx=Ctx(tokens=44_000, window=200_000),
            conditions=[Condition(kind="needs_login", since=ago(510), detail="OAuth token has expired · Please run /login")],
            spend=Spend(today_usd=0.31, total_usd=4.02, turns=31), unread=1,
        ),
        agent(
            12, "hana", model="opus", waiting=1, unread=5, abilities=CLAUDES, ctx=Ctx(tokens=70_000, window=200_000),
            conditions=[
                Condition(
                    kind="rate_limited", since=ago(480), detail="You've hit your session limit · resets 3:10pm (UTC)",
                    until=to_come(2280),
                )
            ],
        ),
        agent(
            13, "ivo", model="haiku", waiting=1, abilities=CLAUDES,
            session=AgentSession(
                state="refused", id="8f1c2d", since=ago(75),
                detail="No conversation found with session ID 8f1c2d3e-4b5a-4c6d-8e7f-9a0b1c2d3e4f.",
            ),
            last_error="No conversation found",
        ),
        agent(
            14, "jan", model="haiku", session=AgentSession(state="armed", primer=True, since=ago(12)),
            ctx=Ctx(tokens=104_000, window=200_000), spend=Spend(today_usd=0.12, total_usd=0.12, turns=3),
        ),
    ]  # fmt: skip


def troubles() -> Snapshot:
    """A hive in which agents wait for a login, a limit's end, a choice."""
    kinds = (
        ("needs_login", "gus", "is not logged in", 510),
        ("rate_limited", "hana", "session limit, resets 15:10", 480),
    )
    items = [
        WaitingItem(id=view.id, kind=kind, agent=name, subject=subject, since=ago(since))  # type: ignore[arg-type]
        for kind, name, subject, since in (*kinds, ("resume_choice", "ivo", "its session cannot be resumed", 75))
        for view in troubled()
        if view.name == name
    ]
    found = snapshot()
    return found.model_copy(update={"agents": [*found.agents[:2], *troubled()], "waiting": items, "approvals": []})


def models() -> ModelList:
    return ModelList(
        current="sonnet",
        models=[
            ModelOffered(
                name="default", title="Default (recommended)", description="Sonnet 4.6, best for everyday tasks"
            ),
            ModelOffered(name="sonnet", title="Sonnet", description="best for everyday tasks", window=200_000),
            ModelOffered(
                name="sonnet[1m]", title="Sonnet (1M context)", description="for long sessions", window=1_000_000
            ),
            ModelOffered(name="opus", title="Opus", description="most capable for complex work", window=200_000),
            ModelOffered(name="haiku", title="Haiku", description="fastest for quick answers", window=200_000),
        ],
    )


def login_of(state: str, **given: Any) -> LoginView:
    return LoginView(login_id="login-1", state=state, since=ago(20), url=LOGIN_URL, **given)  # type: ignore[arg-type]


def report() -> DoctorReport:
    return DoctorReport(
        state="warning",
        build="hivetui 0.3.0",
        checks=[
            Check(name="python", state="ok", detail="3.11.7"),
            Check(name="hived", state="ok", detail="pid 4242, protocol 1"),
            Check(
                name="runtime bwrap", state="warning",
                detail="bwrap: setting up uid map: Permission denied. Agents run unsandboxed, as process.",
                remedy="sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for bwrap",
            ),
            Check(name="engine claude", state="ok", detail="2.1.197, /usr/local/bin/claude, logged in"),
            Check(
                name="engine acp codex-acp", state="failed", detail="0.16.0, not logged in",
                remedy="OPENAI_API_KEY in secrets.toml and --env-from OPENAI_API_KEY, or: codex login",
            ),
            Check(name="folder run", state="ok", detail="/home/ann/.hive/run, yours alone"),
            Check(name="disk", state="ok", detail="112 GB free"),
        ],
        engines=list(engines()),
    )  # fmt: skip


def approvals() -> list[Approval]:
    return [
        Approval(
            id=ident(101), kind="spawn", status="pending", requester="queen", subject="scout · claude haiku · process",
            created_at=ago(370),
            payload={
                "name": "scout", "engine": "claude", "model": "haiku", "role": "worker", "parent": "queen",
                "runtime": "process", "repo": "/home/ann/work/api", "env": {"CI": "1"}, "env_from": ["SENTRY_TOKEN"],
                "engine_options": {"permission_mode": "acceptEdits"}, "can_message": ["queen"],
                "reason": "Somebody should read the error budget of the last month while alice and bob finish the split.",
            },
        ),
        Approval(
            id=ident(102), kind="tool_use", status="pending", requester="bob", subject="$ rm -rf build && make -j2 test",
            created_at=ago(118),
            payload={
                "tool": "Bash",
                "input": {
                    "command": "rm -rf build && make -j2 test",
                    "description": "Clean build: stale objects break the link step",
                },
            },
        ),
    ]  # fmt: skip


def waiting() -> list[WaitingItem]:
    return [
        WaitingItem(id=ident(101), kind="spawn", agent="queen", subject="scout · claude haiku · process", since=ago(370)),
        WaitingItem(id=ident(90), kind="held_message", agent="erin", subject="queen: count the 5xx by route", since=ago(300)),
        WaitingItem(
            id=ident(102), kind="tool_use", agent="bob", subject="$ rm -rf build && make -j2 test", since=ago(118),
            blocks=True,
        ),
    ]  # fmt: skip


def messages() -> list[Message]:
    return [
        Message(
            id=ident(90), sender="queen", recipient="erin", body="Count the 5xx of last week by route, please.",
            thread=ident(90), sent_at=ago(900), status="held", deliveries=3, reason="delivered 3 times without a clean end",
        ),
        Message(
            id=ident(91), sender="queen", recipient="operator", thread=ident(91), sent_at=ago(400), status="queued",
            body="The split is on its way. I asked for a scout: with her I can have the error budget by four.",
        ),
        Message(
            id=ident(92), sender="alice", recipient="operator", thread=ident(92), sent_at=ago(90), status="queued",
            body="Shall I keep the v1 endpoint? It still imports the old name.",
        ),
    ]  # fmt: skip


def snapshot() -> Snapshot:
    return Snapshot(
        seq=500, hive=hive_info(), agents=agents(), approvals=approvals(), waiting=waiting(), messages=messages()
    )


def hive_info() -> HiveInfo:
    return HiveInfo(
        host="devbox", home="/home/ann/.hive", pid=4242, protocol=1, build="hivetui 0.1.0", started_at=ago(9000)
    )


def empty_snapshot() -> Snapshot:
    return Snapshot(seq=1, hive=hive_info(), agents=[], approvals=[], waiting=[], messages=[])


def engines() -> tuple[EngineFound, ...]:
    return (
        EngineFound(kind="claude", found=True, version="2.1.197", path="/usr/local/bin/claude", login="in"),
        EngineFound(kind="command", found=True, detail="any program: the prompt on stdin, lines out"),
        EngineFound(kind="scripted", found=True, detail="plays a scenario file"),
        EngineFound(
            kind="acp", preset="codex-acp", found=True, version="0.16.0", path="/usr/local/bin/codex-acp", login="out"
        ),
        EngineFound(kind="api", found=True, detail="ollama at http://127.0.0.1:11434/v1", models=["qwen3"]),
        EngineFound(kind="acp", preset="gemini", found=False, install="npm install -g @google/gemini-cli"),
        EngineFound(kind="acp", preset="opencode", found=False, install="npm install -g opencode-ai"),
    )


class Told:
    """Writes a journal, one event after another."""

    def __init__(self, begins_seconds_ago: float) -> None:
        self.events: list[Event] = []
        self._at = begins_seconds_ago

    def add(self, kind: str, after: float = 4.0, **payload: Any) -> "Told":
        self._at = max(0.4, self._at - after)
        if "sender" in payload:
            payload["from"] = payload.pop("sender")
        self.events.append(Event(id=len(self.events) + 1, ts=ago(self._at), kind=kind, payload=payload))
        return self

    def tool(self, tool: str, given: dict[str, Any], text: str | None, *, error: bool = False) -> "Told":
        use = f"use-{len(self.events)}"
        self.add("tool_use", tool_use_id=use, tool=tool, input=given)
        return self if text is None else self.add("tool_result", tool_use_id=use, tool=tool, is_error=error, text=text)


def journals() -> dict[str, list[Event]]:
    alice = Told(600)
    alice.add(
        "turn_start",
        turn_id="t-16",
        wake={"kind": "message", "from": "queen"},
        unread=0,
        message_ids=[],
        model="sonnet",
    )
    alice.add("message_in", message_id=ident(80), sender="queen", body="How big is the parser?", redelivered=False)
    alice.tool("Grep", {"pattern": "^def |^class ", "path": "api/parser.py"}, "31 matches")
    alice.add("text", text="412 lines, 31 definitions; the tokenizer is a third of it.")
    alice.add(
        "turn_end",
        turn_id="t-16",
        outcome="ok",
        message_ids=[],
        duration_ms=132_000,
        tool_calls=9,
        cost={"tokens": 9100, "usd": 0.21, "estimated": False},
        ctx={"tokens": 90_000, "window": 200_000},
        error=None,
    )
    alice.add("turn_start", after=380, turn_id="t-17", wake={"kind": "message", "from": "queen"}, unread=0)
    alice.add("message_in", message_id=ident(81), sender="queen", body="Split the parser, keep the API as it is.")
    alice.add("thinking", text="", hidden=True)
    alice.add("text", text="I'll read the module first, then move the tokenizer out behind the same names.")
    alice.tool(
        "Read",
        {"file_path": "api/parser.py"},
        "\n".join(f"{n}\tline {n} of the parser, as it was" for n in range(1, 413)),
    )
    alice.tool(
        "Edit",
        {
            "file_path": "api/tokens.py",
            "old_string": "",
            "new_string": "class Token:\n    kind: TokenKind\n    text: str\n"
            + "\n".join(f"    # {n}" for n in range(93)),
        },
        "The file api/tokens.py has been updated.",
    )
    alice.tool("Bash", {"command": "pytest -q tests/test_parser.py"}, "38 passed in 1.2 s")
    alice.add(
        "text",
        text=(
            "The tokenizer now lives in **api/tokens.py**; `parse()` is unchanged.\n\n"
            "1. `Token` and `TokenKind` moved, with their tests\n"
            "2. `api/parser.py` imports them under the old names, so nothing that uses the parser has to change today\n"
        ),
    )
    alice.tool("mcp__hive__send", {"to": "operator", "body": "Shall I keep the v1 endpoint?"}, "sent")
    alice.add(
        "message_out",
        message_id=ident(92),
        to="operator",
        body="Shall I keep the v1 endpoint? It still imports the old name.",
    )

    bob = Told(420)
    bob.add("turn_start", turn_id="t-9", wake={"kind": "message", "from": "queen"}, unread=0)
    bob.add("message_in", message_id=ident(82), sender="queen", body="Make the build green again.")
    bob.tool(
        "Bash",
        {"command": "make -j2 test"},
        "ld: undefined reference to `lex_next'\n" + "\n".join(f"cc -c src/{n}.c" for n in range(40)) + "\nexit 2",
        error=True,
    )
    bob.tool("Grep", {"pattern": "lex_next", "path": "src"}, "src/lex.c\nsrc/lex.h\nsrc/parse.c")
    bob.add("text", text="Objects from before the split are still in `build/`. A clean build should fix it.")
    bob.add("tool_use", after=170, tool_use_id="use-x", tool="Bash", input={"command": "rm -rf build && make -j2 test"})
    bob.add(
        "permission_asked",
        after=1,
        approval_id=ident(102),
        tool="Bash",
        input={"command": "rm -rf build && make -j2 test"},
    )

    queen = Told(300)
    queen.add("turn_start", turn_id="t-21", wake={"kind": "operator"}, unread=0)
    queen.add("message_in", message_id=ident(83), sender="operator", body="Plan the afternoon.")
    queen.tool("mcp__hive__peers", {}, "6 agents, 3 busy")
    queen.tool(
        "mcp__hive__request_spawn",
        {"name": "scout", "engine": "claude", "model": "haiku"},
        "asked: waits on the operator",
    )
    queen.add(
        "thinking",
        text="alice holds the parser, bob the build. The error budget is nobody's yet, and reading it needs no clone. A small model will do for that.",
    )
    queen.add(
        "text",
        text="## Plan for the afternoon\n- alice finishes the split\n- bob gets the build green\n- scout reads the error budget, *once she is allowed*",
    )
    queen.add("message_out", message_id=ident(84), to="alice", body="Good; your question is up next.")

    dave = Told(200)
    dave.add("turn_start", turn_id="t-12", wake={"kind": "operator"}, unread=0)
    dave.tool("Write", {"file_path": "state/notes.md", "content": "\n".join(f"note {n}" for n in range(38))}, "")
    dave.add(
        "turn_end",
        turn_id="t-12",
        outcome="failed",
        message_ids=[],
        duration_ms=31_000,
        tool_calls=1,
        error="The server closed the connection.",
    )
    dave.add(
        "note",
        level="info",
        text="The context is 81 % full: the agent writes its notes, then its conversation is compacted.",
    )
    dave.add("turn_start", turn_id="t-13", wake={"kind": "checkpoint", "from": "hived"}, unread=0)
    dave.tool("Write", {"file_path": "state/notes.md", "content": "\n".join(f"note {n}" for n in range(12))}, "")
    dave.add(
        "turn_end", turn_id="t-13", outcome="ok", message_ids=[], duration_ms=14_000, tool_calls=1,
        cost={"tokens": 900, "usd": 0.03, "estimated": True}, ctx={"tokens": 162_000, "window": 200_000},
    )  # fmt: skip
    dave.add("turn_start", turn_id="t-14", wake={"kind": "compact", "from": "hived"}, unread=0)
    dave.add("turn_state_changed", state="compacting", turn_id="t-14")

    jan = Told(900)
    jan.add("turn_start", turn_id="t-2", wake={"kind": "message", "from": "queen"}, unread=0)
    jan.add("message_in", message_id=ident(85), sender="queen", body="Which tests are slow?")
    jan.add("text", text="`test_parser` takes 41 of the 55 seconds.")
    jan.add(
        "turn_end", turn_id="t-2", outcome="ok", message_ids=[], duration_ms=9_000, tool_calls=3,
        cost={"tokens": 1200, "usd": 0.02, "estimated": False}, ctx={"tokens": 152_000, "window": 200_000},
    )  # fmt: skip
    jan.add("turn_start", turn_id="t-3", wake={"kind": "compact", "from": "operator"}, unread=0)
    jan.add(
        "turn_end", turn_id="t-3", outcome="ok", message_ids=[], duration_ms=8_400, tool_calls=0,
        cost={"tokens": 700, "usd": 0.01, "estimated": False}, ctx={"tokens": 31_000, "window": 200_000},
    )  # fmt: skip
    jan.add("model_changed", model="haiku", previous="sonnet")
    jan.add("login_changed", login_id="l", state="done", url=None, detail="")
    jan.add("session_changed", state="armed", id="s", primer=True, detail="You asked for it.")
    return {"alice": alice.events, "bob": bob.events, "queen": queen.events, "dave": dave.events, "jan": jan.events}


LIVE = "One thing to decide: the v1 endpoint still imports the old na"


def page(name: str) -> TranscriptPage:
    """The newest page of that agent's journal."""
    events = journals().get(name, [])
    return TranscriptPage(
        journal_uuid=f"journal-of-{name}",
        first_id=events[0].id if events else None,
        last_id=events[-1].id if events else None,
        events=events,
    )


def scene_app() -> HiveApp:
    """The screen, fed with nothing yet, on the scene's clock and without any timer of its own."""
    return HiveApp(clock=clock, ticking=False)


def play(app: HiveApp, *, empty: bool = False) -> None:
    """Feed the scene to a screen that is mounted."""
    app.apply(SnapshotTaken(empty_snapshot() if empty else snapshot()))
    app.apply(LinkMade(ago(3600)))
    app.apply(EnginesListed(engines()))
    app.draw()


def play_transcripts(app: HiveApp) -> None:
    """Feed the journals of the panes that are shown."""
    for name in list(app.transcripts):
        app.apply_transcript(PageCame(name, page(name), None))
    if "alice" in app.transcripts:
        app.transcripts["alice"].tail = ""
        app.apply_transcript(EventsCame("alice", [Event(ts=ago(0.4), kind="text_delta", payload={"text": LIVE})]))
    for name, seconds in (("queen", 1), ("dave", 11)):
        if name in app.transcripts:
            heard = Event(ts=ago(seconds), kind="activity", payload={"last_byte_at": ago(seconds)})
            app.apply_transcript(EventsCame(name, [heard]))
    for pane in app.hive.grid.panes.values():
        pane.paint()
    app.draw()
