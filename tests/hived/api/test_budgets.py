"""Budgets on the sockets: what is taken, what is refused, and by whom."""

from typing import Any

import pytest

from tests.support.hive import call
from tests.support.own_agent import OwnAgent, event


def put(ada: OwnAgent, **draft: Any) -> tuple[int, Any]:
    return ada.hive.put("/v1/budgets", draft)


def ended(ada: OwnAgent, number: int, **cost: Any) -> None:
    assert ada.post_events(event(number, "turn_end", turn_id=f"t{number}", outcome="ok", cost=cost))[0] == 200


def test_a_budget_is_set_read_raised_and_removed(ada: OwnAgent) -> None:
    status, budget = put(ada, agent="ada", usd=5, window="hour")
    assert (status, budget["scope"], budget["usd"], budget["over"]) == (200, "agent", 5.0, False)
    assert budget["resets_at"].endswith(":00:00.000Z")
    short = budget["id"][:13]
    assert ada.hive.get(f"/v1/budgets/{short}") == (200, budget)
    assert ada.hive.get("/v1/budgets") == (200, {"budgets": [budget]})
    assert ada.hive.post(f"/v1/budgets/{short}/raise")[1]["code"] == "not_over"
    status, raised = ada.hive.post(f"/v1/budgets/{short}/raise", {"usd": 5})
    assert (status, raised["raised"]["usd"]) == (200, 5.0)
    status, gone = call(ada.hive.paths.host_socket, "DELETE", f"/v1/budgets/{short}")
    assert (status, gone["id"]) == (200, budget["id"])
    status, missing = ada.hive.get(f"/v1/budgets/{short}")
    assert (status, missing["code"]) == (404, "budget_not_found")


def test_the_same_key_raises_it_once(ada: OwnAgent) -> None:
    budget = put(ada, agent="ada", turns=2)[1]
    for _ in range(3):
        status, raised = ada.hive.post(f"/v1/budgets/{budget['id']}/raise", {"turns": 1}, {"Idempotency-Key": "once"})
        assert (status, raised["raised"]["turns"]) == (200, 1)


@pytest.mark.parametrize(
    ("draft", "code"),
    [
        ({"usd": -1, "agent": "ada"}, "invalid_request"),
        ({"usd": 1e12, "agent": "ada"}, "invalid_request"),
        ({"usd": "much", "agent": "ada"}, "invalid_request"),
        ({"turns": 1.5, "agent": "ada"}, "invalid_request"),
        ({"tokens": 10**30, "agent": "ada"}, "invalid_request"),
        ({"usd": 1, "agent": "ada", "window": "week"}, "invalid_request"),
        ({"usd": 1, "agent": "ada", "scope": "galaxy"}, "invalid_request"),
        ({"usd": 1, "agent": "ada", "euro": 1}, "invalid_request"),
        ({"usd": 1}, "invalid_request"),
        ({"usd": 1, "scope": "hive", "agent": "ada"}, "invalid_request"),
        ({"usd": 1, "agent": "../ada"}, "invalid_name"),
        ({"usd": 1, "agent": "bob"}, "agent_not_found"),
        ({"agent": "ada"}, "budget_not_found"),
    ],
)
def test_a_draft_that_makes_no_sense_is_refused_in_one_sentence(
    ada: OwnAgent, draft: dict[str, Any], code: str
) -> None:
    status, refused = put(ada, **draft)
    assert (400 <= status < 500, refused["code"]) == (True, code)
    assert "\n" not in refused["message"]
    assert ada.hive.get("/v1/budgets")[1] == {"budgets": []}


def test_no_number_is_refused_too(ada: OwnAgent) -> None:
    for number in (b"NaN", b"Infinity", b"-Infinity"):
        status, refused = call(
            ada.hive.paths.host_socket, "PUT", "/v1/budgets", b'{"agent": "ada", "usd": %s}' % number
        )
        assert (status, refused["code"]) == (400, "invalid_request")


def test_an_agent_may_neither_see_nor_change_a_budget(ada: OwnAgent) -> None:
    budget = put(ada, agent="ada", turns=1)[1]
    for method, path, body in (
        ("GET", "/v1/budgets", None),
        ("PUT", "/v1/budgets", {"agent": "ada", "turns": 1000}),
        ("POST", f"/v1/budgets/{budget['id']}/raise", {}),
        ("DELETE", f"/v1/budgets/{budget['id']}", None),
    ):
        status, refused = call(ada.paths.socket, method, path, body, ada.headers)
        assert (status, refused["code"]) == (403, "forbidden_role")
    assert ada.hive.get(f"/v1/budgets/{budget['id']}")[1] == budget


def test_a_claim_over_budget_leases_nothing_and_is_rung_when_there_is_a_way_on(ada: OwnAgent) -> None:
    control = ada.control()
    assert control.next() is not None
    budget = put(ada, agent="ada", usd=1)[1]
    ended(ada, 1, tokens=10, usd=1.5)
    sent = ada.hive.post("/v1/messages", {"to": "ada", "body": "work"})[1]["messages"][0]["id"]
    status, claimed = ada.post("/v1/inbox/claim", {"turn_id": "t2"})
    assert (status, claimed["messages"], claimed["unread"]) == (200, [], 1)
    assert claimed["over_budget"].startswith("ada has spent $1.50 of its $1.00 today")
    assert ada.hive.agent("ada")["conditions"][0]["kind"] == "over_budget"
    assert ada.post("/v1/inbox/claim", {"turn_id": "t2"})[1] == claimed
    rung = [control.next()]
    assert ada.hive.post(f"/v1/budgets/{budget['id']}/raise")[0] == 200
    while rung[-1] is None or rung[-1][0] != "wake" or len(rung) < 2:
        rung.append(control.next())
    status, claimed = ada.post("/v1/inbox/claim", {"turn_id": "t2"})
    assert ([message["id"] for message in claimed["messages"]], claimed["over_budget"]) == ([sent], None)
    control.close()


def test_a_turn_under_way_takes_more_and_repeats_its_claim_though_the_budget_is_spent_meanwhile(ada: OwnAgent) -> None:
    put(ada, agent="ada", turns=1)
    ada.hive.post("/v1/messages", {"to": "ada", "body": "one"})
    first = ada.post("/v1/inbox/claim", {"turn_id": "mine"})[1]
    ended(ada, 1, tokens=1)  # another one's end, that was under way before
    assert ada.post("/v1/inbox/claim", {"turn_id": "mine"})[1]["messages"] == first["messages"]
    ada.hive.post("/v1/messages", {"to": "ada", "body": "two"})
    more = ada.post("/v1/inbox/claim", {"turn_id": "mine", "more": True})[1]
    assert [message["body"] for message in more["messages"]] == ["one", "two"]


def test_a_turn_without_messages_is_asked_for_and_says_why_not(ada: OwnAgent) -> None:
    put(ada, agent="ada", turns=1)
    ask = {"turn_id": "t1", "kind": "checkpoint"}
    assert ada.post("/v1/turns/start", ask) == (200, {"allowed": True, "reason": ""})
    ended(ada, 1, tokens=1)
    status, refused = ada.post("/v1/turns/start", ask)
    assert (status, refused["allowed"]) == (200, False)
    assert refused["reason"].startswith("ada has begun 1 of its 1 turns today")
    assert [item["kind"] for item in ada.hive.get("/v1/waiting")[1]["waiting"]] == ["budget"]
    ada.generation = 7
    assert ada.post("/v1/turns/start", ask)[0] == 409


def test_the_feed_tells_of_every_change_and_the_snapshot_has_it(ada: OwnAgent) -> None:
    feed = ada.hive.stream("/v1/feed")
    budget = put(ada, agent="ada", turns=1)[1]
    ended(ada, 1, tokens=1)
    call(ada.hive.paths.host_socket, "DELETE", f"/v1/budgets/{budget['id']}")
    told: list[Any] = []
    while not told or told[-1][0] != "budget_removed":
        row = feed.next()
        assert row is not None
        if row[0].startswith("budget"):
            told.append((row[0], row[2]["payload"]))
    feed.close()
    assert [(kind, payload.get("spent", {}).get("turns")) for kind, payload in told] == [
        ("budget", 0), ("budget", 1), ("budget_removed", None),
    ]  # fmt: skip
    put(ada, scope="hive", usd=2)
    assert ada.hive.get("/v1/snapshot")[1]["budgets"] == ada.hive.get("/v1/budgets")[1]["budgets"]
