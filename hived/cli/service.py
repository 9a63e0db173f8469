"""`hive up --install` and `--uninstall`: hived as a service of this user, or as root of this machine."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hived.cli.command import Arguments
from hived.cli.output import line, note, print_json
from hived.cli.service_files import LABEL, UNIT, Service, home_in, is_as_made, is_root, service
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import Conflict, HiveError, Missing, NotRunning

COMMAND_SECONDS = 60.0


class ServiceEdited(Conflict):
    code = "service_edited"
    template = "{file} {what}; nothing was changed. Say --yes to replace it: the old one is kept beside it as {old}."


class NoService(Missing):
    code = "no_service"
    template = "There is no {file}."


@dataclass(slots=True)
class _Report:
    """What was done, and what is to be known."""

    service: Service
    done: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lingering: bool | None = None
    """None: nobody can tell, or it does not matter."""

    def show(self, as_json: bool) -> int:
        if as_json:
            print_json(
                {
                    "file": str(self.service.file), "kind": self.service.kind, "done": self.done, "notes": self.notes,
                    "lingering": self.lingering,
                }
            )  # fmt: skip
            return 0
        for sentence in self.done:
            print(line(sentence))
        for sentence in self.notes:
            note(sentence)
        return 0


def install(arguments: Arguments, command: list[str]) -> int:
    """Write the service's file and let it be started; the exit code. Raises ServiceEdited, UsageError."""
    wanted = service(command, os.environ, root=is_root())
    report = _Report(wanted)
    _write(wanted, report, yes=arguments.yes)
    if wanted.kind == "systemd-system":
        report.notes.append(
            "As root it is a service of the machine: hived runs as root, each engine as a uid of its own."
        )
    running = _running()
    if wanted.kind.startswith("systemd"):
        _enable_systemd(wanted, report, running)
    else:
        _enable_launchd(wanted, report, running)
    if running is not None:
        report.notes.append(
            f"hived runs already (pid {running}), outside the service: hive down, and the service's start, hand it over."
            " Agents work on meanwhile."
        )
    report.notes.append(
        "A service has none of your shell's variables but where things are: put what `env_from` names into secrets.toml."
    )
    return report.show(arguments.json)


def uninstall(arguments: Arguments, command: list[str]) -> int:
    """Stop the service and remove its file; agents work on. Raises NoService, ServiceEdited, UsageError."""
    wanted = service(command, os.environ, root=is_root())
    report = _Report(wanted)
    found = _read(wanted.file)
    if found is None:
        raise NoService(file=str(wanted.file))
    if not is_as_made(found) and not arguments.yes:
        raise ServiceEdited(
            file=str(wanted.file), what="was edited, or is not of hive's making", old=_old(wanted.file).name
        )
    if wanted.kind.startswith("systemd"):
        _say(
            report, _systemctl(wanted, "disable", "--now", UNIT), "The service is stopped and does not start any more."
        )
    else:
        _say(report, _run("launchctl", "bootout", f"{_domain(wanted)}/{LABEL}"), "The service is stopped.")
    if is_as_made(found):
        wanted.file.unlink(missing_ok=True)
    else:
        os.replace(wanted.file, _old(wanted.file))
    if wanted.kind.startswith("systemd"):
        _systemctl(wanted, "daemon-reload")
    report.done.append(f"{wanted.file} is removed. Agents that were at work go on; hive up adopts them.")
    return report.show(arguments.json)


def _write(wanted: Service, report: _Report, *, yes: bool) -> None:
    """Raises ServiceEdited where what is there is not this command's to replace."""
    found = _read(wanted.file)
    if found == wanted.text:
        report.done.append(f"{wanted.file} is as it should be.")
        return
    if found is not None:
        what = None
        if not is_as_made(found):
            what = "was edited, or is not of hive's making"
        elif home_in(found) != home_in(wanted.text):
            what = f"is of another hive, {home_in(found) or 'the one without HIVE_HOME'}"
        if what is not None:
            if not yes:
                raise ServiceEdited(file=str(wanted.file), what=what, old=_old(wanted.file).name)
            os.replace(wanted.file, _old(wanted.file))
            report.notes.append(f"{wanted.file} {what}: it is kept as {_old(wanted.file)}.")
    wanted.file.parent.mkdir(parents=True, exist_ok=True)
    scratch = wanted.file.with_name(wanted.file.name + ".new")
    scratch.unlink(missing_ok=True)
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
        file.write(wanted.text)
    os.replace(scratch, wanted.file)
    report.done.append(f"{wanted.file} is written.")


def _enable_systemd(wanted: Service, report: _Report, running: int | None) -> None:
    _systemctl(wanted, "daemon-reload")
    words = ("enable", UNIT) if running is not None else ("enable", "--now", UNIT)
    starts = "when the machine starts" if wanted.kind == "systemd-system" else "when you log in"
    done = f"hived starts {starts}" + ("." if running is not None else ", and runs now.")
    failed = _systemctl(wanted, *words)
    if failed is None:
        report.done.append(done)
    else:
        user = "" if wanted.kind == "systemd-system" else "--user "
        report.notes.append(
            f"It could not be switched on ({failed}). Where systemd runs: systemctl {user}enable --now {UNIT}"
        )
    if wanted.kind == "systemd-user":
        _lingering(report)


def _lingering(report: _Report) -> None:
    """Without it a user's systemd ends with the last logout, and what it holds with it."""
    user = os.environ.get("USER") or str(os.geteuid())
    said = _output("loginctl", "show-user", user, "--property=Linger")
    report.lingering = None if said is None else said.strip() == "Linger=yes"
    switch = f"loginctl enable-linger {user}"
    if report.lingering:
        report.done.append("Lingering is on: hived and its agents outlive your logout, and start with the machine.")
    elif report.lingering is False:
        report.notes.append(
            "Lingering is off: at your last logout systemd ends hived and every agent, and starts none of them before you"
            f" log in again. Switch it on with: {switch}"
        )
    else:
        report.notes.append(
            "Whether lingering is on cannot be told here. Without it systemd ends hived and every agent at your last"
            f" logout, and starts none of them before you log in again. Switch it on with: {switch}"
        )


def _enable_launchd(wanted: Service, report: _Report, running: int | None) -> None:
    if running is not None:
        report.done.append("hived starts when you log in.")
        return
    _run("launchctl", "bootout", f"{_domain(wanted)}/{LABEL}")
    failed = _run("launchctl", "bootstrap", _domain(wanted), str(wanted.file))
    if failed is None:
        report.done.append("hived starts when you log in, and runs now.")
    else:
        report.notes.append(
            f"It could not be switched on ({failed}). Where launchd runs: launchctl bootstrap {_domain(wanted)} {wanted.file}"
        )


def _domain(wanted: Service) -> str:
    return "system" if wanted.kind == "launchd-system" else f"gui/{os.getuid()}"


def _systemctl(wanted: Service, *words: str) -> str | None:
    return _run("systemctl", *(() if wanted.kind == "systemd-system" else ("--user",)), *words)


def _say(report: _Report, failed: str | None, done: str) -> None:
    if failed is None:
        report.done.append(done)
    else:
        report.notes.append(f"It could not be switched off ({failed}).")


def _run(*words: str) -> str | None:
    """None where it worked, else why not, in a few words."""
    if shutil.which(words[0]) is None:
        return f"there is no {words[0]} here"
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=COMMAND_SECONDS, check=False
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return line(str(error), 200)
    if done.returncode == 0:
        return None
    return line((done.stderr or done.stdout).strip().split("\n")[0].rstrip("."), 200) or f"exit code {done.returncode}"


def _output(*words: str) -> str | None:
    if shutil.which(words[0]) is None:
        return None
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=COMMAND_SECONDS, check=False
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _running() -> int | None:
    try:
        health: dict[str, Any] = oneshot.call("GET", routes.HEALTH, timeout=10.0)
        return int(health["pid"])
    except NotRunning:
        return None
    except HiveError as error:
        note(f"hived answers, but: {error.message}")
        return None


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _old(file: Path) -> Path:
    return file.with_name(file.name + ".old")
