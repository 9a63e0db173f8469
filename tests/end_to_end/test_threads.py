"""Agents that ask, answer, escalate, remind and look into their inbox, in a real hive: scripted ones, and one on the api engine."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.test_claude import beside
from tests.fakes.openai_api import OpenAiApi
from tests.support.hive import LiveHive, live_hive, wait_until
from tests.support.living import kill_harness, payloads, scripted, send, texts, until_idle, waiting, wakes

SECONDS = 90.0
ANSWERS = """
[[turn]]
kind = "question"
repeat = true
steps = [{answer_all = {options = ["right"], text = "because of {message_id}"}}, {say = "Answered."}]

[[turn]]
repeat = true
steps = [{reply_all = "heard"}, {say = "Noted."}]
"""
ASKS = """
[[turn]]
kind = "answer"
repeat = true
steps = [{say = "I have an answer."}]

[[turn]]
match = "ask"
repeat = true
steps = [{ask = {to = "bob", text = "Which way?", options = ["left", "right"]}}, {say = "Asked."}]

[[turn]]
match = "escalate"
repeat = true
steps = [{escalate = {text = "May I?", options = ["left", "right"]}}, {say = "Asked."}]

[[turn]]
match = "wonder"
repeat = true
steps = [{ask = {text = "Which colour?", options = ["red", "blue"], multi = true}}, {say = "Asked."}]

[[turn]]
match = "remind"
repeat = true
steps = [{remind = {text = "look again", delay_seconds = 1}}, {say = "Set."}]

[[turn]]
match = "listen"
repeat = true
steps = [{inbox = {wait = 60}}, {reply_all = "in this very turn"}, {say = "Listened."}]

[[turn]]
repeat = true
steps = [{say = "Noted."}]
"""


def questions(hive: LiveHive) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hive.get("/v1/questions?all=true")[1]["questions"]
    return found


def answered(hive: LiveHive, name: str = "ann") -> None:
    wait_until(lambda: "I have an answer." in texts(hive, name), "the answer waking its asker", SECONDS)
    until_idle(hive, name)


def answers_to(hive: LiveHive, name: str = "ann") -> list[str]:
    return [payload["body"] for payload in payloads(hive, "message_in", name) if payload["kind"] == "answer"]


def test_a_question_to_a_peer_is_answered_by_its_words_and_the_answer_wakes() -> None:
    with live_hive() as hive:
        scripted(hive, ANSWERS, "bob")
        scripted(hive, ASKS, "ann")
        send(hive, "ask", "ann")
        answered(hive)
        (question,) = questions(hive)
        assert (question["asker"], question["recipient"], question["status"]) == ("ann", "bob", "answered")
        assert question["answer_options"] == [1]
        assert question["answered_by"]["who"] == "bob"
        (body,) = answers_to(hive)
        assert "right" in body
        assert "because of" in body
        assert wakes(hive, "ann") == ["operator", "message"]
        assert waiting(hive) == []


def test_an_escalation_is_the_queens_to_answer_and_her_tool_does_it() -> None:
    queen = ANSWERS.replace("{answer_all = ", "{reply_escalation = ")
    with live_hive() as hive:
        scripted(hive, queen, "queen", role="queen")
        scripted(hive, ASKS, "ann", parent="queen")
        send(hive, "escalate", "ann")
        answered(hive)
        (question,) = questions(hive)
        assert (question["kind"], question["status"], question["answer_options"]) == ("escalation", "answered", [1])
        assert question["answered_by"]["who"] == "queen"


def test_a_question_to_the_operator_waits_for_him_and_blocks_nobody() -> None:
    with live_hive() as hive:
        scripted(hive, ASKS, "ann")
        send(hive, "wonder", "ann")
        wait_until(lambda: waiting(hive, "question"), "the question in the list", SECONDS)
        until_idle(hive, "ann")
        (item,) = waiting(hive, "question")
        assert not item["blocks"]
        status, _ = hive.post(f"/v1/questions/{item['id']}/answer", {"options": [0, 1], "text": "both"})
        assert status == 200
        answered(hive)
        (body,) = answers_to(hive)
        assert "1) red" in body
        assert "2) blue" in body
        assert waiting(hive) == []


def test_a_question_that_was_asked_while_hived_was_away_is_asked_once() -> None:
    with live_hive() as hive:
        scripted(hive, ANSWERS, "bob")
        scripted(hive, ASKS.replace("{ask = {to", '{say = "begun"}, {wait_for_file = "go"}, {ask = {to'), "ann")
        send(hive, "ask", "ann")
        wait_until(lambda: texts(hive, "ann") == ["begun"], "the turn", SECONDS)
        go = Path(hive.agent("ann")["workspace"]) / "go"
        hive.kill()
        go.touch()
        hive.start()
        answered(hive)
        assert [question["status"] for question in questions(hive)] == ["answered"]
        assert len(answers_to(hive)) == 1


def test_a_reminder_outlives_both_processes_and_wakes() -> None:
    with live_hive() as hive:
        scripted(hive, ASKS, "ann")
        send(hive, "remind", "ann")
        wait_until(lambda: "Set." in texts(hive, "ann"), "the reminder being set", SECONDS)
        hive.kill()
        hive.start()
        hive.until_online("ann")
        wait_until(lambda: "reminder" in wakes(hive, "ann"), "the reminder", SECONDS)
        until_idle(hive, "ann")
        (told,) = [payload for payload in payloads(hive, "message_in", "ann") if payload["kind"] == "reminder"]
        assert told["body"] == "look again"
        (reminder,) = hive.get("/v1/reminders?all=true")[1]["reminders"]
        assert reminder["id"] == told["about"]
        assert reminder["status"] == "done"


@pytest.mark.parametrize("killed", [False, True])
def test_a_message_taken_in_the_turn_is_settled_by_its_end_or_comes_again_marked(killed: bool) -> None:
    scenario = ASKS.replace('{reply_all = "in this very turn"}', '{say = "took it"}, {wait_for_file = "go"}')
    scenario = scenario.replace("wait = 60", "wait = 10")
    with live_hive() as hive:
        scripted(hive, scenario, "ann")
        first = send(hive, "listen", "ann")
        wait_until(lambda: payloads(hive, "tool_use", "ann"), "the inbox being asked", SECONDS)
        second = send(hive, "news", "ann")
        wait_until(lambda: "took it" in texts(hive, "ann"), "the message being taken", SECONDS)
        if killed:
            kill_harness(hive, "ann")
        (Path(hive.agent("ann")["workspace"]) / "go").touch()
        wait_until(lambda: "Listened." in texts(hive, "ann"), "the turn's end", SECONDS)
        until_idle(hive, "ann")
        messages = {message["id"]: message for message in hive.get("/v1/messages?agent=ann")[1]["messages"]}
        assert [messages[id]["status"] for id in (first, second)] == ["acked", "acked"]
        assert [messages[id]["redelivered"] for id in (first, second)] == [killed, killed]
        ends = [end for end in payloads(hive, "turn_end", "ann") if second in end["message_ids"]]
        assert [end["outcome"] for end in ends] == (["failed", "ok"] if killed else ["ok"])


def test_an_agent_on_the_api_engine_asks_hears_and_takes_its_mail() -> None:
    steps = [
        {"tool": "ask", "input": {"text": "Which way?", "options": ["left", "right"], "deadline": 600}},
        {"tool": "inbox", "input": {"wait": 60}},
        {"tool": "open_threads", "input": {}},
        {"text": "Done."},
    ]
    with beside(OpenAiApi()) as api, live_hive() as hive:
        hive.spawn("ann", "api", model="tiny", engine_options={"base_url": api.url})
        hive.until_online("ann")
        send(hive, f"@@script {json.dumps(steps)}", "ann")
        (item,) = wait_until(lambda: waiting(hive, "question"), "the question", SECONDS)
        wait_until(lambda: len(payloads(hive, "tool_use", "ann")) == 2, "the inbox being asked", SECONDS)
        assert hive.post(f"/v1/questions/{item['id']}/answer", {"options": [1]})[0] == 200
        wait_until(lambda: "Done." in texts(hive, "ann"), "the turn's end", SECONDS)
        until_idle(hive, "ann")
        asked, mail, threads = [result["text"] for result in payloads(hive, "tool_result", "ann")]
        assert asked.startswith(f"asked: question to operator, id {item['id']}")
        assert f"Answer to your question {item['id']} from operator" in mail
        assert "right" in mail
        assert threads == "Nothing is open."
        (end,) = payloads(hive, "turn_end", "ann")
        assert len(end["message_ids"]) == 2
