"""What every test needs: reports that may travel between processes."""

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

settings.register_profile("same", derandomize=True, print_blob=True)
settings.load_profile("same" if "HIVE_EXPLORE" not in os.environ else "default")
"""The same examples at every run: what a new one finds is no chance failure of somebody's change. HIVE_EXPLORE=1 looks for more."""

os.environ.setdefault("HIVE_RUNTIME", "process")
"""What agents get in a test that names no runtime; those of the walls name theirs."""


LONG = ("hivetui", "end_to_end", "agentd/engines", "hived")
"""Folders with files that take a minute each, and begin first: at the end every worker is to have something left to do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(
        key=lambda item: next((at for at, folder in enumerate(LONG) if f"tests/{folder}/" in item.nodeid), len(LONG))
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tests print what no terminal should see; lone surrogates among it cannot be sent to xdist's controller."""
    report = yield
    report.sections = [(name, _sendable(text)) for name, text in report.sections]
    return report


def _sendable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
