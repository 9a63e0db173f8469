"""The feed: from a cursor, without a gap; a cursor of no use is told so; a slow reader is cut off and loses nothing."""

from typing import Any

from tests.support.hive import LiveHive, SseStream, live_hive


def send(hive: LiveHive, body: str) -> None:
    status, answer = hive.post("/v1/messages", {"to": "ada", "body": body})
    assert status in (200, 201), answer


def with_agent(hive: LiveHive) -> None:
    (hive.home / "hive.toml").write_text("start_seconds = 100\nreader_buffer_bytes = 65536\nfeed_rows = 100\n")
    hive.start()
    hive.spawn("ada", "command", engine_options={"command": ["cat"], "fake": "deaf"})


def next_event(stream: SseStream) -> tuple[str, int, Any]:
    found = stream.next()
    assert found is not None
    assert found[1] is not None
    return found[0], int(found[1]), found[2]


def newest(hive: LiveHive) -> int:
    return int(hive.get("/v1/snapshot")[1]["seq"])


def test_the_feed_goes_on_where_the_snapshot_ends() -> None:
    with live_hive(start=False, module="tests.support.fake_hived") as hive:
        with_agent(hive)
        seq = newest(hive)
        stream = hive.stream(f"/v1/feed?after={seq}")
        send(hive, "hello")
        seen: list[tuple[str, int, Any]] = []
        while not any(kind == "message" for kind, _, _ in seen):
            seen.append(next_event(stream))
        stream.close()
        assert [number for _, number, _ in seen] == list(range(seq + 1, seq + 1 + len(seen)))
        kind, number, row = next(event for event in seen if event[0] == "message")
        assert row["seq"] == number
        assert row["kind"] == kind
        assert row["payload"]["body"] == "hello"


def test_all_that_is_kept_comes_again_and_live_rows_follow() -> None:
    with live_hive(start=False, module="tests.support.fake_hived") as hive:
        with_agent(hive)
        last = newest(hive)
        stream = hive.stream("/v1/feed", {"Last-Event-ID": "0"})
        assert [next_event(stream)[1] for _ in range(last)] == list(range(1, last + 1))
        send(hive, "more")
        assert next_event(stream)[1] == last + 1
        stream.close()


def test_a_cursor_too_old_or_from_the_future_gets_one_resync_and_the_end() -> None:
    with live_hive(start=False, module="tests.support.fake_hived") as hive:
        with_agent(hive)
        for number in range(300):
            send(hive, f"{number}")
        for after in (1, 10_000_000):
            stream = hive.stream(f"/v1/feed?after={after}")
            found = stream.next()
            assert found is not None
            assert found[0] == "resync"
            assert stream.next() is None
            stream.close()


def test_a_slow_reader_is_cut_off_and_resumes_without_loss() -> None:
    with live_hive(start=False, module="tests.support.fake_hived") as hive:
        with_agent(hive)
        start = newest(hive)
        slow = hive.stream(f"/v1/feed?after={start}")
        for number in range(30):
            send(hive, f"{number} " + "x" * 50_000)
        last = newest(hive)
        seen: list[int] = []
        while (found := slow.next()) is not None:
            assert found[1] is not None
            seen.append(int(found[1]))
        slow.close()
        assert seen[-1] < last, "it was cut off"
        resumed = hive.stream("/v1/feed", {"Last-Event-ID": str(seen[-1])})
        while seen[-1] < last:
            seen.append(next_event(resumed)[1])
        resumed.close()
        assert seen == list(range(start + 1, last + 1))


def test_a_stopping_hived_ends_the_stream() -> None:
    with live_hive() as hive:
        stream = hive.stream("/v1/feed")
        hive.process.terminate()  # type: ignore[union-attr]
        assert stream.next() is None
        stream.close()
        assert hive.process is not None
        assert hive.process.wait(60) == 0
