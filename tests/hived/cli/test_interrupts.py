"""Ctrl-C in the moments that are hardest to hit, each hit for certain."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.hived.cli.conftest import hive_environment
from tests.hived.cli.told import WHEN, ToldHived, view
from tests.support.hive import short_home
from tests.support.tools import compiled

PATIENCE = 60
JUST_BEFORE_IT_WAITS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
/* Python has looked for signals, and has not begun to wait. */
static void interrupt(void) {
  static int done;
  if (!done++) kill(getpid(), SIGINT);
}
ssize_t recv(int from, void *to, size_t size, int flags) {
  ssize_t (*real)(int, void *, size_t, int) = dlsym(RTLD_NEXT, "recv");
  if (!isatty(0)) interrupt();
  return real(from, to, size, flags);
}
int poll(struct pollfd *what, nfds_t count, int wait) {
  int (*real)(struct pollfd *, nfds_t, int) = dlsym(RTLD_NEXT, "poll");
  if (!isatty(0) && what->events == POLLIN) interrupt();
  return real(what, count, wait);
}
ssize_t read(int from, void *to, size_t size) {
  ssize_t (*real)(int, void *, size_t) = dlsym(RTLD_NEXT, "read");
  if (isatty(from)) interrupt();
  return real(from, to, size);
}
"""
LOGIN = {"login_id": "l1", "state": "open", "since": WHEN, "url": "https://login.example/"}


@pytest.fixture(scope="module")
def interrupting(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    library = tmp_path_factory.mktemp("library") / "interrupts.so"
    compiled(JUST_BEFORE_IT_WAITS, library)
    return {"LD_PRELOAD": str(library)}


@pytest.fixture
def home() -> Iterator[Path]:
    made = short_home()
    (made / "run").mkdir()
    yield made
    (made / "run" / "host.sock").unlink()
    (made / "run").rmdir()
    made.rmdir()


@pytest.mark.parametrize("words", [["ls"], ["messages", "--follow"], ["log", "ada", "--follow"]])
def test_one_that_comes_just_before_an_answer_is_waited_for_is_heard(
    home: Path, interrupting: dict[str, str], words: list[str]
) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(home / "run" / "host.sock"))
        silent.listen()
        said = subprocess.run(
            [sys.executable, "-m", "hived.cli.hive", *words], env={**hive_environment(home), **interrupting},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
    assert (said.returncode, said.stdout, said.stderr) == (130, "", "")


def test_one_that_comes_just_before_a_key_is_waited_for_is_heard(home: Path, interrupting: dict[str, str]) -> None:
    (home / "run").rmdir()
    hived = ToldHived(home)
    hived.answers["POST /v1/agents/ada/login"] = view(login=LOGIN)
    hived.answers["DELETE /v1/agents/ada/login"] = view(login={**LOGIN, "state": "cancelled", "url": None})
    terminal = pexpect.spawn(
        sys.executable, ["-m", "hived.cli.hive", "login", "ada"],
        env={**hive_environment(home), **interrupting}, encoding="utf-8", timeout=PATIENCE,
    )  # fmt: skip
    terminal.expect_exact("The login of ada is given up.")
    assert terminal.getecho()
    terminal.expect(pexpect.EOF)
    terminal.close()
    hived.close()
    assert terminal.exitstatus == 130


def run(code: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-c", f"import os, signal, time, weakref\nfrom hived.cli import interrupts\n{code}"]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE)


def test_one_that_comes_where_python_drops_it_comes_again() -> None:
    said = run(
        "def interrupted(*_): os.kill(os.getpid(), signal.SIGINT)\n"
        "class Thing:\n"
        "    pass\n"
        "class Finalized:\n"
        "    def __del__(self): interrupted()\n"
        "def referred():\n"
        "    thing = Thing()\n"
        "    return thing, weakref.ref(thing, interrupted)\n"
        "interrupts.listen()\n"
        "for make in [Finalized, referred] * 5:\n"
        "    try:\n"
        "        thing = make()\n"
        "        if make is referred: thing, reference = thing\n"
        "        del thing\n"
        "        time.sleep(600)\n"
        "    except KeyboardInterrupt:\n"
        "        print('heard', flush=True)\n"
    )
    assert (said.returncode, said.stdout.split(), said.stderr) == (0, ["heard"] * 10, "")


def test_what_else_python_drops_is_told_as_ever() -> None:
    said = run("class Broken:\n    def __del__(self): 1 / 0\ninterrupts.listen()\nBroken()\nprint('on')")
    assert (said.returncode, said.stdout) == (0, "on\n")
    assert "ZeroDivisionError" in said.stderr


def test_one_that_is_held_back_waits_until_it_may_come() -> None:
    said = run(
        "interrupts.listen()\n"
        "held = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "print('tidied', flush=True)\n"
        "try: signal.pthread_sigmask(signal.SIG_SETMASK, held)\n"
        "except KeyboardInterrupt: print('heard')\n"
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, "tidied\nheard\n", "")


def test_a_command_that_is_not_to_be_interrupted_is_not() -> None:
    said = run(
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "interrupts.listen()\n"
        "interrupts.leave_to_asyncio()\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "print('done')\n"
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, "done\n", "")


def test_when_all_is_said_it_changes_nothing() -> None:
    said = run("interrupts.listen()\ninterrupts.over()\nos.kill(os.getpid(), signal.SIGINT)\nprint('done')")
    assert (said.returncode, said.stdout, said.stderr) == (0, "done\n", "")


def test_the_examination_is_broken_off_by_asyncio(home: Path) -> None:
    """What it has begun is ended by it, not left."""
    (home / "run" / "host.sock").touch()
    doctor = subprocess.Popen(
        [sys.executable, "-c", DOCTOR], env=hive_environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    with doctor:
        assert doctor.stdout is not None
        assert doctor.stderr is not None
        assert doctor.stdout.readline() == "looking\n"
        doctor.send_signal(signal.SIGINT)
        assert doctor.wait(PATIENCE) == 130
        assert doctor.stdout.read() == "ended\n"
        assert doctor.stderr.read() == ""


DOCTOR = """
import asyncio, sys
from hived.doctor import examine
async def hangs(*_, **__):
    try:
        print("looking", flush=True)
        await asyncio.Event().wait()
    finally:
        print("ended", flush=True)
examine.examine = hangs
sys.argv = ["hive", "doctor"]
from hived.cli.hive import main
sys.exit(main())
"""
