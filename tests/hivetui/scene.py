"""One deterministic hive for tests and pictures: seven agents at work on 20 November 2026, 14:32 UTC. No clock, no chance."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hived.wire.agents import AgentView, Condition, EngineAbilities, EngineFound, Lifecycle, Spend, TurnState
from hived.wire.approvals import Approval, WaitingItem
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
            last_event_at=ago(0.4), workspace="/work/api-alice",
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
            conditions=[Condition(kind="rate_limited", since=ago(480), detail="until 15:10")],
        ),
        agent(
            7, "fay", engine="command", model="qwen3", turn=TurnState(state="napping", since=ago(3700)),
            lifecycle=Lifecycle(state="running", since=ago(7000), cause="started by the operator"),
        ),
    ]  # fmt: skip


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
        EngineFound(kind="claude", found=True, version="2.1.197", path="/usr/local/bin/claude"),
        EngineFound(kind="command", found=True, detail="any program: the prompt on stdin, lines out"),
        EngineFound(kind="scripted", found=True, detail="plays a scenario file"),
        EngineFound(kind="acp", found=False, install="pip install agent-client-protocol"),
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
    dave.add("turn_state_changed", state="compacting", turn_id="t-13")
    return {"alice": alice.events, "bob": bob.events, "queen": queen.events, "dave": dave.events}


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
    for pane in app.hive.grid.panes.values():
        pane.paint()
    app.draw()
