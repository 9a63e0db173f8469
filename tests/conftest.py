"""What every test needs: reports that may travel between processes."""

import os
from collections.abc import Generator

import pytest

os.environ.setdefault("HIVE_RUNTIME", "process")
"""What agents get in a test that names no runtime; those of the walls name theirs."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tests print what no terminal should see; lone surrogates among it cannot be sent to xdist's controller."""
    report = yield
    report.sections = [(name, _sendable(text)) for name, text in report.sections]
    return report


def _sendable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
