"""The hive's tools as an engine calls them: what they refuse, they refuse in one sentence and without a trace."""

import json
from typing import Any

import pytest

from hived.wire.times import in_seconds
from tests.agentd.rig import Rig

OUTBOX = ("message_out", "question_out", "answer_out", "reminder_out", "reminder_cancelled")


async def results_of(rig: Rig, *steps: dict[str, Any]) -> list[dict[str, Any]]:
    """What each of these tools answered, in one turn."""
    rig.scripted({"steps": list(steps)})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.turn_ends()
    return rig.stub.payloads("tool_result")


async def result_of(rig: Rig, arguments: dict[str, Any]) -> dict[str, Any]:
    (result,) = await results_of(rig, {"send": arguments})
    return result


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"to": "bob", "body": "x" * 300_000}, "`body` is too long"),
        ({"to": "bob", "body": '"' * 140_000}, "`body` is too long"),
        ({"to": "bob", "body": "  "}, "`body` is missing"),
        ({"to": "", "body": "x"}, "`to` is missing"),
    ],
)
async def test_a_message_that_cannot_be_sent_is_refused_and_never_written_down(
    rig: Rig, arguments: dict[str, Any], sentence: str
) -> None:
    result = await result_of(rig, arguments)
    assert result["is_error"] is True
    assert sentence in result["text"]
    assert not rig.stub.payloads("message_out")


async def test_a_long_message_that_fits_arrives_whole(rig: Rig) -> None:
    body = "ü" * 120_000
    result = await result_of(rig, {"to": "bob", "body": body})
    assert result["text"].startswith("sent: ")
    (sent,) = rig.stub.books.sent.values()
    assert sent["body"] == body


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"ask": {"text": " "}}, "`text` is missing"),
    ({"ask": {"text": "x" * 10_000_000}}, "`text` is too long"),
    ({"ask": {"text": "a", "options": [f"o{n}" for n in range(21)]}}, "There are 21 options; at most 20"),
    ({"ask": {"text": "a", "options": ["x" * 401]}}, "An option is too long: at most 400"),
    ({"ask": {"text": "a", "options": ["yes", "yes "]}}, "Two options are the same"),
    ({"ask": {"text": "a", "options": [""]}}, "none of them empty"),
    ({"ask": {"text": "a", "multi": True}}, "`multi` goes with `options`"),
    ({"ask": {"text": "a", "to": "bob", "escalate": True}}, "leave `to` out"),
    ({"ask": {"text": "a", "deadline": "soon"}}, "`deadline` is a number of seconds, a span"),
    ({"ask": {"text": "a", "deadline": "2001-01-01T00:00:00Z"}}, "`deadline` has passed"),
    ({"ask": {"text": "a", "deadline_seconds": 1e9}}, "`deadline` is too far away: at most 30 days"),
    ({"ask": {"text": "a", "deadline_seconds": 0}}, "`deadline` has passed"),
    ({"answer": {"question_id": "q"}}, "An answer needs `text`, `options`, or both"),
    ({"answer": {"text": "yes"}}, "`question_id` is missing"),
    ({"answer": {"question_id": "q", "options": [0]}}, "There is no option 0; the first one is 1"),
    ({"answer": {"question_id": "q", "options": ["yes"]}}, "say them by their numbers"),
    ({"answer": {"question_id": "q", "options": [1, 1]}}, "names one of them twice"),
    ({"answer": {"question_id": "q", "text": "x" * 10_000_000}}, "`text` is too long"),
    ({"remind": {"text": "a", "delay_seconds": 5, "at": "2099-01-01T00:00:00Z"}}, "not both"),
    ({"remind": {"text": "a", "at": "yesterday"}}, "`at` is a number of seconds, a span"),
    ({"remind": {"text": "a", "at": "2001-01-01T00:00:00Z"}}, "`at` has passed"),
    ({"remind": {"text": "a", "delay_seconds": 1e12}}, "`delay_seconds` is too far away"),
    ({"remind": {"text": "x" * 16_385}}, "at most 16384 characters"),
    ({"cancel_reminder": " "}, "`reminder_id` is missing"),
    ({"inbox": {"wait": 181}}, "`wait` is a number from 0 to 180"),
    ({"inbox": {"max": 33}}, "`max` is a number from 0 to 32"),
    ({"inbox": {"max": 0}}, "`max` is a whole number from 1 to 32"),
    ({"reply_escalation": {"request_id": "q", "text": "a"}}, "There is no tool 'reply_escalation'"),
]


async def test_every_wrong_argument_is_one_sentence_and_leaves_no_trace(rig: Rig) -> None:
    results = await results_of(rig, *(step for step, _ in WRONG))
    for (step, sentence), result in zip(WRONG, results, strict=True):
        assert sentence in result["text"], json.dumps(step)[:200]
        assert result["is_error"] is True
        assert len(result["text"]) < 1000
    assert not any(rig.stub.payloads(kind) for kind in OUTBOX)


async def test_a_question_goes_through_the_journal_and_says_that_its_answer_comes_later(rig: Rig) -> None:
    (result,) = await results_of(
        rig, {"ask": {"text": "Which?", "to": "bob", "options": ["left", "right"], "deadline_seconds": 60}}
    )
    (asked,) = rig.stub.payloads("question_out")
    assert (asked["to"], asked["options"], asked["multi"], asked["escalate"]) == (
        "bob",
        ["left", "right"],
        False,
        False,
    )
    assert in_seconds(30) < asked["deadline"] < in_seconds(90)
    assert result["text"].startswith(
        f"asked: question to bob, id {asked['question_id']}; the answer comes as a message"
    )


async def test_an_escalation_names_nobody(rig: Rig) -> None:
    (result,) = await results_of(rig, {"escalate": "May I?"})
    (asked,) = rig.stub.payloads("question_out")
    assert (asked["to"], asked["escalate"]) == (None, True)
    assert result["text"].startswith("asked: escalation, id ")


async def test_a_question_without_a_recipient_is_the_operators(rig: Rig) -> None:
    await results_of(rig, {"ask": {"text": "May I?"}})
    assert rig.stub.payloads("question_out")[0]["to"] == "operator"


async def test_what_hived_refuses_is_an_answer_to_the_agent(rig: Rig) -> None:
    rig.stub.refuse_kinds = {"question_out", "answer_out", "reminder_out", "reminder_cancelled"}
    results = await results_of(
        rig,
        {"ask": {"text": "a"}},
        {"answer": {"question_id": "q", "text": "a"}},
        {"remind": {"text": "a", "delay_seconds": 5}},
        {"cancel_reminder": "r"},
    )
    assert [result["is_error"] for result in results] == [True] * 4
    assert [result["text"].split(" (invalid_request)")[0] for result in results] == [
        "not asked", "not answered", "not set", "not cancelled",
    ]  # fmt: skip


@pytest.mark.parametrize("chosen", [[2], ["right"], ["RIGHT "], ["2"]])
async def test_an_option_is_chosen_by_its_number_or_by_its_words(rig: Rig, chosen: list[Any]) -> None:
    rig.scripted({"steps": [{"answer": {"options": chosen}}]})
    await rig.start()
    question = await rig.stub.ask("Which?", options=["left", "right"])
    await rig.stub.turn_ends()
    (answer,) = rig.stub.payloads("answer_out")
    assert (answer["question_id"], answer["options"], answer["text"]) == (question, [1], None)


@pytest.mark.parametrize("chosen", [[3], ["up"], [-1], ["le"]])
async def test_an_option_that_is_not_there_is_said_with_those_that_are(rig: Rig, chosen: list[Any]) -> None:
    rig.scripted({"steps": [{"answer": {"options": chosen}}]})
    await rig.start()
    await rig.stub.ask("Which?", options=["left", "right"])
    await rig.stub.turn_ends()
    (result,) = rig.stub.payloads("tool_result")
    assert result["text"].startswith("There is no option ")
    assert not rig.stub.payloads("answer_out")


async def test_a_reminder_has_its_moment_from_the_start(rig: Rig) -> None:
    day = in_seconds(100 * 86400)[:10]
    results = await results_of(
        rig,
        {"remind": {"text": "look", "delay_seconds": 3600}},
        {"remind": {"text": "look", "at": f"{day}T12:00:00+02:00"}},
        {"cancel_reminder": "{reminder_id}"},
    )
    first, second = rig.stub.payloads("reminder_out")
    assert in_seconds(3500) < first["due_at"] < in_seconds(3700)
    assert second["due_at"] == f"{day}T10:00:00.000Z"
    assert rig.stub.payloads("reminder_cancelled")[0]["reminder_id"] == second["reminder_id"]
    assert results[1]["text"] == f"set: reminder {second['reminder_id']}, due {day}T10:00:00.000Z"


async def test_a_queen_replies_to_an_escalation(rig: Rig) -> None:
    rig.spec["role"] = "queen"
    rig.scripted({"steps": [{"reply_escalation": {"options": [1], "text": "go on"}}]})
    await rig.start()
    question = await rig.stub.ask("May I?", kind="escalation", options=["yes", "no"])
    await rig.stub.turn_ends()
    (answer,) = rig.stub.payloads("answer_out")
    assert (answer["question_id"], answer["options"], answer["text"]) == (question, [0], "go on")


async def test_open_threads_and_receipts_are_lists_for_reading(rig: Rig) -> None:
    rig.scripted({"steps": [{"send": {"to": "bob", "body": "hi"}}, {"receipts": True}, {"open_threads": True}]})
    await rig.start()
    question = await rig.stub.ask("Which\nway?", options=["left"])
    await rig.stub.turn_ends()
    sent, receipts, threads = [payload["text"] for payload in rig.stub.payloads("tool_result")]
    message_id = rig.stub.payloads("message_out")[0]["message_id"]
    assert message_id in sent
    assert receipts.startswith(f"{message_id} to bob, ")
    assert receipts.endswith(": sent")
    assert threads == f'You owe an answer: question {question} from bob: "Which way?" options (one of them): 1) "left"'
