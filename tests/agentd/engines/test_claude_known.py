"""What the claude engine knows beyond one turn, and over a restart of the harness."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agentd.engines.base import Usage
from agentd.engines.claude_events import Began, Inference, ProtocolEvent, RateLimit, Result
from agentd.engines.claude_outcome import Verdict, resets_at
from agentd.engines.claude_turn import Known, TurnBook
from tests.support.claude import MemoryFacts

WORKED = Result(
    session_id="s", subtype="success", is_error=False, terminal_reason=None, api_error=None, api_error_status=None,
    cut_off=False, text="", errors=(), num_turns=1, usage=Inference(5, 1, 0, 0), total=None, since_last=None,
)  # fmt: skip
LIMITED = replace(WORKED, is_error=True, api_error_status=429, text="You've hit your limit")


def rejected(hours: float) -> RateLimit:
    ends = datetime.now(UTC) + timedelta(hours=hours)
    return RateLimit("rejected", int(ends.timestamp()), "five_hour", 1.0)


def turn(known: Known, *events: ProtocolEvent) -> Verdict:
    book = TurnBook(known)
    for event in events:
        book.take(event)
    assert book.ended
    return book.verdict


def test_a_limit_that_was_said_once_has_its_end_in_the_turns_after_it_and_over_a_restart() -> None:
    facts, limit = MemoryFacts(), rejected(hours=1)
    known = Known(facts)
    ends = resets_at(limit)
    assert ends is not None
    assert turn(known, limit, LIMITED).until == ends
    assert turn(known, LIMITED).until == ends
    assert turn(Known(facts), LIMITED).until == ends


def test_the_limit_that_was_said_last_counts() -> None:
    known, later = Known(MemoryFacts()), rejected(hours=2)
    turn(known, rejected(hours=1), LIMITED)
    turn(known, later, LIMITED)
    assert turn(known, LIMITED).until == resets_at(later)
    turn(known, RateLimit("rejected", None, "", None), LIMITED)
    assert turn(known, LIMITED).until is None


def test_a_limit_whose_end_is_past_says_nothing_of_a_later_turn() -> None:
    known, past = Known(MemoryFacts()), rejected(hours=-1)
    assert turn(known, past, LIMITED).until == resets_at(past)
    assert turn(known, LIMITED).until is None


def test_a_limit_that_is_allowed_again_is_forgotten() -> None:
    facts = MemoryFacts()
    known = Known(facts)
    turn(known, rejected(hours=1), LIMITED)
    turn(known, RateLimit("allowed", None, "five_hour", None), WORKED)
    assert turn(known, LIMITED).until is None
    assert facts.held == {}


def test_a_turn_that_the_model_answered_ends_the_limit_and_one_it_was_not_asked_in_does_not() -> None:
    known = Known(MemoryFacts())
    ends = turn(known, rejected(hours=1), LIMITED).until
    turn(known, replace(WORKED, num_turns=0, usage=None))
    assert turn(known, LIMITED).until == ends
    turn(known, WORKED)
    assert turn(known, LIMITED).until is None


def test_the_windows_of_models_outlast_the_harness() -> None:
    facts = MemoryFacts()
    turn(Known(facts), replace(WORKED, windows={"opus": 1_000_000, "haiku": 200_000}))
    turn(Known(facts), replace(WORKED, windows={"haiku": 100_000}))
    book = TurnBook(Known(facts))
    book.take(Began("s", "opus", "2"))
    assert book.take(Inference(5, 1, 0, 0, "m")) == [Usage(5, 1_000_000, 6, None)]
    assert book.usage().window == 1_000_000
    book.take(Began("s", "haiku", "2"))
    assert book.usage().window == 100_000


def test_only_so_many_windows_are_kept_and_they_are_the_newest() -> None:
    facts = MemoryFacts()
    known = Known(facts)
    for number in range(100):
        known.take_windows({"used always": 7, f"model {number}": number})
    assert Known(facts).windows == known.windows
    assert len(known.windows) == 20
    assert known.windows["used always"] == 7
    assert known.windows["model 99"] == 99


@pytest.mark.parametrize("kept", ["", "no JSON", "[1]", "null", '{"opus": "wide"}'])
def test_windows_that_cannot_be_read_are_none(kept: str) -> None:
    facts = MemoryFacts()
    facts.set("claude_windows", kept)
    assert Known(facts).windows == {}
