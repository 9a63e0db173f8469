"""The conversation: it overflows and is compacted, fills up and is cared for in time, begins anew when it is told to, and is
never silently another one. With kills of either side in each of these states."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.test_limits import Kill, both, none
from tests.support.hive import LiveHive, call, wait_until
from tests.support.living import (
    WORKER,
    command,
    done,
    events,
    kill_harness,
    kill_hived,
    living,
    notes,
    outcomes,
    payloads,
    post,
    send,
    texts,
    until_idle,
    waiting,
    wakes,
)

OVERFLOWS = """
[engine]
window = 1000
%s
[[turn]]
match = "big"
steps = [
  { say = "reading" },
  { fail = { outcome = "prompt_too_long", error = "too long", until_compacted = true, retryable = false } },
  { say = "it fits" },
]

[[turn]]
repeat = true
steps = [ { say = "heard" } ]
"""
FILLS = """
[engine]
window = 1000
%s
[[turn]]
steps = [ { usage = { ctx = %d, tokens = 900 } }, { say = "first" } ]

[[turn]]
wake = "checkpoint"
repeat = true
steps = [ { write = { path = "state:notes.md", text = "what I know" } } ]

[[turn]]
repeat = true
steps = [ { usage = { ctx = 100 } }, { say = "next" } ]
"""
REFUSES = """
[engine]
resume = "refused once"

[[turn]]
steps = [ { say = "first" } ]
[[turn]]
steps = [ { say = "second" } ]
"""
TWO = """
[[turn]]
steps = [ { say = "first" } ]
[[turn]]
repeat = true
steps = [ { say = "second" } ]
"""


def session(hive: LiveHive) -> dict[str, Any]:
    found: dict[str, Any] = hive.agent(WORKER)["session"]
    return found


def test_a_prompt_that_is_too_long_is_compacted_and_tried_once_more() -> None:
    with living(OVERFLOWS % "") as hive:
        end = done(hive, "a big one")
        assert end["outcome"] == "ok"
        assert texts(hive) == ["reading", "reading", "it fits"]
        assert wakes(hive) == ["operator"], "one turn, and its message is done"
        states = [payload["state"] for payload in payloads(hive, "turn_state_changed")]
        assert states == ["compacting", "thinking"]
        assert "too long" in notes(hive)
        assert "compacted" in notes(hive)


def test_where_compacting_does_not_help_the_turn_says_so_and_the_agent_still_answers() -> None:
    with living(OVERFLOWS % 'compact = "fails"') as hive:
        end = done(hive, "a big one")
        assert (end["outcome"], end["error"]) == ("prompt_too_long", "too long")
        assert "cannot be made shorter" in notes(hive)
        assert hive.agent(WORKER)["last_outcome"] == "prompt_too_long"
        (item,) = waiting(hive, "held_message")
        assert item["agent"] == WORKER
        assert done(hive, "hello")["outcome"] == "ok"


@pytest.mark.parametrize("kill", [none, kill_harness, kill_hived])
def test_at_three_quarters_it_writes_its_notes_and_is_compacted_before_the_next_work(kill: Kill) -> None:
    with living(FILLS % ("", 800)) as hive:
        done(hive, "one")
        assert hive.agent(WORKER)["ctx"] == {"tokens": 800, "window": 1000}
        before = session(hive)
        assert before["state"] == "kept"
        kill(hive)
        assert wakes(hive) == ["operator"], "an agent without work is left in peace"
        done(hive, "two")
        assert wakes(hive) == ["operator", "checkpoint", "compact", "operator"]
        assert (hive.paths.agent(WORKER).state / "notes.md").read_text() == "what I know"
        assert texts(hive) == ["first", "next"]
        assert hive.agent(WORKER)["ctx"] == {"tokens": 100, "window": 1000}
        assert session(hive)["id"] == before["id"]
        done(hive, "three")
        assert wakes(hive)[4:] == ["operator"]
        assert hive.agent(WORKER)["spend"]["turns"] == 5


SLOW_CARE = """
[engine]
window = 1000

[[turn]]
steps = [ { usage = { ctx = 800 } } ]

[[turn]]
wake = "%s"
repeat = true
steps = [ { say = "at it" }, { wait_for_file = "go" }, { usage = { ctx = 50 } } ]

[[turn]]
repeat = true
steps = [ { say = "next" } ]
"""


@pytest.mark.parametrize("wake", ["checkpoint", "compact"])
@pytest.mark.parametrize("kill", [kill_harness, kill_hived, both])
def test_a_kill_in_the_middle_of_its_own_care_costs_no_message(wake: str, kill: Kill) -> None:
    with living(SLOW_CARE % wake) as hive:
        done(hive, "one")
        send(hive, "two")
        wait_until(lambda: "at it" in texts(hive), f"the {wake}")
        state = "compacting" if wake == "compact" else "thinking"
        wait_until(lambda: hive.agent(WORKER)["turn"]["state"] == state, f"it being {state}")
        kill(hive)
        Path(hive.agent(WORKER)["workspace"], "go").touch()
        wait_until(lambda: texts(hive)[-1] == "next", "the work", 40)
        until_idle(hive)
        starts, ends = (payloads(hive, kind) for kind in ("turn_start", "turn_end"))
        assert [start["turn_id"] for start in starts] == [end["turn_id"] for end in ends]
        assert outcomes(hive)[-1] == "ok"
        acked = [id for end in ends if end["outcome"] == "ok" for id in end["message_ids"]]
        assert len(acked) == len(set(acked)) == 2
        if kill is kill_hived:
            assert wakes(hive) == ["operator", "checkpoint", "compact", "operator"], "the harness saw nothing of it"


def test_where_it_cannot_be_compacted_the_work_goes_on_and_it_is_said_once() -> None:
    with living(FILLS % ('compact = "fails"', 800)) as hive:
        done(hive, "one")
        done(hive, "two")
        assert wakes(hive) == ["operator", "checkpoint", "compact", "operator"]
        assert outcomes(hive) == ["ok", "ok", "failed", "ok"]
        assert "was not compacted" in notes(hive)


@pytest.mark.parametrize("kill", [none, kill_harness])
def test_at_half_and_cold_it_writes_its_notes_and_begins_a_new_conversation(kill: Kill) -> None:
    with living(FILLS % ("", 600), env={"HIVE_CACHE_SECONDS": "0"}) as hive:
        done(hive, "one")
        before = session(hive)
        kill(hive)
        done(hive, "two")
        assert wakes(hive)[:3] == ["operator", "checkpoint", "operator"]
        assert session(hive)["id"] != before["id"]
        states = [payload["state"] for payload in payloads(hive, "session_changed")]
        assert "armed" in states
        assert states[-1] == "kept"
        assert texts(hive) == ["first", "first"], "the new conversation remembers nothing"


def test_at_half_and_warm_nothing_happens() -> None:
    with living(FILLS % ("", 600)) as hive:
        done(hive, "one")
        done(hive, "two")
        assert wakes(hive) == ["operator", "operator"]


def test_the_operator_compacts() -> None:
    with living(FILLS % ("", 700)) as hive:
        done(hive, "one")
        agent = post(hive, "compact")
        assert agent["ctx"] == {"tokens": 70, "window": 1000}
        assert wakes(hive) == ["operator", "compact"]
        assert command(hive, "compact", WORKER).returncode == 0
        assert agent["session"]["id"] == session(hive)["id"]
        (last,) = payloads(hive, "turn_start")[-1:]
        assert last["message_ids"] == []


def test_a_compaction_that_cannot_be_is_refused_or_fails_with_its_reason() -> None:
    with living(TWO) as hive:
        hive.spawn("cat", "command", engine_options={"command": ["cat"]})
        hive.until_online("cat")
        status, answer = hive.post("/v1/agents/cat/compact")
        assert (status, answer["code"]) == (400, "unsupported")
    with living(FILLS % ('compact = "fails"', 600)) as hive:
        done(hive, "one")
        status, answer = call(hive.paths.host_socket, "POST", f"/v1/agents/{WORKER}/compact", timeout=60)
        assert (status, answer["code"]) == (503, "turn_failed")
        assert "cannot be made shorter" in answer["message"]
        assert hive.post(f"/v1/agents/{WORKER}/stop")[0] == 200
        status, answer = hive.post(f"/v1/agents/{WORKER}/compact")
        assert (status, answer["code"]) == (409, "agent_not_connected")


@pytest.mark.parametrize("kill", [none, kill_harness, kill_hived, both])
def test_a_new_session_is_armed_once_seen_and_used_once(kill: Kill) -> None:
    with living(TWO) as hive:
        done(hive, "one")
        before = session(hive)
        agent = post(hive, "new-session", {"primer": False})
        assert (agent["session"]["state"], agent["session"]["primer"]) == ("armed", False)
        kill(hive)
        assert session(hive)["state"] == "armed"
        done(hive, "two")
        after = session(hive)
        assert (after["state"], after["id"] != before["id"]) == ("kept", True)
        done(hive, "three")
        assert session(hive)["id"] == after["id"], "it was for one turn"
        assert texts(hive) == ["first", "first", "second"]
        assert before["id"] in notes(hive)
        assert [payload["state"] for payload in payloads(hive, "session_changed")] == ["kept", "armed", "kept"]


def test_the_command_arms_it_with_a_primer() -> None:
    with living(TWO) as hive:
        program = "import sys; print('PROMPT ' + sys.stdin.read().replace(chr(10), ' | '))"
        hive.spawn("cat", "command", engine_options={"command": [sys.executable, "-c", program]})
        hive.until_online("cat")
        done(hive, "remember the honey", "cat")
        assert command(hive, "new-session", "cat", "--primer", "--yes").returncode == 0
        done(hive, "what was it?", "cat")
        assert "new conversation" in texts(hive, "cat")[-1]
        assert "remember the honey" in texts(hive, "cat")[-1]
        done(hive, "and now?", "cat")
        assert "remember the honey" not in texts(hive, "cat")[-1], "a primer is told once"


@pytest.mark.parametrize("primer", [True, False])
@pytest.mark.parametrize("kill", [none, kill_hived, kill_harness])
def test_a_refused_resume_is_the_operators_choice(primer: bool, kill: Kill) -> None:
    with living(REFUSES) as hive:
        done(hive, "one")
        before = session(hive)
        kill_harness(hive)
        message = send(hive, "two")
        wait_until(lambda: session(hive)["state"] == "refused", "the refusal")
        wait_until(lambda: hive.agent(WORKER)["turn"]["state"] == "idle", "the turn's end")
        kill(hive)
        (item,) = waiting(hive, "resume_choice")
        assert (item["id"], item["agent"]) == (hive.agent(WORKER)["id"], WORKER)
        assert session(hive)["id"] == before["id"]
        assert session(hive)["detail"]
        assert texts(hive) == ["first"], "nothing is begun blank"
        assert hive.get(f"/v1/messages?agent={WORKER}")[1]["messages"][-1]["status"] == "queued"

        post(hive, "new-session", {"primer": primer})
        assert waiting(hive, "resume_choice") == []
        wait_until(lambda: texts(hive) == ["first", "first"], "a new conversation")
        until_idle(hive)
        assert session(hive)["state"] == "kept"
        assert session(hive)["id"] != before["id"]
        acked = [m["id"] for m in hive.get(f"/v1/messages?agent={WORKER}")[1]["messages"] if m["status"] == "acked"]
        assert message in acked


def test_a_killed_harness_resumes_its_own_conversation() -> None:
    with living(TWO) as hive:
        done(hive, "one")
        before = session(hive)
        for kill in (kill_harness, kill_hived, both):
            kill(hive)
            done(hive, "more")
            assert session(hive)["id"] == before["id"]
        assert texts(hive) == ["first", "second", "second", "second"]
        assert {event["payload"]["session_id"] for event in events(hive) if event["kind"] == "turn_end"} == {
            before["id"]
        }
