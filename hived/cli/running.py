"""`hive up`, `down` and `status`: hived itself as a process."""

import argparse
import contextlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hived.cli.command import Arguments, Command, listed, nothing
from hived.cli.output import note, print_facts, print_json
from hived.client import oneshot
from hived.paths import HivePaths, checked_socket_path, hive_paths
from hived.wire import routes
from hived.wire.errors import BY_CODE, AlreadyRunning, HiveError, Internal, NotRunning, TookTooLong

if TYPE_CHECKING:
    import subprocess

START_SECONDS = 30.0
"""A large database may be migrated first."""
STOP_SECONDS = 30.0
LOOK_SECONDS = 0.02
"""Between looks at a process that starts or ends: nobody pushes that."""
AT_WORK = ("starting", "running", "paused", "stopping", "crashed")


def ensure_running() -> None:
    """Start hived, detached, if none answers; says so on stderr."""
    try:
        oneshot.call("GET", routes.VERSION, timeout=10.0)
    except NotRunning:
        try:
            pid = start_detached(hive_paths())
        except AlreadyRunning:
            _await_answer(None)
            return
        note(f"hived was not running; it is started now (pid {pid}). Stop it with: hive down")


def start_detached(paths: HivePaths) -> int:
    """Start hived for good; its pid, once it answers. Raises what it said where it could not start."""
    daemon = launch(paths)
    daemon.returncode = 0  # It is not ours to wait for: it lives on.
    return daemon.pid


def launch(paths: HivePaths) -> "subprocess.Popen[bytes]":
    """Start hived in a session of its own, and return when it answers. The environment must name the same home."""
    import subprocess

    from hived.workspace.folders import private_folder

    checked_socket_path(paths.host_socket)
    output = paths.log.with_name("hived.out")
    private_folder(output.parent)
    with open(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        daemon = subprocess.Popen(
            daemon_command(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd="/"
        )
    try:
        _await_answer(daemon)
    except HiveError as error:
        if daemon.poll() is None:
            raise
        raise _what_it_said(output, daemon.returncode) from error
    return daemon


def daemon_command() -> list[str]:
    return [sys.executable, "-m", "hived.cli.hived"]


def _await_answer(daemon: "subprocess.Popen[bytes] | None") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(NotRunning):
            running = oneshot.call("GET", routes.HEALTH, timeout=10.0)
            if daemon is None or running["pid"] == daemon.pid:
                return
        # Another may have been started at the same moment: then it answers, and ours is about to end.
        if daemon is not None and daemon.poll() is not None:
            raise Internal("hived ended at once.")
        if time.monotonic() > deadline:
            raise TookTooLong(what="hived's answer", seconds=f"{START_SECONDS:g}")
        time.sleep(LOOK_SECONDS)


def _what_it_said(output: Path, code: int | None) -> HiveError:
    """The last `error[code]: sentence` that it printed, as that error."""
    lines = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    for text in reversed(lines):
        name, colon, sentence = text.partition("]: ")
        kind = BY_CODE.get(name.removeprefix("error["))
        if colon and kind is not None:
            return kind(sentence)
    return Internal(f"hived ended with exit code {code}: {lines[-1] if lines else 'it said nothing'}")


def _declare_up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detach", "-d", action="store_true", help="in the background; return when it answers")
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--install", action="store_true", help="as a service: started with your login, its stop leaves agents alive"
    )
    other.add_argument("--uninstall", action="store_true", help="as a service no more; agents work on")
    parser.add_argument("--yes", "-y", action="store_true", help="with either: replace a service file that was edited")


def _up(arguments: Arguments) -> int:
    if arguments.install or arguments.uninstall:
        from hived.cli import service

        return (service.install if arguments.install else service.uninstall)(arguments, daemon_command())
    try:
        running = oneshot.call("GET", routes.HEALTH, timeout=10.0)
    except NotRunning:
        pass
    else:
        raise AlreadyRunning(pid=running["pid"])
    if not arguments.detach:
        sys.stdout.flush()
        command = daemon_command()
        os.execv(command[0], command)
    pid = start_detached(hive_paths())
    if arguments.json:
        print_json(oneshot.call("GET", routes.HEALTH))
    else:
        print(f"hived runs: pid {pid}, {hive_paths().host_socket}")
    return 0


def _declare_down(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--agents", action="store_true", help="stop every agent first; `hive start --all` starts them")


def _down(arguments: Arguments) -> int:
    pid = int(oneshot.call("GET", routes.HEALTH)["pid"])
    at_work = [
        agent["name"]
        for agent in listed(oneshot.call("GET", routes.AGENTS), "agents")
        if agent["lifecycle"]["state"] in AT_WORK
    ]
    stopped: list[str] = []
    if arguments.agents and at_work:
        from hived.cli.lifecycle import act

        stopped = [agent["name"] for agent in act("stop", at_work)]
    oneshot.call("POST", routes.SHUTDOWN)
    _await_end(pid)
    left = [name for name in at_work if name not in stopped]
    if arguments.json:
        print_json({"pid": pid, "stopped_agents": stopped, "agents_at_work": left})
        return 0
    print(f"hived is stopped (it was pid {pid}).")
    if stopped:
        print(f"Stopped with it: {', '.join(stopped)}. They start again with: hive start --all")
    if left:
        print(f"Still at work, and adopted by the next hived: {', '.join(left)}.")
    return 0


def _await_end(pid: int) -> None:
    from hived.wire.process_identity import start_mark

    began = start_mark(pid)
    deadline = time.monotonic() + STOP_SECONDS
    while began is not None and start_mark(pid) == began:
        if time.monotonic() > deadline:
            raise TookTooLong(what=f"The end of hived (pid {pid})", seconds=f"{STOP_SECONDS:g}")
        time.sleep(LOOK_SECONDS)


def _status(arguments: Arguments) -> int:
    health: dict[str, Any] = oneshot.call("GET", routes.HEALTH)
    if arguments.json:
        print_json(health)
        return 0
    counts = ", ".join(f"{count} {state}" for state, count in sorted(health["agents"].items()) if count)
    print_facts(
        [
            ("hived", f"{health['status']}, pid {health['pid']}, since {health['started_at']}"),
            ("build", f"{health['build']}, protocol {health['protocol']}"),
            ("home", health["home"]),
            ("socket", health["host_socket"]),
            ("agents", counts or "none"),
            ("waiting", f"{health['waiting']} on you"),
        ]
    )
    return 0


COMMANDS = {
    "up": Command(_declare_up, _up),
    "down": Command(_declare_down, _down),
    "status": Command(nothing, _status),
}
