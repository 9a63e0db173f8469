"""What is held of the logs that are to be seen."""

from hived.wire.logs import LogLines
from hivetui.state.logs import MOST_LINES, Log, LogOf, begun, failed, followed, written

ENGINE = LogOf("ada", "engine")
SETUP = LogOf("ada", "setup")


def part(*lines: str, file: str = "1") -> LogLines:
    return LogLines(lines=list(lines), file=file, written_at="2026-11-20T14:00:00.000Z")


def test_a_log_goes_on_line_by_line_and_through_a_rotation() -> None:
    logs = written(begun({}, ENGINE), ENGINE, [part("one"), part("two"), part("three", file="2")])
    assert logs[ENGINE].lines == ("one", "two", "three")


def test_a_setup_begins_a_log_of_its_own() -> None:
    logs = written(
        begun({}, SETUP), SETUP, [part("of the one before"), part("begun", file="2"), part("went on", file="2")]
    )
    assert logs[SETUP].lines == ("begun", "went on")


def test_a_stream_that_begins_again_says_its_newest_lines_again() -> None:
    logs = written(begun({}, ENGINE), ENGINE, [part("one")])
    assert begun(logs, ENGINE)[ENGINE].lines == ("one",), "what was shown stays until they come"
    assert written(begun(logs, ENGINE), ENGINE, [part("one", "two")])[ENGINE].lines == ("one", "two")


def test_what_keeps_a_log_away_is_said_until_it_comes() -> None:
    logs = failed({}, ENGINE, "32 logs are followed already.")
    assert logs[ENGINE] == Log(problem="32 logs are followed already.")
    assert begun(logs, ENGINE)[ENGINE].problem == ""


def test_no_more_is_held_than_can_be_seen() -> None:
    logs = written({}, ENGINE, [part(*map(str, range(MOST_LINES + 5)))])
    assert len(logs[ENGINE].lines) == MOST_LINES
    assert logs[ENGINE].lines[-1] == str(MOST_LINES + 4)
    assert followed(logs | begun({}, SETUP), [SETUP]).keys() == {SETUP}
