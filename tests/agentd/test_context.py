"""The two badges, and the baseline of a cumulative cost."""

import pytest

from agentd.context import CostBaseline, badges_of, context_window, cost_of, ctx_of
from agentd.engines.base import TurnUsage, Usage
from hived.wire.turns import Cost, Ctx


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
