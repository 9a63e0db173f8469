"""What must be readable for a program to run: itself, its interpreter, its packages. Never a whole home, nor what is above it.

A program of the system's own folders needs nothing of this. Blocking: a few looks at the file system for each program.
"""

import functools
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import agentd
import hived

SYSTEM = tuple(map(Path, ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/nix", "/gnu")))
MOST_SHEBANG_BYTES = 256
MOST_DEEP = 5
"""A script's interpreter may be a script, and so on: so far at most."""


def find_program(word: str, environment: Mapping[str, str], cwd: Path) -> Path | None:
    """Where that program is, as the kernel would look for it; None where it is not, or cannot be run."""
    if "/" in word:
        path = cwd / word
        return path if path.is_file() and os.access(path, os.X_OK) else None
    found = shutil.which(word, path=environment.get("PATH", os.defpath))
    return None if found is None else cwd / found


def install_of(program: Path, environment: Mapping[str, str], deep: int = 0, own: Collection[Path] = ()) -> set[Path]:
    """The paths that this program needs, links among them as links. Those of the system are left out.

    `own`: folders that the agent writes. What lies there is there anyway, and where its links and its first line lead is the
    agent's own word: nobody goes by it.
    """
    real = Path(os.path.realpath(program))
    if below_any(program, own):
        return set()
    if below_any(real, own):
        return {program}
    found = {program, real}
    modules = _outermost(real, "node_modules") or _outermost(program, "node_modules")
    if modules is not None:
        found.add(modules)
    for folder in (program.parent.parent, real.parent.parent):
        if (folder / "pyvenv.cfg").is_file():
            found.add(folder)
    if real.parent.name in ("bin", "sbin", "libexec"):
        found |= _libraries(real.parent.parent)
    interpreter = _shebang(real, environment)
    if interpreter is not None and deep < MOST_DEEP:
        found |= install_of(interpreter, environment, deep + 1, own)
    if (program.parent.parent / "pyvenv.cfg").is_file() and deep < MOST_DEEP:
        base = program.parent / "python3"
        if base.exists() and base != program:
            found |= install_of(base, environment, deep + 1, own)
    return {path for path in found if not _of_the_system(path) and not _too_much(path)}


@functools.cache
def own_install() -> frozenset[Path]:
    """What our own workers, bridges and players need: this interpreter, its packages, and the code of agentd and hived."""
    found = {Path(package.__file__).resolve().parent for package in (agentd, hived) if package.__file__}
    found |= {Path(sys.prefix), Path(sys.base_prefix)}
    found |= install_of(Path(sys.executable), {})
    found |= {path for path in map(Path, sys.path) if path.name in ("site-packages", "dist-packages")}
    return frozenset(path for path in found if path.exists() and not _of_the_system(path) and not _too_much(path))


def files_named(words: Sequence[str]) -> set[Path]:
    """The scripts and scenarios among a command's words: plain files that are named by their whole path."""
    paths = (Path(word) for word in words if word.startswith("/") and "\0" not in word and len(word) < 4096)
    return {path for path in paths if path.is_file()}


def below_any(path: Path, folders: Iterable[Path]) -> bool:
    """Whether it is one of them, or in one of them. By its name: no link is looked at."""
    name = f"{path}/"
    return any(name.startswith(f"{str(folder).rstrip('/')}/") for folder in folders)


def _libraries(prefix: Path) -> set[Path]:
    """What an interpreter finds beside the folder that it lies in. A home's own `lib` is not its home."""
    return {folder for name in ("lib", "lib64") if (folder := prefix / name).is_dir()}


def _outermost(path: Path, name: str) -> Path | None:
    if name not in path.parts:
        return None
    return Path(*path.parts[: path.parts.index(name) + 1])


def _shebang(program: Path, environment: Mapping[str, str]) -> Path | None:
    try:
        descriptor = os.open(program, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        first = os.read(descriptor, MOST_SHEBANG_BYTES)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    if not first.startswith(b"#!"):
        return None
    words = first[2:].split(b"\n", 1)[0].decode("utf-8", "replace").split()
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return find_program(words[0], environment, Path("/")) if words else None


def _of_the_system(path: Path) -> bool:
    return below_any(path, SYSTEM)


def _too_much(path: Path) -> bool:
    """A home as a whole, or what homes lie in."""
    home = Path(os.path.expanduser("~"))
    return home.is_relative_to(path) or path in (home / ".local", home / ".config", home / ".cache")
