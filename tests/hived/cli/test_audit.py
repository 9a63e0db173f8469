"""`hive audit` and `hive check`, with hived and without."""

import sqlite3
from collections.abc import Iterator

import pytest

from tests.hived.cli.conftest import Shell
from tests.support.hive import LiveHive, live_hive


@pytest.fixture(scope="module")
def hive() -> Iterator[LiveHive]:
    with live_hive() as made:
        yield made


@pytest.fixture(autouse=True)
def _runs(hive: LiveHive) -> Iterator[None]:
    yield
    if hive.process is not None and hive.process.poll() is not None:
        hive.start()


def denied(shell: Shell, name: str) -> str:
    """The id of an approval that was denied."""
    asked = shell("spawn", name, "--engine", "command", "--command", "true", "--json").json()["id"]
    assert shell("deny", asked, "--note", "not now").code == 0
    return str(asked)


def test_the_audit_says_who_decided_what(shell: Shell) -> None:
    asked = denied(shell, "ada")
    said = shell("audit", "--subject", asked)
    assert said.code == 0
    assert "approval.denied" in said.out
    assert "operator (hive, uid " in said.out
    assert "| not now" in said.out
    (entry,) = shell("audit", "--subject", asked, "--json").json()["entries"]
    assert entry["actor"]["socket"] == "host"


def test_it_is_paged(shell: Shell) -> None:
    denied(shell, "bob")
    denied(shell, "eve")
    newest = shell("audit", "--limit", "1", "--json").json()["entries"][-1]["seq"]
    before = shell("audit", "--limit", "1", "--before", str(newest), "--json").json()["entries"]
    assert [entry["seq"] for entry in before] == [newest - 1]
    assert shell("audit", "--subject", "nothing").out == "Nothing has been decided.\n"
    shell("audit", "--limit", "0").fails(2, "usage")


def test_whole_books_pass_with_hived_and_without(shell: Shell, hive: LiveHive) -> None:
    denied(shell, "amy")
    with_hived = shell("check", "--json").json()
    assert with_hived["ok"]
    assert hive.stop() == 0
    assert shell("check", "--json").json() == with_hived
    said = shell("check")
    assert said.code == 0
    assert all(text.startswith("ok ") for text in said.out.splitlines())


def test_what_is_wrong_is_a_line_each_and_the_exit_code(shell: Shell, hive: LiveHive) -> None:
    asked = shell("spawn", "tom", "--engine", "command", "--command", "true", "--json").json()["id"]
    assert hive.stop() == 0
    with sqlite3.connect(hive.paths.database) as connection:
        connection.execute("DELETE FROM waiting WHERE id = ?", (asked,))
        connection.execute("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    connection.close()
    for restart in (False, True):
        if restart:
            hive.start()
        said = shell("check")
        assert said.code == 1
        wrong = [text for text in said.out.splitlines() if not text.startswith("ok ")]
        assert [text.split()[:2] for text in wrong] == [["wrong", name] for name in ("audit", "waiting", "decisions")]
        assert f"spawn {asked} waits, and is not listed." in wrong[1]
        assert shell("check", "--json").code == 1


def test_a_hive_that_never_was_cannot_be_checked(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIVE_HOME", "/tmp/hv-never-was")
    shell("check").fails(1, "database_unreadable")
