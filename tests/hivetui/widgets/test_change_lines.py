"""What changed, in a pane: settings, sessions, logins, conditions, and the turns of upkeep as rules."""

from typing import Any

from hivetui.widgets.lines import cells
from tests.hivetui.widgets.test_event_lines import lines, one, told

CTX = {"tokens": 152_000, "window": 200_000}


def compaction(*before: tuple[str, dict[str, Any]], **end: Any) -> list[str]:
    begun = ("turn_start", {"turn_id": "c", "wake": {"kind": "compact", "from": "operator"}})
    given = {"turn_id": "c", "outcome": "ok", "duration_ms": 8400, "ctx": {"tokens": 31_000, "window": 200_000}, **end}
    events = (*before, begun, ("turn_state_changed", {"state": "compacting", "turn_id": "c"}), ("turn_end", given))
    transcript = told(*events)
    assert all(lines(transcript, number) == [] for number in range(len(before) + 2, len(events))), "one line is enough"
    return lines(transcript, len(events))


def test_a_compaction_is_one_rule_with_what_it_came_to() -> None:
    [line] = compaction(("turn_end", {"turn_id": "t", "outcome": "ok", "ctx": CTX}))
    assert line.startswith("── 14:29 compacted 152k → 31k · 0:08 ──")
    assert len(line) == 60


def test_what_was_not_counted_is_not_said() -> None:
    assert compaction()[0].startswith("── 14:29 compacted to 31k · 0:08 ─")
    assert compaction(ctx=None, duration_ms=None)[0].startswith("── 14:29 compacted ─")


def test_a_compaction_that_failed_says_why() -> None:
    said = compaction(outcome="failed", error="There is no conversation to compact.", ctx=None)
    assert said[0].startswith("── 14:29 compaction failed · 0:08 ─")
    assert said[1] == "  error There is no conversation to compact."


def test_a_checkpoint_begins_with_a_rule_and_ends_under_its_own_name() -> None:
    transcript = told(
        ("turn_start", {"turn_id": "k", "wake": {"kind": "checkpoint", "from": "hived"}}),
        ("text", {"text": "Noted."}),
        ("turn_end", {"turn_id": "k", "outcome": "ok", "duration_ms": 14_000}),
    )
    [rule] = lines(transcript, 1)
    assert rule.startswith("── 14:29 checkpoint · it writes its notes ─")
    assert cells(((rule, ""),)) == 60
    assert lines(transcript, 3) == ["14:29 checkpoint · ok · 0:14"]


def test_a_rule_fits_into_the_narrowest_pane() -> None:
    transcript = told(("turn_start", {"turn_id": "k", "wake": {"kind": "checkpoint"}}))
    assert all(len(line) <= 12 for line in lines(transcript, 1, 12))


def test_a_session_that_the_harness_has_put_into_words_is_not_said_twice() -> None:
    refused = ("session_changed", {"state": "refused", "id": "s", "detail": "It is gone."})
    assert lines(told(refused), 1) == ["the engine will not resume its session · It is gone."]
    assert lines(told(("note", {"text": "No conversation found.", "level": "error"}), refused), 2) == []
    assert one("session_changed", state="kept", id="s") == []
    assert one("session_changed", state="armed", primer=True) == ["the next turn begins a new session"]


def test_a_login_is_said_without_its_link() -> None:
    assert one("login_changed", state="open", url="https://x/?state=secret") == ["login: the link waits for its code"]
    assert one("login_changed", state="failed", detail="Invalid code.") == ["login: failed · Invalid code."]
    assert one("login_changed", state="checking") == one("login_changed", state="nonsense") == []


def test_a_limit_and_a_nap_say_until_when() -> None:
    until = "2026-11-20T15:10:00.000Z"
    limit = one("status_changed", condition="rate_limited", on=True, detail="Usage limit", until=until)
    assert limit == ["⊘ rate limited until 15:10 Usage limit"]
    later = one(
        "status_changed", condition="rate_limited", on=True, detail="Usage limit", until="2026-11-22T15:10:00.000Z"
    )
    assert later == ["⊘ rate limited until Sun 15:10 Usage limit"], "of another day not the hour alone"
    assert one("status_changed", condition="rate_limited", on=False) == ["⊘ no longer rate limited "]
    assert one("turn_state_changed", state="napping", until=until) == ["14:29 napping until 15:10"]


def test_hostile_words_are_one_line_without_escapes() -> None:
    said = one("login_changed", state="failed", detail="\x1b]52;c;eA==\x07a\nb[red]")
    assert said == ["login: failed · a b[red]"]
