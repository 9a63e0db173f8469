"""A decision on its way to the agent that waits for it: from the operator's POST to the agent's control stream, and to the line
that a real harness writes into its journal; beside bare Unix-socket round trips of the same size.
"""

import asyncio
import os
import signal
import socket
import statistics
import time
from datetime import datetime
from typing import Any

from hived.wire.ids import new_id
from tests.benchmarks.measure import Finding, percentile
from tests.support.hive import LiveHive, live_hive
from tests.support.living import events, scripted, until_idle
from tests.support.raw_client import RawClient, connected

DECISIONS = 500
"""In a round."""
ROUNDS = 3
P99_MARK_MS = 50.0
PATIENCE = 120.0


def run() -> list[Finding]:
    with live_hive() as hive:
        stream = asyncio.run(_to_the_stream(hive))
        journal = asyncio.run(_to_the_journal(hive))
    bare = _p99([_bare(DECISIONS) for _ in range(ROUNDS)])
    found = []
    for what, rounds in (("its control stream", stream), ("a harness's journal", journal)):
        p50, p99 = percentile([delay for delays in rounds for delay in delays], 0.5) * 1000, _p99(rounds)
        found.append(
            Finding(
                f"a decision to {what}, p99 of {DECISIONS}", f"{p99:.1f} ms (p50 {p50:.1f})", f"bare socket {bare:.2f} ms",
                p99 / bare, f"under {P99_MARK_MS:g} ms", p99 < P99_MARK_MS,
            )
        )  # fmt: skip
    return found


def _p99(rounds: list[list[float]]) -> float:
    """The median of the rounds' own, in milliseconds."""
    return statistics.median(percentile(delays, 0.99) for delays in rounds) * 1000


async def _to_the_stream(hive: LiveHive) -> list[list[float]]:
    """The harness's place is taken: it is stopped, and its control stream is ours."""
    hive.spawn("raw", "command", engine_options={"command": "cat"})
    agent = hive.until_online("raw")
    os.kill(agent["pid"], signal.SIGSTOP)
    path, generation = hive.paths.agent("raw").socket, str(agent["generation"])
    rounds: list[list[float]] = [[] for _ in range(ROUNDS)]
    try:
        async with (
            connected(path, hive_generation=generation) as harness,
            connected(path, hive_generation=generation, hive_journal="bench") as stream,
            connected(hive.paths.host_socket, hive_client="bench") as operator,
            asyncio.timeout(PATIENCE),
        ):
            heard = stream.events("/v1/control")
            assert (await anext(heard))[0] == "hello"
            for number in range(DECISIONS * ROUNDS):
                ask = {"id": new_id(), "kind": "tool_use", "tool": "Bash", "input": {"command": f"make {number}"}}
                assert (await harness.call("POST", "/v1/approvals", ask))[0] == 202
                began = time.perf_counter()
                operator.send("POST", f"/v1/approvals/{ask['id']}/approve", {"note": "go on"})
                event, decision = await anext(heard)
                rounds[number // DECISIONS].append(time.perf_counter() - began)
                assert (event, decision["approval_id"], decision["status"]) == ("decision", ask["id"], "approved")
                assert (await operator.answer())[0] == 200
    finally:
        os.kill(agent["pid"], signal.SIGKILL)
    return rounds


async def _to_the_journal(hive: LiveHive) -> list[list[float]]:
    """A real harness whose engine asks one thing after the other."""
    asks = ",\n".join(
        f'{{ask_permission = {{tool = "Bash", input = {{command = "make {number}"}}}}}}' for number in range(DECISIONS)
    )
    await asyncio.to_thread(scripted, hive, f"[[turn]]\nrepeat = true\nsteps = [{asks}]\n", "real")
    began: dict[str, float] = {}
    async with (
        connected(hive.paths.host_socket, hive_client="bench") as operator,
        connected(hive.paths.host_socket) as feed,
        asyncio.timeout(PATIENCE),
    ):
        seq = (await operator.call("GET", "/v1/snapshot"))[1]["seq"]
        news = feed.events(f"/v1/feed?after={seq}")
        for number in range(1, ROUNDS + 1):
            await operator.call("POST", "/v1/messages", {"to": "real", "body": "go"})
            while len(began) < DECISIONS * number:
                event, row = await anext(news)
                if event == "approval" and row["payload"]["status"] == "pending":
                    await _approve(operator, row["payload"]["id"], began)
            await asyncio.to_thread(until_idle, hive, "real")
    written: list[dict[str, Any]] = await asyncio.to_thread(events, hive, "real")
    delays = [
        datetime.fromisoformat(event["ts"]).timestamp() - began[event["payload"]["approval_id"]]
        for event in written
        if event["kind"] == "permission_decided"
    ]
    return [delays[first : first + DECISIONS] for first in range(0, len(delays), DECISIONS)]


async def _approve(operator: RawClient, id: str, began: dict[str, float]) -> None:
    began[id] = time.time()
    status, answer = await operator.call("POST", f"/v1/approvals/{id}/approve", {"note": "go on"})
    assert status == 200, answer


def _bare(rounds: int) -> list[float]:
    """Seconds of each round trip between two processes over a Unix socket, with as many bytes there and back."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    child = os.fork()
    if child == 0:
        ours.close()
        while heard := theirs.recv(4096):
            theirs.sendall(heard)
        os._exit(0)
    theirs.close()
    took: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        ours.sendall(b"x" * 256)
        ours.recv(4096)
        took.append(time.perf_counter() - began)
    ours.close()
    os.waitpid(child, 0)
    return took
