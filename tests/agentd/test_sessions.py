"""Which conversation the next turn goes on with: armed, begun anew, refused, another engine's. On real harnesses."""

import json
import sqlite3
from functools import partial
from typing import Any

import pytest

from agentd.sessions import engine_of
from hived.wire.agents import AgentSpec
from tests.agentd.rig import Rig, until

TWO = ({"steps": [{"say": "first"}]}, {"steps": [{"say": "second"}]})


def sessions(rig: Rig) -> list[tuple[str, bool | None]]:
    return [(change["state"], change["primer"]) for change in rig.stub.payloads("session_changed")]


async def had_a_turn(rig: Rig, body: str = "one") -> dict[str, Any]:
    before = len(rig.stub.payloads("turn_end"))
    await rig.stub.send(body)
    end = (await rig.stub.turn_ends(before + 1))[-1]
    await rig.stub.until(lambda: rig.stub.payloads("session_changed"), "the session being said")
    return end


def recorded(rig: Rig, turn_id: str) -> bool:
    try:
        return any(row["turn_id"] == turn_id for row in rig.stats())
    except sqlite3.OperationalError:
        return False


def says_its_prompt(rig: Rig) -> None:
    """The command engine, which says the words that it is given: what the primer holds can be read in the transcript."""
    rig.command("import sys; print(sys.stdin.read().replace(chr(10), '~'))")


async def test_a_first_turn_leaves_a_session_that_the_next_goes_on_with(rig: Rig) -> None:
    rig.scripted(*TWO)
    await rig.start()
    assert rig.report()["session"]["state"] == "none"
    end = await had_a_turn(rig)
    assert rig.stub.payloads("session_changed") == [
        {"state": "kept", "id": end["session_id"], "primer": None, "detail": ""}
    ]
    await rig.kill()
    await rig.start()
    assert (rig.report()["session"]["state"], rig.report()["session"]["id"]) == ("kept", end["session_id"])


async def test_a_new_session_is_noted_when_it_is_armed_and_when_it_is_used_and_used_once(rig: Rig) -> None:
    rig.scripted({"repeat": True, "steps": [{"say": "hello"}]})
    await rig.start()
    first = await had_a_turn(rig)
    await rig.stub.ring("new_session", {"primer": False})
    await rig.stub.until(lambda: ("armed", False) in sessions(rig), "the new session being armed")
    second, third = await had_a_turn(rig, "two"), await had_a_turn(rig, "three")
    assert second["session_id"] not in (None, first["session_id"])
    assert third["session_id"] == second["session_id"]
    assert [state for state, _ in sessions(rig)] == ["kept", "armed", "kept"]
    notes = [note["text"] for note in rig.stub.payloads("note")]
    assert len(notes) == 2
    assert "The next turn begins a new conversation." in notes[0]
    assert first["session_id"] in notes[1]
    kinds = rig.stub.kinds()
    assert kinds[kinds.index("turn_start", kinds.index("turn_end")) + 1] == "note"


async def test_what_is_armed_while_a_turn_waits_for_its_engines_first_word_is_used_by_the_next_turn(rig: Rig) -> None:
    rig.scripted(
        {"steps": [{"say": "first"}]},
        {"steps": [{"wait_for_file": "go"}, {"say": "late"}]},
        {"repeat": True, "steps": [{"say": "hello"}]},
    )
    await rig.start()
    first = await had_a_turn(rig)
    await rig.stub.send("two")
    await rig.stub.until(lambda: len(rig.stub.payloads("turn_start")) == 2, "the turn that goes on in the old one")
    await rig.stub.ring("new_session", {"primer": False})
    await rig.stub.until(lambda: ("armed", False) in sessions(rig), "the new session being armed")
    (rig.workspace / "go").touch()
    second = (await rig.stub.turn_ends(2))[1]
    assert second["session_id"] == first["session_id"]
    assert [state for state, _ in sessions(rig)] == ["kept", "armed"], "not used by a turn that had begun before it"
    third = await had_a_turn(rig, "three")
    assert third["session_id"] not in (None, first["session_id"])
    assert [state for state, _ in sessions(rig)] == ["kept", "armed", "kept"]


async def test_a_turn_that_fails_before_the_model_answers_leaves_the_new_session_armed(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "first"}]})
    await rig.start()
    await had_a_turn(rig)
    rig.scripted({"steps": [{"fail": {"outcome": "failed", "error": "no model is set", "retryable": False}}]})
    await rig.stub.ring("new_session", {"primer": True})
    await rig.stub.until(lambda: ("armed", True) in sessions(rig), "the new session being armed")
    failed = await had_a_turn(rig, "two")
    assert failed["outcome"] == "failed"
    assert sessions(rig)[-1] == ("armed", True)
    rig.scripted({"steps": [{"say": "hello"}]})
    third = await had_a_turn(rig, "three")
    assert third["outcome"] == "ok"
    assert [state for state, _ in sessions(rig)].count("kept") == 2, "begun by the turn that worked, and by it alone"


async def test_an_armed_session_outlasts_the_harness(rig: Rig) -> None:
    rig.scripted({"repeat": True, "steps": [{"say": "hello"}]})
    await rig.start()
    first = await had_a_turn(rig)
    await rig.stub.ring("new_session", {"primer": True})
    await rig.stub.until(lambda: ("armed", True) in sessions(rig), "the new session being armed")
    await rig.kill()
    await rig.start()
    found = rig.report()["session"]
    assert (found["state"], found["primer"], found["id"]) == ("armed", True, first["session_id"])
    second = await had_a_turn(rig, "two")
    assert second["session_id"] != first["session_id"]


async def test_a_clean_new_session_is_told_nothing_and_one_with_a_primer_what_the_journal_remembers(rig: Rig) -> None:
    says_its_prompt(rig)
    await rig.start()
    await rig.stub.send("the word is plum")
    await rig.stub.turn_ends(1)
    for number, primer in ((2, False), (3, True)):
        await rig.stub.ring("new_session", {"primer": primer})
        await rig.stub.send(f"message {number}")
        await rig.stub.turn_ends(number)
    _, clean, primed = [payload["text"] for payload in rig.stub.payloads("text")]
    assert "plum" not in clean
    assert "This is a new conversation" not in clean
    assert 'message from "operator": "the word is plum"' in primed
    assert "This is a new conversation" in primed
    assert primed.count("message 3") == 1, "what the prompt holds is not in its primer too"


async def test_a_refused_session_fails_the_turn_and_nothing_begins_until_the_operator_has_chosen(rig: Rig) -> None:
    rig.scripted(*TWO)
    await rig.start()
    first = await had_a_turn(rig)
    await rig.kill()
    for memory in (rig.home / "home" / ".scripted").glob("*.json"):
        memory.unlink()
    await rig.start()
    message = await rig.stub.send("two")
    end = (await rig.stub.turn_ends(2))[1]
    assert (end["outcome"], end["retryable"]) == ("failed", True)
    assert first["session_id"] in end["error"]
    await rig.stub.until(lambda: ("refused", None) in sessions(rig), "the refusal being said")
    assert rig.stub.payloads("session_changed")[-1]["detail"] == end["error"]
    assert rig.stub.books.messages[message]["status"] == "queued"

    await rig.kill()
    await rig.start()
    assert rig.report()["session"]["state"] == "refused"
    claims = len(rig.stub.claims)
    await rig.stub.send("three")
    await rig.stub.ring("resume", {})
    await rig.stub.ring("new_session", {"primer": True})
    ends = await rig.stub.turn_ends(3)
    assert len(rig.stub.claims) >= claims + 1
    assert ends[2]["outcome"] == "ok"
    assert message in ends[2]["message_ids"]
    assert ends[2]["session_id"] != first["session_id"]
    assert [state for state, _ in sessions(rig)] == ["kept", "refused", "armed", "kept"]


async def test_while_a_session_is_refused_nothing_is_claimed(rig: Rig) -> None:
    rig.scripted(*TWO, engine={"resume": "refused"})
    await rig.start()
    await had_a_turn(rig)
    await rig.kill()
    await rig.start()
    await rig.stub.send("two")
    refused = (await rig.stub.turn_ends(2))[1]["turn_id"]
    await until(lambda: recorded(rig, refused), "the turn's last deed, after which the harness may claim again")
    claims = len(rig.stub.claims)
    await rig.stub.send("three")
    for count in (1, 2):
        await rig.stub.ring("nap", {"until": None})
        await rig.stub.until(partial(_answers, rig, count), "an answer to what came after the message")
    assert len(rig.stub.claims) == claims
    assert len(rig.stub.payloads("turn_end")) == 2


def _answers(rig: Rig, count: int) -> bool:
    return len(rig.stub.payloads("turn_state_changed")) >= count


async def test_another_engine_begins_anew_by_itself_and_is_told_what_the_journal_remembers(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "the word is plum"}, {"shell": "echo secret-result"}]})
    await rig.start()
    first = await had_a_turn(rig)
    await rig.kill()
    rig.spec.clear()
    says_its_prompt(rig)
    await rig.start()
    found = rig.report()["session"]
    assert (found["state"], found["primer"], found["id"]) == ("armed", True, None)
    await rig.stub.send("two")
    ends = await rig.stub.turn_ends(2)
    assert ends[1]["outcome"] == "ok"
    prompt = rig.stub.payloads("text")[-1]["text"]
    assert 'you said "the word is plum"' in prompt
    assert 'you used "Bash" with {"command": "echo secret-result"}' in prompt
    assert "secret-result\\n" not in prompt, "what a tool answered is left out"
    notes = [note["text"] for note in rig.stub.payloads("note")]
    assert any("command" in note and "scripted" in note for note in notes)
    assert any(first["session_id"] in note for note in notes)
    await rig.kill()
    await rig.start()
    assert rig.report()["session"]["state"] == "none", "armed once, and used"


async def test_the_limit_and_the_window_of_one_engine_are_not_the_next_ones(rig: Rig) -> None:
    full = {"last_input_tokens": 90_000, "window": 100_000}
    rig.scripted({"steps": [{"usage": full}, {"limit": {"detail": "the week is used up", "until_seconds": 3600}}]})
    await rig.start()
    await had_a_turn(rig)
    await rig.kill()
    assert rig.stub.payloads("turn_end")[0]["ctx"]["tokens"] == 90_000
    assert (rig.harness / "rate-limited").exists()
    rig.spec.clear()
    says_its_prompt(rig)
    await rig.start()
    report = rig.report()
    assert "rate_limited" not in [condition["kind"] for condition in report["conditions"]]
    assert report["ctx"] is None
    assert not (rig.harness / "rate-limited").exists()
    await rig.stub.send("two")
    assert (await rig.stub.turn_ends(2))[1]["outcome"] == "ok"


async def test_facts_that_cannot_be_read_are_no_trap(rig: Rig) -> None:
    rig.scripted(*TWO)
    await rig.start()
    await rig.terminate()
    with sqlite3.connect(rig.harness / "events.sqlite") as connection:
        for key in ("new_session", "session_refused", "needs_login", "rate_limit_tries", "nap_until"):
            connection.execute("INSERT OR REPLACE INTO journal(key, value) VALUES (?, '{not json')", (key,))
    connection.close()
    rig.stub.next_generation()
    await rig.start()
    await rig.stub.send("one")
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "ok"
    assert json.loads(rig.facts().get("new_session", "null")) is None


@pytest.mark.parametrize(
    ("engine", "options", "wanted"),
    [
        ("claude", {"command": "x"}, "claude"),
        ("acp", {"agent": "codex-acp"}, "acp codex-acp"),
        ("acp", {"agent": "codex-acp", "command": "/a/b"}, "acp codex-acp"),
        ("acp", {"command": "/a/own-agent --acp"}, "acp own-agent"),
        ("acp", {"command": ["/a/own-agent", "--acp"]}, "acp own-agent"),
        ("acp", {"command": 5}, "acp"),
    ],
)
def test_a_session_belongs_to_an_engine_and_with_acp_to_the_agent_behind_it(
    engine: str, options: dict[str, Any], wanted: str
) -> None:
    assert engine_of(AgentSpec(engine=engine, engine_options=options)) == wanted
