"""`hive budgets` and `hive budget set|raise|rm`, on a real hived and through a pipe."""

from collections.abc import Iterator

import pytest

from hived.wire.budgets import Budget, BudgetList
from tests.hived.cli.conftest import Shell
from tests.support.hive import LiveHive

NAME = "ada"


@pytest.fixture(autouse=True)
def _alone(shell: Shell, hive: LiveHive) -> Iterator[None]:
    if hive.get(f"/v1/agents/{NAME}")[0] == 404:
        shell.talker(NAME)
    yield
    ids = [budget["id"] for budget in hive.get("/v1/budgets")[1]["budgets"]]
    if ids:
        assert shell("budget", "rm", *ids).code == 0


def test_without_budgets_it_says_how_to_set_one(shell: Shell) -> None:
    assert shell("budgets").out == "There are no budgets. Set one with: hive budget set NAME --usd 5\n"
    assert shell("budgets", "--json").json() == {"budgets": []}


def test_a_budget_is_set_for_an_agent_a_tree_and_the_hive(shell: Shell) -> None:
    said = shell("budget", "set", NAME, "--usd", "5", "--turns", "20")
    assert said.out.startswith("ada: $5.00, 20 turns a day (")
    assert shell("budget", "set", NAME, "--tree", "--tokens", "1000000", "--window", "total").out.startswith(
        "tree of ada: 1,000,000 tokens in all ("
    )
    assert shell("budget", "set", "--hive", "--usd", "0.005", "--window", "hour").out.startswith(
        "hive: $0.0050 an hour ("
    )
    document = BudgetList.model_validate(shell("budgets", "--json").json())
    assert [(budget.scope, budget.agent, budget.window) for budget in document.budgets] == [
        ("hive", None, "hour"), ("tree", NAME, "total"), ("agent", NAME, "day"),
    ]  # fmt: skip
    listed = shell("budgets").out.splitlines()
    assert [line.split()[0] for line in listed[:1]] == ["ID"]
    assert any("$0.00 of $5.00, 0 of 20 turns" in line for line in listed)
    assert any("tree of ada" in line and "0 of 1,000,000 tokens" in line for line in listed)


def test_a_raise_says_how_much_more_and_json_is_the_budget(shell: Shell) -> None:
    budget = Budget.model_validate(shell("budget", "set", NAME, "--usd", "2", "--json").json())
    assert shell("budget", "raise", budget.id[:18]).err.startswith("error[not_over]: ")
    assert shell("budget", "raise", budget.id[:18], "--usd", "2").out.startswith("ada: $2.00 a day, now $2.00 more (")
    raised = Budget.model_validate(shell("budget", "raise", budget.id, "--usd", "1.5", "--json").json())
    assert (raised.raised.usd, raised.usd) == (3.5, 2.0)
    assert "raised by $3.50" in shell("budgets").out
    shell("budget", "raise", budget.id, "--turns", "3").fails(1, "invalid_request")


def test_one_that_is_spent_says_so_at_once_and_in_the_list(shell: Shell) -> None:
    said = shell("budget", "set", NAME, "--turns", "0")
    assert "ada has begun 0 of its 0 turns today; it starts no turn until" in said.out
    assert "spent" in shell("budgets").out


def test_what_is_removed_is_named(shell: Shell) -> None:
    budget = shell("budget", "set", NAME, "--turns", "4", "--json").json()
    assert shell("budget", "rm", budget["id"], "--json").json()["id"] == budget["id"]
    shell("budget", "rm", budget["id"]).fails(4, "budget_not_found")
    shell("budget", "rm", "zz/../x").fails(4, "budget_not_found")


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("budget",), 2, "usage"),
        (("budget", "give"), 2, "usage"),
        (("budget", "set"), 2, "usage"),
        (("budget", "set", NAME), 2, "usage"),
        (("budget", "set", NAME, "--hive", "--usd", "1"), 2, "usage"),
        (("budget", "set", NAME, "--hive", "--tree", "--usd", "1"), 2, "usage"),
        (("budget", "set", NAME, "--usd", "-1"), 2, "usage"),
        (("budget", "set", NAME, "--usd", "nan"), 2, "usage"),
        (("budget", "set", NAME, "--usd", "much"), 2, "usage"),
        (("budget", "set", NAME, "--turns", "1.5"), 2, "usage"),
        (("budget", "set", NAME, "--window", "week", "--usd", "1"), 2, "usage"),
        (("budget", "set", "nobody", "--usd", "1"), 4, "agent_not_found"),
        (("budget", "set", "No Body", "--usd", "1"), 2, "invalid_name"),
        (("budget", "raise", "0000"), 4, "budget_not_found"),
        (("budget", "raise"), 2, "usage"),
        (("budget", "rm"), 2, "usage"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(shell: Shell, words: tuple[str, ...], code: int, error: str) -> None:
    shell(*words).fails(code, error)
