"""The operator's price table: which price is whose, and what a turn costs by it."""

import pytest

from agentd.engines.base import TurnUsage
from agentd.prices import Prices
from hived.wire.budgets import Price
from tests.agentd.rig import Rig

TABLE = {
    "*": Price(input=1, output=1),
    "gpt-*": Price(input=2, output=8, cache_read=0.5),
    "gpt-5-*": Price(input=3, output=9),
    "gpt-5-mini": Price(input=4, output=16, cache_read=0.4, cache_creation=5),
}


@pytest.mark.parametrize(
    ("model", "price"), [("gpt-5-mini", 4), ("gpt-5-large", 3), ("gpt-4", 2), ("llama", 1), ("GPT-5-mini", 1)]
)
def test_the_exact_name_wins_then_the_longest_glob(model: str, price: float) -> None:
    found = Prices(TABLE).of(model)
    assert found is not None
    assert found.input == price


def test_a_model_that_no_price_fits_has_none() -> None:
    prices = Prices({"gpt-*": Price(input=1, output=1)})
    assert prices.of_turn("llama", TurnUsage(input_tokens=5)) is None
    assert prices.of_tokens("llama", 5) is None


def test_each_kind_of_token_has_its_price() -> None:
    usage = TurnUsage(
        input_tokens=1_000_000,
        output_tokens=500_000,
        cache_read_input_tokens=2_000_000,
        cache_creation_input_tokens=100_000,
    )
    assert Prices(TABLE).of_turn("gpt-5-mini", usage) == pytest.approx(4 + 8 + 0.8 + 0.5)


def test_cached_tokens_without_a_price_cost_as_input() -> None:
    usage = TurnUsage(input_tokens=0, cache_read_input_tokens=1_000_000, cache_creation_input_tokens=1_000_000)
    assert Prices(TABLE).of_turn("gpt-5-large", usage) == pytest.approx(6)


def test_a_turn_without_figures_has_no_cost() -> None:
    assert Prices(TABLE).of_turn("gpt-4", TurnUsage()) is None


async def test_a_turn_without_a_cost_of_its_own_is_estimated_by_the_table(rig: Rig) -> None:
    rig.prices = {"small-*": Price(input=10, output=20)}
    rig.scripted(
        {
            "repeat": True,
            "steps": [{"model": "small-1"}, {"usage": {"ctx": 5, "input_tokens": 100_000, "output_tokens": 50_000}}],
        }
    )
    await rig.start()
    await rig.stub.send("one")
    (end,) = await rig.stub.turn_ends()
    assert end["cost"] == {"tokens": 150_000, "usd": pytest.approx(2.0), "estimated": True}
    told = rig.stub.payloads("token_usage_changed")[-1]["cost"]
    assert told["estimated"] is True
    await rig.terminate()
    assert rig.stats()[-1]["cost_estimated"] == 1


async def test_an_engines_own_cost_is_left_as_it_is(rig: Rig) -> None:
    rig.prices = {"*": Price(input=10, output=20)}
    rig.scripted({"steps": [{"usage": {"ctx": 5, "tokens": 100_000, "cost_usd": 0.5}}]})
    await rig.start()
    await rig.stub.send("one")
    (end,) = await rig.stub.turn_ends()
    assert end["cost"] == {"tokens": 100_000, "usd": 0.5, "estimated": False}


async def test_a_killed_turn_keeps_the_estimate_that_it_had_told(rig: Rig) -> None:
    rig.prices = {"*": Price(input=10, output=20)}
    rig.scripted({"steps": [{"usage": {"ctx": 5, "tokens": 100_000}}, {"say": "so far"}, {"wait_seconds": 600}]})
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the figures being told")
    await rig.kill()
    rig.scripted({"steps": []})
    await rig.start()
    end = (await rig.stub.turn_ends())[0]
    assert end["cost"] == {"tokens": 100_000, "usd": pytest.approx(1.0), "estimated": True}
