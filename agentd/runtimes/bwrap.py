"""The `bwrap` runtime: the engine in namespaces of its own, with no more of the machine's files than a Room names.

As root: bwrap runs as root, since it must reach what lies in closed folders, and inside it setpriv drops to the room's uid with
no capabilities. As an ordinary user: a user namespace, in which the engine is that user. Nothing that an agent can choose is in
the environment of anything that runs before the walls stand: the engine's own reaches it through a descriptor.
"""

import functools
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from agentd.engines.base import EngineFailed
from agentd.runtimes import cgroups
from agentd.runtimes.base import Room, Wrapped
from agentd.runtimes.cgroups import FIRST_TO_GO
from agentd.runtimes.mounts import Kind, Mounts
from agentd.runtimes.opened_ports import entered, opened
from agentd.runtimes.seccomp import seccomp_filter
from hived.wire.agents import RuntimeFound

SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix", "/gnu", "/run/current-system",
    "/var/lib/ca-certificates",
)  # fmt: skip
"""Read-only inside, where it is there."""
RESOLVER = Path("/etc/resolv.conf")
"""It leads into /run on some machines."""
# Closed by their modes on any machine that is set up well; covered where they are not.
MASKED = ("/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers")
MASKED_FOLDERS = ("/etc/ssl/private", "/etc/sudoers.d")
OWN_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - each a fresh one of the sandbox's own
OWN_SHARE = 8
"""Of the machine's memory each of them takes at most one such part: what lies there goes with no process that is ended."""
ENVIRONMENT_FILE = "/run/hive/environment"
USER = "agent"
"""What the engine's uid is called inside."""
OUTER_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
NOT_INSIDE = ("TMPDIR",)
"""Of the outside's folders nothing is there."""
PROBE_SECONDS = 10.0
PROBE_UID = 200_000
STRENGTH = 50
INSTALL = "bwrap is not on PATH; install it: apt install bubblewrap"
USER_NAMESPACES = Path("/proc/sys/kernel/unprivileged_userns_clone")
APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
MOST_NAMESPACES = Path("/proc/sys/user/max_user_namespaces")

_FIRST_TO_GO = f"{{ echo {FIRST_TO_GO} >/proc/self/oom_score_adj; }} 2>/dev/null; "
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Bwrap:
    kind = "bwrap"
    walls = True

    def find(self) -> RuntimeFound:
        """Runs a command in a room of its own, with the flags that agents get."""
        problem = _problem()
        return RuntimeFound(
            kind=self.kind,
            works=problem is None,
            detail=problem or _described(),
            walls=True,
            networkless=True,
            limits=list(cgroups.held()),
            strength=STRENGTH,
        )

    def wrap(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path, room: Room) -> Wrapped:
        """Raises EngineFailed: bwrap is not there, or a name in the environment that is none."""
        program = _program("bwrap")
        as_root = os.geteuid() == 0
        if as_root and room.uid is None:
            raise EngineFailed("failed", "bwrap as root needs a uid to run the engine as.", False, "runtime_unusable")
        descriptors: list[int] = []
        try:
            words = _namespaces(as_root, room.network)
            words += _files(room, descriptors)
            words += _identity(room, descriptors)
            filtered = seccomp_filter()
            if filtered is not None:
                words += ["--seccomp", _handed(filtered, descriptors)]
            inside = environment_inside(environment, room)
            for folder in reversed(Path(ENVIRONMENT_FILE).parents[:-1]):
                words += ["--perms", "0755", "--dir", str(folder)]
            prefix = opened(room.prefix) if room.lasting else tuple(room.prefix)
            # Without a shell where a Perl is started anyway.
            place = "" if room.proposed is None else str(room.proposed)
            entering = entered(prefix, ENVIRONMENT_FILE, FIRST_TO_GO, place, _identity_of(room))
            given = _pairs(inside) if entering else _exports(inside)
            words += ["--perms", "0444", "--file", _handed(given, descriptors), ENVIRONMENT_FILE]
            script = f'{_FIRST_TO_GO}{_checked(room)}. {ENVIRONMENT_FILE}; exec "$@"'
            words += ["--remount-ro", "/", "--chdir", str(cwd)]
            arguments = _handed(os.fsencode("\0".join(words) + "\0"), descriptors)
            inner = entering or ("/bin/sh", "-c", script, "sh", *prefix)
            # After `--` nothing is an option of bwrap's, whatever it is called.
            started = [program, "--args", arguments, "--", *_dropped(room.uid), *inner, *command]
        except BaseException:
            for descriptor in descriptors:
                os.close(descriptor)
            raise
        return Wrapped(started, OUTER_ENVIRONMENT, Path("/"), descriptors=tuple(descriptors), outer=2)


def environment_inside(environment: Mapping[str, str], room: Room) -> dict[str, str]:
    """What the engine gets. Raises EngineFailed for a name that no shell could set."""
    inside = {name: value for name, value in environment.items() if name not in NOT_INSIDE}
    inside |= {"USER": USER, "LOGNAME": USER, "SHELL": "/bin/sh"}
    for name, value in inside.items():
        if not _NAME.fullmatch(name) or "\0" in value:
            raise EngineFailed("failed", f"env: {name[:64]!r} cannot be set.", False, "invalid_config")
    return inside


def _namespaces(as_root: bool, network: bool) -> list[str]:
    words = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent"]
    if not network:
        words.append("--unshare-net")
    if not as_root:
        words += ["--unshare-user", *(["--disable-userns"] if _can_disable_namespaces() else [])]
    return words


def _files(room: Room, descriptors: list[int]) -> list[str]:
    mounts = _of_the_system()
    mounts.add(Kind.READ, [RESOLVER])
    mounts.add(Kind.HIDDEN, [Path(folder) for folder in MASKED_FOLDERS if _open_to_it(folder)])
    mounts.add(Kind.HIDDEN, room.hidden)
    mounts.add(Kind.READ, (*room.readable, room.io))
    if room.proposed is not None:
        mounts.add(Kind.READ, (room.proposed,))
    mounts.add(Kind.WRITE, (room.workspace, room.state, room.home, *room.writable))
    words = ["--proc", "/proc", "--dev", "/dev"]
    hidden = []
    for path, what in mounts.steps():
        place = str(path)
        if what is None:
            words += ["--perms", "0755", "--dir", place]
        elif isinstance(what, str):
            words += ["--symlink", what, place]
        elif what is Kind.READ:
            words += ["--ro-bind", place, place]
        elif what is Kind.WRITE:
            words += ["--bind", place, place]
        elif what is Kind.OWN:
            words += ["--perms", "1777", *_size(), "--tmpfs", place]
        else:
            words += ["--perms", "0755", "--tmpfs", place]
            hidden.append(place)
    for masked in MASKED:
        if _open_to_it(masked):
            words += ["--perms", "0000", "--ro-bind-data", _handed(b"", descriptors), masked]
    for place in hidden:
        words += ["--remount-ro", place]
    return words


def _of_the_system() -> Mounts:
    kinds, links = _looked_up()
    return Mounts(dict(kinds), dict(links))


@functools.cache
def _looked_up() -> tuple[dict[Path, Kind], dict[Path, str]]:
    """It stays as it is while a harness lives."""
    mounts = Mounts()
    mounts.add(Kind.READ, map(Path, SYSTEM))
    mounts.add(Kind.OWN, map(Path, OWN_FOLDERS))
    return mounts.kinds, mounts.links


def _open_to_it(path: str) -> bool:
    """Whether the engine's uid could look into it. The kernel closes what it cannot, and each mount takes time at every start."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return bool(mode & 0o005) or (os.geteuid() != 0 and os.access(path, os.R_OK))


def _identity(room: Room, descriptors: list[int]) -> list[str]:
    """Programs look up their own uid, and Node fails where nobody has it."""
    uid = os.getuid() if room.uid is None else room.uid
    gid = os.getgid() if room.uid is None else room.uid
    users = {0: ("root", "/root"), 65534: ("nobody", "/nonexistent"), uid: (USER, str(room.home))}
    groups = {0: "root", 65534: "nogroup", gid: USER}
    passwd = "".join(
        f"{name}:x:{number}:{gid if number == uid else number}::{home.replace(':', '')}:/bin/sh\n"
        for number, (name, home) in users.items()
    )
    group = "".join(f"{name}:x:{number}:\n" for number, name in groups.items())
    words = []
    for place, text in (("/etc/passwd", passwd), ("/etc/group", group)):
        words += ["--perms", "0444", "--ro-bind-data", _handed(text.encode(), descriptors), place]
    return words


def _checked(room: Room) -> str:
    """A shell's check that what is mounted is what was looked at, and no link that came in between."""
    if room.proposed is None:
        return ""
    place = shlex.quote(str(room.proposed))
    return f'[ "$(/usr/bin/stat -c %d:%i -- {place})" = {_identity_of(room)} ] || {{ echo {place} was exchanged >&2; exit 126; }}; '


def _identity_of(room: Room) -> str:
    """Of what must be mounted as `proposed`; empty where nothing is."""
    if room.proposed is None:
        return ""
    device, inode = room.proposed_identity or (0, 0)
    return f"{device}:{inode}"


def _exports(environment: Mapping[str, str]) -> bytes:
    return b"".join(b"export " + name.encode() + b"=" + _quoted(value) + b"\n" for name, value in environment.items())


def _pairs(environment: Mapping[str, str]) -> bytes:
    return b"".join(name.encode() + b"=" + os.fsencode(value) + b"\0" for name, value in environment.items())


def _quoted(value: str) -> bytes:
    return b"'" + os.fsencode(value).replace(b"'", b"'\\''") + b"'"


def _dropped(uid: int | None) -> list[str]:
    if os.geteuid() != 0:
        return []
    return [
        _program("setpriv"), "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--no-new-privs",
        "--inh-caps", "-all", "--ambient-caps", "-all", "--bounding-set", "-all", "--",
    ]  # fmt: skip


def _handed(data: bytes, descriptors: list[int]) -> str:
    """The number of a descriptor that gives those bytes."""
    descriptor = os.memfd_create("hive", os.MFD_CLOEXEC)
    descriptors.append(descriptor)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return str(descriptor)


def _program(name: str) -> str:
    """Of the system's own folders first: a PATH may be anybody's."""
    found = shutil.which(name, path=OUTER_ENVIRONMENT["PATH"]) or shutil.which(name)
    if found is None:
        package = {"bwrap": "bubblewrap", "setpriv": "util-linux"}.get(name, name)
        message = f"{name} is not here; install it: apt install {package}"
        raise EngineFailed("failed", message, False, "runtime_unusable")
    return os.path.realpath(found)


@functools.cache
def _size() -> tuple[str, ...]:
    """Of a folder in memory; nothing where this bwrap (before 0.7) cannot say it, and the kernel's half of the memory holds."""
    try:
        said = subprocess.run(
            [_program("bwrap"), "--help"], env=OUTER_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=PROBE_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return ("--size", str(memory // OWN_SHARE)) if b"--size" in said.stdout + said.stderr else ()


@functools.cache
def _can_disable_namespaces() -> bool:
    """Whether this bwrap knows how to keep user namespaces from being made inside, and the kernel lets it."""
    return _runs([_program("bwrap"), "--unshare-user", "--disable-userns", "--ro-bind", "/", "/", "true"]) is None


def _problem() -> str | None:
    """Why an agent could not be started here; None: one was."""
    try:
        _program("bwrap")
        folder = tempfile.mkdtemp(prefix="hive-trial-")
    except EngineFailed as failure:
        return failure.message
    except OSError as error:
        return f"no folder can be made for a trial: {error.strerror}"
    uid = PROBE_UID if os.geteuid() == 0 else None
    try:
        work, state, home, io = own = [Path(folder, name) for name in ("work", "state", "home", "io")]
        for place in own:
            place.mkdir()
            if uid is not None:
                os.chown(place, uid, uid)
        room = Room(work, state, home, io, uid=uid)
        tried = 'touch "$HOME/written" && ! touch /etc/written 2>/dev/null && ! cat /etc/shadow >/dev/null 2>&1'
        wrapped = Bwrap().wrap(["/bin/sh", "-c", tried], {"PATH": "/usr/bin:/bin", "HOME": str(home)}, work, room)
        try:
            complaint = _runs(list(wrapped.command), wrapped.descriptors, wrapped.environment)
        finally:
            for descriptor in wrapped.descriptors:
                os.close(descriptor)
    except (EngineFailed, OSError) as error:
        complaint = str(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return None if complaint is None else _with_remedy(complaint)


def _runs(
    command: Sequence[str], descriptors: Sequence[int] = (), environment: Mapping[str, str] = OUTER_ENVIRONMENT
) -> str | None:
    """What was complained of; None where it ended well."""
    try:
        done = subprocess.run(
            command, env=environment, cwd="/", pass_fds=tuple(descriptors), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=PROBE_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return " ".join(str(error).split())[:200]
    if done.returncode == 0:
        return None
    return " ".join(done.stderr.split())[-200:] or f"a trial in it ended with code {done.returncode}"


def _with_remedy(complaint: str) -> str:
    """The kernel's own reasons to refuse a user namespace, as what to do about them."""
    if os.geteuid() != 0:
        if _number(USER_NAMESPACES) == 0:
            return f"{complaint}; allow it: sysctl kernel.unprivileged_userns_clone=1"
        if _number(MOST_NAMESPACES) == 0:
            return f"{complaint}; allow it: sysctl user.max_user_namespaces=10000"
        if _number(APPARMOR) == 1:
            return f"{complaint}; allow it: an AppArmor profile for bwrap, or sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    return complaint


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _described() -> str:
    who = "as an ordinary uid without capabilities" if os.geteuid() == 0 else "in a user namespace"
    filtered = "" if seccomp_filter() is not None else "; no filter of system calls for this architecture"
    return f"the engine runs {who}, with nothing but its own files{filtered}"
