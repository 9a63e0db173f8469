from dataclasses import replace

import pytest

from hived.wire.approvals import WaitingItem
from hivetui.state.waiting import (
    Ask,
    Waiting,
    WaitingOnYou,
    attached,
    entered,
    in_order,
    left,
    listed_id,
    moved,
    narrowed,
    next_filter,
    settled,
    stepped,
    to_open,
    toggled,
    toggled_all,
    waiting_from,
    with_ask,
    with_item,
    without,
)


def item(id: str, kind: str = "spawn", *, minute: int = 0, blocks: bool = False) -> Waiting:
    return Waiting(id, kind, "queen", f"subject of {id}", f"2026-11-20T14:{minute:02}:00.000Z", blocks)


def three(*, still: bool = True) -> WaitingOnYou:
    known = WaitingOnYou()
    for id in "abc":
        known = with_item(known, item(id))
    return entered(known) if still else known


def ids(known: WaitingOnYou) -> str:
    return "".join(shown.id for shown in known.items)


def test_what_blocks_comes_first_and_then_the_oldest() -> None:
    known = WaitingOnYou()
    for shown in (item("new", minute=9), item("old", minute=1), item("blocked", minute=5, blocks=True)):
        known = with_item(known, shown)
    assert [shown.id for shown in known.items] == ["blocked", "old", "new"]
    again = attached(WaitingOnYou(), reversed(known.items), {})
    assert (again.items, again.cursor) == (known.items, "blocked")


def test_while_the_operator_is_in_the_list_what_comes_is_put_at_the_end() -> None:
    known = with_item(three(), item("0", blocks=True))
    assert (ids(known), known.cursor, known.index) == ("abc0", "a", 0)
    assert (ids(left(known)), left(known).cursor, left(known).index) == ("0abc", "a", 1)


def test_sorting_now_keeps_the_cursor_on_its_item() -> None:
    known = in_order(without(with_item(moved(three(), "b"), item("0", blocks=True)), "a"))
    assert (ids(known), known.cursor) == ("0bc", "b")


def test_what_is_decided_elsewhere_stays_struck_where_it_stood_until_the_operator_leaves() -> None:
    known = without(with_ask(moved(three(), "b"), "b", Ask("queen", {}, "approved", "operator (hive)")), "b")
    assert ids(known) == "abc"
    assert known.selected is not None
    assert known.selected.verdict == "approved by operator (hive)"
    assert not known.selected.decidable
    assert ids(moved(known, "c")) == "abc"
    assert ids(left(known)) == "ac"


def test_the_list_does_not_move_when_something_above_the_cursor_goes() -> None:
    known = without(moved(three(), "c"), "a")
    assert (ids(known), known.index) == ("abc", 2)


def test_what_is_struck_and_out_of_sight_goes_before() -> None:
    known = without(without(moved(three(), "c"), "a"), "b")
    assert ids(settled(known, {"b", "c"})) == "bc"


def test_the_key_of_the_list_goes_from_what_is_decided_to_what_still_waits() -> None:
    known = without(moved(three(), "a"), "a")
    assert to_open(known).cursor == "b"
    assert to_open(moved(known, "c")).cursor == "c"
    assert to_open(without(without(known, "b"), "c")).cursor == "a"
    assert to_open(WaitingOnYou()).cursor is None


def test_leaving_the_list_takes_away_all_that_is_gone() -> None:
    known = left(without(without(moved(three(), "b"), "b"), "c"))
    assert (ids(known), known.cursor, known.still) == ("a", "a", False)


def test_what_is_decided_while_nobody_is_in_the_list_goes_at_once() -> None:
    assert ids(without(three(still=False), "a")) == "bc"


def test_the_cursor_goes_to_the_next_one_where_its_item_goes() -> None:
    assert left(without(moved(three(), "b"), "b")).cursor == "c"


def test_an_item_that_comes_again_keeps_its_place() -> None:
    known = with_item(without(three(), "a"), item("a"))
    assert (ids(known), known.items[0].gone) == ("abc", False)


def test_a_snapshot_after_an_absence_strikes_what_went_meanwhile() -> None:
    known = attached(three(), [item("b"), item("d")], {"d": Ask("bob", {"tool": "Bash"}, "pending")})
    assert ids(known) == "abcd"
    assert [shown.id for shown in known.pending] == ["b", "d"]
    assert known.items[3].ask is not None


def test_marks_act_on_what_can_still_be_decided() -> None:
    known = with_item(three(), item("l", "needs_login"))
    for id in ("a", "b", "l"):
        known = toggled(known, id)
    assert [chosen.id for chosen in known.chosen()] == ["a", "b"]
    assert [chosen.id for chosen in without(known, "a").chosen()] == ["b"]
    assert toggled(known, "a").marked == {"b"}


def test_all_of_a_kind_are_marked_and_unmarked_with_one_key() -> None:
    known = with_item(three(), item("q", "question"))
    marked = toggled_all(known, "abc")
    assert marked.marked == {"a", "b", "c"}
    assert toggled_all(marked, "abc").marked == frozenset()


def test_what_the_filter_hides_is_neither_marked_nor_decided() -> None:
    known = toggled(with_item(three(), item("q", "question")), "a")
    known = narrowed(known, "question")
    assert ([shown.id for shown in known.shown], known.cursor, known.chosen()) == (["q"], "q", ())
    assert [chosen.id for chosen in narrowed(known, "").chosen()] == ["a"]
    assert narrowed(known, "agent:queen spawn").shown == known.items[:3]


def test_one_key_narrows_to_the_kind_then_to_the_agent_then_to_nothing() -> None:
    known, seen = three(), []
    for _ in range(3):
        known = narrowed(known, next_filter(known))
        seen.append(known.filter)
    assert seen == ["kind:spawn", "agent:queen", ""]


@pytest.mark.parametrize(
    ("cursor", "by", "to"), [("a", 1, "c"), ("c", -1, "a"), ("a", -1, "a"), ("a", 99, "c"), ("c", 1, "d")]
)
def test_stepping_goes_over_what_is_gone_as_long_as_something_waits_behind_it(cursor: str, by: int, to: str) -> None:
    known = without(without(with_item(three(), item("d")), "b"), "d")
    assert stepped(moved(known, cursor), by).cursor == to


def test_an_ask_reaches_its_item_whichever_comes_first() -> None:
    ask = Ask("queen", {"name": "scout"}, "pending")
    before = with_item(with_ask(WaitingOnYou(), "a", ask), item("a"))
    after = with_ask(with_item(WaitingOnYou(), item("a")), "a", ask)
    assert before.items[0].ask == after.items[0].ask == ask


def test_an_orphan_still_waits_and_says_no_verdict() -> None:
    known = with_ask(three(), "a", Ask("bob", {}, "orphaned"))
    assert (known.items[0].decidable, known.items[0].verdict) == (True, "")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (Ask("bob", {}, "approved", "hived", rule="r"), "approved by a rule"),
        (Ask("bob", {}, "approved", "hived", grant="g"), "approved by an earlier yes"),
        (Ask("bob", {}, "denied", "operator (curl)"), "denied by operator (curl)"),
        (Ask("bob", {}, "cancelled"), "cancelled"),
        (Ask("bob", {}, "pending"), "no longer waits"),
    ],
)
def test_what_no_longer_waits_says_who_decided(ask: Ask, said: str) -> None:
    assert replace(item("a"), ask=ask, gone=True).verdict == said


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
