"""Programs of the system that some tests drive: where they are, and what is said where they are not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FAKETIME = ("/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime", "/usr/lib/faketime")


def require_faketime() -> str:
    """libfaketime's path; the test is skipped with the reason where there is none, and fails if HIVE_REQUIRE_TOOLS=1."""
    for folder in FAKETIME:
        library = Path(folder) / "libfaketime.so.1"
        if library.exists():
            return str(library)
    return missing("libfaketime is not on this machine (Debian's package faketime)")


def compiled(code: str, library: Path) -> None:
    """C as a library that a program can be made to load (LD_PRELOAD); without a compiler as `missing`."""
    words = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
    if shutil.which("cc") is None or subprocess.run(words, input=code, text=True, check=False).returncode:
        missing("there is no C compiler that makes a library")


def missing(reason: str) -> str:
    if os.environ.get("HIVE_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
