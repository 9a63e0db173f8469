"""A pane that opens on a journal of 100,000 events, from the request to hived to its newest page painted, with a scrollbar over all.

Beside it the same pane on a journal of 300 events, in the same run: a length that does not matter gives 1.
"""

import asyncio
import sys
from pathlib import Path
from time import perf_counter

from hived.client.hive_client import HiveClient
from hivetui.state.transcript import Transcript
from hivetui.sync import OPENING_EVENTS
from tests.benchmarks.measure import ROUNDS, Finding, median_of
from tests.hivetui.many_events import SIZE, OnePane
from tests.verified.shell import Shell, temporary_hive

EVENTS = 100_000
FEW = 300
MARK_SECONDS = 0.2
PROGRAM = """import sys
for number in range(int(sys.argv[1])):
    print(f"event {number}: the tokenizer moved out behind the same names, and its tests moved with it " * (1 + number % 4))
"""


async def seconds_to_open(socket: Path, name: str, least: int) -> float:
    async with HiveClient(socket) as client:
        app = OnePane()
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            await client.fetch_version()
            begin = perf_counter()
            page = await client.fetch_transcript(name, limit=OPENING_EVENTS)
            transcript = Transcript(name)
            transcript.begin(page.journal_uuid)
            transcript.take_page(page.events, page.first_id, page.last_id, None)
            app.view.show(transcript)
            app.view.paint()
            lines = [app.view.render_line(y).text for y in range(app.view.size.height)]
            spent = perf_counter() - begin
            assert any(f"event {least - 1}" in line for line in lines), "the newest event is not shown"
            assert app.view.virtual_size.height >= least, "the scrollbar is not over all of the journal"
            return spent


def run() -> list[Finding]:
    with temporary_hive() as shell:
        socket = Path(shell.json("paths")["host-socket"])
        fill(shell, "long", EVENTS)
        fill(shell, "short", FEW)
        floor = median_of(lambda: asyncio.run(seconds_to_open(socket, "short", FEW)), ROUNDS)
        ours = median_of(lambda: asyncio.run(seconds_to_open(socket, "long", EVENTS)), ROUNDS)
    return [
        Finding(
            f"a pane opens on {EVENTS:,} events", f"{ours * 1000:.0f} ms", f"on {FEW} events {floor * 1000:.0f} ms",
            ours / floor, f"under {MARK_SECONDS * 1000:.0f} ms", ours < MARK_SECONDS,
        )
    ]  # fmt: skip


def fill(shell: Shell, name: str, events: int) -> None:
    """An agent whose journal has that many text events."""
    program = shell.home / "printer.py"
    program.write_text(PROGRAM)
    shell.hive("spawn", name, "--engine", "command", "--command", f"{sys.executable} {program} {events}", "--yes")
    shell.hive("send", name, "go")
    shell.hive("wait", name, "--until", "idle", "--timeout", "120")
