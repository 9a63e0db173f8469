"""The small repository that the demo's agents work on: a package that adds up receipts, with one test that fails."""

import os
import subprocess
from pathlib import Path

from hived.wire.errors import DemoFailed

GIT_SECONDS = 60.0
SETTINGS = ("user.name=demo", "user.email=demo@hive", "core.hooksPath=/dev/null", "core.fsmonitor=false")

FILES = {
    ".gitignore": "__pycache__/\n",
    "README.md": """\
# till

Adds up receipts. A discount is given in cents and taken off the sum.

    from till.receipt import Line, total
    total([Line("tea", 2, 350)], discount=10)
""",
    "till/__init__.py": '"""Adds up receipts."""\n',
    "till/receipt.py": '''\
"""A receipt: its lines, and what they come to in cents."""

from typing import NamedTuple


class Line(NamedTuple):
    what: str
    count: int
    cents: int


def total(lines: list[Line], discount: int = 0) -> int:
    """The sum in cents; `discount` is a percentage of it."""
    whole = sum(line.count * line.cents for line in lines)
    return whole - discount
''',
    "till/test_receipt.py": """\
import unittest

from till.receipt import Line, total

TEA = [Line("tea", 2, 350), Line("cake", 1, 300)]


class Total(unittest.TestCase):
    def test_adds_up_the_lines(self):
        self.assertEqual(total(TEA), 1000)

    def test_takes_off_the_discount(self):
        self.assertEqual(total(TEA, discount=25), 750)
""",
}
TEST = ("-m", "unittest", "-q")
"""Python's arguments that run its tests in the current folder."""


def make_repository(folder: Path) -> None:
    """Write the files and commit them. Raises DemoFailed where git does not work."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "till: receipts, with a discount that is wrong")


def git(folder: Path, *words: str) -> str:
    """What git printed, with no settings but the repository's own. Raises DemoFailed."""
    command = ["git", "-C", str(folder)]
    for setting in SETTINGS:
        command += ["-c", setting]
    env = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            [*command, *words],
            env=env, capture_output=True, text=True, timeout=GIT_SECONDS, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise DemoFailed(reason="git is not installed.") from None
    if done.returncode:
        raise DemoFailed(reason=f"git {words[0]} said: {done.stderr.strip()[:200]}")
    return done.stdout.strip()
