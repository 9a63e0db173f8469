import pytest

from hivetui.commands import COMMANDS, ActOnAll, NotACommand, Parsed, ShowScreen, completions, is_command, parsed
from hivetui.intents import (
    CancelTurn,
    Compact,
    Nap,
    NewSession,
    Rebuild,
    Record,
    SetEffort,
    SetModel,
    SetPermissionMode,
    SpawnAgent,
)
from hivetui.life_intents import Act, Destroy, Revive


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("/model opus", SetModel("alice", "opus")),
        ("/model", ShowScreen("model")),
        ("/cancel", CancelTurn("alice")),
        ("/start", Act("start", ("alice",))),
        ("/stop bob", Act("stop", ("bob",))),
        ("/restart bob carol", Act("restart", ("bob", "carol"))),
        ("/kill", Act("kill", ("alice",))),
        ("/pause", Act("pause", ("alice",))),
        ("/pause --all", ActOnAll("pause")),
        ("/resume --all", ActOnAll("resume")),
        ("/destroy bob", Destroy(("bob",))),
        ("/revive gus", Revive("gus")),
        ("/tombstones", ShowScreen("tombstones")),
        ("/deployments", ShowScreen("deployments")),
        ("/why", ShowScreen("why", "alice")),
        ("/why bob", ShowScreen("why", "bob")),
        ("/work", ShowScreen("work", "alice")),
        ("/spawn scout", SpawnAgent("scout", "claude")),
        ("/spawn scout claude opus", SpawnAgent("scout", "claude", "worker", "opus")),
        ("/spawn", ShowScreen("spawn")),
        ("/spawn scout command", ShowScreen("spawn", "scout command")),
        ("/spawn scout acp", ShowScreen("spawn", "scout acp")),
        ("/effort high", SetEffort("alice", "high")),
        ("/effort -", SetEffort("alice", None)),
        ("/effort", ShowScreen("effort")),
        ("/permission-mode plan", SetPermissionMode("alice", "plan")),
        ("/permission-mode", ShowScreen("permission-mode")),
        ("/compact", Compact("alice")),
        ("/new-session", NewSession("alice", primer=False)),
        ("/new-session primer", NewSession("alice", primer=True)),
        ("/nap 1h30m", Nap("alice", 5400)),
        ("/nap off", Nap("alice", 0)),
        ("/resume", Act("resume", ("alice",))),
        ("/resume bob", Act("resume", ("bob",))),
        ("/login", ShowScreen("login", "alice")),
        ("/login bob", ShowScreen("login", "bob")),
        ("/rebuild claude opus", Rebuild("alice", "claude", "opus")),
        ("/rebuild acp", ShowScreen("rebuild", "acp")),
        ("/rebuild", ShowScreen("rebuild")),
        ("/record my runs/alice.toml", Record("alice", "my runs/alice.toml")),
        ("/doctor", ShowScreen("doctor")),
        ("/go bob", ShowScreen("go", "bob")),
        ("/help", ShowScreen("help")),
    ],
)
def test_a_command_means_one_thing(text: str, meant: Parsed) -> None:
    assert parsed(text, "alice", "claude") == meant


@pytest.mark.parametrize(
    "text",
    [
        "/nonsense",
        "/",
        "/go",
        "/mod el",
        "/nap",
        "/nap soon",
        "/nap 0s",
        "/record",
        "/new-session please",
        "/revive",
        "/kill --all",
        "/destroy --all",
        "/pause --all bob",
        "/stop --everything",
    ],  # fmt: skip
)
def test_what_cannot_be_done_says_why_in_one_sentence(text: str) -> None:
    found = parsed(text, "alice", None)
    assert isinstance(found, NotACommand)
    assert found.why.endswith(".") or found.why.endswith("?")


def test_a_command_that_needs_an_agent_says_so() -> None:
    assert isinstance(parsed("/cancel", None), NotACommand)
    assert isinstance(parsed("/stop", None), NotACommand), "nobody is not everybody"


def test_a_lifecycle_command_without_names_means_those_that_are_marked() -> None:
    assert parsed("/stop", "alice", None, ("bob", "carol")) == Act("stop", ("bob", "carol"))
    assert parsed("/stop dave", "alice", None, ("bob", "carol")) == Act("stop", ("dave",))


@pytest.mark.parametrize("text", ["hello", "/usr/bin/env is gone", "look at /etc", "/a\nb", "//x"])
def test_text_with_a_slash_is_not_taken_for_a_command(text: str) -> None:
    assert not is_command(text)


def test_a_command_is_completed_from_its_beginning() -> None:
    assert [command.name for command in completions("/sp")] == ["spawn"]
    assert completions("/") == COMMANDS
    assert completions("/model opus") == ()
    assert completions("hello") == ()
