"""git as hived runs it: no hook, no fsmonitor, no settings but what is said here, and time and output bounded. Blocks."""

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MOST_ADDRESS_KIB = 4 * 1024 * 1024
"""Of memory that one git may ask for: a hostile object can claim any size."""
MOST_COMPLAINT = 64 * 1024
"""Bytes that are kept of what git says on stderr."""
REASON_CHARACTERS = 200

HARMLESS: tuple[str, ...] = tuple(
    word
    for setting in (
        "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.untrackedCache=false", "core.commitGraph=false",
        "core.multiPackIndex=false", "core.attributesFile=/dev/null", "core.excludesFile=/dev/null",
        "core.alternateRefsCommand=true", "core.sshCommand=false", "core.askPass=false", "core.pager=cat",
        "core.bigFileThreshold=8m", "core.packedGitWindowSize=32m", "core.packedGitLimit=256m", "core.quotePath=false",
        "gc.auto=0", "gc.autoDetach=false", "maintenance.auto=false", "protocol.allow=never", "protocol.file.allow=always",
        "submodule.recurse=false", "fetch.recurseSubmodules=false", "credential.helper=",
        "diff.ignoreSubmodules=all", "status.submoduleSummary=false", "advice.detachedHead=false",
    )
    for word in ("-c", setting)
)  # fmt: skip
"""Before every subcommand: stands above whatever the repository's own config says."""

_LIMITED = f'ulimit -c 0; ulimit -v {MOST_ADDRESS_KIB} 2>/dev/null; exec "$@"'
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_PREFIX = re.compile(r"^(?:fatal|error|warning|bwrap): ")


class GitFailed(Exception):
    """git was not there, took too long, or ended with an error. `reason` is one sentence, fit for a screen."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True)
class Output:
    data: bytes
    cut: bool = False
    """There was more than was asked for; git was ended there."""
    code: int = 0

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")

    @property
    def line(self) -> str:
        """Without the newline at its end."""
        return self.text.rstrip("\n")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """All that a git of hived's has for an environment."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "TZ": "UTC",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ALLOW_PROTOCOL": "file",
        "GIT_AUTHOR_NAME": "hived",
        "GIT_AUTHOR_EMAIL": "hived@hive",
        "GIT_COMMITTER_NAME": "hived",
        "GIT_COMMITTER_EMAIL": "hived@hive",
        **(extra or {}),
    }


def run_git(
    words: Sequence[str],
    *,
    seconds: float,
    most_bytes: int = 8 * 1024 * 1024,
    stdin: bytes | Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    codes: Collection[int] = (0,),
    around: Sequence[str] = (),
    sink: Callable[[bytes], object] | None = None,
) -> Output:
    """Run `git WORDS` to its end; what it said on stdout, at most `most_bytes` of it (then `cut`).

    `around`: words put before git's own, a sandbox's. `sink` is given stdout as it comes, and `Output.data` is empty.
    `codes`: the exit codes that are no failure. Raises GitFailed.
    """
    git = shutil.which("git")
    if git is None:
        raise GitFailed("git is not installed.")
    command = ["/bin/sh", "-c", _LIMITED, "sh", *around, git, *HARMLESS, *words]
    with contextlib.ExitStack() as stack:
        given = subprocess.DEVNULL if stdin is None else stack.enter_context(_opened(stdin)).fileno()
        process = stack.enter_context(
            subprocess.Popen(
                command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                cwd=cwd, env=environment(env), start_new_session=True,
            )
        )  # fmt: skip
        stack.callback(_end, process)
        return _exchange(process, words, seconds, most_bytes, codes, sink)


def _opened(stdin: bytes | Path) -> IO[bytes]:
    """A file to read from: a pipe would have to be fed while the answer is read."""
    if isinstance(stdin, Path):
        return stdin.open("rb")
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(stdin)
    file.seek(0)
    return file


def _exchange(
    process: "subprocess.Popen[bytes]",
    words: Sequence[str],
    seconds: float,
    most_bytes: int,
    codes: Collection[int],
    sink: Callable[[bytes], object] | None,
) -> Output:
    assert process.stdout is not None
    assert process.stderr is not None
    said, complaint = bytearray(), bytearray()
    take, taken, deadline = said.extend if sink is None else sink, 0, time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for pipe in (process.stdout, process.stderr):
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise GitFailed(f"git {_verb(words)} took longer than {seconds:g} s.", timed_out=True)
            for key, _ in ready:
                piece = os.read(key.fd, 1 << 18)
                if not piece:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stderr:
                    complaint += piece[: MOST_COMPLAINT - len(complaint)]
                else:
                    take(piece[: most_bytes - taken])
                    taken += len(piece)
                    if taken > most_bytes:
                        return Output(bytes(said), cut=True)
    try:
        code = process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git {_verb(words)} took longer than {seconds:g} s.", timed_out=True) from None
    if code not in codes:
        raise GitFailed(reason_of(complaint.decode("utf-8", "replace")) or f"git {_verb(words)} ended with {code}.")
    return Output(bytes(said), code=code)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """With all that it started; nothing where it has ended."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _verb(words: Sequence[str]) -> str:
    return next((word for word in words if re.fullmatch(r"[a-z][a-z-]+", word)), "?")


def reason_of(complaint: str) -> str:
    """The first line of git's own complaint that says what is wrong, without what a terminal would obey."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith("fatal: ")]
    for line in (*fatal, *lines):
        text = _CONTROL.sub(" ", _PREFIX.sub("", line)).strip()
        if text:
            return text[:REASON_CHARACTERS] + ("" if text.endswith(".") else ".")
    return ""
