"""The two badges, the baseline of a cumulative cost, and what is estimated where there is none."""

import json

import pytest

from agentd.context import (
    MOST_PRICES,
    CostBaseline,
    added,
    badges_of,
    context_window,
    cost_of,
    ctx_of,
    estimated_cost,
    learn_cost,
    tokens_of,
    usage_of,
    without_context,
)
from agentd.engines.base import TurnUsage, Usage
from hived.wire.turns import Cost, Ctx, TurnRow


class Kept(dict[str, str]):
    """Facts in memory."""

    def set(self, key: str, value: str | None) -> None:
        if value is None:
            self.pop(key, None)
        else:
            self[key] = value


def test_ctx_is_the_last_inference_and_cost_the_whole_turn() -> None:
    usage = TurnUsage(
        input_tokens=10, output_tokens=20, cache_read_input_tokens=300, cache_creation_input_tokens=40,
        last_input_tokens=1, last_output_tokens=2, last_cache_read_input_tokens=30, last_cache_creation_input_tokens=4,
        window=1000, cost_usd=0.5,
    )  # fmt: skip
    assert ctx_of(usage) == Ctx(tokens=35, window=1000)
    assert cost_of(usage) == Cost(tokens=370, usd=0.5, estimated=False)


def test_no_figure_is_no_badge_and_never_0() -> None:
    assert ctx_of(TurnUsage(window=1000)) is None
    assert cost_of(TurnUsage()) is None
    assert badges_of(Usage()) == (None, None)


def test_some_figures_are_enough() -> None:
    assert ctx_of(TurnUsage(last_cache_read_input_tokens=7, window=10)) == Ctx(tokens=7, window=10)
    assert cost_of(TurnUsage(cost_usd=0.1)) == Cost(tokens=0, usd=0.1)
    assert badges_of(Usage(ctx_tokens=5, window=10, tokens=7)) == (Ctx(tokens=5, window=10), Cost(tokens=7))


@pytest.mark.parametrize(
    ("reported", "configured", "window"),
    [
        (1_000_000, "500", 1_000_000),
        (None, "500000", 500_000),
        (None, None, 200_000),
        (None, "many", 200_000),
        (None, "-5", 200_000),
        (0, None, 200_000),
    ],
)
def test_the_window_is_what_the_engine_reports_else_what_is_configured_else_200k(
    monkeypatch: pytest.MonkeyPatch, reported: int | None, configured: str | None, window: int
) -> None:
    if configured is None:
        monkeypatch.delenv("HIVE_CONTEXT_WINDOW", raising=False)
    else:
        monkeypatch.setenv("HIVE_CONTEXT_WINDOW", configured)
    assert context_window(reported) == window


def test_a_cumulative_cost_is_counted_once() -> None:
    nothing = CostBaseline.from_text(None)
    first, baseline = nothing.spent("s", 0.25)
    second, baseline = CostBaseline.from_text(baseline.to_text()).spent("s", 0.75)
    assert (first, second) == (0.25, 0.5)
    assert baseline.total_usd == 0.75


def test_a_falling_total_or_another_session_begins_a_new_baseline() -> None:
    assert CostBaseline("s", 0.75).spent("s", 0.125)[0] == 0.125
    assert CostBaseline("s", 0.75).spent("other", 1.0)[0] == 1.0


def test_a_resumed_process_that_counts_from_0_begins_a_new_baseline() -> None:
    assert CostBaseline("s", 0.5, total_tokens=1000).spent("s", 0.75, total_tokens=900, turn_tokens=900)[0] == 0.75
    assert CostBaseline("s", 0.5, total_tokens=1000).spent("s", 0.75, total_tokens=1900, turn_tokens=900)[0] == 0.25


@pytest.mark.parametrize("text", ["", "s", "s x y", "s 0.5", "s 0.5 many"])
def test_a_baseline_that_cannot_be_read_starts_at_nothing(text: str) -> None:
    assert CostBaseline.from_text(text) == CostBaseline("", 0.0)


def test_a_killed_turn_is_estimated_by_what_its_model_has_cost_so_far() -> None:
    facts = Kept()
    learn_cost(facts, "haiku", TurnUsage(input_tokens=900, output_tokens=100, cost_usd=0.5))
    learn_cost(facts, "haiku", TurnUsage(input_tokens=1000, cost_usd=1.5))
    learn_cost(facts, "opus", TurnUsage(input_tokens=10, cost_usd=1.0))
    assert estimated_cost(facts, "haiku", 500) == pytest.approx(0.5)
    assert estimated_cost(facts, "opus", 5) == pytest.approx(0.5)


def test_without_a_history_or_tokens_there_is_no_estimate_and_never_0() -> None:
    facts = Kept()
    assert estimated_cost(facts, "haiku", 500) is None
    learn_cost(facts, "free", TurnUsage(input_tokens=10, cost_usd=0.0))
    assert estimated_cost(facts, "free", 500) is None
    learn_cost(facts, "haiku", TurnUsage(input_tokens=10, cost_usd=1.0))
    assert estimated_cost(facts, "haiku", None) is None


def test_a_guess_is_no_history() -> None:
    facts = Kept()
    learn_cost(facts, "haiku", TurnUsage(input_tokens=10, cost_usd=1.0, cost_estimated=True))
    learn_cost(facts, "haiku", TurnUsage(cost_usd=1.0))
    learn_cost(facts, "haiku", TurnUsage(input_tokens=10))
    assert facts == {}


def test_a_price_history_stays_small_forgets_slowly_and_is_read_whatever_it_holds() -> None:
    facts = Kept()
    for number in range(MOST_PRICES + 5):
        learn_cost(facts, f"model-{number}", TurnUsage(input_tokens=10, cost_usd=1.0))
    assert len(json.loads(facts["usd_per_token"])) == MOST_PRICES
    assert estimated_cost(facts, "model-0", 10) is None
    for _ in range(40):
        learn_cost(facts, "cheaper", TurnUsage(input_tokens=1_000_000, cost_usd=1.0))
    for _ in range(40):
        learn_cost(facts, "cheaper", TurnUsage(input_tokens=1_000_000, cost_usd=0.1))
    assert estimated_cost(facts, "cheaper", 1_000_000) == pytest.approx(0.1, rel=0.01)
    for text in ("{", "[]", '{"haiku": 1}', '{"haiku": ["x", 1]}'):
        assert estimated_cost(Kept(usd_per_token=text), "haiku", 1) is None


def test_an_estimate_is_taken_off_the_next_cumulative_total() -> None:
    baseline = CostBaseline("s", 5.0, 1000).charge("s", 0.25, 100)
    baseline = CostBaseline.from_text(baseline.to_text())
    cost, after = baseline.spent("s", 5.75, 1300, 200)
    assert cost == pytest.approx(0.5)
    assert after == CostBaseline("s", 5.75, 1300)


def test_two_estimates_in_a_row_are_both_taken_off() -> None:
    baseline = CostBaseline("s", 5.0).charge("s", 0.25).charge("s", 0.5)
    assert baseline.spent("s", 6.0)[0] == pytest.approx(0.25)


def test_a_killed_turn_that_the_engine_never_counted_is_not_taken_off() -> None:
    baseline = CostBaseline("s", 5.0, 1000).charge("s", 0.25, 100)
    assert baseline.spent("s", 5.5, 1200, 200)[0] == pytest.approx(0.5)
    assert CostBaseline("s", 5.0).charge("s", 0.25).spent("s", 5.125)[0] == pytest.approx(0.125)


def test_an_estimate_in_a_sessions_first_turn_begins_its_baseline() -> None:
    baseline = CostBaseline("old", 5.0, 1000).charge("new", 0.25, 100)
    assert baseline.spent("new", 0.75, 300, 200)[0] == pytest.approx(0.5)


def test_an_estimate_that_was_too_high_makes_no_cost_below_0() -> None:
    assert CostBaseline("s", 5.0, 1000).charge("s", 9.0, 100).spent("s", 5.5, 1300, 200)[0] == 0


def test_two_tries_of_one_turn_are_both_paid_for_and_the_last_inference_is_the_seconds() -> None:
    first = TurnUsage(input_tokens=10, last_input_tokens=190, cost_usd=0.5, window=200)
    second = TurnUsage(input_tokens=1, output_tokens=2, last_input_tokens=20, cost_usd=0.25, cost_estimated=True)
    both = added(first, second)
    assert tokens_of(both) == 13
    assert ctx_of(both) == Ctx(tokens=20, window=200)
    assert cost_of(both) == Cost(tokens=13, usd=0.75, estimated=True)
    assert ctx_of(added(first, TurnUsage())) == Ctx(tokens=190, window=200)
    assert ctx_of(added(without_context(first), TurnUsage())) is None


def test_a_row_gives_the_badges_back() -> None:
    row = TurnRow(
        turn_id="t", input_tokens=7, last_input_tokens=5, context_window=10, cost_usd=0.5, cost_estimated=True
    )
    assert ctx_of(usage_of(row)) == Ctx(tokens=5, window=10)
    assert cost_of(usage_of(row)) == Cost(tokens=7, usd=0.5, estimated=True)
    assert ctx_of(usage_of(TurnRow(turn_id="t"))) is None
    assert cost_of(usage_of(TurnRow(turn_id="t"))) is None
