"""`hive spawn`, `init` and the decisions on them, on a real hived."""

import json
from pathlib import Path

import pytest

from hived.cli.command import parser_for
from hived.cli.spawn import COMMANDS, spec_of
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Approval, ApprovalList, WaitingList
from tests.hived.cli.conftest import Shell


def test_every_flag_ends_up_in_the_agents_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = [
        "w", "--engine", "command", "--model", "m", "--role", "queen", "--parent", "queen", "--repo", "r", "--runtime",
        "process", "--command", "sh -c 'a b'", "--scenario", "s.toml", "--prompt", "~/p.md", "--env", "A=1=2", "--env-from",
        "KEY", "--option", "n=3", "--option", 'l=["a"]', "--option", "t=plain", "--reason", "why",
    ]  # fmt: skip
    arguments = parser_for("spawn", "", COMMANDS["spawn"]).parse_args(words)
    spec = spec_of(arguments, arguments.name, arguments.engine, arguments.role)
    assert spec == {
        "name": "w",
        "engine": "command",
        "model": "m",
        "role": "queen",
        "parent": "queen",
        "repo": f"{tmp_path}/r",
        "runtime": "process",
        "prompt": str(Path("~/p.md").expanduser()),
        "env": {"A": "1=2"},
        "env_from": ["KEY"],
        "engine_options": {
            "command": ["sh", "-c", "a b"],
            "scenario": f"{tmp_path}/s.toml",
            "n": 3,
            "l": ["a"],
            "t": "plain",
        },
        "reason": "why",
    }
    SpawnRequest.model_validate(spec)


def test_a_folder_beside_this_one_is_named_by_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    arguments = parser_for("spawn", "", COMMANDS["spawn"]).parse_args(["w", "--engine", "e", "--repo", "../proj"])
    assert spec_of(arguments, "w", "e", "worker")["repo"] == f"{tmp_path.resolve()}/proj"


AGENT_TOML = """\
engine = "acp"
model = "sonnet"
prompt = "prompt.md"
env = { A = "written", B = "written" }
env_from = ["KEY"]
can_message = ["queen"]
[limits]
rate_limit_resume = true
[engine_options]
agent = "codex-acp"
[[mcp_servers]]
name = "clock"
command = "mcp-server-time"
"""


def test_an_agent_toml_says_what_has_no_flag_and_flags_go_before_it(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(AGENT_TOML)
    words = ["w", "--agent-toml", str(file), "--model", "opus", "--env", "A=said", "--option", "extra=1"]
    arguments = parser_for("spawn", "", COMMANDS["spawn"]).parse_args(words)
    spec = SpawnRequest.model_validate(spec_of(arguments, arguments.name, arguments.engine, arguments.role))
    assert (spec.name, spec.engine, spec.model) == ("w", "acp", "opus")
    assert spec.prompt == str(tmp_path / "prompt.md")
    assert spec.env == {"A": "said", "B": "written"}
    assert spec.engine_options == {"agent": "codex-acp", "extra": 1}
    assert (spec.env_from, spec.can_message, spec.limits) == (["KEY"], ["queen"], {"rate_limit_resume": True})
    assert spec.mcp_servers == [{"name": "clock", "command": "mcp-server-time"}]


@pytest.mark.parametrize(
    ("text", "code", "error"),
    [
        ("engine = ", 1, "invalid_config"),
        ("colour = 'red'\nengine = 'scripted'", 1, "invalid_request"),
        ("model = 'm'", 2, "usage"),
        (None, 1, "invalid_config"),
    ],
)
def test_an_agent_toml_that_is_wrong_is_one_sentence(
    shell: Shell, tmp_path: Path, text: str | None, code: int, error: str
) -> None:
    file = tmp_path / "agent.toml"
    if text is not None:
        file.write_text(text)
    shell("spawn", "w", "--agent-toml", str(file)).fails(code, error)


@pytest.mark.parametrize("words", [("spawn", "w"), ("init",)])
def test_the_engine_command_without_a_program_says_how_to_name_one(shell: Shell, words: tuple[str, ...]) -> None:
    said = shell(*words, "--engine", "command")
    said.fails(2, "usage")
    assert "say which with --command 'PROGRAM …'" in said.err


def test_a_spawn_waits_until_it_is_denied(shell: Shell) -> None:
    asked = shell("spawn", "unwanted", "--engine", "command", "--command", "true", "--reason", "why not", "--json")
    approval = Approval.model_validate(asked.json())
    assert (approval.kind, approval.status) == ("spawn", "pending")
    waiting = WaitingList.model_validate(shell("waiting", "--json").json()).waiting
    assert approval.id in [item.id for item in waiting]
    assert "why not" in shell("waiting").out
    pending = ApprovalList.model_validate(shell("approvals", "--json").json()).approvals
    assert approval.id in [item.id for item in pending]

    denied = Approval.model_validate(shell("deny", approval.id, "--note", "no", "--json").json())
    assert (denied.status, denied.note) == ("denied", "no")
    assert denied.decided_by is not None
    assert denied.decided_by.who == "operator"
    assert approval.id not in shell("approvals", "--json").out
    assert approval.id in shell("approvals", "--all", "--kind", "spawn", "--json").out
    shell("show", "unwanted").fails(4, "agent_not_found")


def test_the_second_to_decide_is_told_who_did(shell: Shell) -> None:
    approval = shell("spawn", "fought-over", "--engine", "command", "--command", "true", "--json").json()
    assert shell("deny", approval["id"]).code == 0
    shell("approve", approval["id"]).fails(5, "already_decided")


def test_an_id_may_be_shortened_to_a_unique_beginning(shell: Shell) -> None:
    first = shell("spawn", "twin-one", "--engine", "command", "--command", "true", "--json").json()
    second = shell("spawn", "twin-two", "--engine", "command", "--command", "true", "--json").json()
    length = next(n for n in range(1, 37) if first["id"][:n] != second["id"][:n])
    shell("deny", first["id"][: length - 1]).fails(2, "ambiguous_id")
    assert shell("deny", first["id"][: length + 8], "--json").json()["id"] == first["id"]
    assert shell("deny", second["id"]).code == 0


def test_one_that_cannot_be_decided_hides_none_of_the_others(shell: Shell) -> None:
    first = shell("spawn", "of-two", "--engine", "command", "--command", "true", "--json").json()
    second = shell("spawn", "of-three", "--engine", "command", "--command", "true", "--json").json()
    said = shell("deny", first["id"], "ffffffff", second["id"], "--json")
    assert said.code == 4
    assert said.err.startswith("error[approval_not_found]: ")
    assert [approval["id"] for approval in json.loads(said.out)["approvals"]] == [first["id"], second["id"]]


@pytest.mark.parametrize("unknown", ["ffffffff", "zz"])
def test_an_unknown_approval_exits_4(shell: Shell, unknown: str) -> None:
    shell("approve", unknown).fails(4, "approval_not_found")


def test_yes_approves_and_answers_when_it_is_online(shell: Shell) -> None:
    approval = shell.talker("eager")
    assert approval["status"] == "approved"
    assert shell("show", "eager", "--json").json()["online"] is True


def test_a_name_is_taken_once(shell: Shell) -> None:
    assert shell("spawn", "taken", "--engine", "command", "--command", "true").code == 0
    shell("spawn", "taken", "--engine", "command", "--command", "true").fails(5, "name_taken")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--engine", "abacus"], "unknown_engine"),
        (["--engine", "command", "--command", "true", "--runtime", "bubble"], "unknown_runtime"),
        (["--engine", "command", "--command", "true", "--repo", "/nonexistent"], "invalid_repo"),
    ],
)
def test_what_could_never_run_is_refused_in_one_sentence(shell: Shell, words: list[str], error: str) -> None:
    said = shell("spawn", "never", *words, "--yes")
    assert said.code == 1
    assert said.err.startswith((f"error[{error}]: ", "error[start_failed]: ")), said
    assert said.err.count("\n") == 1


def test_init_makes_the_queen_and_only_once(shell: Shell) -> None:
    asked = shell("init", "--engine", "command", "--command", "true", "--json").json()
    assert asked["status"] == "pending"
    assert asked["payload"]["name"] == asked["payload"]["role"] == "queen"
    assert shell("approve", asked["id"][:20]).code == 0
    shell("init", "--engine", "command", "--command", "true").fails(5, "name_taken")


def test_people_are_told_how_to_decide(shell: Shell) -> None:
    said = shell("spawn", "asked-for", "--engine", "command", "--command", "true")
    approval = json.loads(shell("approvals", "--json").out)["approvals"][-1]
    assert f"hive approve {approval['id']}" in said.out
