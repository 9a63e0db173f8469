"""`hive` on a real terminal: what it asks, what it hides, and the link that can be clicked."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from hived.wire.errors import LoginFailed
from tests.hived.cli.told import WHEN, ToldHived, view
from tests.support.hive import short_home

ADA = "/v1/agents/ada"
URL = "https://login.example/authorize?code=true&state=" + "x" * 120
OPEN = {"login_id": "l1", "state": "open", "since": WHEN, "url": URL}
SECRET = "the-code#and-its-state-" + "y" * 200
PATIENCE = 60


@pytest.fixture
def hived() -> Iterator[ToldHived]:
    home = short_home()
    made = ToldHived(home)
    yield made
    made.close()
    (home / "run" / "host.sock").unlink()
    (home / "run").rmdir()
    home.rmdir()


def typed(hived: ToldHived, *words: str, **env: str) -> "pexpect.spawn[str]":
    """`hive WORDS` on a terminal of its own."""
    return pexpect.spawn(
        sys.executable,
        ["-m", "hived.cli.hive", *words],
        env={**os.environ, "HIVE_HOME": str(hived.home), "TERM": "xterm-256color", **env},
        encoding="utf-8",
        timeout=PATIENCE,
        dimensions=(24, 80),
    )


def end(terminal: "pexpect.spawn[str]") -> tuple[int | None, str]:
    """(exit code, what was printed since the last thing that was waited for)"""
    terminal.expect(pexpect.EOF)
    said = terminal.before or ""
    terminal.close()
    return terminal.exitstatus, said


@pytest.fixture
def opens(hived: ToldHived) -> ToldHived:
    hived.answers[f"POST {ADA}/login"] = view(login=OPEN)
    hived.answers[f"POST {ADA}/login/code"] = view(login={**OPEN, "state": "done", "url": None})
    hived.answers[f"DELETE {ADA}/login"] = view(login={**OPEN, "state": "cancelled", "url": None})
    return hived


def test_the_link_can_be_clicked_and_read(opens: ToldHived) -> None:
    terminal = typed(opens, "login", "ada")
    terminal.expect("Code")
    assert f"\x1b]8;;{URL}\x1b\\{URL}\x1b]8;;\x1b\\" in (terminal.before or "")
    terminal.sendline("")
    end(terminal)
    plain = typed(opens, "login", "ada", TERM="dumb")
    plain.expect("Code")
    assert f"\r\n{URL}\r\n" in (plain.before or "")
    plain.sendline("")
    end(plain)


def test_the_code_is_taken_without_being_shown(opens: ToldHived) -> None:
    terminal = typed(opens, "login", "ada")
    terminal.expect("Code")
    terminal.waitnoecho()
    terminal.sendline(SECRET)
    code, said = end(terminal)
    assert code == 0
    assert "ada: logged in" in said
    assert SECRET not in said
    assert opens.changes()[-1] == ("POST", f"{ADA}/login/code", {"code": SECRET})


def test_a_refused_code_exits_5(opens: ToldHived) -> None:
    opens.answers[f"POST {ADA}/login/code"] = LoginFailed(name="ada", reason="the code is wrong.")
    terminal = typed(opens, "login", "ada")
    terminal.expect("Code")
    terminal.waitnoecho()
    terminal.sendline(SECRET)
    code, said = end(terminal)
    assert code == 5
    assert "error[login_failed]: " in said


@pytest.mark.parametrize(("key", "exit_code"), [("\r", 1), ("\x04", 1), ("\x03", 130)])
def test_a_login_that_is_not_gone_through_with_is_given_up(opens: ToldHived, key: str, exit_code: int) -> None:
    terminal = typed(opens, "login", "ada")
    terminal.expect("Code")
    terminal.waitnoecho()
    terminal.send(key)
    code, said = end(terminal)
    assert code == exit_code
    assert "The login of ada is given up." in said
    assert opens.changes()[-1][:2] == ("DELETE", f"{ADA}/login")


@pytest.mark.parametrize(("answer", "done"), [("y", True), ("yes", True), ("", False), ("n", False), ("sure", False)])
def test_a_new_session_is_asked_for_once_more(hived: ToldHived, answer: str, done: bool) -> None:
    hived.answers[f"POST {ADA}/new-session"] = view(session={"state": "armed", "primer": True})
    terminal = typed(hived, "new-session", "ada", "--primer")
    terminal.expect_exact("Go on? [y/N] ")
    terminal.sendline(answer)
    code, said = end(terminal)
    assert code == (0 if done else 1)
    assert hived.changes() == ([("POST", f"{ADA}/new-session", {"primer": True})] if done else [])
    assert ("Nothing was done." in said) is not done


def test_another_engine_is_asked_for_once_more(hived: ToldHived) -> None:
    hived.answers[f"GET {ADA}"] = view(engine="claude")
    hived.answers[f"POST {ADA}/rebuild"] = view(engine="acp")
    terminal = typed(hived, "rebuild", "ada", "--engine", "acp")
    terminal.expect_exact("Go on? [y/N] ")
    terminal.sendline("y")
    assert end(terminal)[0] == 0
    assert hived.changes() == [("POST", f"{ADA}/rebuild", {"engine": "acp"})]


def test_a_file_is_not_written_over_unasked(hived: ToldHived, tmp_path: Path) -> None:
    recording: dict[str, Any] = {"scenario": "new", "turns": 1, "events": 2, "left_out": {}, "cut": 0}
    hived.answers[f"GET {ADA}/recording"] = recording
    file = tmp_path / "ada.toml"
    file.write_text("mine")
    terminal = typed(hived, "record", "ada", str(file))
    terminal.expect_exact("Write over it? [y/N] ")
    terminal.sendline("n")
    assert end(terminal)[0] == 1
    assert file.read_text() == "mine"


def test_a_recording_is_shown_harmless_on_a_terminal(hived: ToldHived) -> None:
    recording: dict[str, Any] = {"scenario": "say = '\x1b[31mred'\n", "turns": 1, "events": 2, "left_out": {}, "cut": 0}
    hived.answers[f"GET {ADA}/recording"] = recording
    code, said = end(typed(hived, "record", "ada"))
    assert (code, said) == (0, "say = 'red'\r\n")
