"""What turns cost, on the real CLI: beside what the loopback model gave out, over restarts, kills and compactions."""

import os
import signal
from collections.abc import Sequence

import pytest

from agentd.context import learn_cost
from agentd.engines.base import EngineEvent, Note, Text, TurnDone, Usage
from agentd.engines.claude import ClaudeEngine
from agentd.engines.claude_costs import Costs
from agentd.engines.claude_events import Inference, Result, Spent
from tests.support.claude import MemoryFacts, Setting, done_of, played, until
from tests.support.claude_turns import engine_pid, is_delta, running, script

live = [pytest.mark.claude]

USD_PER_INPUT, USD_PER_OUTPUT = 1e-6, 5e-6
"""claude-haiku-4-5's own, by either CLI's price list."""
MODEL = "claude-haiku-4-5"


def billed(setting: Setting, first: int = 0) -> float:
    """What the messages that the model began, from that one on, come to."""
    return sum(given * USD_PER_INPUT + got * USD_PER_OUTPUT for given, got in setting.api.billed[first:])


async def turn(setting: Setting, engine: ClaudeEngine, text: str) -> list[EngineEvent]:
    """One turn, its price learned as the harness learns it."""
    events = await played(engine, text)
    learn_cost(setting.facts, MODEL, done_of(events).usage)
    return events


def cost(events: Sequence[EngineEvent]) -> float:
    found = done_of(events).usage.cost_usd
    assert found is not None
    return found


class TestOnTheRealCli:
    pytestmark = live

    async def test_turns_cost_what_the_model_gave_out_over_a_restart_too(self, setting: Setting) -> None:
        costs: list[float] = []
        session: str | None = None
        for _ in range(2):
            async with setting.engine(session) as engine:
                costs += [cost(await turn(setting, engine, "@@text")), cost(await turn(setting, engine, "@@parallel"))]
                session = engine.session_id
        assert sum(costs) == pytest.approx(billed(setting), rel=0.001)
        assert max(costs[1], costs[3]) < 2.5 * min(costs[0], costs[2])

    @pytest.mark.parametrize("during", ["@@slow", "tool"])
    async def test_a_killed_turn_is_estimated_and_no_later_turn_pays_for_it_again(
        self, setting: Setting, during: str
    ) -> None:
        setting.options["allowed_tools"] = ["Bash"]
        words = (
            script({"tool": "Bash", "input": {"command": "touch began; exec sleep 60"}}) if during == "tool" else during
        )
        async with setting.engine() as engine:
            await turn(setting, engine, "@@text")
            await turn(setting, engine, "@@text")
            before = len(setting.api.billed)
            async with running(engine, words) as killed:
                await (until((setting.workspace / "began").exists) if during == "tool" else killed.until(is_delta))
                os.kill(engine_pid(setting), signal.SIGKILL)
                done = await killed.done()
            assert done.outcome == "failed"
            assert done.usage.cost_estimated
            assert done.usage.cost_usd is not None
            assert done.usage.cost_usd == pytest.approx(billed(setting, before), rel=0.05)
            assert done.usage.input_tokens == setting.api.billed[before][0]
            after = len(setting.api.billed)
            events = await turn(setting, engine, "@@text and on")
            assert not done_of(events).usage.cost_estimated
            assert cost(events) == pytest.approx(billed(setting, after), rel=0.001)
            assert cost(events) + done.usage.cost_usd == pytest.approx(billed(setting, before), rel=0.05)

    async def test_a_first_turn_that_is_killed_has_tokens_and_no_made_up_price(self, setting: Setting) -> None:
        async with setting.engine() as engine, running(engine, "@@slow") as killed:
            await killed.until(is_delta)
            os.kill(engine_pid(setting), signal.SIGKILL)
            usage = (await killed.done()).usage
        assert usage.input_tokens == setting.api.billed[0][0]
        assert usage.cost_usd is None
        assert not usage.cost_estimated

    async def test_figures_come_while_the_turn_runs_and_their_price_once_it_is_known(self, setting: Setting) -> None:
        setting.options["allowed_tools"] = ["Bash"]
        async with setting.engine() as engine:
            first = [event for event in await turn(setting, engine, "@@text") if isinstance(event, Usage)]
            events = await turn(setting, engine, "@@parallel")
        second = [event for event in events if isinstance(event, Usage)]
        assert first[0].cost_usd is None
        assert first[0].ctx_tokens == setting.api.billed[0][0]
        assert first[0].tokens == sum(setting.api.billed[0][:1]) + 1
        assert len(second) == 2
        assert second[0].tokens is not None
        assert second[1].tokens is not None
        assert second[1].tokens > second[0].tokens
        assert second[1].cost_usd == pytest.approx(cost(events), rel=0.05)
        assert second[1].cost_estimated

    async def test_a_compaction_costs_something_and_the_turns_after_it_only_their_own(self, setting: Setting) -> None:
        async with setting.engine() as engine:
            await turn(setting, engine, "@@text one")
            await turn(setting, engine, "@@text two")
            session, before = engine.session_id, len(setting.api.billed)
            events = [event async for event in engine.compact()]
            assert done_of(events).outcome == "ok"
            assert cost(events) == pytest.approx(billed(setting, before), rel=0.001)
            assert done_of(events).usage.input_tokens == sum(given for given, _ in setting.api.billed[before:])
            assert done_of(events).usage.last_input_tokens is None
            after = len(setting.api.billed)
            assert cost(await turn(setting, engine, "@@text three")) == pytest.approx(billed(setting, after), rel=0.001)
            assert engine.session_id == session
        assert any(isinstance(event, Note) and "compacted as asked" in event.text for event in events)

    async def test_a_prompt_that_is_too_long_is_compacted_by_the_cli_itself_and_answered(
        self, setting: Setting
    ) -> None:
        async with setting.engine() as engine:
            await turn(setting, engine, "@@text one")
            await turn(setting, engine, "@@text two")
            before = len(setting.api.billed)
            events = await turn(setting, engine, "@@overflow")
            assert done_of(events).outcome == "ok"
            assert Text("It fits now.") in events
            assert any(isinstance(event, Note) and "compacted by itself" in event.text for event in events)
            assert cost(events) == pytest.approx(billed(setting, before), rel=0.001)
            usage = done_of(events).usage
            assert usage.last_input_tokens == setting.api.billed[-1][0]
            assert usage.input_tokens == sum(given for given, _ in setting.api.billed[before:])
            assert done_of(await turn(setting, engine, "@@text three")).outcome == "ok"

    async def test_a_conversation_with_nothing_to_compact_says_so(self, setting: Setting) -> None:
        async with setting.engine() as engine:
            events = [event async for event in engine.compact()]
            done = done_of(events)
            assert (done.outcome, done.retryable) == ("failed", False)
            assert done.error
            assert done_of(await turn(setting, engine, "@@text")).outcome == "ok"


# What no CLI here says, but one between the two may -------------------------------------------------------------


def result(total: Spent | None, since_last: Spent | None = None, used: int = 0) -> Result:
    return Result(
        session_id="s", subtype="success", is_error=False, terminal_reason=None, api_error=None, api_error_status=None,
        cut_off=False, text="", errors=(), num_turns=1, usage=Inference(used, 0, 0, 0), total=total, since_last=since_last,
    )  # fmt: skip


def spent(usd: float, tokens: int) -> Spent:
    return Spent(usd, tokens)


def cost_of(costs: Costs, *results: Result) -> float | None:
    usage = TurnDone().usage
    costs.of_turn(results, usage)
    return usage.cost_usd


def test_a_process_that_goes_on_counting_over_a_resume_is_measured_against_what_was_kept() -> None:
    facts = MemoryFacts()
    assert cost_of(Costs(facts), result(spent(1.0, 1000), used=1000)) == pytest.approx(1.0)
    assert cost_of(Costs(facts), result(spent(1.5, 1500), used=500)) == pytest.approx(0.5)


def test_a_process_that_counts_from_nothing_is_taken_at_its_word() -> None:
    facts = MemoryFacts()
    assert cost_of(Costs(facts), result(spent(1.0, 1000), used=1000)) == pytest.approx(1.0)
    costs = Costs(facts)
    assert cost_of(costs, result(spent(1.2, 1200), used=1200)) == pytest.approx(1.2)
    assert cost_of(costs, result(spent(1.3, 1300), used=100)) == pytest.approx(0.1)


def test_what_was_spent_between_turns_is_the_next_turns() -> None:
    costs = Costs(MemoryFacts())
    assert cost_of(costs, result(spent(1.0, 1000), spent(1.0, 1000))) == pytest.approx(1.0)
    costs.between_turns([result(spent(1.5, 1500), spent(0.5, 500))])
    assert cost_of(costs, result(None)) is None
    assert cost_of(costs, result(spent(1.7, 1700), spent(0.2, 200))) == pytest.approx(0.7)
