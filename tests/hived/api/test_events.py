"""Event batches: all or nothing, in order, once; and what is wrong with one is said by code."""

import json

import pytest

from tests.support.own_agent import OwnAgent, event


def test_a_batch_moves_the_cursor_and_a_repeat_changes_nothing(ada: OwnAgent) -> None:
    assert ada.post_events() == (200, {"cursor": 0, "refused": []})
    assert ada.post_events(event(1), event(2), event(3)) == (200, {"cursor": 3, "refused": []})
    assert ada.post_events(event(1), event(2), event(3)) == (200, {"cursor": 3, "refused": []})
    assert ada.post_events(event(3), event(4)) == (200, {"cursor": 4, "refused": []})
    assert ada.post_events() == (200, {"cursor": 4, "refused": []})
    assert ada.hive.agent("ada")["cursor"] == 4


def test_live_events_count_for_no_cursor(ada: OwnAgent) -> None:
    live = event(None, "text_delta", text="he")
    assert ada.post_events(live)[1]["cursor"] == 0
    assert ada.post_events(event(1), live, event(2), live)[1]["cursor"] == 2
    assert ada.post_events(live)[1]["cursor"] == 2


def test_a_gap_says_what_is_expected(ada: OwnAgent) -> None:
    ada.post_events(event(1))
    status, answer = ada.post_events(event(3))
    assert (status, answer["code"]) == (409, "event_gap")
    assert answer["detail"]["expected"] == 2
    status, answer = ada.post_events(event(2), event(4))
    assert (status, answer["code"]) == (409, "event_gap")
    assert ada.hive.agent("ada")["cursor"] == 1


def test_a_pruned_start_is_no_gap(ada: OwnAgent) -> None:
    assert ada.post_events(event(50), **{"hive-oldest": "50"})[1]["cursor"] == 50


def test_a_stale_generation_is_refused_with_live_events_too(ada: OwnAgent) -> None:
    ada.generation = 7
    for batch in ([event(1)], [event(None, "text_delta", text="x")], []):
        status, answer = ada.post_events(*batch)
        assert (status, answer["code"]) == (409, "stale_generation")


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        (b"{nonsense", 400, "not_json"),
        (b"\xff\xfe", 400, "not_json"),
        (b"[" * 100_000, 400, "not_json"),
        (b'{"id":1,"ts":"t","kind":"text","payload":{"n":NaN}}', 400, "not_json"),
        (b"[]", 400, "invalid_request"),
        (b'{"id":1,"ts":"t","kind":"text"}', 400, "invalid_request"),
        (b'{"ts":"t","kind":"text","payload":{}}', 400, "invalid_request"),
        (b'{"id":true,"ts":"t","kind":"text","payload":{}}', 400, "invalid_request"),
        (b'{"id":1,"ts":"t","kind":"text\\nevent: x","payload":{}}', 400, "invalid_request"),
        (json.dumps(event(1, text="x" * 300_000)).encode(), 413, "too_large"),
        (json.dumps(event(1, text="x" * 20_000_000)).encode(), 413, "too_large"),
    ],
    ids=["broken", "bytes", "deep", "nan", "list", "no payload", "no id", "bool", "line break", "long line", "20 MB"],
)  # fmt: skip
def test_a_bad_line_is_refused_whole(ada: OwnAgent, line: bytes, status: int, code: str) -> None:
    found, answer = ada.post_events(line)
    assert (found, answer["code"]) == (status, code)
    assert "\n" not in answer["message"]
    assert ada.hive.agent("ada")["cursor"] == 0


def test_headers_that_are_missing_or_no_numbers_are_named(ada: OwnAgent) -> None:
    status, answer = ada.post("/v1/events", b"", {"hive-generation": "one"})
    assert (status, answer["code"]) == (400, "invalid_request")
    assert "hive-generation" in answer["message"]
    status, answer = ada.post("/v1/events", b"", {"hive-journal": ""})
    assert (status, answer["code"]) == (400, "invalid_request")


def test_the_route_is_not_on_the_operators_socket(ada: OwnAgent) -> None:
    assert ada.hive.post("/v1/events", b"")[1]["code"] == "unknown_route"
