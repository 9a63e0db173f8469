"""`hive rules` and `hive rule add|rm|preview`, on a real hived and an agent whose harness is the test."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from hived.wire.ids import new_id
from hived.wire.rules import Rule, RuleList, RulePreview
from tests.hived.cli.conftest import HOSTILE, Shell
from tests.support.own_agent import OwnAgent, own_agent

LS = ("--tool", "Bash", "--pattern", "ls*", "--agent", "ada")


@pytest.fixture(scope="module")
def own() -> Iterator[OwnAgent]:
    with own_agent() as agent:
        yield agent


@pytest.fixture
def shell(own: OwnAgent, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    yield (shell := Shell(own.hive, capsys, monkeypatch))
    for rule in own.hive.get("/v1/rules")[1]["rules"]:
        assert shell("rule", "rm", rule["id"]).code == 0


def ask(own: OwnAgent, command: str, tool: str = "Bash", **input: Any) -> dict[str, Any]:
    body = {"id": new_id(), "kind": "tool_use", "tool": tool, "input": {"command": command, **input}, "turn_id": "t1"}
    status, answer = own.post("/v1/approvals", body)
    assert status == 202, answer
    found: dict[str, Any] = answer
    return found


def rules_of(shell: Shell, *words: str) -> list[Rule]:
    return RuleList.model_validate(shell("rules", *words, "--json").json()).rules


def test_without_rules_it_says_how_to_make_one(shell: Shell) -> None:
    assert shell("rules").out.startswith("There are no rules: every ask comes to you. Make one with: hive rule add")


def test_a_rule_is_added_shown_hit_and_revoked(shell: Shell, own: OwnAgent) -> None:
    said = shell("rule", "add", *LS, "--expires", "7d", "--reason", "it only looks")
    assert re.fullmatch(r"[0-9a-f-]{18}: allow Bash ls\* \(ada, for 7d more\)\n", said.out), said
    [rule] = rules_of(shell)
    assert (rule.agent, rule.reason, rule.source) == ("ada", "it only looks", "operator")
    assert ask(own, "ls -l")["rule"] == rule.id
    header, row = shell("rules").out.splitlines()
    assert header.split() == ["ID", "WHOSE", "VERDICT", "TOOL", "HITS", "LAST", "STATE", "FROM", "PATTERN"]
    assert row.split()[1:] == ["ada", "allow", "Bash", "1", "0s", "7d", "left", "operator", "ls*"]
    assert shell("rule", "rm", rule.id[:30]).out == "revoked: allow Bash ls* (ada, for 7d more)\n"
    shell("rule", "rm", rule.id).fails(5, "rule_revoked")
    assert rules_of(shell) == []
    assert rule.id in {found.id for found in rules_of(shell, "--all")}
    assert "revoked" in shell("rules", "--all").out


def test_a_deny_of_the_hive_is_said_as_such(shell: Shell, own: OwnAgent) -> None:
    document = Rule.model_validate(
        shell("rule", "add", "--tool", "Bash", "--pattern", "rm *", "--deny", "--hive", "--json").json()
    )
    assert (document.scope, document.agent, document.verdict) == ("hive", None, "deny")
    denied = ask(own, "ls; rm x")
    assert (denied["status"], denied["rule"]) == ("denied", document.id)
    assert denied["note"] == f"Rule {document.id} denies Bash rm *"


def test_what_allows_everything_is_said_aloud(shell: Shell) -> None:
    said = shell("rule", "add", "--tool", "WebFetch", "--agent", "ada")
    assert said.out.endswith(": allow WebFetch any input (ada)\n")
    assert said.err.startswith("It allows any input of WebFetch, whatever it is. To take it back: hive rule rm ")


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("add", "--tool", "Bash"), 2, "usage"), (("add", "--pattern", "x", "--hive"), 2, "usage"),
        (("add", *LS, "--hive"), 2, "usage"), (("add", "--tool", "Bash", "--agent", "../x"), 2, "invalid_name"),
        (("add", "--tool", "Bash", "--agent", "bob"), 4, "agent_not_found"), (("add", "--tool", "Bash", "--colony", "x"), 1, "invalid_rule"),
        (("add", "--tool", "Bash", "--pattern", "git status $(rm x)", "--hive"), 1, "invalid_rule"),
        (("add", "--tool", "Bash", "--pattern", "sudo *", "--hive"), 1, "invalid_rule"), (("add", *LS, "--expires", "soon"), 1, "invalid_rule"),
        (("add", "--tool", "*", "--hive"), 1, "invalid_rule"), (("add", "--tool", "B\x1bash", "--hive"), 1, "invalid_rule"),
        (("rm", "ffff"), 4, "rule_not_found"), (("rm", "../x"), 4, "rule_not_found"), (("rm",), 2, "usage"), ((), 2, "usage"),
        (("preview",), 2, "usage"), (("preview", "ffff", "--tool", "Bash"), 2, "usage"), (("preview", "ffff", "--deny"), 2, "usage"),
        (("preview", "ffff"), 4, "approval_not_found"), (("preview", *LS, "--days", "0"), 2, "usage"),
    ],
)  # fmt: skip
def test_wrong_words_are_one_sentence(shell: Shell, words: tuple[str, ...], code: int, error: str) -> None:
    shell("rule", *words).fails(code, error)
    assert rules_of(shell) == []


def test_several_are_revoked_and_the_first_error_is_the_answer(shell: Shell) -> None:
    ids = [shell("rule", "add", "--tool", tool, "--agent", "ada", "--json").json()["id"] for tool in ("Read", "Glob")]
    said = shell("rule", "rm", ids[0], "ffff", ids[1])
    assert (said.code, said.out.count("revoked: ")) == (4, 2)
    assert said.err.startswith("error[rule_not_found]: ")


def test_a_preview_shows_what_would_have_been_otherwise(shell: Shell, own: OwnAgent) -> None:
    kept = ask(own, "cat secret")
    assert shell("deny", kept["id"]).code == 0
    words = ("rule", "preview", "--tool", "Bash", "--pattern", "cat *", "--agent", "ada")
    seen = RulePreview.model_validate(shell(*words, "--json").json())
    assert (seen.decided, seen.differs, seen.examples[0].approval_id) == (1, 1, kept["id"])
    said = shell(*words).out.splitlines()
    assert said[0] == "Rule: allow Bash cat * (ada)"
    assert "it would have decided 1, 1 of them otherwise than somebody did." in said[1]
    assert said[3].split()[-5:] == ["!", "approved", "Bash", "cat", "secret"]
    never = shell("rule", "preview", "--tool", "Bash", "--pattern", "cat > *", "--agent", "ada").out
    assert (
        "This rule could never fit, and cannot be added: a command with a redirection is allowed by no pattern."
        in never
    )


def test_the_rule_of_an_approval_is_previewed_in_words(shell: Shell, own: OwnAgent) -> None:
    approval = ask(own, "git   log", description="look")
    said = shell("rule", "preview", approval["id"][:34]).out.splitlines()
    assert said[0] == "From now on ada may use Bash with the command `git log`, word for word, and no other."
    assert said[1] == "Rule: allow Bash git log (ada)"
    assert "Rule: allow Bash git log (hive)" in shell("rule", "preview", approval["id"], "--hive").out
    shell("rule", "preview", approval["id"], "--colony", "x").fails(1, "invalid_rule")


def test_hostile_words_reach_no_terminal(shell: Shell, own: OwnAgent) -> None:
    approval = ask(own, f"echo '{HOSTILE}'", tool=f"B{HOSTILE}")
    said = shell("rule", "preview", approval["id"])
    assert said.code == 1
    other = ask(own, f"echo '{HOSTILE}'")
    for words in (("preview", other["id"]), ("preview", "--tool", "Bash", "--agent", "ada")):
        said = shell("rule", *words)
        assert said.code == 0, said
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", said.out + said.err)
