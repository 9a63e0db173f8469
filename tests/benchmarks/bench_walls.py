"""What bwrap adds to the start of an engine, beside `process` in the same run: at most 10 ms, from asking to its first word."""

import asyncio
import statistics
import time

from agentd.engines.base import EngineFailed
from agentd.runtimes.registry import load_runtime
from tests.benchmarks.measure import Finding
from tests.support.walls import Quarters, Starter, quartered

ROUNDS = 41
MARK_MS = 10.0


async def one(start: Starter) -> float:
    """Milliseconds until an engine that says one word has said it."""
    began = time.perf_counter()
    process = await start("/bin/echo", "up")
    async for _ in process.lines():
        break
    took = (time.perf_counter() - began) * 1000
    await process.close()
    return took


async def measured(starts: list[Starter]) -> list[float]:
    """The median of each, taken in turn, so that what else the machine does is shared."""
    for start in starts:
        await one(start)
    found: list[list[float]] = [[] for _ in starts]
    for _ in range(ROUNDS):
        for number, start in enumerate(starts):
            found[number].append(await one(start))
    return [statistics.median(times) for times in found]


def starter(quarters: Quarters, *, network: bool) -> Starter:
    return quarters.starter(quarters.launch(engine="claude", network=network))


def run() -> list[Finding]:
    if not load_runtime("bwrap").find().works:
        return [Finding("bwrap", "does not work here", "", None, "", None)]
    try:
        with quartered(runtime="process") as bare, quartered(runtime="bwrap") as walled:
            starts = [starter(bare, network=True), starter(walled, network=True), starter(walled, network=False)]
            plain, open_, closed = asyncio.run(measured(starts))
    except EngineFailed as failure:
        return [Finding("bwrap", failure.message[:20], "", None, "", False)]
    floor = f"process {plain:.1f} ms"
    return [
        _finding("start in bwrap, network = true", open_, plain, floor),
        _finding("start in bwrap, no network", closed, plain, floor),
    ]


def _finding(what: str, took: float, plain: float, floor: str) -> Finding:
    added = took - plain
    return Finding(
        what, f"{took:.1f} ms (+{added:.1f})", floor, took / plain, f"adds at most {MARK_MS:g} ms", added <= MARK_MS
    )
