"""The real Claude Codes ask, wait for their mail in the turn, answer a peer and are reminded, in a real hive."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.claude import GENERATIONS, require_claude
from tests.support.hive import live_hive, wait_until
from tests.support.living import claude, loopback_model, payloads, scripted, send, texts, until_idle, waiting, wakes

pytestmark = pytest.mark.claude

SECONDS = 90.0


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    with loopback_model() as url:
        yield url


def script(*steps: dict[str, Any]) -> str:
    return f"@@script {json.dumps(list(steps))}"


def hive_tool(name: str, **given: Any) -> dict[str, Any]:
    return {"tool": f"mcp__hive__{name}", "input": given}


@pytest.mark.parametrize("generation", GENERATIONS)
def test_it_asks_waits_for_the_answer_in_its_turn_and_is_woken_by_what_comes_later(model: str, generation: str) -> None:
    with live_hive() as hive:
        claude(hive, require_claude(generation), model, "clara", model="claude-haiku-4-5")
        send(
            hive,
            script(
                hive_tool("ask", text="Which way?", options=["left", "right"]),
                hive_tool("inbox", wait=120),
                hive_tool("remind", text="@@text look again", delay_seconds=1),
                {"text": "Done."},
            ),
            "clara",
        )
        (item,) = wait_until(lambda: waiting(hive, "question"), "the question", SECONDS)
        wait_until(lambda: len(payloads(hive, "tool_use", "clara")) == 2, "the inbox being asked", SECONDS)
        assert hive.agent("clara")["turn"]["state"] == "thinking"
        assert hive.post(f"/v1/questions/{item['id']}/answer", {"options": [1], "text": "mind the step"})[0] == 200
        wait_until(lambda: "reminder" in wakes(hive, "clara"), "the reminder", SECONDS)
        until_idle(hive, "clara")
        asked, mail, reminded = [result["text"] for result in payloads(hive, "tool_result", "clara")]
        assert asked.startswith(f"asked: question to operator, id {item['id']}")
        assert f"Answer to your question {item['id']} from operator" in mail
        assert "right" in mail
        assert "mind the step" in mail
        assert reminded.startswith("set: reminder ")
        first, second = payloads(hive, "turn_end", "clara")
        assert (first["outcome"], len(first["message_ids"])) == ("ok", 2)
        assert (second["outcome"], len(second["message_ids"])) == ("ok", 1)
        assert [message["status"] for message in hive.get("/v1/messages?to=clara")[1]["messages"]] == ["acked"] * 3


@pytest.mark.parametrize("generation", GENERATIONS)
def test_it_answers_a_peer_by_the_words_of_an_option(model: str, generation: str) -> None:
    answer = script(hive_tool("answer", question_id="$ID", options=["Right"]), {"text": "Answered."})
    asks = """
[[turn]]
kind = "answer"
steps = [{say = "I have an answer."}]

[[turn]]
steps = [{ask = {to = "clara", text = '@@text wait for the next message', options = ["left", "right"]}}]
"""
    with live_hive() as hive:
        claude(hive, require_claude(generation), model, "clara", model="claude-haiku-4-5")
        scripted(hive, asks, "ann")
        send(hive, "go", "ann")
        (question,) = wait_until(lambda: hive.get("/v1/questions?all=true")[1]["questions"], "the question", SECONDS)
        wait_until(lambda: payloads(hive, "turn_end", "clara"), "its first turn", SECONDS)
        send(hive, answer.replace("$ID", question["id"]), "clara")
        wait_until(lambda: "I have an answer." in texts(hive, "ann"), "the answer", SECONDS)
        (closed,) = hive.get("/v1/questions?all=true")[1]["questions"]
        assert (closed["status"], closed["answer_options"], closed["answered_by"]["who"]) == ("answered", [1], "clara")
