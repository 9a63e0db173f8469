"""Two clients who decide the same at the same instant, a thousand times, over the operator's socket of a real hived."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from hived.wire.ids import new_id
from tests.support.hive import LiveHive
from tests.support.living import WORKER, living
from tests.support.raw_client import RawClient, connected

ASKS = 1000
AT_ONCE = 16
SCENARIO = '[[turn]]\nsteps = [{say = "nothing to do"}]\n'


@pytest.fixture
def hive() -> Iterator[LiveHive]:
    with living(SCENARIO) as made:
        yield made


async def ask(hive: LiveHive, count: int) -> list[str]:
    """The worker's harness asks for so many things; their ids."""
    generation = str(hive.agent(WORKER)["generation"])
    ids = [new_id() for _ in range(count)]

    async def some(mine: list[str]) -> None:
        async with connected(hive.paths.agent(WORKER).socket, hive_generation=generation) as harness:
            for id in mine:
                body = {"id": id, "kind": "tool_use", "tool": "Bash", "input": {"command": f"make {id}"}}
                status, answer = await harness.call("POST", "/v1/approvals", body)
                assert (status, answer["status"]) == (202, "pending")

    await asyncio.gather(*(some(ids[number::AT_ONCE]) for number in range(AT_ONCE)))
    return ids


async def race(one: RawClient, two: RawClient, id: str, number: int) -> tuple[str, str]:
    """Both decide in the same instant, who first is changed in turn; (the winner's verdict, its client's name)."""
    verbs = {one: "approve", two: "approve" if number % 3 == 0 else "deny"}
    names = {one: "one", two: "two"}
    order = [one, two] if number % 2 else [two, one]
    for client in order:
        client.send("POST", f"/v1/approvals/{id}/{verbs[client]}", {"note": names[client]})
    answers = {client: await client.answer() for client in order}
    won = [client for client, (status, _) in answers.items() if status == 200]
    assert len(won) == 1, answers
    (lost,) = [client for client in order if client is not won[0]]
    verdict = {"approve": "approved", "deny": "denied"}[verbs[won[0]]]
    winner, (status, loser) = answers[won[0]][1], answers[lost]
    assert (winner["status"], winner["note"]) == (verdict, names[won[0]])
    assert (status, loser["code"]) == (409, "already_decided")
    said = loser["detail"]
    assert (said["id"], said["status"], said["by"]) == (id, verdict, f"operator ({names[won[0]]})")
    assert said["at"] == winner["decided_at"]
    return verdict, names[won[0]]


async def test_of_two_who_decide_at_the_same_instant_one_wins_and_the_other_is_told_who(hive: LiveHive) -> None:
    ids = await ask(hive, ASKS)
    wins: Counter[str] = Counter()

    async def some(mine: list[tuple[int, str]]) -> None:
        async with AsyncExitStack() as stack:
            one, two = [
                await stack.enter_async_context(connected(hive.paths.host_socket, hive_client=name))
                for name in ("one", "two")
            ]
            for number, id in mine:
                _, name = await race(one, two, id, number)
                wins[name] += 1

    numbered = list(enumerate(ids))
    await asyncio.gather(*(some(numbered[first::AT_ONCE]) for first in range(AT_ONCE)))
    assert wins.total() == ASKS
    assert min(wins["one"], wins["two"]) > 0, wins
    entries = await all_entries(hive)
    decided = Counter(
        entry["subject"] for entry in entries if entry["action"] in ("approval.approved", "approval.denied")
    )
    assert {id: decided[id] for id in ids} == dict.fromkeys(ids, 1)
    status, report = hive.get("/v1/check")
    assert (status, [finding for finding in report["findings"] if not finding["ok"]]) == (200, [])
    assert hive.get("/v1/waiting")[1]["waiting"] == []


async def all_entries(hive: LiveHive) -> list[dict[str, Any]]:
    """The whole audit, by its pages, newest first."""
    found: list[dict[str, Any]] = []
    async with connected(hive.paths.host_socket) as client:
        while not found or found[-1]["seq"] > 1:
            before = f"&before={found[-1]['seq']}" if found else ""
            _, answer = await client.call("GET", f"/v1/audit?limit=1000{before}")
            found += reversed(answer["entries"])
    assert [entry["seq"] for entry in found] == list(range(len(found), 0, -1))
    assert all(entry["actor"]["pid"] for entry in found if entry["actor"]["who"] == "operator")
    return found
