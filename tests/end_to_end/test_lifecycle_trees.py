"""A stop, a kill and a crash end all that an agent has started, whatever it did to get away, and nothing else."""

import os
import signal
from pathlib import Path

import pytest

from hived.wire.process_identity import ProcessIdentity
from tests.support.hive import LiveHive, live_hive, wait_until
from tests.support.living import kill_harness, post, scripted, send
from tests.support.marked import MARK, marked, neighbour

DAEMON = (
    "import os, sys, time\\n"
    "if os.fork(): os._exit(0)\\n"
    "os.setsid()\\n"
    "if os.fork(): os._exit(0)\\n"
    "os.chdir('/')\\n"
    "open(sys.argv[1], 'w').write(str(os.getpid()))\\n"
    "time.sleep(600)"
)
SCENARIO = f"""
[[turn]]
steps = [
  {{write = {{path = "daemon.py", text = "{DAEMON}"}}}},
  {{shell = "python3 daemon.py $PWD/twice; setsid sleep 600 & echo $! > once; while true; do sleep 0.1; done", timeout_seconds = 120}},
]
"""


def detached(hive: LiveHive) -> list[ProcessIdentity]:
    """What its turn has left behind, in sessions of their own and without a parent."""
    work = hive.paths.agent("ada").workspace
    files = [work / "once", work / "twice"]
    wait_until(lambda: all(file.exists() and file.read_text().strip() for file in files), "the detached", 40)
    found = [ProcessIdentity.of(int(file.read_text()), 0) for file in files]
    assert all(found)
    wait_until(lambda: all(os.getsid(int(file.read_text())) != os.getsid(0) for file in files), "their own sessions")
    return [identity for identity in found if identity is not None]


@pytest.mark.parametrize("end", ["stop", "kill", "crash"])
def test_all_that_a_tool_has_detached_ends_with_its_agent_and_no_neighbour(end: str, tmp_path: Path) -> None:
    mark = os.urandom(8).hex()
    with neighbour() as other, live_hive({MARK: mark}) as hive:
        scripted(hive, SCENARIO, "ada", env={MARK: mark})
        send(hive, "go", "ada")
        left = detached(hive)
        assert all(identity.alive for identity in left)
        if end == "crash":
            kill_harness(hive, "ada")
        else:
            assert post(hive, end, name="ada")["lifecycle"]["state"] == "stopped"
            assert list(marked(mark)) == [hive.pid]
        assert not any(identity.alive for identity in left)
        assert other.alive


def test_a_pid_that_is_somebody_elses_by_now_is_neither_adopted_nor_ended() -> None:
    """hived and the harness die, and the harness's number, and its engine's, come to stand for a neighbour."""
    with neighbour() as other, live_hive() as hive:
        scripted(hive, '[[turn]]\nrepeat = true\nsteps = [{say = "x"}]\n', "ada")
        paths = hive.paths.agent("ada")
        first = hive.agent("ada")
        send(hive, "go", "ada")
        wait_until(paths.engine_pid_file.exists, "its engine")
        hive.kill()
        os.kill(first["pid"], signal.SIGKILL)
        for file, boot in ((paths.pid_file, ""), (paths.engine_pid_file, "an-earlier-boot")):
            known = ProcessIdentity.read(file)
            assert known is not None
            started = known.started if not boot else other.started
            ProcessIdentity(other.pid, started, known.generation, boot).write(file)
        hive.start()
        wait_until(lambda: (ada := hive.agent("ada"))["generation"] == 2 and ada["online"], "another harness", 40)
        assert hive.agent("ada")["pid"] != other.pid
        post(hive, "kill", name="ada")
        assert other.alive
