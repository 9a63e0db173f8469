"""A journal's turns as a scenario: what an engine said is in it word for word, what others did is left out and counted."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.engines.scenario import Scenario, load_scenario
from hived.core import recordings
from hived.core.recordings import THE_END, Wanted, make_recording
from hived.wire.agents import EngineAbilities, ModelOffered
from hived.wire.errors import JournalUnavailable, TooLarge, TurnNotFound
from hived.wire.journal import SCHEMA
from hived.wire.recordings import Recording

TS = "2026-01-01T00:00:00.000Z"
Told = tuple[str, dict[str, Any]]


class Books:
    """A journal of its own and the recordings of it."""

    def __init__(self, folder: Path) -> None:
        self.journal = folder / "events.sqlite"
        self.overflow = folder / "overflow"
        self._file = sqlite3.connect(self.journal)
        self._file.executescript(SCHEMA)
        self._scenario = folder / "scenario.toml"

    def write(self, *events: Told) -> None:
        rows = [(TS, kind, json.dumps(payload)) for kind, payload in events]
        self._file.executemany("INSERT INTO events(ts, kind, payload_json) VALUES (?, ?, ?)", rows)
        self._file.commit()

    def record(
        self, first: str | None = None, last: str | None = None, *, deeds: bool = False, **able: Any
    ) -> Recording:
        models = [ModelOffered(name=name) for name in able.pop("models", [])]
        wanted = Wanted(first, last, deeds)
        return make_recording("ann", self.journal, self.overflow, wanted, EngineAbilities(**able), models)

    def scenario(self, recording: Recording) -> Scenario:
        """As the scripted engine reads it."""
        self._scenario.write_text(recording.scenario, encoding="utf-8")
        return load_scenario(self._scenario)

    def replays(self, recording: Recording) -> list[list[dict[str, Any]]]:
        """The recorded turns' steps; the last turn of the scenario is its end."""
        turns = self.scenario(recording).turns
        assert [step.value for step in turns[-1].steps] == [THE_END]
        return [[step.value for step in turn.steps] for turn in turns[:-1]]

    def close(self) -> None:
        self._file.close()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    made = Books(tmp_path)
    yield made
    made.close()


def turn(turn_id: str, *events: Told, wake: str = "operator", **end: Any) -> list[Told]:
    """One turn, from its message to its end."""
    return [
        ("message_in", {"message_id": "m", "from": "operator", "body": "go"}),
        ("turn_start", {"turn_id": turn_id, "wake": {"kind": wake, "from": "operator"}, "unread": 1}),
        *events,
        ("turn_end", {"turn_id": turn_id, "outcome": "ok", "retryable": True, "error": None, **end}),
    ]


def end(outcome: str = "ok", **more: Any) -> dict[str, Any]:
    return {"kind": "turn_end", "outcome": outcome, "retryable": True, **more}


def test_what_an_engine_says_is_in_it_word_for_word(books: Books) -> None:
    said: list[Told] = [
        ("text", {"text": 'a {from} "b"\n\x1b[31m\u202e'}),
        ("thinking", {"text": "", "hidden": True}),
        ("note", {"text": "careful", "level": "warning", "by": "engine"}),
        ("note", {"text": "the harness's own word", "level": "info"}),
        ("tool_use", {"tool_use_id": "u", "tool": "Bash", "input": {"command": "ls", "none": None}}),
        ("tool_result", {"tool_use_id": "u", "tool": "Bash", "is_error": True, "text": "no"}),
        ("token_usage_changed", {"ctx": {"tokens": 5, "window": 9}, "cost": None}),
        ("model_changed", {"model": "opus", "previous": "haiku"}),
        ("status_changed", {"condition": "needs_login", "on": True, "detail": "out"}),
    ]
    cost = {"tokens": 7, "usd": 0.5, "estimated": True}
    books.write(*turn("0190-a", *said, outcome="failed", error="it broke", retryable=False, cost=cost))
    recording = books.record()
    (steps,) = books.replays(recording)
    assert steps == [
        {"kind": "text", "text": 'a {from} "b"\n\x1b[31m\u202e'},
        {"kind": "thinking", "text": "", "hidden": True},
        {"kind": "note", "text": "careful", "level": "warning"},
        {"kind": "tool_use", "tool_use_id": "u", "tool": "Bash", "input": {"command": "ls", "none": None}},
        {"kind": "tool_result", "tool_use_id": "u", "tool": "Bash", "is_error": True, "text": "no"},
        {"kind": "token_usage_changed", "ctx": {"tokens": 5, "window": 9}},
        {"kind": "model_changed", "model": "opus"},
        {"kind": "status_changed", "condition": "needs_login", "on": True, "detail": "out"},
        end("failed", error="it broke", retryable=False, cost=cost),
    ]  # fmt: skip
    assert (recording.turns, recording.events, recording.left_out, recording.cut) == (1, 10, {"note": 1}, 0)
    assert recording.scenario.isascii() or "\x1b" not in recording.scenario


def test_what_no_engine_says_is_left_out_and_counted(books: Books) -> None:
    books.write(
        *turn(
            "0190-a",
            ("permission_asked", {"approval_id": "x"}),
            ("message_out", {"message_id": "y", "to": "bob", "body": "hello {n}"}),
            ("status_changed", {"condition": "no_journal", "on": True}),
            ("message_in", {"steered": True}),
            ("message_in", {"steered": True}),
            ("turn_state_changed", {"state": "thinking", "until": "2026-01-01T01:00:00.000Z"}),
        )
    )
    recording = books.record()
    assert recording.left_out == {
        "message_in": 2, "message_out": 1, "permission_asked": 1, "status_changed": 1, "turn_state_changed": 1,
    }  # fmt: skip
    assert books.replays(recording) == [[end()]]
    again = books.record(deeds=True)
    assert books.replays(again) == [[{"kind": "message_out", "to": "bob", "body": "hello {n}"}, end()]]
    assert "message_out" not in again.left_out


def test_a_limit_ends_as_long_after_as_it_did(books: Books) -> None:
    limit = {"condition": "rate_limited", "on": True, "detail": "used up", "until": "2026-01-01T01:00:00.000Z"}
    books.write(*turn("0190-a", ("status_changed", limit), outcome="rate_limited", error="used up"))
    ((said, last),) = books.replays(books.record())
    assert (said["until_seconds"], last) == (3600, end("rate_limited", error="used up", until_seconds=3600))


def test_the_harness_own_turns_are_played_when_it_asks_for_them(books: Books) -> None:
    books.write(*turn("0190-a"), *turn("0190-b", wake="checkpoint"))
    books.write(*turn("0190-c", ("turn_state_changed", {"state": "compacting"}), wake="compact"))
    assert [found.wake for found in books.scenario(books.record()).turns] == [
        "message", "checkpoint", "compact", "message",
    ]  # fmt: skip


def state(name: str) -> Told:
    return ("turn_state_changed", {"state": name})


def test_a_prompt_that_was_tried_twice_is_so_again(books: Books) -> None:
    books.write(
        *turn(
            "0190-a",
            ("text", {"text": "reading"}),
            state("compacting"),
            ("text", {"text": "shorter"}),
            state("thinking"),
            ("text", {"text": "it fits"}),
            cost={"tokens": 7},
        )
    )
    recording = books.record()
    found = books.scenario(recording).turns[:-1]
    assert [part.wake for part in found] == ["message", "compact", "message"]
    assert books.replays(recording) == [
        [{"kind": "text", "text": "reading"}, {"kind": "turn_end", "outcome": "prompt_too_long"}],
        [{"kind": "text", "text": "shorter"}, {"kind": "turn_end", "outcome": "ok"}],
        [{"kind": "text", "text": "it fits"}, end(cost={"tokens": 7, "estimated": False})],
    ]
    assert (recording.turns, recording.events) == (1, 5)


def test_a_compaction_in_vain_is_so_again(books: Books) -> None:
    books.write(
        *turn(
            "0190-a",
            state("compacting"),
            ("note", {"text": "it cannot be shorter", "level": "error"}),
            state("thinking"),
            outcome="prompt_too_long",
            error="too long",
        )
    )
    assert books.replays(books.record()) == [
        [end("prompt_too_long", error="too long")],
        [{"kind": "turn_end", "outcome": "failed", "error": "it cannot be shorter"}],
    ]


def test_a_turn_that_runs_and_what_is_left_of_a_pruned_one_are_not_in_it(books: Books) -> None:
    books.write(("text", {"text": "the rest of a pruned turn"}), ("turn_end", {"turn_id": "0190-0", "outcome": "ok"}))
    books.write(*turn("0190-a", ("text", {"text": "whole"})), *turn("0190-b", ("text", {"text": "runs"}))[:-1])
    assert books.replays(books.record()) == [[{"kind": "text", "text": "whole"}, end()]]


def test_an_agent_that_did_nothing_yet_has_a_recording_without_turns(books: Books, tmp_path: Path) -> None:
    assert (books.record().turns, books.replays(books.record())) == (0, [])
    books.journal = tmp_path / "none.sqlite"
    assert books.record().turns == 0


@pytest.mark.parametrize(
    ("first", "last", "turns"),
    [
        (None, None, "abc"), ("0190-b", None, "bc"), ("0190-b", "0190-b", "b"), (None, "0190-b", "ab"),
        ("4", None, "bc"), ("6", "8", "b"), ("2", "4", "a"), ("7", None, "c"), ("100", None, ""), (None, "1", ""),
        ("0190-b4c5", "0190-b", "b"),
    ],
)  # fmt: skip
def test_a_part_is_asked_for_by_turns_or_events(books: Books, first: str, last: str, turns: str) -> None:
    for letter in "abc":  # events 1-4, 5-8, 9-12; a turn starts with the second of its four
        books.write(*turn(f"0190-{letter}4c5", ("text", {"text": letter})))
    found = books.record(first, last)
    assert "".join(steps[0]["text"] for steps in books.replays(found)) == turns


@pytest.mark.parametrize(
    ("first", "last"), [("0190-x", None), (None, "0190-x"), ("0190-a", "0190-0"), ("019", "0190-x")]
)
def test_a_turn_that_is_not_there_is_said(books: Books, first: str | None, last: str | None) -> None:
    books.write(*turn("0190-a"), *turn("0190-b"))
    with pytest.raises(TurnNotFound):
        books.record(first, last)


def test_it_says_what_the_engine_could_do(books: Books) -> None:
    books.write(*turn("0190-a"))
    recording = books.record(
        models=["small", "la\nrge"], closed_models=True, efforts=["low", "low"], compact=True, set_model=True
    )
    able = books.scenario(recording).abilities
    assert [model["name"] for model in able.models] == ["small", "la\nrge"]
    assert (able.closed_models, able.efforts, able.compact, able.at_once, able.steer) == (
        True,
        ("low",),
        True,
        True,
        False,
    )
    assert not able.forgets, "a new session in the replay goes on in the recording"


def test_a_text_that_the_journal_cut_is_whole_again_or_counted(books: Books) -> None:
    books.overflow.mkdir()
    (books.overflow / "whole.txt").write_text("the whole of it")
    books.write(
        *turn(
            "0190-a",
            ("text", {"text": "the", "cut": {"text": {"bytes": 15, "file": "whole.txt"}}}),
            ("text", {"text": "what is left", "cut": {"text": {"bytes": 99, "file": "gone.txt"}}}),
        )
    )
    recording = books.record()
    assert [step.get("text") for step in books.replays(recording)[0]] == ["the whole of it", "what is left", None]
    assert recording.cut == 1


def test_one_that_is_too_long_is_refused_before_it_is_made(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MOST_BYTES", 50_000)
    books.write(*turn("0190-a", *[("text", {"text": "x" * 1000})] * 30), *turn("0190-b"))
    books.write(*turn("0190-c", *[("text", {"text": "x" * 1000})] * 30))
    assert books.record(None, "0190-b").turns == 2
    with pytest.raises(TooLarge, match="longer than"):
        books.record()
    books.write(*turn("0190-d", *[("text", {"text": "x" * 1000})] * 60)[:-1])
    with pytest.raises(TooLarge):
        books.record("0190-d")


def test_a_hundred_thousand_events_are_read_in_pages(books: Books) -> None:
    for number in range(100):
        books.write(*turn(f"0190-{number}", *[("text", {"text": f"line {number}"})] * 997))
    recording = books.record()
    assert (recording.turns, recording.events) == (100, 99_900)
    assert 'text = "line 99"' in recording.scenario


@pytest.mark.parametrize(
    "event",
    [
        ("text", {"text": 5}),
        ("text", {}),
        ("tool_use", {"tool": None, "input": [1]}),
        ("token_usage_changed", {"ctx": {"tokens": -1, "window": 5}, "cost": {"tokens": True}}),
        ("status_changed", {"condition": "rate_limited", "until": 5}),
        ("note", {"text": "a", "level": "loud", "by": "engine"}),
        ("turn_state_changed", {"state": "compacting"}),
        ("turn_end", {"turn_id": "0190-a", "outcome": "bored", "error": 5, "ctx": [], "cost": {"tokens": 2**60}}),
        ("turn_start", {"turn_id": 5, "wake": "x"}),
    ],
)
def test_what_makes_no_sense_makes_no_wrong_scenario(books: Books, event: Told) -> None:
    books.write(*turn("0190-a", event))
    books.scenario(books.record())


def test_a_file_that_is_no_journal_is_said(books: Books, tmp_path: Path) -> None:
    books.journal = tmp_path / "wrong.sqlite"
    books.journal.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(JournalUnavailable):
        books.record()


WORDS = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(WORDS, below, max_size=3),
    max_leaves=8,
)


@given(text=WORDS, tool=WORDS, input=st.dictionaries(WORDS, JSON, max_size=4), turn_id=WORDS)
def test_no_words_of_an_agent_say_anything_but_themselves(
    tmp_path_factory: pytest.TempPathFactory, text: str, tool: str, input: dict[str, Any], turn_id: str
) -> None:
    books = Books(tmp_path_factory.mktemp("journal"))
    books.write(
        *turn(turn_id, ("text", {"text": text}), ("tool_use", {"tool_use_id": "u", "tool": tool, "input": input}))
    )
    (steps,) = books.replays(books.record())
    assert steps == [
        {"kind": "text", "text": text},
        {"kind": "tool_use", "tool_use_id": "u", "tool": tool, "input": input},
        end(),
    ]
    books.close()
