"""Rules, budgets, reminders, questions and pairs, as the feed changes them."""

from typing import Any

from hived.wire.pairs import Pair
from hivetui.state import budgets, reminders, rules
from hivetui.state.hive import FeedRowsCame, HiveState, SnapshotTaken, reduced
from tests.hivetui import books_scene, scene


def state() -> HiveState:
    return reduced(HiveState(), SnapshotTaken(books_scene.snapshot()))


def after(kind: str, payload: dict[str, Any]) -> HiveState:
    return reduced(state(), FeedRowsCame([books_scene.row(501, kind, payload)]))


def test_denials_stand_before_what_is_allowed_and_the_newest_first() -> None:
    assert [rule.id[-3:] for rule in rules.listed(state().rules)] == ["402", "404", "403", "401"]
    assert [rules.whose(rule) for rule in rules.listed(state().rules)] == ["hive", "carol", "bob", "alice"]


def test_a_revoked_rule_goes_and_a_hit_is_counted() -> None:
    rule = books_scene.rules()[0]
    assert rule.id not in after("rule", {**rule.model_dump(), "revoked_at": scene.ago(1)}).rules
    assert after("rule", {**rule.model_dump(), "hits": 213}).rules[rule.id].hits == 213


def test_budgets_that_stop_somebody_come_first_and_a_removed_one_goes() -> None:
    assert [budgets.whose(found) for found in budgets.listed(state().budgets)] == [
        "erin", "the hive", "queen and below", "alice",
    ]  # fmt: skip
    assert scene.ident(601) not in after("budget_removed", {"id": scene.ident(601)}).budgets
    raised = {**books_scene.budgets()[0].model_dump(), "over": False}
    assert not after("budget", raised).budgets[scene.ident(601)].over


def test_a_budgets_figures_are_those_that_are_limited_with_what_was_raised() -> None:
    queen = next(found for found in books_scene.budgets() if found.agent == "queen")
    assert [(f.name, f.spent, f.limit, f.raised) for f in budgets.figures(queen)] == [
        ("usd", 4.1, 5.0, 1.0),
        ("turns", 31.0, 60.0, 0.0),
    ]
    nothing = queen.model_copy(update={"usd": 0.0, "raised": queen.spent.model_copy(update={"usd": None})})
    assert budgets.figures(nothing)[0].share == 1.0


def test_failed_reminders_come_first_then_by_when_they_are_due_and_done_ones_go() -> None:
    assert [found.id[-3:] for found in reminders.listed(state().reminders)] == ["702", "703", "701", "704"]
    for status in ("done", "cancelled"):
        done = {**books_scene.reminders()[0].model_dump(), "status": status}
        assert scene.ident(701) not in after("reminder", done).reminders


def test_an_answered_question_stays_to_be_read_and_a_pair_goes_when_it_is_decided() -> None:
    answered = {**books_scene.questions()[0].model_dump(), "status": "answered", "answer_text": "yes"}
    assert after("question", answered).questions[scene.ident(301)].answer_text == "yes"
    pair = Pair(id="p", agents=["a", "b"], status="held", since=scene.ago(3), exchanged=20, window_seconds=60)
    held = reduced(state(), FeedRowsCame([books_scene.row(501, "pair", pair.model_dump())]))
    assert list(held.pairs) == ["p"]
    released = {**pair.model_dump(), "status": "released"}
    assert reduced(held, FeedRowsCame([books_scene.row(502, "pair", released)])).pairs == {}
