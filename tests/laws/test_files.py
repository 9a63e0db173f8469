"""Laws about the tree itself: size, docstrings, names, and docs that name real files."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("hived", "agentd", "hivetui")
MOST_LINES = 400
TOP_LEVEL = {
    "pyproject.toml", "hivetui", "hived", "agentd", "tests", "screenshots", "README.md", "LICENSE", "CHANGELOG.md",
    "Makefile", "requirements.lock", "docs", ".ci", ".gitignore",
}  # fmt: skip


def sources() -> list[Path]:
    return sorted(path for program in PROGRAMS for path in (ROOT / program).rglob("*.py"))


def tracked() -> list[str]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("this tree is no git checkout, so there is no list of its files")
    return listing.stdout.splitlines()


def test_no_source_file_is_longer_than_400_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in sources()
        if (count := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert long == {}


def test_the_app_stays_thin() -> None:
    assert len((ROOT / "hivetui/app.py").read_text().splitlines()) < 250


def test_every_module_with_code_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in sources()
        if path.read_text().strip() and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert silent == []


def test_no_module_is_named_after_nothing() -> None:
    vague = [
        str(path.relative_to(ROOT))
        for path in sources()
        if path.stem in {"utils", "helpers", "common", "misc", "manager"}
    ]
    assert vague == []


def test_no_test_sleeps() -> None:
    """Tests wait for conditions (tests/support has the loops); handing over to the loop once, `sleep(0)`, is no wait."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("time.sleep", "asyncio.sleep")
        and ast.unparse(node.args[0]) != "0"
    ]
    assert found == []


def test_only_what_every_project_has_lies_at_top_level() -> None:
    assert {name.split("/")[0] for name in tracked()} <= TOP_LEVEL


@pytest.mark.parametrize("document", ["README.md", "docs/ARCHITECTURE.md"])
def test_files_that_the_docs_name_are_there(document: str) -> None:
    text = (ROOT / document).read_text()
    named = set(re.findall(r"`((?:hived|agentd|hivetui|tests|docs|screenshots)/[\w./-]*)`", text))
    named |= set(re.findall(r"\]\(((?!https?:)[\w./-]+)\)", text))
    assert named, "the document names no file at all"
    missing = sorted(
        name for name in named if not (ROOT / name).exists() and not ((ROOT / document).parent / name).exists()
    )
    assert missing == []
