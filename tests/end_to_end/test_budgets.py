"""Budgets with real harnesses: an agent that has spent its own is parked and seen so, and goes on by every way there is."""

import json
from typing import Any

import pytest

from tests.support.hive import LiveHive, live_hive, wait_until
from tests.support.living import (
    WORKER,
    command,
    condition,
    done,
    kill_harness,
    kill_hived,
    living,
    outcomes,
    payloads,
    post,
    scripted,
    send,
    until_idle,
    waiting,
    wakes,
)

DEAR = """
[[turn]]
wake = "checkpoint"
repeat = true
steps = [ { say = "notes" }, { usage = { tokens = 500, cost_usd = 0.5 } } ]

[[turn]]
repeat = true
steps = [ { say = "done" }, { usage = { ctx = 1000, window = 200000, tokens = 1000, cost_usd = 3 } } ]
"""
UNPRICED = """
[[turn]]
repeat = true
steps = [ { say = "done" } ]
"""
QUEEN = """
[[turn]]
repeat = true
steps = [ { say = "heard" }, { usage = { tokens = 10, cost_usd = 0 } } ]
"""
"""She hears of her workers' lives too, whenever that is, and it costs nothing."""


def put(hive: LiveHive, **draft: Any) -> dict[str, Any]:
    status, budget = hive.put("/v1/budgets", draft)
    assert status == 200, budget
    found: dict[str, Any] = budget
    return found


def budget_of(hive: LiveHive, budget_id: str) -> dict[str, Any]:
    status, budget = hive.get(f"/v1/budgets/{budget_id}")
    assert status == 200, budget
    found: dict[str, Any] = budget
    return found


def until_over(hive: LiveHive, name: str = WORKER) -> dict[str, Any]:
    """Its condition, once a budget has stopped it with something unread."""
    found: dict[str, Any] = wait_until(lambda: condition(hive, "over_budget", name), f"{name} being over its budget")
    assert hive.agent(name)["unread"] >= 1
    return found


def test_an_agent_that_is_over_is_parked_and_shown_and_goes_on_when_more_is_allowed() -> None:
    with living(DEAR) as hive:
        budget = put(hive, agent=WORKER, usd=5)
        done(hive, "one")
        assert budget_of(hive, budget["id"])["spent"] == {"usd": 3.0, "estimated": False, "tokens": 1000, "turns": 1}
        done(hive, "two")
        left = send(hive, "three")
        over = until_over(hive)
        assert over["detail"].startswith("worker has spent $6.00 of its $5.00 today; it starts no turn until ")
        [item] = waiting(hive, "budget")
        assert (item["id"], item["agent"], item["subject"], item["blocks"]) == (
            budget["id"],
            WORKER,
            over["detail"],
            True,
        )
        assert outcomes(hive) == ["ok", "ok"]

        listed = command(hive, "ls").stdout
        assert "over budget" in listed
        assert "over_budget (" in listed
        shown = command(hive, "waiting").stdout
        assert f"worker: hive budget raise {budget['id'][:18]}" in shown
        budgets = command(hive, "budgets").stdout
        assert "$6.00 of $5.00" in budgets
        assert "stops" in budgets

        raised = command(hive, "budget", "raise", budget["id"][:18], "--usd", "4")
        assert (raised.returncode, raised.stdout.split(" (")[0]) == (0, "worker: $5.00 a day, now $4.00 more")
        wait_until(lambda: len(outcomes(hive)) == 3, "the third turn")
        until_idle(hive)
        assert payloads(hive, "turn_end")[-1]["message_ids"] == [left]
        assert (condition(hive, "over_budget"), waiting(hive, "budget")) == (None, [])


def test_it_stays_over_through_kills_of_both_and_nothing_is_lost() -> None:
    with living(DEAR) as hive:
        put(hive, scope="hive", turns=1)
        done(hive, "one")
        left = [send(hive, "two"), send(hive, "three")]
        over = until_over(hive)
        kill_hived(hive)
        assert condition(hive, "over_budget") == over
        kill_harness(hive)
        assert condition(hive, "over_budget") == over
        assert [item["since"] for item in waiting(hive, "budget")] == [over["since"]]
        assert outcomes(hive) == ["ok"]
        put(hive, scope="hive")
        wait_until(lambda: len(outcomes(hive)) == 2, "the turn that was waited for")
        until_idle(hive)
        assert payloads(hive, "turn_end")[-1]["message_ids"] == left
        assert payloads(hive, "message_in")[-1]["redelivered"] is False


def test_a_tree_of_two_agents_is_stopped_whole_and_a_spawn_in_it_is_refused() -> None:
    with living(DEAR) as hive:
        scripted(hive, QUEEN, "queen", role="queen")
        scripted(hive, DEAR, "hand", parent="queen")
        put(hive, scope="tree", agent="queen", usd=2.5)
        done(hive, "work", "hand")
        send(hive, "more", "hand")
        assert until_over(hive, "hand")["detail"].startswith("The tree of queen has spent $3.00 of its $2.50 today")
        asked_of_her = send(hive, "spawn one", "queen")
        until_over(hive, "queen")
        done(hive, "I am in no tree of hers", WORKER)
        spec = {"engine": "scripted", "parent": "queen", "engine_options": {"scenario": str(hive.home / "hand.toml")}}
        status, asked = hive.post("/v1/agents", {"name": "late", **spec})
        assert status == 202, asked
        status, refused = hive.post(f"/v1/approvals/{asked['id']}/approve", {})
        assert (status, refused["code"]) == (403, "over_budget")
        assert "nobody is spawned in it until" in refused["message"]
        assert [item["id"] for item in waiting(hive, "spawn")] == [asked["id"]], "it can be approved later"
        [item] = waiting(hive, "budget")
        status, raised = hive.post(f"/v1/budgets/{item['id']}/raise", {"usd": 100})
        assert (status, raised["raised"]["usd"]) == (200, 100.0)
        assert hive.post(f"/v1/approvals/{asked['id']}/approve", {})[0] == 200
        wait_until(
            lambda: any(asked_of_her in end["message_ids"] for end in payloads(hive, "turn_end", "queen")), "her turn"
        )
        wait_until(lambda: len(outcomes(hive, "hand")) == 2, "its turn")


def test_a_compaction_is_asked_for_like_any_turn_and_waits_too() -> None:
    with living(DEAR) as hive:
        done(hive, "one")
        put(hive, agent=WORKER, turns=1)
        status, refused = hive.post(f"/v1/agents/{WORKER}/compact")
        assert (status, refused["code"]) == (503, "turn_failed")
        assert "worker has begun 1 of its 1 turns today" in refused["message"]
        assert condition(hive, "over_budget")
        put(hive, agent=WORKER)
        post(hive, "compact")
        assert "compact" in wakes(hive)


def test_turns_without_a_cost_are_said_to_be_beyond_a_budget_in_dollars() -> None:
    with living(UNPRICED) as hive:
        budget = put(hive, agent=WORKER, usd=1)
        done(hive, "one")
        assert budget_of(hive, budget["id"])["unpriced"] == [WORKER]
        assert "no cost known of worker" in command(hive, "budgets").stdout


def test_an_agent_tomls_limit_stops_its_agent() -> None:
    with live_hive() as hive:
        scripted(hive, DEAR, limits={"turns_per_hour": 1})
        done(hive, "one")
        send(hive, "two")
        assert until_over(hive)["detail"].startswith(
            "worker has begun 1 of its 1 turns this hour; it starts no turn until "
        )
        [budget] = json.loads(command(hive, "budgets", "--json").stdout)["budgets"]
        assert (budget["source"], budget["window"], budget["over"]) == ("agent.toml", "hour", True)
        gone = command(hive, "budget", "rm", budget["id"][:18])
        assert gone.stdout == "worker: no budget of 1 turns an hour any more\n"
        wait_until(lambda: len(outcomes(hive)) == 2, "the turn that was waited for")


@pytest.mark.parametrize("prices", ['[prices."made-up*"]\ninput = 3\noutput = 15\n', ""])
def test_a_price_in_hive_toml_reaches_the_harness(prices: str) -> None:
    with living(UNPRICED, prices) as hive:
        launch = json.loads(hive.paths.agent(WORKER).launch_file.read_text())
        expected = {"made-up*": {"input": 3.0, "output": 15.0, "cache_read": None, "cache_creation": None}}
        assert launch["prices"] == (expected if prices else {})
