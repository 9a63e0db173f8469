"""Attempts to get out of bwrap, as a real shell inside, agentd being root and an ordinary user; and what docs/ISOLATION.md says
of each."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

import agentd
from tests.agentd.runtimes.escapes import ATTEMPTS, OPEN, Attempt, write_all
from tests.support.walls import OPERATORS, ROOT, Quarters, quartered, require_bwrap, results

TABLE = ROOT / "docs" / "ISOLATION.md"
HARMLESS = tuple(attempt for attempt in ATTEMPTS if attempt.harmless)
VICTIM = "import sys, time\ntime.sleep(600)  # NEIGHBOUR-MARK"


@dataclass(frozen=True, slots=True)
class Tried:
    codes: dict[str, int]
    """By the attempt's name: 0 where it worked."""
    said: dict[str, str]
    victim_lives: bool
    left: list[str]
    """Command lines that outlived the end."""


class Neighbours:
    """What of the machine is there to be reached: a process, servers on the loopback, Unix sockets that answer."""

    def __init__(self, quarters: Quarters) -> None:
        self._sockets: list[socket.socket] = []
        self.tcp = self._listening(socket.AF_INET, ("0.0.0.0", 0))
        self.abstract = f"hive-escape-{os.getpid()}-{quarters.who}-{quarters.runtime}"
        self._listening(socket.AF_UNIX, f"\0{self.abstract}")
        for path in (quarters.hive / "run" / "host.sock", quarters.run / "agent.sock"):
            self._listening(socket.AF_UNIX, str(path))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("0.0.0.0", 0))
        threading.Thread(target=self._echo, daemon=True).start()
        self.victim = subprocess.Popen([sys.executable, "-c", VICTIM], start_new_session=True)

    def _listening(self, family: int, place: object) -> int:
        made = socket.socket(family)
        made.bind(place)  # type: ignore[arg-type]
        made.listen(8)
        self._sockets.append(made)
        if isinstance(place, str) and not place.startswith("\0"):
            os.chmod(place, 0o777)
        return int(made.getsockname()[1]) if family == socket.AF_INET else 0

    def _echo(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                _, sender = self.udp.recvfrom(9)
                self.udp.sendto(b"heard", sender)

    def close(self) -> None:
        for made in self._sockets:
            made.close()
        self.udp.close()
        self.victim.kill()
        self.victim.wait()


def prepared(quarters: Quarters) -> None:
    (quarters.other / "state" / "note").write_text("bob's\n")
    (quarters.harness / "events.sqlite").write_text("journal\n")
    (quarters.harness / "launch.json").write_text("{}\n")
    (quarters.operator / ".ssh").mkdir()
    (quarters.operator / ".ssh" / "id_ed25519").write_text("a key\n")
    for path in (quarters.other, quarters.harness, quarters.operator / ".ssh", quarters.secrets):
        path.chmod(0o777 if path.is_dir() else 0o666)
    shutil.copy("/usr/bin/id", quarters.workspace / "suid-id")


def try_all(who: str, runtime: str, attempts: tuple[Attempt, ...]) -> Tried:
    with quartered(who, runtime) as quarters:
        prepared(quarters)
        neighbours = Neighbours(quarters)
        address = next(
            (found.address for several in psutil.net_if_addrs().values() for found in several
             if found.family == socket.AF_INET and not found.address.startswith("127.")),
            "127.0.0.2",
        )  # fmt: skip
        places = {
            "OPERATOR": str(quarters.operator), "HIVE": str(quarters.hive), "HARNESS": str(quarters.harness),
            "OTHER": str(quarters.other), "CONFIG": str(quarters.config), "VICTIM": str(neighbours.victim.pid),
            "PORT": str(neighbours.tcp), "ADDRESS": address,
            "UDP": str(neighbours.udp.getsockname()[1]), "ABSTRACT": neighbours.abstract, "PYTHON": "/usr/bin/python3",
            "PACKAGE": str(Path(agentd.__file__).parent),
            "$HIVE_STATE": "$HIVE_STATE",
        }  # fmt: skip
        folder = quarters.workspace / "attempts"
        folder.mkdir()
        command = write_all(folder, attempts, places)
        quarters.own()
        if os.geteuid() == 0:
            os.chown(quarters.workspace / "suid-id", 0, 0)
            (quarters.workspace / "suid-id").chmod(0o4755)
        try:
            done = quarters.set_up(command, env={"AGENTD_ONLY": "1"}, owned=True)
            said = {
                attempt.name: (folder / f"{number}.out").read_text(errors="replace")
                for number, attempt in enumerate(attempts)
                if (folder / f"{number}.out").exists()
            }
            numbers = results(done.stdout, "attempt")
            assert len(numbers) == len(attempts), done.stdout + done.stderr
            codes = {attempt.name: int(numbers[str(number)]) for number, attempt in enumerate(attempts)}
            left = [" ".join(words) for words in _command_lines() if "OUTLIVES" in words]
            return Tried(codes, said, neighbours.victim.poll() is None, left)
        finally:
            neighbours.close()


def _command_lines() -> Iterator[list[str]]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            yield process.cmdline()


@pytest.fixture(scope="module", params=OPERATORS)
def behind_walls(request: pytest.FixtureRequest) -> Tried:
    require_bwrap()
    return try_all(request.param, "bwrap", ATTEMPTS)


@pytest.fixture(scope="module")
def without_walls() -> Tried:
    return try_all(OPERATORS[0], "process", HARMLESS)


@pytest.mark.parametrize("attempt", [attempt.name for attempt in ATTEMPTS if attempt.name != "outlive its end"])
def test_nobody_gets_out_of_bwrap_to(attempt: str, behind_walls: Tried) -> None:
    assert behind_walls.codes[attempt] != 0, behind_walls.said.get(attempt)


def test_nobody_inside_bwrap_has_ended_anybody_outside(behind_walls: Tried) -> None:
    assert behind_walls.victim_lives


def test_nothing_outlives_its_end_in_bwrap(behind_walls: Tried) -> None:
    assert behind_walls.left == []


@pytest.mark.parametrize("attempt", [attempt.name for attempt in HARMLESS if attempt.process == OPEN])
def test_process_is_no_wall_and_each_attempt_is_a_real_one(attempt: str, without_walls: Tried) -> None:
    assert without_walls.codes[attempt] == 0, without_walls.said.get(attempt)


def test_nothing_outlives_its_end_in_process(without_walls: Tried) -> None:
    assert without_walls.left == []


def test_the_table_in_the_docs_has_each_attempt_and_what_becomes_of_it() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name: (process, bwrap) for name, process, bwrap in rows}
    wanted = {attempt.name: (attempt.process, "stopped") for attempt in ATTEMPTS}
    assert {name: told.get(name) for name in wanted} == wanted
