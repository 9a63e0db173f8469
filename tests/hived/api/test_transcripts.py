"""Transcripts: pages of a journal, and a stream that misses nothing and repeats nothing."""

import threading

from tests.support.hive import SseStream
from tests.support.own_agent import OwnAgent, event


def page(ada: OwnAgent, query: str = "") -> list[int]:
    status, answer = ada.hive.get(f"/v1/agents/ada/transcript{query}")
    assert status == 200, answer
    return [found["id"] for found in answer["events"]]


def test_without_a_journal_the_page_is_empty(ada: OwnAgent) -> None:
    empty: dict[str, object] = {"journal_uuid": None, "first_id": None, "last_id": None, "events": []}
    assert ada.hive.get("/v1/agents/ada/transcript") == (200, empty)


def test_pages_go_forward_backward_and_from_the_newest(ada: OwnAgent) -> None:
    ada.write_journal(*(event(number) for number in range(1, 501)))
    assert page(ada) == list(range(301, 501))
    assert page(ada, "?limit=3") == [498, 499, 500]
    assert page(ada, "?before=498&limit=3") == [495, 496, 497]
    assert page(ada, "?after=10&limit=2") == [11, 12]
    assert page(ada, "?after=10&before=12") == [11]
    assert page(ada, "?after=500") == []
    _, answer = ada.hive.get("/v1/agents/ada/transcript?limit=1")
    assert (answer["first_id"], answer["last_id"], answer["journal_uuid"]) == (1, 500, ada.journal_uuid)
    assert answer["events"][0]["payload"] == {"text": "line 500"}
    assert ada.hive.get("/v1/agents/ada/transcript?limit=1001")[1]["code"] == "invalid_request"


def test_what_was_pruned_still_counts(ada: OwnAgent) -> None:
    ada.write_journal(event(1), event(2))
    assert ada.journal is not None
    ada.journal.execute("DELETE FROM events")
    ada.journal.commit()
    _, answer = ada.hive.get("/v1/agents/ada/transcript")
    assert (answer["first_id"], answer["last_id"]) == (None, 2)


def test_a_reader_does_not_stand_in_the_writers_way(ada: OwnAgent) -> None:
    ada.write_journal(event(1))
    stream = ada.hive.stream("/v1/agents/ada/transcript/stream?after=0")
    assert stream.next() is not None
    assert ada.journal is not None
    ada.journal.execute("BEGIN EXCLUSIVE")
    ada.journal.rollback()
    assert ada.journal.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    stream.close()


def test_a_file_that_is_no_journal_is_said(ada: OwnAgent) -> None:
    ada.paths.events_db.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    status, answer = ada.hive.get("/v1/agents/ada/transcript")
    assert (status, answer["code"]) == (503, "journal_unavailable")


def test_an_unknown_agent_has_no_transcript(ada: OwnAgent) -> None:
    assert ada.hive.get("/v1/agents/nobody/transcript")[1]["code"] == "agent_not_found"
    assert ada.hive.get("/v1/agents/nobody/transcript/stream")[1]["code"] == "agent_not_found"


def test_hostile_text_stays_one_event(ada: OwnAgent) -> None:
    text = "a\n\nevent: x\rdata: {}\u2028 [b]no markup[/b]"
    ada.write_journal(event(1, text=text))
    ada.post_events(event(1, text=text), event(2, text=text))
    stream = ada.hive.stream("/v1/agents/ada/transcript/stream?after=0")
    found = stream.next()
    assert found is not None
    assert (found[0], found[1], found[2]["payload"]["text"]) == ("text", "1", text)
    stream.close()


def test_the_stream_without_a_cursor_starts_now_and_deltas_carry_no_id(ada: OwnAgent) -> None:
    ada.write_journal(event(1))
    ada.post_events(event(1))
    stream = ada.hive.stream("/v1/agents/ada/transcript/stream")
    ada.write_journal(event(2))
    ada.post_events(event(None, "text_delta", text="li"), event(2), event(None, "text_delta", text="ne"))
    found = [stream.next() for _ in range(3)]
    assert [(item[0], item[1]) for item in found if item] == [("text_delta", None), ("text", "2"), ("text_delta", None)]
    stream.close()


def test_live_events_alone_come_at_once_and_in_order(ada: OwnAgent) -> None:
    ada.post_events(event(1))
    stream = ada.hive.stream("/v1/agents/ada/transcript/stream")
    for number in range(5):
        ada.post_events(event(None, "text_delta", text=str(number)))
    assert [(stream.next() or ("", "", {}))[2]["payload"]["text"] for _ in range(5)] == list("01234")
    stream.close()


def test_a_journal_that_is_another_gets_a_resync_and_the_end(ada: OwnAgent) -> None:
    ada.write_journal(event(1), event(2))
    ada.post_events(event(1), event(2))
    for query in ("?after=3", "?after=1&journal=other"):
        stream = ada.hive.stream(f"/v1/agents/ada/transcript/stream{query}")
        assert (stream.next() or ("",))[0] == "resync"
        assert stream.next() is None
        stream.close()
    following = ada.hive.stream("/v1/agents/ada/transcript/stream?after=2")
    ada.journal_uuid = "a-new-journal"
    ada.post_events(event(1))
    assert (following.next() or ("",))[0] == "resync"
    assert following.next() is None
    following.close()


def test_streams_have_no_gap_and_no_double_while_events_pour_in(ada: OwnAgent) -> None:
    last, size = 6000, 40
    ada.write_journal(*(event(number) for number in range(1, size + 1)))
    ada.post_events(*(event(number) for number in range(1, size + 1)))

    def pour() -> None:
        for first in range(size + 1, last + 1, size):
            batch = [event(number) for number in range(first, first + size)]
            ada.write_journal(*batch)
            assert ada.post_events(*batch)[0] == 200

    seen: list[list[int]] = [[] for _ in range(4)]

    def read(number: int) -> None:
        """Reader by reader leaves more often, and resumes by what it saw last."""
        stays = last // (number + 1)
        while not seen[number] or seen[number][-1] < last:
            resume = {"Last-Event-ID": str(seen[number][-1])} if seen[number] else {}
            stream = SseStream(ada.hive.paths.host_socket, "/v1/agents/ada/transcript/stream?after=0", resume)
            for _ in range(stays):
                found = stream.next()
                if found is None:
                    break
                assert found[1] is not None
                seen[number].append(int(found[1]))
                if seen[number][-1] == last:
                    break
            stream.close()

    threads = [threading.Thread(target=read, args=(number,), daemon=True) for number in range(4)]
    threads.append(threading.Thread(target=pour, daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert [ids == list(range(1, last + 1)) for ids in seen] == [True] * 4
