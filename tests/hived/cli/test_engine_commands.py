"""Settings, sessions, naps, logins, rebuild and record: what each asks of hived, what it says, and how it fails."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hived.cli.hive import main
from hived.wire.agents import ENGINES_OWN_MODEL
from hived.wire.errors import (
    AgentNotConnected,
    AgentNotFound,
    ApprovalNotFound,
    HiveError,
    Internal,
    LoginFailed,
    NoLogin,
    NoTurn,
    StartFailed,
    TookTooLong,
    TurnFailed,
    TurnNotFound,
    UnknownModel,
    Unsupported,
)
from hived.wire.times import in_seconds
from tests.hived.cli.conftest import HOSTILE, Said
from tests.hived.cli.told import WHEN, Asked, ToldHived, view
from tests.support.hive import short_home

ADA = "/v1/agents/ada"


class Desk:
    """`desk("nap", "ada", "5m")` runs `hive nap ada 5m` against a hived that answers as it is told."""

    def __init__(self, hived: ToldHived, capsys: pytest.CaptureFixture[str]) -> None:
        self.hived = hived
        self._capsys = capsys

    def __call__(self, *words: str) -> Said:
        self._capsys.readouterr()
        self.hived.asked.clear()
        code = main(words)
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)

    def tells(self, call: str, answer: Any) -> None:
        self.hived.answers[call] = answer


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    home = short_home()
    hived = ToldHived(home)
    monkeypatch.setenv("HIVE_HOME", str(home))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    yield Desk(hived, capsys)
    hived.close()
    (home / "run" / "host.sock").unlink()
    (home / "run").rmdir()
    home.rmdir()


# Settings


@pytest.mark.parametrize(
    ("words", "path", "body"),
    [
        (["model", "ada", "opus"], f"{ADA}/model", {"model": "opus"}),
        (["model", "ada", "-"], f"{ADA}/model", {"model": ENGINES_OWN_MODEL}),
        (["effort", "ada", "high"], f"{ADA}/effort", {"effort": "high"}),
        (["effort", "ada", "-"], f"{ADA}/effort", {"effort": None}),
        (["permission-mode", "ada", "plan"], f"{ADA}/permission-mode", {"permission_mode": "plan"}),
        (["permission-mode", "ada", "-"], f"{ADA}/permission-mode", {"permission_mode": None}),
    ],
)
def test_a_setting_is_put(desk: Desk, words: list[str], path: str, body: dict[str, Any]) -> None:
    [(key, value)] = body.items()
    desk.tells(f"PUT {path}", view(**{key: value}))
    assert desk(*words).out == f"{value or '-'}\n"
    assert desk.hived.changes() == [("PUT", path, body)]
    assert desk.hived.asked[0].key
    assert desk(*words, "--json").json() == view(**{key: value})


@pytest.mark.parametrize(("command", "shown"), [("model", "haiku"), ("effort", "-"), ("permission-mode", "-")])
def test_a_setting_without_a_value_is_only_shown(desk: Desk, command: str, shown: str) -> None:
    desk.tells(f"GET {ADA}", view())
    assert desk(command, "ada").out == f"{shown}\n"
    assert desk.hived.changes() == []


def test_the_models_that_an_engine_offers_are_listed_and_the_present_one_is_marked(desk: Desk) -> None:
    models = [
        {"name": "haiku", "title": "Haiku", "description": HOSTILE, "window": 200000},
        {"name": "opus", "title": "", "description": "", "window": None},
    ]
    document = {"current": "haiku", "models": models, "closed": False}
    desk.tells(f"GET {ADA}/models", document)
    said = desk("model", "ada", "--list").out
    assert [line.split()[:2] for line in said.splitlines()[1:3]] == [["*", "haiku"], ["opus"]]
    assert "Another name may be set too" in said
    assert "\x1b" not in said
    assert desk("model", "ada", "--list", "--json").json() == document
    desk.tells(f"GET {ADA}/models", {**document, "closed": True})
    assert "Another name" not in desk("model", "ada", "--list").out


def test_an_engine_that_has_not_said_what_it_offers_is_not_an_empty_table(desk: Desk) -> None:
    desk.tells(f"GET {ADA}/models", {"current": "haiku", "models": [], "closed": False})
    assert desk("model", "ada", "--list").out == (
        "The engine of ada has not said what it offers; any name may be set. Now: haiku\n"
    )


def test_the_levels_of_effort_are_listed(desk: Desk) -> None:
    desk.tells(f"GET {ADA}", view(effort="high", abilities={"efforts": ["low", "high"]}))
    assert desk("effort", "ada", "--list").out.splitlines()[1:] == ["   low", "*  high"]
    assert desk("effort", "ada", "--list", "--json").json() == {"current": "high", "efforts": ["low", "high"]}
    desk.tells(f"GET {ADA}", view(engine="command"))
    assert "nothing of the kind to set" in desk("permission-mode", "ada", "--list").out


# The turn and the conversation


def test_compact_answers_with_what_is_left_of_the_window(desk: Desk) -> None:
    desk.tells(f"POST {ADA}/compact", view(ctx={"tokens": 20_000, "window": 200_000}))
    assert desk("compact", "ada").out == "ada: compacted, its window is 10% full\n"


@pytest.mark.parametrize("primer", [True, False])
def test_a_new_session_is_armed_with_a_yes(desk: Desk, primer: bool) -> None:
    flag = ["--primer"] if primer else []
    desk.tells(f"POST {ADA}/new-session", view(session={"state": "armed", "primer": primer}))
    assert desk("new-session", "ada", *flag, "--yes").out.startswith("ada: the next turn begins a new conversation")
    assert desk.hived.changes() == [("POST", f"{ADA}/new-session", {"primer": primer})]


def test_a_new_session_without_a_word_and_without_a_terminal_is_not_armed(desk: Desk) -> None:
    desk("new-session", "ada").fails(2, "confirmation_needed")
    assert desk.hived.asked == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), ("1d", 86_400), ("off", 0)],
)
def test_a_nap_is_as_long_as_it_is_said(desk: Desk, text: str, seconds: float) -> None:
    desk.tells(f"POST {ADA}/nap", view())
    assert desk("nap", "ada", text).code == 0
    assert desk.hived.changes() == [("POST", f"{ADA}/nap", {"seconds": seconds})]


def test_a_nap_says_until_when(desk: Desk) -> None:
    until = in_seconds(290)
    desk.tells(f"POST {ADA}/nap", view(turn={"state": "napping", "since": WHEN, "until": until}))
    assert desk("nap", "ada", "5m").out.startswith("ada: naps until ")
    desk.tells(f"POST {ADA}/nap", view(turn={"state": "thinking", "since": WHEN, "until": until}))
    assert desk("nap", "ada", "5m").out.startswith("ada: naps after its turn, until ")
    desk.tells(f"POST {ADA}/nap", view())
    assert desk("nap", "ada", "off").out == "ada: awake\n"


@pytest.mark.parametrize("text", ["5", "", "soon", "5m30", "-5m", "0s", "5 m", "1e3s", "٣s"])
def test_what_is_no_span_of_time_is_refused_before_anyone_is_asked(desk: Desk, text: str) -> None:
    desk("nap", "--", "ada", text).fails(2, "usage")
    assert desk.hived.asked == []


def test_resume_takes_several(desk: Desk) -> None:
    desk.tells(f"POST {ADA}/resume", view())
    desk.tells("POST /v1/agents/bee/resume", view("bee"))
    assert desk("resume", "ada", "bee").out == "ada goes on\nbee goes on\n"


def test_resume_all_means_those_that_are_held_up(desk: Desk) -> None:
    limited = [{"kind": "rate_limited", "since": WHEN, "until": in_seconds(60)}]
    agents = [
        view("at-work"),
        view("ada", conditions=limited),
        view("bee", turn={"state": "napping", "since": WHEN}),
        view("cat", turn={"state": "thinking", "since": WHEN, "until": in_seconds(60)}),
    ]
    desk.tells("GET /v1/agents", {"agents": agents})
    for name in ("ada", "bee", "cat"):
        desk.tells(f"POST /v1/agents/{name}/resume", view(name))
    assert {agent["name"] for agent in desk("resume", "--all", "--json").json()["agents"]} == {"ada", "bee", "cat"}
    desk.tells("GET /v1/agents", {"agents": [view("at-work")]})
    assert desk("resume", "--all").out == "No agent is paused, naps or is rate-limited.\n"


# Login

OPEN = {"login_id": "l1", "state": "open", "since": WHEN, "url": "https://login.example/?code=true"}
SECRET = "the-code#and-its-state"


def test_without_a_terminal_login_prints_the_link_and_how_to_go_on(desk: Desk) -> None:
    desk.tells(f"POST {ADA}/login", view(login=OPEN))
    said = desk("login", "ada")
    assert f"\n{OPEN['url']}\n" in said.out
    assert "hive login ada --code" in said.out
    assert "\x1b" not in said.out
    assert desk("login", "ada", "--json").json()["login"]["url"] == OPEN["url"]


def test_a_hostile_link_is_only_text(desk: Desk) -> None:
    desk.tells(f"POST {ADA}/login", view(login={**OPEN, "url": f"https://{HOSTILE}"}))
    said = desk("login", "ada").out
    assert "\x1b" not in said
    assert "\x07" not in said


@pytest.mark.parametrize("from_stdin", [True, False])
def test_the_code_goes_to_hived_and_is_never_shown(
    desk: Desk, from_stdin: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f" {SECRET}\n"))
    desk.tells(f"POST {ADA}/login/code", view(login={**OPEN, "state": "done", "url": None}))
    said = desk("login", "ada", "--code", "-" if from_stdin else SECRET)
    assert said == (0, "ada: logged in\n", "")
    [asked] = desk.hived.asked
    assert (asked.method, asked.path, asked.body) == ("POST", f"{ADA}/login/code", {"code": SECRET})
    assert asked.key is None, "what is sent with a key is remembered"


def test_a_refused_code_is_one_sentence_without_the_code(desk: Desk) -> None:
    desk.tells(f"POST {ADA}/login/code", LoginFailed(name="ada", reason="the code is wrong."))
    said = desk("login", "ada", "--code", SECRET)
    said.fails(5, "login_failed")
    assert SECRET not in said.err
    desk.tells(f"POST {ADA}/login/code", view(login={**OPEN, "state": "failed", "detail": "it is too old."}))
    desk("login", "ada", "--code", SECRET).fails(5, "login_failed")


def test_a_login_is_given_up(desk: Desk) -> None:
    desk.tells(f"DELETE {ADA}/login", view(login={**OPEN, "state": "cancelled", "url": None}))
    assert desk("login", "ada", "--cancel").out == "ada: its login is given up\n"
    assert desk.hived.changes() == [("DELETE", f"{ADA}/login", None)]


def test_an_empty_code_is_not_sent(desk: Desk) -> None:
    desk("login", "ada", "--code", " ").fails(2, "usage")
    desk("login", "ada", "--code", "-").fails(2, "usage")
    assert desk.hived.asked == []


# Rebuild and record


def test_rebuild_sends_what_is_given_and_nothing_else(desk: Desk) -> None:
    desk.tells(f"GET {ADA}", view())
    desk.tells(f"POST {ADA}/rebuild", view(engine="acp"))
    words = [
        "--engine",
        "acp",
        "--model",
        "m",
        "--option",
        "agent=codex-acp",
        "--option",
        "n=1",
        "--env",
        "A=b",
        "--env-from",
        "KEY",
    ]
    assert desk("rebuild", "ada", *words, "--yes").out == "ada is rebuilt and runs\n"
    assert desk.hived.changes() == [
        (
            "POST",
            f"{ADA}/rebuild",
            {
                "engine": "acp",
                "model": "m",
                "engine_options": {"agent": "codex-acp", "n": 1},
                "env": {"A": "b"},
                "env_from": ["KEY"],
            },
        )
    ]
    desk("rebuild", "ada", "--model", "m")
    assert desk.hived.changes() == [("POST", f"{ADA}/rebuild", {"model": "m"})]


def test_rebuild_asks_before_another_engine_and_only_then(desk: Desk) -> None:
    desk.tells(f"GET {ADA}", view(engine="claude"))
    desk.tells(f"POST {ADA}/rebuild", view())
    desk("rebuild", "ada", "--engine", "acp").fails(2, "confirmation_needed")
    assert desk.hived.changes() == []
    assert desk("rebuild", "ada", "--engine", "claude").code == 0
    assert desk("rebuild", "ada").code == 0


RECORDING = {"scenario": "[[turn]]\nsteps = []\n", "turns": 1, "events": 4, "left_out": {"message_in": 2}, "cut": 0}


def test_a_recording_goes_to_stdout_or_into_a_file(desk: Desk, tmp_path: Path) -> None:
    desk.tells(f"GET {ADA}/recording", RECORDING)
    assert desk("record", "ada").out == RECORDING["scenario"]
    assert desk("record", "ada", "--json").json() == RECORDING
    file = tmp_path / "ada.toml"
    said = desk("record", "ada", str(file), "--from", "t1", "--to", "t2")
    assert "1 turn, 4 events (without 2 message_in)" in said.out
    assert desk.hived.asked[0].path == f"{ADA}/recording?from=t1&to=t2"
    assert file.read_text() == RECORDING["scenario"]
    file.write_text("mine")
    desk("record", "ada", str(file)).fails(2, "confirmation_needed")
    assert file.read_text() == "mine"
    assert desk("record", "ada", str(file), "--yes", "--json").json()["scenario"] == str(file)
    assert file.read_text() == RECORDING["scenario"]
    desk("record", "ada", str(tmp_path / "no" / "such")).fails(2, "usage")


# What waits


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        ("rate_limited", "hive resume ada"),
        ("resume_choice", "hive new-session ada --primer, or without"),
        ("needs_login", "hive login ada"),
        ("parked", "hive log ada, then hive start ada"),
        ("held_message", "hive retry 0190abc, or hive drop 0190abc"),
    ],
)
def test_what_waits_names_its_way_on_and_approve_does_too(desk: Desk, kind: str, way: str) -> None:
    item = {"id": "0190abc", "kind": kind, "agent": "ada", "subject": HOSTILE, "since": WHEN, "blocks": False}
    desk.tells("GET /v1/waiting", {"waiting": [item]})
    said = desk("waiting").out
    assert f"ada: {way}\n" in said
    assert "\x1b" not in said
    for verb in ("approve", "deny"):
        desk.tells(f"POST /v1/approvals/0190/{verb}", ApprovalNotFound(id="0190"))
        wrong = desk(verb, "0190")
        wrong.fails(4, "approval_not_found")
        assert wrong.err.endswith(f"its way on is: {way}\n")


def test_a_held_message_is_named_in_full_as_one_to_everybody_differs_but_at_its_end(desk: Desk) -> None:
    ids = ["01a1fee6-861f-71df-ae6f-b19e0d4ad3fc", "01a1fee6-861f-71df-ae6f-b19f3d6b482a"]
    items = [
        {"id": id, "kind": "held_message", "agent": "ada", "subject": "go", "since": WHEN, "blocks": False}
        for id in ids
    ]
    desk.tells("GET /v1/waiting", {"waiting": items})
    said = desk("waiting").out
    assert all(f"ada: hive retry {id}, or hive drop {id}\n" in said for id in ids)


def test_an_id_that_nothing_has_is_still_not_found(desk: Desk) -> None:
    desk.tells("GET /v1/waiting", {"waiting": []})
    desk.tells("POST /v1/approvals/0190/approve", ApprovalNotFound(id="0190"))
    assert desk("approve", "0190").err == "error[approval_not_found]: There is no approval '0190'.\n"


# One agent, shown


def test_show_explains_what_holds_an_agent_up(desk: Desk) -> None:
    limit = {"kind": "rate_limited", "since": WHEN, "detail": "five hours are used up", "until": in_seconds(3640)}
    desk.tells(
        f"GET {ADA}",
        view(
            conditions=[limit],
            turn={"state": "napping", "since": WHEN, "until": in_seconds(1240)},
            session={"state": "refused", "id": "s-1", "detail": "it has no such conversation"},
            effort="high",
            abilities={"efforts": ["low", "high"], "permission_modes": ["plan"]},
            login={**OPEN, "detail": ""},
            last_event_at=in_seconds(-30),
        ),
    )
    facts = dict(line.split("  ", 1) for line in desk("show", "ada").out.splitlines())
    facts = {name: value.strip() for name, value in facts.items()}
    assert facts["conditions"].startswith("rate_limited (five hours are used up, until ")
    assert facts["conditions"].endswith("(in 60m))")
    assert facts["nap"].endswith("(in 20m)")
    assert facts["session"] == "refused: it has no such conversation. Choose with: hive new-session ada [--primer]"
    assert facts["effort"] == "high"
    assert facts["permissions"] == "the engine's own (of plan)"
    assert OPEN["url"] in facts["login"]
    assert facts["last heard"] in {f"{seconds}s ago" for seconds in range(30, 60)}


def test_ls_says_what_holds_an_agent_up_in_a_word(desk: Desk) -> None:
    limit = {"kind": "rate_limited", "since": WHEN, "until": in_seconds(3640)}
    desk.tells("GET /v1/agents", {"agents": [view(conditions=[limit], session={"state": "refused"})]})
    assert desk("ls").out.splitlines()[1].endswith("rate_limited (60m), resume refused")


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"conditions": [{"kind": "rate_limited", "since": WHEN}]}, "limited"),
        (
            {"conditions": [{"kind": "rate_limited", "since": WHEN}, {"kind": "needs_login", "since": WHEN}]},
            "needs login",
        ),
        ({"conditions": [{"kind": "over_budget", "since": WHEN}]}, "over budget"),
        ({"conditions": [{"kind": "unsandboxed", "since": WHEN}]}, "idle"),
        (
            {"session": {"state": "refused", "id": "s"}, "conditions": [{"kind": "rate_limited", "since": WHEN}]},
            "refused",
        ),
        (
            {"turn": {"state": "thinking", "since": WHEN}, "conditions": [{"kind": "needs_login", "since": WHEN}]},
            "thinking",
        ),
    ],
)
def test_what_cannot_work_does_not_look_idle(desk: Desk, changes: dict[str, Any], state: str) -> None:
    desk.tells("GET /v1/agents", {"agents": [view(**changes)]})
    head, row = desk("ls").out.splitlines()
    assert row[head.index("STATE") : head.index("SINCE")].strip() == state
    desk.tells(f"GET {ADA}", view(**changes))
    shown = dict(line.split("  ", 1) for line in desk("show", "ada").out.splitlines())
    assert shown["state"].strip().startswith(f"{state} for ")


def test_a_nap_says_in_the_list_until_when(desk: Desk) -> None:
    desk.tells(
        "GET /v1/agents", {"agents": [view(turn={"state": "napping", "since": WHEN, "until": in_seconds(3640)})]}
    )
    assert desk("ls").out.splitlines()[1].rstrip().endswith("(in 60m)")


def test_engines_are_told_apart_by_preset_and_login(desk: Desk) -> None:
    engines = [
        {
            "kind": "acp",
            "preset": "codex-acp",
            "found": True,
            "version": "0.16.0",
            "login": "out",
            "path": "/c",
            "detail": "",
            "install": "npm",
        },
        {
            "kind": "acp",
            "preset": "goose",
            "found": False,
            "version": None,
            "login": "unknown",
            "path": None,
            "detail": "",
            "install": "brew",
        },
    ]
    desk.tells("GET /v1/engines", {"engines": engines, "runtimes": [{"kind": "process", "works": True, "detail": ""}]})
    rows = [line.split() for line in desk("engines").out.splitlines()]
    assert rows[1] == ["acp", "codex-acp", "yes", "0.16.0", "logged", "out", "/c"]
    assert rows[2] == ["acp", "goose", "no", "brew"]


NAP = {"turn": {"state": "napping", "since": WHEN, "until": in_seconds(3600)}}
LIMIT = {"conditions": [{"kind": "rate_limited", "since": WHEN, "until": in_seconds(3600)}]}
UNTIL_UNKNOWN = {"conditions": [{"kind": "rate_limited", "since": WHEN}]}
OUT = {"conditions": [{"kind": "needs_login", "since": WHEN}]}
REFUSED = {"session": {"state": "refused", "id": "s"}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (NAP, "ada naps until "),
        (LIMIT, "ada is rate-limited until "),
        (UNTIL_UNKNOWN, "ada is rate-limited: hive resume ada\n"),
        (OUT, "ada is not logged in: hive login ada\n"),
        (REFUSED, "ada cannot resume its conversation: hive new-session ada [--primer]\n"),
        ({}, "error"),
    ],
)
def test_wait_says_what_holds_an_agent_up(desk: Desk, changes: dict[str, Any], said: str) -> None:
    snapshot = {"seq": 1, "agents": [view(unread=1, **changes)], "messages": [], "approvals": []}
    desk.tells("GET /v1/snapshot", snapshot)
    desk.tells("GET /v1/feed", {})  # a stream that ends at once, without a word
    waited = desk("wait", "ada", "--timeout", "0.2")
    assert (waited.code, waited.out) == (1, "")
    assert waited.err.startswith(said)
    assert waited.err.splitlines()[-1].startswith("error[")


# Every failure has its exit code

FAILURES: list[tuple[str, str, HiveError, int]] = [
    ("model ada nonsense", f"PUT {ADA}/model", UnknownModel(name="ada", model="nonsense", known="haiku"), 1),
    ("model ada --list", f"GET {ADA}/models", AgentNotFound(name="ada"), 4),
    ("effort ada high", f"PUT {ADA}/effort", Unsupported(name="ada", engine="command", what="set an effort"), 1),
    (
        "permission-mode ada plan",
        f"PUT {ADA}/permission-mode",
        Unsupported(name="ada", engine="command", what="do it"),
        1,
    ),
    ("cancel ada", f"POST {ADA}/cancel-turn", NoTurn(name="ada"), 5),
    ("compact ada", f"POST {ADA}/compact", AgentNotConnected(name="ada", lifecycle="stopped"), 5),
    ("compact ada", f"POST {ADA}/compact", Unsupported(name="ada", engine="command", what="compact"), 1),
    ("compact ada", f"POST {ADA}/compact", TurnFailed(name="ada", cause="There was nothing to compact."), 1),
    ("compact ada", f"POST {ADA}/compact", TookTooLong(what="The compaction", seconds=300), 1),
    ("new-session ada --yes", f"POST {ADA}/new-session", AgentNotConnected(name="ada", lifecycle="stopped"), 5),
    ("nap ada 5m", f"POST {ADA}/nap", AgentNotConnected(name="ada", lifecycle="stopped"), 5),
    ("resume ada", f"POST {ADA}/resume", AgentNotConnected(name="ada", lifecycle="stopped"), 5),
    ("login ada", f"POST {ADA}/login", LoginFailed(name="ada", reason="no link came."), 5),
    ("login ada", f"POST {ADA}/login", Unsupported(name="ada", engine="command", what="log in"), 1),
    ("login ada --code x", f"POST {ADA}/login/code", NoLogin(name="ada"), 5),
    ("login ada --cancel", f"DELETE {ADA}/login", NoLogin(name="ada"), 5),
    ("rebuild ada --model m", f"POST {ADA}/rebuild", StartFailed(name="ada", cause="it died"), 1),
    ("record ada", f"GET {ADA}/recording", TurnNotFound(name="ada", id="t"), 4),
    ("doctor --hived", "GET /v1/doctor", Internal(), 1),
]


@pytest.mark.parametrize(("words", "call", "error", "exit_code"), FAILURES, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("as_json", [False, True])
def test_what_hived_refuses_is_the_exit_code_and_one_sentence(
    desk: Desk, words: str, call: str, error: HiveError, exit_code: int, as_json: bool
) -> None:
    desk.tells(call, error)
    said = desk(*words.split(), *(["--json"] if as_json else []))
    said.fails(exit_code, error.code)
    assert said.err == f"error[{error.code}]: {error.message}\n"


def test_every_command_that_changes_something_may_be_asked_twice(desk: Desk) -> None:
    """With one key hived does it once, however often a lost answer is asked for again; a login's code is the exception."""

    def as_asked(asked: Asked) -> dict[str, Any]:
        return view()

    for words, call, _, _ in FAILURES:
        method, _, path = call.partition(" ")
        if method == "GET" or path.endswith("/code"):
            continue
        desk.tells(call, as_asked)
        desk(*words.split())
        [asked] = [asked for asked in desk.hived.asked if asked.method != "GET"]
        assert asked.key, words


def test_an_answer_is_json_on_one_line(desk: Desk) -> None:
    desk.tells(f"POST {ADA}/nap", view(last_error=HOSTILE))
    said = desk("nap", "ada", "5m", "--json").out
    assert said.count("\n") == 1
    assert said.isascii()
    assert json.loads(said)["last_error"] == HOSTILE
