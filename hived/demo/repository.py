"""The small repository that the demo's agents work on: a package that adds up receipts, with one test that fails."""

import subprocess
from pathlib import Path

FILES = {
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
    """Write the files and commit them. Raises CalledProcessError where git does not work."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "till: receipts, with a discount that is wrong")


def git(folder: Path, *words: str) -> str:
    """What git printed; no settings but the repository's own."""
    env_free = ("-c", "user.name=demo", "-c", "user.email=demo@hive", "-c", "core.hooksPath=/dev/null")
    done = subprocess.run(
        ["git", *env_free, "-c", "commit.gpgsign=false", "-c", "core.fsmonitor=false", "-C", str(folder), *words],
        capture_output=True, text=True, check=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout.strip()
