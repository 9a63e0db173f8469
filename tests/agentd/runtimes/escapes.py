"""What somebody inside would try, each as a shell script that exits 0 where it got what it wanted.

Names in capitals are filled in: see `places`. Each is harmless where it works: what it makes it removes again.
`process` says what becomes of it there: `open`, or why it fails all the same.
"""

from dataclasses import dataclass
from pathlib import Path

OPEN = "open"


@dataclass(frozen=True, slots=True)
class Attempt:
    name: str
    """As the table in docs/ISOLATION.md has it."""
    script: str
    process: str = OPEN
    harmless: bool = True
    """It may be tried where nothing stops it."""


def _python(code: str) -> str:
    return f"PYTHON - <<'CODE'\n{code}\nCODE\n"


_CONNECT = "import socket\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(5)\ns.connect({place!r})"

ATTEMPTS = (
    Attempt("read another agent's state", "cat OTHER/state/note"),
    Attempt("read its own journal", "cat HARNESS/events.sqlite"),
    Attempt("write its own journal", "echo x >>HARNESS/events.sqlite"),
    Attempt("list the hive's folders", "ls HIVE/agents/bob || ls HARNESS || ls HIVE/config"),
    Attempt("read secrets.toml", "grep a-secret HIVE/secrets.toml"),
    Attempt("connect to the operator's socket", _python(_CONNECT.format(place="HIVE/run/host.sock"))),
    Attempt("connect to its harness's own socket", _python(_CONNECT.format(place="HIVE/run/agents/ann/agent.sock"))),
    Attempt("read the operator's home", "cat OPERATOR/.ssh/id_ed25519"),
    Attempt("read /etc/shadow", "cat /etc/shadow || cat /etc/gshadow"),
    Attempt("see the processes of the machine", "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -q 'NEIGHBOUR-MAR[K]'"),
    Attempt("signal a process of the machine", "kill -CONT VICTIM"),
    Attempt("end a process of the machine", "kill -TERM VICTIM", harmless=False),
    Attempt("end all processes that it can", "trap '' TERM; kill -TERM -1; kill -0 VICTIM", harmless=False),
    Attempt(
        "trace a process of the machine",
        _python(
            "import ctypes, sys\nlibc = ctypes.CDLL(None)\nattached = libc.ptrace(16, VICTIM, 0, 0)\n"
            "libc.waitpid(VICTIM, 0, 0)\nlibc.ptrace(17, VICTIM, 0, 0)\nsys.exit(attached != 0)"
        ),
    ),
    Attempt("read agentd's environment", "env | grep AGENTD_ONLY || grep -qaz AGENTD_ONLY /proc/[0-9]*/environ"),
    Attempt("reach a server of this machine's loopback", "exec 3<>/dev/tcp/127.0.0.1/PORT"),
    Attempt("reach a host by its address", "exec 3<>/dev/tcp/ADDRESS/PORT"),
    Attempt(
        "send a datagram out",
        _python(
            "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.settimeout(2)\n"
            "s.connect(('ADDRESS', UDP))\ns.send(b'x')\nassert s.recv(9) == b'heard'"
        ),
    ),
    Attempt(
        "connect to an abstract socket",
        _python("import socket\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(5)\ns.connect('\\0ABSTRACT')"),
    ),
    Attempt(
        "reach the host of this virtual machine",
        _python("import socket\nsocket.socket(40, socket.SOCK_STREAM)  # AF_VSOCK: in no network namespace"),
        process="as the kernel allows it",
    ),
    Attempt(
        "read the kernel's log",
        _python(
            "import ctypes, platform, sys\nnumber = {'x86_64': 103, 'aarch64': 116}[platform.machine()]\n"
            "sys.exit(ctypes.CDLL(None).syscall(number, 3, ctypes.create_string_buffer(999), 999) < 0)"
        ),
        process="as the kernel allows it",
    ),
    Attempt("write its own config", "echo x >>CONFIG/agent.toml || touch CONFIG/more || mv CONFIG CONFIG.old"),
    Attempt("write the engine's install", "test -e PACKAGE/network/bridge.py && : >> PACKAGE/network/bridge.py"),
    Attempt(
        "write the system's folders",
        "for f in /usr/bin/x-escape /etc/x-escape /x-escape /opt/x-escape /lib/x-escape; do"
        ' touch "$f" && rm "$f" && exit 0; done; exit 1',
    ),
    Attempt("exchange a socket of agentd's", "touch HIVE/run/agents/ann/io/more && rm HIVE/run/agents/ann/io/more"),
    Attempt("follow a link out", "ln -sfn OPERATOR/.ssh out; cat out/id_ed25519; found=$?; rm out; exit $found"),
    Attempt("hard-link a file of another's", "ln HIVE/secrets.toml mine && rm mine"),
    Attempt("walk out by ..", "cat ../../bob/state/note || cat $HIVE_STATE/../../../secrets.toml || cat $HOME/../harness/launch.json"),
    Attempt(
        "look through another root in /proc",
        "for r in /proc/[0-9]*/root /proc/[0-9]*/cwd/..; do"
        ' grep -q a-secret "$r"HIVE/secrets.toml && exit 0; done; exit 1',
    ),
    Attempt(
        "mount",
        "mkdir -p point; mount -t tmpfs none point && umount point && exit 0; umount /tmp && exit 0;"
        " mount -o remount,rw CONFIG && exit 0; mount --bind . /etc && umount /etc",
        harmless=False,
    ),
    Attempt("make a user namespace", "unshare --user --map-root-user true || unshare --user true"),
    Attempt("become root by a setuid program", './suid-id -u | grep -qx 0 && [ "$(id -u)" != 0 ]', process="as hived is root: it is root already"),
    Attempt("gain a capability", "grep -E '^Cap(Prm|Eff|Bnd):' /proc/self/status | grep -qv 0000000000000000", harmless=True),
    Attempt("make a device", "mknod zero c 1 5 && head -c1 zero >/dev/null; found=$?; rm -f zero; exit $found"),
    Attempt("change the kernel's settings", "cat /proc/sys/kernel/hostname >/proc/sys/kernel/hostname || ls /sys/kernel/debug"),
    Attempt("leave its control group", "ls /sys/fs/cgroup/*"),
    Attempt(
        "type into a terminal",
        _python(
            "import fcntl, os, pty\nm, s = pty.openpty()\nos.setsid()\nfcntl.ioctl(s, 0x540E, 0)\nfcntl.ioctl(s, 0x5412, b'x')"
        ),
        process="as the kernel allows it",
    ),
    Attempt(
        "read the kernel's keyrings",
        _python("import ctypes, platform, sys\nnumber = {'x86_64': 250, 'aarch64': 219}[platform.machine()]\n"
                "sys.exit(ctypes.CDLL(None).syscall(number, 0, -3, 1) == -1)"),
    ),
    Attempt("outlive its end", "setsid sh -c 'trap \"\" TERM HUP; while :; do read line; done' OUTLIVES </dev/zero >/dev/null 2>&1 &", process="ended by its mark"),
)  # fmt: skip


def script(attempt: Attempt, places: "dict[str, str]") -> str:
    text = attempt.script
    for name in sorted(places, key=len, reverse=True):
        text = text.replace(name, places[name])
    return text


def write_all(folder: Path, attempts: "tuple[Attempt, ...]", places: "dict[str, str]") -> str:
    """Write each as a file in that folder; the command that runs them one after the other, and says of each how it went."""
    for number, attempt in enumerate(attempts):
        (folder / f"{number}.sh").write_text(script(attempt, places))
    names = " ".join(str(number) for number in range(len(attempts)))
    shell = places.get("SHELL-PATH", "/bin/bash")
    run = f"( exec timeout -s KILL 20 {shell} {folder}/$n.sh ) >{folder}/$n.out 2>&1 </dev/null"
    return f'set +e; trap "" TERM; for n in {names}; do {run}; echo "attempt {{\\"$n\\": $?}}"; done; exit 0'
