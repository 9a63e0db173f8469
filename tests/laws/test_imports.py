"""Laws about what loads: the import law itself is `lint-imports` in `make check`; this is about weight."""

import subprocess
import sys

import pytest


def loaded_by(statement: str) -> set[str]:
    """The top-level packages in memory after running `statement` in a fresh interpreter."""
    code = f"import sys\n{statement}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(answer.stdout.split())


@pytest.mark.parametrize(
    "heavy", ["pydantic", "httpx", "asyncio", "fastapi", "textual", "aiosqlite", "subprocess", "dataclasses"]
)
def test_the_command_line_starts_without(heavy: str) -> None:
    assert heavy not in loaded_by("import hived.cli.hive, hived.client.oneshot")


@pytest.mark.parametrize("heavy", ["httpx", "watchfiles", "psutil", "mcp", "acp", "fastapi", "textual"])
def test_a_harness_starts_without(heavy: str) -> None:
    assert heavy not in loaded_by("import agentd.harness")


@pytest.mark.parametrize("heavy", ["textual", "mcp", "acp", "tree_sitter", "tree_sitter_bash"])
def test_the_daemon_starts_without(heavy: str) -> None:
    assert heavy not in loaded_by("import hived.daemon")
