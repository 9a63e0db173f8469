"""An operator's yes to an agent that is online, its config built and its repositories made, beside what its process must import."""

import subprocess
import sys
import time
from itertools import count
from pathlib import Path

from tests.benchmarks.measure import Finding
from tests.support.hive import LiveHive, live_hive

MARK = 4.0
ROUNDS = 9
FLOOR = "import asyncio, sqlite3, pydantic"


def run() -> list[Finding]:
    with live_hive({"HIVE_RUNTIME": "process"}) as hive:
        scenario = hive.home / "scenario.toml"
        scenario.write_text('[[turn]]\nrepeat = true\nsteps = [{say = "here"}]\n')
        numbers = count()
        for _ in range(2):
            approved(hive, scenario, next(numbers))
        floors, ours = [], []
        for _ in range(ROUNDS):  # side by side: the machine is as busy for the one as for the other
            floors.append(imported())
            ours.append(approved(hive, scenario, next(numbers)))
    floor, median = sorted(floors)[ROUNDS // 2], sorted(ours)[ROUNDS // 2]
    ratio = median / floor
    return [
        Finding(
            "approve to online, scripted",
            f"{median * 1000:.0f} ms",
            f"its imports {floor * 1000:.0f} ms",
            ratio,
            f"at most {MARK:g}x",
            ratio <= MARK,
        )
    ]


def imported() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", FLOOR], check=True, timeout=60)
    return time.perf_counter() - began


def approved(hive: LiveHive, scenario: Path, number: int) -> float:
    """Seconds from the yes to the feed's word that it is online."""
    name = f"bee-{number}"
    asked = hive.post(
        "/v1/agents", {"name": name, "engine": "scripted", "engine_options": {"scenario": str(scenario)}}
    )[1]
    seq = hive.get("/v1/snapshot")[1]["seq"]
    stream = hive.stream(f"/v1/feed?after={seq}", timeout=60)
    try:
        began = time.perf_counter()
        status, answer = hive.post(f"/v1/approvals/{asked['id']}/approve", {})
        assert status == 200, answer
        while True:
            found = stream.next()
            assert found is not None
            kind, _, row = found
            if kind == "agent" and row["payload"]["name"] == name and row["payload"]["online"]:
                return time.perf_counter() - began
    finally:
        stream.close()
