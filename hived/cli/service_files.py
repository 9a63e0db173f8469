"""What systemd and launchd are told about hived: the texts of their files, made of what `hive up --install` was run with.

Both end hived alone when they stop it: agents live on, and the next hived adopts them. Standard library only.
"""

import hashlib
import os
import plistlib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.parsers.expat import ExpatError

from hived.wire.errors import UsageError

Kind = Literal["systemd-user", "systemd-system", "launchd-user", "launchd-system"]

UNIT = "hived.service"
LABEL = "hive.hived"
STOP_SECONDS = 30
"""hived lets go of its agents within a few; a large commit may take longer."""
NO_USE_AGAIN = "2 5"
"""Exit codes after which another start would end the same: a wrong hive.toml, a hived that runs already."""
CARRIED = ("HIVE_HOME", "HIVE_RUNTIME", "HIVE_EVENTS_DB", "HIVE_MODEL_FILE", "HIVE_CONTEXT_WINDOW",
           "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "LANG", "PATH")  # fmt: skip
"""Of the environment: where things are. Nothing else, so no secret."""
_SAYS = "Made by hive; its digest: "
_MARK = re.compile(rf"^# {_SAYS}([0-9a-f]{{64}})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Service:
    """One service file, as it is to be."""

    kind: Kind
    file: Path
    text: bytes


def service(command: list[str], environment: Mapping[str, str], *, root: bool, platform: str = sys.platform) -> Service:
    """For this user, or as root for the machine. Raises UsageError for what cannot be said in it.

    As root HIVE_HOME must be set: a service of the machine has no login, whose folders it could use.
    """
    carried = {name: environment[name] for name in CARRIED if environment.get(name)}
    if root and "HIVE_HOME" not in carried:
        raise UsageError(
            reason="As root it becomes a service of the machine, which has no folders of a login: set HIVE_HOME first."
        )
    if "HIVE_HOME" in carried:
        carried["HIVE_HOME"] = str(Path(carried["HIVE_HOME"]).expanduser().absolute())
    strange = [word for word in (*command, *carried.values()) if not word.isprintable()]
    if strange:
        raise UsageError(reason=f"{strange[0]!r} cannot be written into a service file.")
    home = Path(environment.get("HOME") or Path.home())
    if root:
        carried["HOME"] = str(home)
    if platform == "darwin":
        top = Path("/Library/LaunchDaemons") if root else home / "Library/LaunchAgents"
        kind: Kind = "launchd-system" if root else "launchd-user"
        return Service(kind, top / f"{LABEL}.plist", marked_plist(plist(command, carried)))
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config").absolute()
    file = Path("/etc/systemd/system") / UNIT if root else config / "systemd/user" / UNIT
    return Service("systemd-system" if root else "systemd-user", file, marked_unit(unit(command, carried, root=root)))


def unit(command: list[str], environment: Mapping[str, str], *, root: bool) -> str:
    """The systemd unit, without its mark."""
    settings = [f"Environment={_quoted(f'{name}={value}')}" for name, value in environment.items()]
    wanted_by = "multi-user.target" if root else "default.target"
    lines = [
        "[Unit]",
        "Description=hived, the daemon of a hive of coding agents",
        "StartLimitIntervalSec=60",
        "StartLimitBurst=5",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={' '.join(_quoted(word, command=True) for word in command)}",
        "WorkingDirectory=/",
        *settings,
        "UMask=0077",
        "Restart=on-failure",
        "RestartSec=2",
        f"RestartPreventExitStatus={NO_USE_AGAIN}",
        f"TimeoutStopSec={STOP_SECONDS}",
        "# Agents live in this unit's group and outlive it: hived alone is ended, and no agent's end is hived's.",
        "KillMode=process",
        "OOMPolicy=continue",
        "TasksMax=infinity",
        "",
        "[Install]",
        f"WantedBy={wanted_by}",
        "",
    ]
    return "\n".join(lines)


def plist(command: list[str], environment: Mapping[str, str]) -> bytes:
    """launchd's property list, without its mark."""
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": command,
            "EnvironmentVariables": dict(environment),
            "WorkingDirectory": "/",
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 10,
            "ExitTimeOut": STOP_SECONDS,
            "AbandonProcessGroup": True,
            "Umask": 0o077,
        }
    )


def marked_unit(text: str) -> bytes:
    """With a first line that tells whether anybody has edited it since."""
    return f"# {_SAYS}{_digest(text.encode())}\n{text}".encode()


def marked_plist(data: bytes) -> bytes:
    """The same as a comment at its end."""
    return data + f"<!--\n# {_SAYS}{_digest(data)}\n-->\n".encode()


def is_as_made(found: bytes) -> bool:
    """Whether that file is one of `--install`'s, and nobody has edited it."""
    text = found.decode("utf-8", "replace")
    mark = _MARK.search(text)
    if mark is None:
        return False
    rest = text[mark.end() + 1 :] if mark.start() == 0 else text[: mark.start() - len("<!--\n")]
    return _digest(rest.encode()) == mark[1]


def home_in(found: bytes) -> str | None:
    """The HIVE_HOME that it names; None where it names none."""
    text = found.decode("utf-8", "replace")
    if text.lstrip().startswith("<?xml"):
        try:
            names = plistlib.loads(found).get("EnvironmentVariables", {})
        except (ValueError, AttributeError, ExpatError, plistlib.InvalidFileException):
            return None
        home = names.get("HIVE_HOME") if isinstance(names, dict) else None
        return home if isinstance(home, str) else None
    named = re.search(r'^Environment="HIVE_HOME=((?:[^"\\]|\\.)*)"$', text, re.MULTILINE)
    return None if named is None else re.sub(r"\\(.)", r"\1", named[1]).replace("%%", "%")


def _quoted(word: str, *, command: bool = False) -> str:
    """As systemd reads it back: `%` is its own, in a command `$` is too."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped.replace("$", "$$") if command else escaped}"'


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def is_root() -> bool:
    return os.geteuid() == 0
