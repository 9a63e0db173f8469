"""`hive approvals`, `approve` and `deny` for what an engine asks: seen in full, edited, remembered, decided many at once."""

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from hived.cli.hive import main
from hived.wire.ids import new_id
from tests.hived.cli.conftest import HOSTILE, Shell
from tests.hived.cli.told import ToldHived
from tests.support.hive import LiveHive, call, live_hive, short_home

COMMAND = 'for file in *; do\n  wc -l "$file"\ndone | sort -n'


@pytest.fixture(scope="module")
def hive() -> Iterator[LiveHive]:
    """With `bee`, whose harness asks whatever a test lets it ask."""
    with live_hive() as made:
        made.spawn("bee", "command", engine_options={"command": "cat"})
        made.until_online("bee")
        yield made


def ask(hive: LiveHive, command: str = COMMAND, tool: str = "Bash") -> str:
    """The approval's id."""
    body = {"id": new_id(), "kind": "tool_use", "tool": tool, "input": {"command": command}}
    generation = {"hive-generation": str(hive.agent("bee")["generation"])}
    status, answer = call(hive.paths.agent("bee").socket, "POST", "/v1/approvals", body, generation)
    assert (status, answer["status"]) == (202, "pending"), answer
    return str(answer["id"])


def test_one_is_shown_with_all_that_would_be_done(shell: Shell, hive: LiveHive) -> None:
    asked = ask(hive)
    said = shell("approvals", asked[:30])
    assert said.code == 0
    assert asked in said.out
    assert 'done | sort -n"' in said.out
    assert shell("approvals", asked, "--json").json()["payload"]["input"] == {"command": COMMAND}
    shell("approvals", new_id()).fails(4, "approval_not_found")
    assert shell("deny", asked).code == 0


def test_a_script_is_shown_line_by_line_and_what_could_be_overlooked_as_a_code(shell: Shell, hive: LiveHive) -> None:
    asked = ask(hive, "cd /srv\nls \u202e\u200b '\\n'\trm \x1b[8mx\n")
    said = shell("approvals", asked)
    assert '  "command": "cd /srv\\n\n      ls \\u202e\\u200b \'\\\\n\'\\trm \\u001b[8mx\\n"\n' in said.out
    assert shell("deny", asked).code == 0


def test_what_makes_a_turn_stand_still_is_listed_first(shell: Shell, hive: LiveHive) -> None:
    first = shell("spawn", "wasp", "--engine", "command", "--command", "true", "--json").json()["id"]
    asked = ask(hive)
    waiting = shell("waiting").out
    assert waiting.index(asked[:18]) < waiting.index(first[:18])
    for id in (asked, first):
        assert shell("deny", id).code == 0


def test_what_an_agent_asks_is_only_shown(shell: Shell, hive: LiveHive) -> None:
    asked = ask(hive, HOSTILE, tool=f"Ba{HOSTILE}sh")
    for words in (("approvals", asked), ("approvals",), ("waiting",), ("deny", asked), ("audit",)):
        said = shell(*words)
        assert said.code == 0, said
        assert not set("\x1b\x07\x9b\u202e\r") & set(said.out), words


def test_many_are_decided_at_once_each_for_itself(shell: Shell, hive: LiveHive) -> None:
    first, second = ask(hive, "make one"), ask(hive, "make two")
    said = shell("approve", first, new_id(), second, "--note", "go on")
    assert said.code == 4
    assert said.out == "approved: Bash make one\napproved: Bash make two\n"
    entries = shell("audit", "--subject", second, "--json").json()["entries"]
    assert [(entry["action"], entry["detail"]["note"]) for entry in entries] == [("approval.approved", "go on")]


def test_remembering_shows_the_rule_that_it_makes(shell: Shell, hive: LiveHive) -> None:
    asked = ask(hive, "make remembered")
    shell("deny", asked, "--remember", "agent").fails(2, "usage")
    shell("approve", asked, "--remember", "world").fails(2, "usage")
    said = shell("approve", asked, "--remember", "agent", "--json")
    approval = said.json()
    _words, rule, made = said.err.splitlines()
    assert rule == "Rule: allow Bash make remembered (bee)"
    assert made == f"remembered as {approval['remembered'][:18]}"
    rules = shell("rules", "--json").json()["rules"]
    assert [rule["made_from"] for rule in rules if rule["id"] == approval["remembered"]] == [asked]


def test_on_a_terminal_the_rule_is_shown_and_asked_about_before_anything_is_decided(
    shell: Shell, hive: LiveHive, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(hive, "make shown")
    monkeypatch.setattr("hived.cli.asking.has_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\ny\n"))
    said = shell("approve", asked, "--remember", "agent")
    assert (said.code, said.out) == (1, "")
    assert said.err.endswith("Approve it, and make this rule? [y/N] Nothing was done.\n")
    assert shell("approvals", asked, "--json").json()["status"] == "pending"
    assert shell("approve", asked, "--remember", "agent").out == "approved: Bash make shown\n"
    silent = shell("approve", ask(hive, "make silent"), "--remember", "agent", "--yes")
    assert silent.code == 0
    assert "[y/N]" not in silent.err


def test_what_cannot_be_remembered_is_not_decided(shell: Shell, hive: LiveHive) -> None:
    asked = ask(hive)
    shell("approve", asked, "--remember", "colony").fails(1, "invalid_rule")
    assert shell("approvals", asked, "--json").json()["status"] == "pending"
    assert shell("deny", asked).code == 0


@pytest.mark.parametrize("given", ["make", "[1]", '"make"', "{", ""])
def test_an_input_that_is_no_object_decides_nothing(shell: Shell, hive: LiveHive, given: str) -> None:
    asked = ask(hive)
    shell("approve", asked, "--input", given).fails(2, "usage")
    assert shell("approvals", asked, "--json").json()["status"] == "pending"
    assert shell("deny", asked).code == 0


def test_an_edited_input_goes_with_one_tool_and_an_engine_that_takes_it(shell: Shell, hive: LiveHive) -> None:
    asked = ask(hive)
    shell("approve", asked, new_id(), "--input", "{}").fails(2, "usage")
    shell("approve", asked, "--input", "{}").fails(1, "unsupported")
    assert shell("approvals", asked, "--json").json()["status"] == "pending"
    assert shell("deny", asked).code == 0


# Edited: against a hived that answers as it is told ----------------------------------------------------------------


@pytest.fixture
def told() -> Iterator[ToldHived]:
    home = short_home()
    made = ToldHived(home)
    yield made
    made.close()
    (home / "run" / "host.sock").unlink()
    (home / "run").rmdir()
    home.rmdir()


def approval(**changes: Any) -> dict[str, Any]:
    return {
        "id": "01", "kind": "tool_use", "status": "pending", "requester": "bee", "subject": "Bash make",
        "payload": {"tool": "Bash", "input": {"command": "make"}}, **changes,
    }  # fmt: skip


def test_an_input_is_edited_in_the_operators_own_editor(told: ToldHived, tmp_path: Path) -> None:
    told.answers["GET /v1/approvals/01"] = approval()
    told.answers["POST /v1/approvals/01/approve"] = approval(status="approved")
    code, said = edited(told, tmp_path, "sed -i s/make/true/")
    assert (code, said) == (0, "approved: Bash make")
    assert told.changes() == [("POST", "/v1/approvals/01/approve", {"updated_input": {"command": "true"}})]


def test_an_input_that_is_left_as_it_was_is_approved_as_it_was_asked(told: ToldHived, tmp_path: Path) -> None:
    told.answers["GET /v1/approvals/01"] = approval()
    told.answers["POST /v1/approvals/01/approve"] = approval(status="approved")
    assert edited(told, tmp_path, "true")[0] == 0
    assert told.changes() == [("POST", "/v1/approvals/01/approve", {})]


@pytest.mark.parametrize(
    ("editor", "code", "words"),
    [
        ("false", 2, "nothing was done"),
        ("sed -i d", 2, "not valid JSON"),
        ("/not/there", 1, "cannot be run"),
    ],
)
def test_an_edit_that_went_wrong_decides_nothing(
    told: ToldHived, tmp_path: Path, editor: str, code: int, words: str
) -> None:
    told.answers["GET /v1/approvals/01"] = approval()
    found, said = edited(told, tmp_path, editor)
    assert found == code
    assert words in said
    assert told.changes() == []


def test_without_a_terminal_nothing_is_edited(
    told: ToldHived, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIVE_HOME", str(told.home))
    told.answers["GET /v1/approvals/01"] = approval()
    assert main(["approve", "01", "--edit"]) == 2
    assert "--input takes the JSON itself" in capsys.readouterr().err
    assert told.changes() == []


def test_an_input_is_read_from_stdin(told: ToldHived, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIVE_HOME", str(told.home))
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"command": "ls"})))
    told.answers["POST /v1/approvals/01/approve"] = approval(status="approved")
    assert main(["approve", "01", "--input", "-"]) == 0
    assert told.changes() == [("POST", "/v1/approvals/01/approve", {"updated_input": {"command": "ls"}})]


def edited(told: ToldHived, folder: Path, editor: str) -> tuple[int | None, str]:
    """`hive approve 01 --edit` on a terminal: (its exit code, what it printed)."""
    terminal: pexpect.spawn[str] = pexpect.spawn(
        sys.executable,
        ["-m", "hived.cli.hive", "approve", "01", "--edit"],
        env={**os.environ, "HIVE_HOME": str(told.home), "EDITOR": editor, "VISUAL": "", "TMPDIR": str(folder)},
        encoding="utf-8",
        timeout=30,
        dimensions=(24, 200),
    )
    terminal.expect(pexpect.EOF)
    said = (terminal.before or "").strip()
    terminal.close()
    assert list(folder.iterdir()) == []
    return terminal.exitstatus, said
