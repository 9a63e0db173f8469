from typing import Any

from hived.wire.approvals import WaitingItem
from hived.wire.base import Answer
from hived.wire.snapshot import FeedRow
from hivetui.state.hive import (
    EnginesListed,
    FeedRowsCame,
    HiveState,
    LinkLost,
    LinkMade,
    LinkRefused,
    Notice,
    Noticed,
    SnapshotTaken,
    WaitingArranged,
    reduced,
)
from hivetui.state.waiting import entered
from tests.hivetui import scene


def attached() -> HiveState:
    return reduced(reduced(HiveState(), SnapshotTaken(scene.snapshot())), LinkMade(scene.ago(60)))


def row(seq: int, kind: Any, thing: Answer | dict[str, Any]) -> FeedRow:
    payload = thing if isinstance(thing, dict) else thing.model_dump()
    return FeedRow(seq=seq, ts=scene.ago(0), kind=kind, payload=payload)


def after(state: HiveState, *rows: FeedRow) -> HiveState:
    return reduced(state, FeedRowsCame(rows))


def test_a_snapshot_gives_all_that_is_drawn() -> None:
    state = attached()
    assert (state.host, state.seq, state.attached, state.link.kind) == ("devbox", 500, True, "live")
    assert [agent.name for agent in state.ordered][:3] == ["queen", "alice", "bob"]
    assert [item.kind for item in state.waiting.items] == ["tool_use", "spawn", "held_message"]
    assert state.waiting.items[0].ask is not None
    assert round(state.usd_today or 0, 2) == 6.34


def test_an_agent_whose_turn_stands_still_waits_on_you() -> None:
    state = attached()
    assert state.agents["bob"].shape_kind == "waiting"
    assert state.agents["queen"].shape_kind == "thinking"
    assert state.counts()["waiting"] == 1
    gone = after(state, row(501, "waiting_removed", {"id": scene.ident(102), "kind": "tool_use"}))
    assert gone.agents["bob"].shape_kind == "thinking"


def test_it_waits_since_it_was_asked_and_not_since_its_turn_began() -> None:
    state = attached()
    assert state.agents["bob"].since == scene.ago(118)
    state = after(state, row(501, "waiting_removed", {"id": scene.ident(102), "kind": "tool_use"}))
    again = WaitingItem(
        id=scene.ident(103), kind="tool_use", agent="bob", subject="$ ls", since=scene.ago(3), blocks=True
    )
    state = after(state, row(502, "waiting", again))
    assert state.agents["bob"].since == scene.ago(3)


def test_a_row_at_or_below_the_seq_is_dropped() -> None:
    state = attached()
    idle = scene.agent(2, "alice", unread=9)
    assert after(state, row(500, "agent", idle)).agents["alice"].unread == 2
    assert after(state, row(501, "agent", idle)).agents["alice"].unread == 9


def test_a_row_replaces_and_an_agent_may_be_renamed_or_removed() -> None:
    state = after(attached(), row(501, "agent", scene.agent(2, "alicia")))
    assert "alice" not in state.agents
    assert state.agents["alicia"].unread == 0
    state = after(state, row(502, "agent_removed", {"id": scene.ident(2), "name": "alicia"}))
    assert "alicia" not in state.agents


def test_a_decision_by_somebody_else_says_who_won() -> None:
    decided = scene.approvals()[0].model_copy(update={"status": "denied"}).model_dump()
    decided["decided_by"] = {"who": "operator", "client": "hive"}
    state = after(
        reduced(attached(), WaitingArranged(entered)),
        row(501, "approval", decided),
        row(502, "waiting_removed", {"id": scene.ident(101), "kind": "spawn"}),
    )
    assert state.waiting.items[1].verdict == "denied by operator (hive)"
    assert len(state.waiting.pending) == 2


def test_a_new_thing_is_put_at_the_end_while_the_operator_is_in_the_list_and_else_in_its_place() -> None:
    item = WaitingItem(id="new", kind="parked", agent="fay", subject="3 crashes", since=scene.ago(9999))
    state = after(reduced(attached(), WaitingArranged(entered)), row(501, "waiting", item))
    assert [shown.id for shown in state.waiting.items].index("parked:new") == 3
    state = after(attached(), row(501, "waiting", item))
    assert [shown.id for shown in state.waiting.items].index("parked:new") == 1


def test_messages_are_kept_by_id() -> None:
    letter = scene.messages()[1].model_copy(update={"status": "acked"})
    state = after(attached(), row(501, "message", letter))
    assert len(state.messages) == 3
    assert state.messages[letter.id].status == "acked"


def test_an_unknown_kind_only_moves_the_seq() -> None:
    found = FeedRow.model_construct(seq=501, ts=scene.ago(0), kind="novelty", payload={})
    assert after(attached(), found).seq == 501


def test_away_is_since_the_first_failure_and_back_is_said_once() -> None:
    state = reduced(reduced(attached(), LinkLost(scene.ago(30), "gone")), LinkLost(scene.ago(10), "gone"))
    assert (state.link.kind, state.link.since, state.link.was_live) == ("away", scene.ago(30), True)
    back = reduced(state, LinkMade(scene.ago(2)))
    assert (back.link.kind, back.link.was_live) == ("live", True)
    first = reduced(reduced(HiveState(), LinkLost(scene.ago(9), "none")), LinkMade(scene.ago(1)))
    assert not first.link.was_live


def test_another_protocol_is_told_and_stays() -> None:
    state = reduced(attached(), LinkRefused(scene.ago(1), "hived speaks protocol 2"))
    assert (state.link.kind, state.link.reason) == ("refused", "hived speaks protocol 2")


def test_engines_and_notices_are_kept() -> None:
    state = reduced(reduced(attached(), EnginesListed(scene.engines())), Noticed(Notice("done", "good")))
    assert state.engines is not None
    assert state.notice == Notice("done", "good")
