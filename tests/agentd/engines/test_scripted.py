"""Every step of a scenario, played by a real player under a real harness."""

from typing import Any

import pytest

from tests.agentd.rig import Rig


async def played(rig: Rig, *steps: dict[str, Any], **defaults: float) -> list[dict[str, Any]]:
    """The events of one turn of these steps, turn_start and turn_end left out."""
    rig.scripted({"steps": list(steps)}, engine=None, **defaults)
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.turn_ends()
    events = rig.stub.books.events
    kinds = rig.stub.kinds()
    return events[kinds.index("turn_start") + 1 : kinds.index("turn_end")]


def shapes(events: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [(event["kind"], event["payload"].get("text")) for event in events]


async def test_words(rig: Rig) -> None:
    events = await played(
        rig,
        {"say": "for {from}, by {agent} on {model}, as {unknown}"},
        {"think": "hm"},
        {"think": "secret", "hidden": True},
        {"note": "careful", "level": "warning"},
        {"say": "number {n}", "times": 2},
    )
    assert shapes(events) == [
        ("text", "for operator, by ann on default, as {unknown}"),
        ("thinking", "hm"),
        ("thinking", ""),
        ("note", "careful"),
        ("text", "number 1"),
        ("text", "number 2"),
    ]
    assert events[2]["payload"]["hidden"] is True


async def test_files_are_real(rig: Rig) -> None:
    events = await played(
        rig,
        {"write": {"path": "deep/a.txt", "text": "one two"}},
        {"edit": {"path": "deep/a.txt", "find": "two", "replace": "three"}},
        {"read": {"path": "deep/a.txt"}},
        {"write": {"path": "state:notes.md", "text": "noted"}},
    )
    assert [event["payload"]["tool"] for event in events if event["kind"] == "tool_use"] == [
        "Write", "Edit", "Read", "Write",
    ]  # fmt: skip
    assert events[5]["payload"]["text"] == "one three"
    assert (rig.workspace / "deep" / "a.txt").read_text() == "one three"
    assert (rig.home / "state" / "notes.md").read_text() == "noted"


@pytest.mark.parametrize(
    "step",
    [
        {"read": {"path": "../harness/launch.json"}},
        {"read": {"path": "/etc/passwd"}},
        {"read": {"path": "link/passwd"}},
        {"write": {"path": "state:../harness/model", "text": "opus"}},
        {"edit": {"path": "twice.txt", "find": "a", "replace": "b"}},
        {"read": {"path": "gone.txt"}},
    ],
)
async def test_what_leads_out_or_does_not_fit_is_a_failed_tool_and_not_a_failed_turn(
    rig: Rig, step: dict[str, Any]
) -> None:
    (rig.workspace / "link").symlink_to("/etc")
    (rig.workspace / "twice.txt").write_text("a a")
    events = await played(rig, step, {"say": "on"})
    assert [event["kind"] for event in events] == ["tool_use", "tool_result", "text"]
    assert events[1]["payload"]["is_error"] is True
    assert "root:" not in events[1]["payload"]["text"]
    assert rig.stub.payloads("turn_end")[0]["outcome"] == "ok"


async def test_shell_commands_are_real(rig: Rig) -> None:
    events = await played(
        rig,
        {"shell": "echo out; echo err >&2; pwd; exit 4"},
        {"shell": "sleep 60", "timeout_seconds": 0.2},
    )
    first, second = [event["payload"] for event in events if event["kind"] == "tool_result"]
    assert first["is_error"] is True
    assert first["text"].splitlines()[:3] == ["out", "err", str(rig.workspace)]
    assert "exit code 4" in first["text"]
    assert "ended after 0.2 s" in second["text"]


async def test_the_hives_tools_are_real(rig: Rig) -> None:
    events = await played(
        rig,
        {"send": {"to": "bob", "body": "hello", "reply_to": "{message_id}"}},
        {"inbox": True},
        {"peers": True},
        {"whoami": True},
    )
    results = [event["payload"]["text"] for event in events if event["kind"] == "tool_result"]
    assert results[0].startswith("sent: ")
    assert results[1:] == [
        "Nothing waits.",
        "bob: worker, running, idle; you may not write to it",
        "ann: a worker, engine scripted, model haiku",
    ]
    (sent,) = rig.stub.books.sent.values()
    assert sent["reply_to"] in rig.stub.books.messages


async def test_a_worker_has_no_request_spawn_and_a_queen_has(rig: Rig) -> None:
    events = await played(rig, {"spawn": {"name": "bob", "engine": "scripted"}})
    assert "There is no tool 'request_spawn'" in events[1]["payload"]["text"]
    await rig.kill()
    rig.spec["role"] = "queen"
    rig.scripted(
        {
            "match": "again",
            "repeat": True,
            "steps": [{"spawn": {"name": "bob", "engine": "command", "command": "echo hi", "reason": "r"}}],
        },
        {"match": "wrong", "repeat": True, "steps": [{"spawn": {"name": "bob", "engine": "command", "size": "big"}}]},
    )
    await rig.start()
    await rig.stub.send("again")
    await rig.stub.turn_ends(2)
    (ask,) = rig.stub.books.approvals.values()
    assert ask["spawn"]["engine_options"] == {"command": "echo hi"}
    assert rig.stub.payloads("tool_result")[-1]["text"].startswith("asked: approval ")
    await rig.stub.send("wrong")
    await rig.stub.turn_ends(3)
    assert "There is no argument 'size'" in rig.stub.payloads("tool_result")[-1]["text"]


@pytest.mark.parametrize(("status", "is_error"), [("approved", False), ("denied", True)])
async def test_a_permission_waits_for_the_operators_word(rig: Rig, status: str, is_error: bool) -> None:
    rig.scripted({"steps": [{"ask_permission": {"tool": "Bash", "input": {"command": "rm -r ."}}}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.books.approvals and rig.stub.payloads("permission_asked"), "the ask")
    (ask,) = rig.stub.books.approvals.values()
    assert (ask["tool"], ask["input"]) == ("Bash", {"command": "rm -r ."})
    await rig.stub.ring("decision", {"approval_id": ask["id"], "status": status, "note": "well"})
    await rig.stub.turn_ends()
    assert rig.stub.payloads("permission_decided")[0]["status"] == status
    assert rig.stub.payloads("tool_result")[0]["is_error"] is is_error
    assert "well" in rig.stub.payloads("tool_result")[0]["text"]


async def test_a_turn_that_waits_for_a_permission_can_be_cancelled(rig: Rig) -> None:
    rig.scripted({"steps": [{"ask_permission": {"tool": "Bash", "input": {}}}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.books.approvals, "the ask")
    await rig.stub.ring("cancel", {"turn_id": None})
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "cancelled"


async def test_a_cancel_ends_the_command_that_runs(rig: Rig) -> None:
    rig.scripted({"steps": [{"shell": "echo $$ > pid; sleep 300"}, {"say": "never"}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.payloads("tool_use"), "the command running")
    await rig.stub.ring("cancel", {"turn_id": None})
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "cancelled"
    assert not rig.stub.payloads("text")


async def test_waiting_for_a_file_that_does_not_come_fails_the_turn(rig: Rig) -> None:
    await played(rig, {"wait_for_file": "go", "timeout_seconds": 0.1})
    end = rig.stub.payloads("turn_end")[0]
    assert (end["outcome"], end["error"]) == ("failed", "go was not there within 0.1 s")


async def test_usage_and_model_are_as_stated(rig: Rig) -> None:
    events = await played(
        rig, {"model": "opus"}, {"usage": {"ctx": 10, "window": 40, "tokens": 70}}, {"usage": {"size": 1}}
    )
    assert [event["kind"] for event in events] == ["model_changed", "token_usage_changed", "note"]
    assert events[1]["payload"] == {
        "ctx": {"tokens": 10, "window": 40},
        "cost": {"tokens": 70, "usd": None, "estimated": False},
    }
    assert rig.stub.payloads("turn_end")[0]["model"] == "opus"


async def test_a_wrong_scenario_ends_the_harness_at_once_with_its_code(rig: Rig) -> None:
    rig.scripted({"steps": [{"dance": "waltz"}]})
    await rig.start(connected=False)
    assert await rig.ended() == 78
    assert "error[invalid_scenario]: " in rig.log()
    assert "there is no step 'dance'" in rig.log()


async def test_where_nothing_fits_it_says_so(rig: Rig) -> None:
    rig.scripted({"match": "other", "steps": [{"say": "never"}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.turn_ends()
    assert rig.stub.payloads("text") == [{"text": "There is nothing to do."}]
