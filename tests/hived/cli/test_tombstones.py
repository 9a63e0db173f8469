"""`hive destroy`, `tombstones`, `revive` and `purge`: what is asked for on a terminal, and what is said."""

import os
import sys
from collections.abc import Iterator
from typing import Any

import pexpect
import pytest

from hived.cli.hive import main
from hived.cli.tombstones import open_words, size
from hived.wire.approvals import Actor
from hived.wire.errors import WorkUnmerged
from hived.wire.tombstones import OpenItems, Purged, PurgePlan, Tombstone, TombstoneList
from hived.wire.work import WorkState
from tests.hived.cli.conftest import HOSTILE, Said
from tests.hived.cli.told import WHEN, ToldHived
from tests.support.hive import short_home

TOMB = "/v1/tombstones/ada"
PATIENCE = 60


def tombstone(**fields: Any) -> Tombstone:
    known = {
        "id": "01a1ff48-145e-70ba-9788-9e123f690bb2", "name": "ada", "role": "worker", "engine": "claude", "model": "haiku",
        "runtime": "bwrap", "created_at": WHEN, "buried_at": WHEN, "buried_by": Actor(who="operator"), "cause": "it was",
        "bytes": 5 * 1024 * 1024, "sizes": {"work": 4 * 1024 * 1024, "home": 1024 * 1024},
        "last_words": "All tests pass, I am done.", "last_words_at": WHEN,
        "open": OpenItems(messages=2, held=1, reminders=1, spawned=["bob"]),
        "work": WorkState(looked_at=WHEN, commits=2, changed=1, merged=False),
    }  # fmt: skip
    return Tombstone.model_validate({**known, **fields})


@pytest.fixture
def hived(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToldHived]:
    home = short_home()
    monkeypatch.setenv("HIVE_HOME", str(home))
    made = ToldHived(home)
    made.answers["DELETE /v1/agents/ada"] = tombstone().model_dump()
    made.answers[f"DELETE {TOMB}"] = Purged(name="ada", id="x", bytes=1024).model_dump()
    made.answers[f"GET {TOMB}/purge"] = PurgePlan(
        name="ada", id="x", bytes=4096, sizes={"work": 4096}, goes=["/hive/agents/ada", "2 messages for it"], stays=["the audit"],
        stopped_by="work that is nowhere else: 2 commits",
    ).model_dump()  # fmt: skip
    yield made
    made.close()
    (home / "run" / "host.sock").unlink()
    (home / "run").rmdir()
    home.rmdir()


def run(capsys: pytest.CaptureFixture[str], *words: str) -> Said:
    code = main(words)
    said = capsys.readouterr()
    return Said(code, said.out, said.err)


def typed(hived: ToldHived, *words: str) -> "pexpect.spawn[str]":
    """`hive WORDS` on a terminal of its own."""
    env = {**os.environ, "HIVE_HOME": str(hived.home), "TERM": "dumb"}
    command = ["-m", "hived.cli.hive", *words]
    return pexpect.spawn(sys.executable, command, env=env, encoding="utf-8", timeout=PATIENCE, dimensions=(24, 100))


def end(terminal: "pexpect.spawn[str]") -> tuple[int | None, str]:
    terminal.expect(pexpect.EOF)
    said = terminal.before or ""
    terminal.close()
    return terminal.exitstatus, said


def test_a_line_each_with_age_size_unmerged_work_and_last_words(
    hived: ToldHived, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [tombstone(), tombstone(name="bob", open=OpenItems(), work=None, last_words="", bytes=0)]
    hived.answers["GET /v1/tombstones"] = TombstoneList(tombstones=others).model_dump()
    header, ada, bob = run(capsys, "tombstones").out.splitlines()
    assert header.split()[:5] == ["NAME", "ROLE", "ENGINE", "DESTROYED", "SIZE"]
    assert " ".join(ada.split()).endswith(
        "5.0 MiB 2 messages, 1 held, 1 reminder 2 commits and 1 changed file All tests pass, I am done."
    )
    assert bob.split()[-3:] == ["-", "-", "-"]


def test_last_words_move_no_terminal(hived: ToldHived, capsys: pytest.CaptureFixture[str]) -> None:
    hived.answers["GET /v1/tombstones"] = TombstoneList(tombstones=[tombstone(last_words=HOSTILE * 20)]).model_dump()
    hived.answers[f"GET {TOMB}"] = tombstone(
        last_words=HOSTILE, note=HOSTILE, problem=HOSTILE, purging=True
    ).model_dump()
    for words in (["tombstones"], ["tombstones", "ada"]):
        said = run(capsys, *words)
        assert said.code == 0
        assert not any(control in said.out for control in ("\x1b", "\x9b", "\x07", "\u202e", "\r"))


def test_what_is_under_way_is_said_instead(hived: ToldHived, capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        tombstone(reviving="01a1ff4d-a48e-7518-9e53-381bbf59dfbf"),
        tombstone(purging=True),
        tombstone(purging=True, problem="/x: busy"),
    ]
    hived.answers["GET /v1/tombstones"] = TombstoneList(tombstones=found).model_dump()
    _, reviving, purging, stuck = run(capsys, "tombstones").out.splitlines()
    assert reviving.endswith("to be revived: hive approve 01a1ff4d-a48e-7518")
    assert purging.endswith("is being purged")
    assert stuck.endswith("its purge does not go on: /x: busy")


def test_without_a_terminal_nothing_is_done_unless_it_is_told_so(
    hived: ToldHived, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["destroy", "ada"], ["destroy", "ada", "--purge"], ["purge", "ada"]):
        run(capsys, *words).fails(2, "confirmation_needed")
    assert hived.changes() == []
    assert run(capsys, "purge", "ada", "--yes").out == "ada is gone (1.0 KiB); its name is free.\n"
    assert hived.changes() == [("DELETE", TOMB, {"discard_work": False})]


def test_a_wrong_name_is_refused_before_anything_is_asked(hived: ToldHived, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("../etc", "Ada", "a/b", "..", "*"):
        for verb in ("destroy", "revive", "purge"):
            said = run(capsys, verb, name, *([] if verb == "revive" else ["--yes"]))
            assert said.err.startswith("error[invalid_name]"), (verb, name, said)
    assert hived.asked == []


def test_what_a_purge_would_stop_at_is_said_before_a_name_is_asked_for(hived: ToldHived) -> None:
    code, said = end(typed(hived, "purge", "ada"))
    assert code == 5
    assert "goes  /hive/agents/ada" in said
    assert "error[work_unmerged]: ada has work that is nowhere else: 2 commits." in " ".join(said.split())
    assert "Type its name" not in said
    assert hived.changes() == []


def test_on_a_terminal_a_purge_shows_what_goes_and_asks_for_the_name(hived: ToldHived) -> None:
    terminal = typed(hived, "purge", "ada", "--discard-work")
    terminal.expect("Type its name to go on")
    shown = terminal.before or ""
    assert "ada goes for good: 4.0 KiB (work 4.0 KiB)" in shown
    assert "/hive/agents/ada" in shown
    assert "stays  the audit" in shown
    assert "stopped by work that is nowhere else: 2 commits" in shown
    terminal.sendline("ada")
    code, said = end(terminal)
    assert code == 0
    assert "ada is gone" in said


@pytest.mark.parametrize("answer", ["", "y", "yes", "bob", "ADA"])
def test_any_other_word_is_a_no(hived: ToldHived, answer: str) -> None:
    terminal = typed(hived, "purge", "ada", "--discard-work")
    terminal.expect("Type its name to go on")
    terminal.sendline(answer)
    code, said = end(terminal)
    assert code == 1
    assert "Nothing was done." in said
    assert hived.changes() == []


def test_a_destruction_is_asked_about_with_a_yes_and_a_purge_with_its_name(hived: ToldHived) -> None:
    terminal = typed(hived, "destroy", "ada")
    terminal.expect("make it a tombstone")
    terminal.sendline("y")
    assert end(terminal)[0] == 0
    terminal = typed(hived, "destroy", "ada", "--purge")
    terminal.expect("Type its name")
    terminal.sendline("y")
    assert end(terminal)[0] == 1
    assert len(hived.changes()) == 1


def test_work_that_is_nowhere_else_is_a_conflict(hived: ToldHived, capsys: pytest.CaptureFixture[str]) -> None:
    hived.answers[f"DELETE {TOMB}"] = WorkUnmerged(name="ada", what="2 commits")
    said = run(capsys, "purge", "ada", "--yes")
    said.fails(5, "work_unmerged")
    assert "hive work ada --fetch" in said.err
    assert "--discard-work" in said.err


def test_a_dry_run_changes_nothing(hived: ToldHived, capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, "purge", "ada", "--dry-run")
    assert "goes  2 messages for it" in said.out
    assert run(capsys, "purge", "ada", "--dry-run", "--json").json()["stopped_by"]
    assert hived.changes() == []


def test_a_revival_says_what_has_changed(hived: ToldHived, capsys: pytest.CaptureFixture[str]) -> None:
    hived.answers[f"POST {TOMB}/revive"] = {
        "id": "01a1ff4d", "kind": "spawn", "status": "pending", "requester": "operator", "subject": "revive ada",
        "payload": {"name": "ada", "revive": "x", "changed": ["repo: 2 commits on main", HOSTILE]}, "created_at": WHEN,
        "decided_at": None, "decided_by": None, "note": None, "failure": None,
    }  # fmt: skip
    said = run(capsys, "revive", "ada", "--note", "we need her")
    assert "Changed since it was destroyed:\n  repo: 2 commits on main\n" in said.out
    assert "\x1b" not in said.out
    assert "hive approve 01a1ff4d" in said.out
    assert hived.changes() == [("POST", f"{TOMB}/revive", {"note": "we need her"})]


def test_of_a_decision_whose_agent_was_purged_there_is_only_the_row(
    hived: ToldHived, capsys: pytest.CaptureFixture[str]
) -> None:
    hived.answers["GET /v1/approvals/01a1ff4d"] = {
        "id": "01a1ff4d", "kind": "tool_use", "status": "approved", "requester": "ada", "subject": "Bash: ls", "payload": {},
        "created_at": WHEN, "decided_at": WHEN, "decided_by": None, "note": None, "failure": None,
    }  # fmt: skip
    said = run(capsys, "approvals", "01a1ff4d")
    assert said.code == 0
    assert said.out.endswith("What was asked went with its agent, which was purged.\n")


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (1024, "1.0 KiB"),
        (999_999, "977 KiB"),
        (5 << 20, "5.0 MiB"),
        (3 << 40, "3.0 TiB"),
        (9 << 60, "9437184 TiB"),
    ],
)
def test_sizes_as_people_read_them(count: int, words: str) -> None:
    assert size(count) == words


def test_nothing_open_is_said_with_no_word() -> None:
    assert open_words(OpenItems(spawned=["bob"]).model_dump()) == ""
