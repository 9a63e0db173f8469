from typing import Any

from hived.wire.events import Event
from hivetui.state.transcript import KEPT_PAGES, PAGE_EVENTS, Transcript, last_id_of, page_of

WHEN = "2026-11-20T14:00:00.000Z"


def event(id: int | None, kind: str = "text", **payload: Any) -> Event:
    return Event(id=id, ts=WHEN, kind=kind, payload=payload)


def opened(first: int, last: int, loaded: int) -> Transcript:
    transcript = Transcript("alice")
    transcript.begin("journal")
    transcript.take_page([event(id) for id in range(last - loaded + 1, last + 1)], first, last, None)
    return transcript


def load(transcript: Transcript, number: int, ids: range | list[int] | None = None) -> None:
    before = last_id_of(number) + 1
    wanted = ids if ids is not None else range(number * PAGE_EVENTS + 1, before)
    transcript.take_page([event(id) for id in wanted], transcript.first_id, transcript.last_id, before)


def test_the_span_is_the_whole_journal_however_little_is_loaded() -> None:
    transcript = opened(1, 100_000, 400)
    assert (len(transcript), transcript.loaded, transcript.opened) == (100_000, 400, True)


def test_a_page_that_is_to_be_seen_is_asked_for_once() -> None:
    transcript = opened(1, 1000, 400)
    assert transcript.wanted_pages(1, 1000) == [0, 1, 2]
    assert transcript.wanted_pages(1, 1000) == []
    transcript.failed_page(1)
    assert transcript.wanted_pages(1, 1000) == [1]


def test_an_event_that_came_twice_is_there_once() -> None:
    transcript = opened(1, 10, 10)
    assert transcript.take_live([event(10), event(11), event(11)]) == {11}
    assert (len(transcript), transcript.loaded) == (11, 11)


def test_live_events_before_the_first_page_fit_behind_it() -> None:
    transcript = Transcript("alice")
    transcript.take_live([event(501)])
    transcript.begin("journal")
    transcript.take_page([event(id) for id in range(101, 501)], 1, 500, None)
    assert (transcript.last_id, transcript.get(501) is not None) == (501, True)


def test_what_was_pruned_from_the_journal_is_known_not_to_come() -> None:
    transcript = opened(1, 1000, 200)
    load(transcript, 2, [401, 403, 600])
    assert (transcript.pruned(402), transcript.pruned(403), transcript.pruned(100)) == (True, False, False)


def test_deltas_make_a_tail_that_the_whole_text_replaces() -> None:
    transcript = opened(1, 1, 1)
    transcript.take_live([event(None, "text_delta", text="Hel"), event(None, "text_delta", text="lo")])
    assert transcript.tail == "Hello"
    transcript.take_live([event(2, "text", text="Hello")])
    assert (transcript.tail, transcript.last_id) == ("", 2)


def test_thinking_and_text_do_not_run_into_each_other() -> None:
    transcript = opened(1, 1, 1)
    transcript.take_live([event(None, "thinking_delta", text="hm"), event(None, "text_delta", text="So")])
    assert (transcript.tail, transcript.tail_kind) == ("So", "text")


def test_a_result_makes_its_use_be_drawn_again() -> None:
    transcript = opened(1, 1, 1)
    transcript.take_live([event(2, "tool_use", tool_use_id="u", tool="Bash", input={})])
    touched = transcript.take_live([event(3, "tool_result", tool_use_id="u", is_error=True, text="no")])
    assert (touched, transcript.results) == ({2, 3}, {"u": True})


def test_another_journal_begins_anew() -> None:
    transcript = opened(1, 50, 50)
    assert transcript.begin("other")
    assert (len(transcript), transcript.loaded, transcript.opened) == (0, 0, False)
    assert not transcript.begin("other")


def test_memory_stays_bounded_however_far_one_scrolls() -> None:
    transcript = opened(1, 100_000, 400)
    for number in range(0, 100):
        load(transcript, number)
        transcript.drop_far(number * PAGE_EVENTS + 1, last_id_of(number))
    assert transcript.loaded <= (KEPT_PAGES + 1) * PAGE_EVENTS
    assert transcript.get(last_id_of(99)) is not None
    assert transcript.get(100_000) is not None
    assert transcript.get(1) is None
    assert transcript.wanted_pages(1, 1) == [0]


def test_a_stream_that_broke_leaves_a_gap_that_is_asked_for() -> None:
    transcript = opened(1, 400, 400)
    transcript.lost_touch()
    transcript.take_page([event(id) for id in range(1201, 1601)], 1, 1600, None)
    assert transcript.wanted_pages(300, 1600) == [2, 3, 4, 5]
    load(transcript, 2)
    assert transcript.get(401) is not None


def test_pages_are_of_ids_from_one() -> None:
    assert (page_of(1), page_of(PAGE_EVENTS), page_of(PAGE_EVENTS + 1)) == (0, 0, 1)


def test_a_decision_ends_the_waiting_of_its_ask() -> None:
    transcript = opened(1, 1, 1)
    transcript.take_live([event(2, "permission_asked", approval_id="a", tool="Bash", input={})])
    assert transcript.take_live([event(3, "permission_decided", approval_id="a", status="approved")]) == {2, 3}
    assert transcript.decided == {"a"}


def test_bytes_that_are_no_event_yet_move_the_last_byte_and_nothing_else() -> None:
    transcript = opened(1, 10, 10)
    transcript.take_live([event(None, "text_delta", text="as it str")])
    later = "2026-11-20T14:00:09.000Z"
    assert transcript.take_live([event(None, "activity", last_byte_at=later)]) == set()
    assert (transcript.last_byte_at, transcript.tail) == (later, "as it str")
    transcript.take_live([event(None, "activity", last_byte_at="2026-11-20T13:00:00.000Z")])
    assert transcript.last_byte_at == later, "it never goes back"


def test_what_others_do_is_no_byte_of_the_engine() -> None:
    transcript = opened(1, 2, 2)
    late = "2026-11-20T15:00:00.000Z"
    for number, kind in enumerate(("message_in", "turn_state_changed", "status_changed", "note"), 3):
        transcript.take_live([Event(id=number, ts=late, kind=kind, payload={})])
    assert transcript.last_byte_at == WHEN
    transcript.take_live([Event(id=9, ts=late, kind="turn_start", payload={})])
    assert transcript.last_byte_at == late, "silence counts from the turn's beginning"


def test_turns_of_upkeep_are_known_as_such() -> None:
    transcript = opened(1, 2, 2)
    wakes = (("t1", "message"), ("t2", "checkpoint"), ("t3", "compact"))
    transcript.take_live(
        [event(3 + n, "turn_start", turn_id=turn, wake={"kind": wake}) for n, (turn, wake) in enumerate(wakes)]
    )
    transcript.take_live([event(6, "turn_start", turn_id="t4", wake="nonsense")])
    assert transcript.upkeep == {"t2": "checkpoint", "t3": "compact"}
    transcript.begin("another")
    assert transcript.upkeep == {}
