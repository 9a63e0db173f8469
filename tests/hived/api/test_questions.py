"""Questions over the sockets: asked by agents and by the operator, answered once, listed."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from hived.wire.ids import new_id
from hived.wire.questions import OpenThreads, Question, QuestionList
from tests.hived.api.conftest import Calls
from tests.support.books import Books
from tests.support.own_agent import OwnAgent, event
from tests.support.speakers import Speaker


async def ask(books: Books, to: str = "operator", **question: Any) -> str:
    """Asked by ada, whose socket `harness` is."""
    ada = await books.one("SELECT id FROM agents WHERE name = 'ada'")
    speaker = Speaker(books, "ada", ada or await books.agent("ada"))
    speaker.written = await books.one("SELECT coalesce(max(cursor), 0) FROM journals") or 0
    return await speaker.asks(to, **question)


async def test_of_a_thousand_who_answer_at_once_one_wins(host: Calls, books: Books) -> None:
    asked = await ask(books)
    said = await asyncio.gather(
        *(host("POST", f"/v1/questions/{asked}/answer", {"text": f"answer {number}"}) for number in range(1000))
    )
    assert Counter(status for status, _ in said) == {200: 1, 409: 999}
    assert {answer["code"] for status, answer in said if status == 409} == {"question_closed"}
    won = Question.model_validate(next(answer for status, answer in said if status == 200))
    assert await books.one("SELECT body FROM messages WHERE kind = 'answer'") == won.answer_text
    assert await books.one("SELECT count(*) FROM messages") == 1


async def test_who_answered_is_recorded_from_the_socket(host: Calls, books: Books) -> None:
    asked = await ask(books, options=["red", "blue"])
    status, answer = await host(
        "POST", f"/v1/questions/{asked[:34]}/answer", {"options": [1]}, headers={"hive-client": "hivetui"}
    )
    assert status == 200
    by = Question.model_validate(answer).answered_by
    assert by is not None
    assert (by.who, by.uid, by.pid, by.client, by.socket) == ("operator", 1000, 4242, "hivetui", "host")


async def test_a_repeated_call_with_its_key_is_the_same_answer(host: Calls, books: Books) -> None:
    asked = await ask(books)
    key = {"idempotency-key": new_id()}
    said = [await host("POST", f"/v1/questions/{asked}/answer", {"text": "yes"}, headers=key) for _ in range(2)]
    assert said[0] == said[1]
    assert said[0][0] == 200
    assert await books.one("SELECT count(*) FROM messages WHERE kind = 'answer'") == 1


async def test_the_operator_asks_lists_and_withdraws(host: Calls, harness: Calls, books: Books) -> None:
    status, asked = await host("POST", "/v1/questions", {"to": "ada", "text": "Done?", "deadline": "2h"})
    assert status == 201
    assert Question.model_validate(asked).deadline is not None
    other = await ask(books)
    pending = QuestionList.model_validate((await host("GET", "/v1/questions"))[1])
    assert [question.id for question in pending.questions] == [asked["id"], other]
    assert OpenThreads.model_validate((await harness("GET", "/v1/open-threads"))[1]).to_answer[0].id == asked["id"]
    assert (await host("POST", f"/v1/questions/{other}/cancel"))[1]["code"] == "not_yours"
    assert (await host("POST", f"/v1/questions/{asked['id']}/cancel"))[1]["status"] == "cancelled"
    assert (await host("POST", f"/v1/questions/{asked['id']}/cancel"))[0] == 409
    for query, expected in (
        ("", [other]), ("?all=true", [asked["id"], other]), ("?status=cancelled", [asked["id"]]),
        ("?agent=ada&all=true", [asked["id"], other]), ("?agent=operator", [other]), ("?all=true&limit=1", [other]),
        (f"?all=true&before={other}", [asked["id"]]),
    ):  # fmt: skip
        _, answer = await host("GET", f"/v1/questions{query}")
        assert [question["id"] for question in answer["questions"]] == expected, query
    assert (await host("GET", f"/v1/questions/{other[:35]}"))[1]["id"] == other


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/questions", {"to": "nobody", "text": "x"}, 404, "agent_not_found"),
        ("/v1/questions", {"to": "operator", "text": "x"}, 400, "invalid_request"),
        ("/v1/questions", {"to": "*", "text": "x"}, 400, "invalid_request"),
        ("/v1/questions", {"to": "ada", "text": ""}, 400, "invalid_request"),
        ("/v1/questions", {"to": "ada", "text": "x", "options": ["o"] * 21}, 400, "invalid_request"),
        ("/v1/questions", {"to": "ada", "text": "x", "options": ["o" * 401]}, 400, "invalid_request"),
        ("/v1/questions", {"to": "ada", "text": "x", "deadline": "never"}, 400, "invalid_moment"),
        ("/v1/questions", {"to": "ada", "text": "x", "deadline": "2020-01-01"}, 400, "invalid_moment"),
        ("/v1/questions", {"to": "ada", "text": "x", "asker": "queen"}, 400, "invalid_request"),
        ("/v1/questions", {"to": "ada", "text": "x" * 262_145}, 413, "too_large"),
        ("/v1/questions", {"to": "ada", "text": "x" * 2_000_000}, 413, "too_large"),
        ("/v1/questions/0000/answer", {"text": "x"}, 404, "question_not_found"),
        ("/v1/questions/ASKED/answer", {}, 400, "invalid_answer"),
        ("/v1/questions/ASKED/answer", {"options": [0]}, 400, "invalid_answer"),
        ("/v1/questions/ASKED/answer", {"text": "x" * 65_537}, 400, "invalid_request"),
        ("/v1/questions/ASKED/answer", {"options": ["red"]}, 400, "invalid_request"),
        ("/v1/questions/ASKED/answer", {"text": "x", "who": "queen"}, 400, "invalid_request"),
    ],
)
async def test_what_is_wrong_is_said_in_one_sentence(
    host: Calls, books: Books, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    asked = await ask(books)
    found, answer = await host("POST", path.replace("ASKED", asked), body)
    assert (found, answer["code"]) == (status, code)
    assert (await host("GET", f"/v1/questions/{asked}"))[1]["status"] == "pending"


async def test_lists_refuse_what_they_do_not_know(host: Calls, books: Books) -> None:
    for query, status in (
        ("agent=nobody", 404),
        ("agent=..", 400),
        ("before=0000", 404),
        ("limit=0", 400),
        ("status=x", 400),
    ):
        assert (await host("GET", f"/v1/questions?{query}"))[0] == status, query


async def test_an_agents_socket_takes_no_questions_past_its_journal(harness: Calls, books: Books) -> None:
    for method, path in (("POST", "/v1/questions"), ("GET", "/v1/questions"), ("POST", "/v1/questions/0/answer")):
        status, answer = await harness(method, path, {"text": "x"} if method == "POST" else None)
        assert (status, answer["code"]) == (403, "forbidden_role")


def test_a_real_hived_takes_questions_from_a_harness_and_answers_through_the_feed(ada: OwnAgent) -> None:
    hive = ada.hive
    feed = hive.stream(f"/v1/feed?after={hive.get('/v1/snapshot')[1]['seq']}")
    out = {"question_id": "q-1", "to": "operator", "text": "Which?", "options": ["red", "blue"]}
    assert ada.post_events(event(1, "question_out", **out))[1]["refused"] == []
    assert ada.post_events(event(1, "question_out", **out))[1] == {"cursor": 1, "refused": []}
    [item] = hive.get("/v1/waiting")[1]["waiting"]
    assert (item["id"], item["kind"]) == ("q-1", "question")
    assert hive.post("/v1/questions/q-1/answer", {"options": [5]})[1]["code"] == "invalid_answer"
    assert hive.post("/v1/questions/q-1/answer", {"options": [1]})[0] == 200
    assert hive.post("/v1/questions/q-1/answer", {"options": [0]})[1]["code"] == "question_closed"
    seen: list[str] = []
    while "answered" not in seen:
        frame = feed.next()
        assert frame is not None
        if frame[0] == "question":
            seen.append(frame[2]["payload"]["status"])
    feed.close()
    assert seen == ["pending", "answered"]
    claimed = ada.post("/v1/inbox/claim", {"turn_id": "t-1"})[1]
    assert [(message["kind"], message["about"], message["body"]) for message in claimed["messages"]] == [
        ("answer", "q-1", "Chosen: 2) blue")
    ]
    _, taken = ada.post_events(
        event(2, "question_out", question_id="q-2", to="nobody", text="x"),
        event(3, "question_out", question_id="q-3", to="operator", text=7),
        event(4, "answer_out", answer_id="a-1", question_id="q-1", text="mine"),
        event(5, "reminder_out", reminder_id="r-1", due_at="soon", text="x"),
        event(6, "reminder_cancelled", cancel_id="c-1", reminder_id="r-9"),
    )
    assert {one["message_id"]: one["code"] for one in taken["refused"]} == {
        "q-2": "agent_not_found", "q-3": "invalid_request", "a-1": "not_yours", "r-1": "invalid_moment",
        "c-1": "reminder_not_found",
    }  # fmt: skip
