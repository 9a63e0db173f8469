from dataclasses import replace

from hived.wire.approvals import WaitingItem
from hivetui.state.waiting import (
    Ask,
    Waiting,
    WaitingOnYou,
    attached,
    listed_id,
    moved,
    settled,
    toggled,
    waiting_from,
    with_ask,
    with_item,
    without,
)


def item(id: str, kind: str = "spawn") -> Waiting:
    return Waiting(id, kind, "queen", f"subject of {id}", "2026-11-20T14:00:00.000Z")


def three() -> WaitingOnYou:
    known = WaitingOnYou()
    for id in "abc":
        known = with_item(known, item(id))
    return known


def ids(known: WaitingOnYou) -> str:
    return "".join(shown.id for shown in known.items)


def test_the_first_item_has_the_cursor_and_new_ones_are_put_at_the_end() -> None:
    known = with_item(three(), item("0"))
    assert (ids(known), known.cursor, known.index) == ("abc0", "a", 0)


def test_what_is_decided_elsewhere_stays_struck_where_it_stood_until_the_cursor_leaves() -> None:
    known = without(with_ask(moved(three(), "b"), "b", Ask("queen", {}, "approved", "operator (hive)")), "b")
    assert ids(known) == "abc"
    assert known.selected is not None
    assert known.selected.verdict == "approved by operator (hive)"
    assert not known.selected.decidable
    assert ids(moved(known, "c")) == "ac"


def test_the_list_does_not_move_when_something_above_the_cursor_goes() -> None:
    known = without(moved(three(), "c"), "a")
    assert (ids(known), known.index) == ("abc", 2)


def test_leaving_the_list_takes_away_all_that_is_gone() -> None:
    known = settled(without(without(moved(three(), "b"), "b"), "c"), keep_cursor=False)
    assert (ids(known), known.cursor) == ("a", "a")


def test_the_cursor_goes_to_the_next_one_where_its_item_goes() -> None:
    known = settled(without(moved(three(), "b"), "b"), keep_cursor=False)
    assert known.cursor == "c"


def test_an_item_that_comes_again_keeps_its_place() -> None:
    known = with_item(without(three(), "a"), item("a"))
    assert (ids(known), known.items[0].gone) == ("abc", False)


def test_a_snapshot_after_an_absence_strikes_what_went_meanwhile() -> None:
    known = attached(three(), [item("b"), item("d")], {"d": Ask("bob", {"tool": "Bash"}, "pending")})
    assert ids(known) == "abcd"
    assert [shown.id for shown in known.pending] == ["b", "d"]
    assert known.items[3].ask is not None


def test_marks_act_on_what_can_still_be_decided() -> None:
    known = with_item(three(), item("p", "parked"))
    for id in ("a", "b", "p"):
        known = toggled(known, id)
    assert [chosen.id for chosen in known.chosen()] == ["a", "b"]
    assert [chosen.id for chosen in without(known, "a").chosen()] == ["b"]
    assert toggled(known, "a").marked == {"b"}


def test_an_ask_reaches_its_item_whichever_comes_first() -> None:
    ask = Ask("queen", {"name": "scout"}, "pending")
    before = with_item(with_ask(WaitingOnYou(), "a", ask), item("a"))
    after = with_ask(with_item(WaitingOnYou(), item("a")), "a", ask)
    assert before.items[0].ask == after.items[0].ask == ask


def test_moving_to_what_is_not_there_moves_nothing() -> None:
    known = three()
    assert moved(known, "z") is known
    assert moved(replace(known, items=()), "a").items == ()


def about(kind: str, agent_id: str = "agent-1") -> Waiting:
    since = "2026-11-20T14:00:00.000Z"
    return waiting_from(
        WaitingItem.model_validate({"id": agent_id, "kind": kind, "agent": "gus", "subject": kind, "since": since})
    )


def test_one_agent_may_wait_for_several_things_and_each_goes_alone() -> None:
    known = WaitingOnYou()
    for kind in ("needs_login", "rate_limited", "resume_choice"):
        known = with_item(known, about(kind))
    known = without(known, listed_id("rate_limited", "agent-1"))
    assert [shown.kind for shown in known.pending] == ["needs_login", "resume_choice"]


def test_a_login_is_made_alone_and_limits_are_resumed_together() -> None:
    known = WaitingOnYou()
    for shown in (
        about("needs_login"),
        about("rate_limited"),
        about("rate_limited", "agent-2"),
        about("resume_choice"),
    ):
        known = toggled(with_item(known, shown), shown.id)
    assert [chosen.kind for chosen in known.chosen()] == ["rate_limited", "rate_limited", "resume_choice"]
    assert [chosen.kind for chosen in known.chosen() if chosen.deniable] == ["resume_choice"]
