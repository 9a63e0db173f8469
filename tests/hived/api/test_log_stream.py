"""An agent's logs over the socket: the last lines, and each as it is written, through every rotation."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hived.logs import Follower, Position, tail
from hived.wire.times import to_text
from tests.support.hive import LiveHive, SseStream, live_hive, wait_until
from tests.support.living import scripted


@pytest.fixture(scope="module")
def hive() -> Iterator[LiveHive]:
    with live_hive() as hive:
        scripted(hive, '[[turn]]\nsteps = [{say = "x"}]\n', "ada")
        yield hive


def append(log: Path, *lines: str) -> None:
    with open(log, "a") as file:
        file.writelines(f"{line}\n" for line in lines)


def rotate(log: Path) -> None:
    os.replace(log, log.with_name(log.name + ".1"))


def until_line(stream: SseStream, wanted: str) -> tuple[list[str], str]:
    """The lines up to that one, and the id of the event that had it."""
    seen: list[str] = []
    mark = ""
    while wanted not in seen:
        event = stream.next()
        assert event is not None, f"the stream ended after {seen}"
        name, found, data = event
        assert name == "lines"
        assert found is not None
        seen, mark = [*seen, *data["lines"]], found
    return seen, mark


def test_the_engine_s_log_is_another_file(hive: LiveHive) -> None:
    paths = hive.paths.agent("ada")
    append(paths.engine_log, "of the engine \x1b[31mred\x1b[0m")
    status, answer = hive.get("/v1/agents/ada/log?which=engine&lines=1")
    assert (status, answer["path"]) == (200, str(paths.engine_log))
    assert answer["lines"] == ["of the engine red"]
    wait_until(lambda: "connected to hived" in str(hive.get("/v1/agents/ada/log")[1]["lines"]), "the harness's own")
    assert hive.get("/v1/agents/ada/log?which=../launch.json")[0] == 400
    assert hive.get("/v1/agents/nobody/log/stream")[0] == 404


def test_what_is_written_is_pushed_through_a_rotation_and_a_reader_goes_on_where_it_was(hive: LiveHive) -> None:
    log = hive.paths.agent("ada").setup_log
    append(log, "one", "two")
    stream = hive.stream("/v1/agents/ada/log/stream?which=setup&lines=1")
    try:
        assert until_line(stream, "two")[0] == ["two"]
        append(log, "three")
        until_line(stream, "three")
        rotate(log)
        append(log, "four")
        _, mark = until_line(stream, "four")
    finally:
        stream.close()
    append(log, "five")
    rotate(log)
    append(log, "six")
    again = hive.stream("/v1/agents/ada/log/stream?which=setup", {"last-event-id": mark})
    try:
        assert until_line(again, "six")[0] == ["five", "six"]
    finally:
        again.close()


def test_of_a_setup_only_its_own_log_is_shown_with_when_it_was_written(hive: LiveHive) -> None:
    log = hive.paths.agent("ada").setup_log
    append(log, "of the one before")
    rotate(log)
    append(log, "of this one")
    assert hive.get("/v1/agents/ada/log?which=setup")[1]["lines"] == ["of this one"]
    stream = hive.stream("/v1/agents/ada/log/stream?which=setup&lines=100")
    try:
        event = stream.next()
        assert event is not None
        data = event[2]
        assert data["lines"] == ["of this one"]
        assert (data["file"], data["written_at"][:4]) == (str(log.stat().st_ino), to_text(datetime.now(UTC))[:4])
        rotate(log)
        append(log, "anew")
        event = stream.next()
        assert event is not None
        assert event[2]["lines"] == ["anew"]
        assert event[2]["file"] != data["file"]
    finally:
        stream.close()


def test_streams_end_with_hived_and_are_bounded(hive: LiveHive) -> None:
    streams = [hive.stream("/v1/agents/ada/log/stream") for _ in range(32)]
    try:
        assert {stream.status for stream in streams} == {200}
        assert hive.get("/v1/agents/ada/log/stream")[0] == 400
        assert hive.stop() == 0
        assert streams[0].next() is None
    finally:
        for stream in streams:
            stream.close()
    hive.start()
    hive.until_online("ada")


def test_a_follower_takes_whole_lines_alone_and_knows_an_emptied_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    follower = Follower(log, None)
    assert follower.read() == []
    log.write_text("half")
    assert follower.read() == []
    append(log, " and half")
    assert follower.read() == ["half and half"]
    os.truncate(log, 0)
    append(log, "anew")
    assert follower.read() == ["anew"]
    follower.close()


def test_a_tail_reaches_into_the_log_before_it_and_says_where_to_go_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    append(log, "one", "two")
    rotate(log)
    append(log, "three")
    lines, position = tail(log, 2)
    assert lines == ["two", "three"]
    assert position is not None
    assert Position.read(str(position)) == position
    append(log, "four")
    follower = Follower(log, position)
    assert follower.read() == ["four"]
    follower.close()
    assert Position.read("nonsense") is None
