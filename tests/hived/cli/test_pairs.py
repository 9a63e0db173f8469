"""`hive pairs` and `hive pair`: pairs that are held, from the command line."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.hived.cli.conftest import Shell
from tests.support.hive import LiveHive, wait_until
from tests.support.own_agent import OwnAgent, event, own_agent

numbers = count(1)


@pytest.fixture(scope="module")
def agents() -> Iterator[dict[str, OwnAgent]]:
    with own_agent("damper_messages = 4\n") as ada:
        ada.hive.spawn("bob", "command", engine_options={"command": ["cat"], "fake": "deaf"})
        wait_until(lambda: ada.hive.agent("bob")["generation"] == 1, "bob's start")
        yield {"ada": ada, "bob": OwnAgent(ada.hive, "bob")}


@pytest.fixture
def hive(agents: dict[str, OwnAgent]) -> LiveHive:
    return agents["ada"].hive


@pytest.fixture
def pair(agents: dict[str, OwnAgent], shell: Shell) -> str:
    """The id of the pair, held anew."""
    for number in range(6):
        names = ("ada", "bob")[:: 1 if number % 2 else -1]
        sender = agents[names[0]]
        status, cursor = sender.post_events()
        out = event(cursor["cursor"] + 1, "message_out", message_id=f"m{next(numbers)}", to=names[1], body="ta \x1b[2J")
        status, taken = sender.post_events(out)
        assert (status, taken["refused"]) == (200, [])
    found: str = shell("pairs", "--json").json()["pairs"][0]["id"]
    return found


def test_a_pair_that_is_held_is_listed_with_its_way_on(shell: Shell, pair: str) -> None:
    said = shell("pairs").out
    assert pair[:18] in said
    assert "4 messages in 60 s" in said
    waiting = shell("waiting").out
    assert "only answer each other" in waiting
    assert f"hive pair release {pair[:18]}" in waiting
    held = shell("messages", "--held").out
    assert held.count(f"pair {pair[:18]}") == 3
    assert "\x1b" not in held
    assert shell("pair", "release", pair[:35]).out.startswith("released: ")
    assert shell("pairs").out == "No pair is held.\n"
    assert "released" in shell("pairs", "--all").out
    shell("pair", "drop", pair).fails(5, "pair_decided")


def test_what_a_pair_holds_is_dropped(shell: Shell, pair: str) -> None:
    assert shell("pair", "drop", pair, "--json").json()["status"] == "dropped"
    assert shell("messages", "--held").out == "No message is held.\n"
    assert "dropped by operator" in shell("messages").out


def test_what_is_no_pair_is_refused_in_one_sentence(shell: Shell) -> None:
    shell("pair", "release", "ffffffff").fails(4, "pair_not_found")
    shell("pair", "release", "../x").fails(4, "pair_not_found")
    shell("pair", "release").fails(2, "usage")
    shell("pair", "marry", "x").fails(2, "usage")
    shell("pair").fails(2, "usage")
