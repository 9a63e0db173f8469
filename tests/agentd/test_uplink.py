"""The way up: in order, once, whatever hived does meanwhile."""

import asyncio
import json
from pathlib import Path

from agentd.journal import Journal
from agentd.uplink import Uplink
from hived.client.agent_client import AgentClient
from hived.wire.messages import RefusedMessage
from tests.agentd.programs import FLOODS_AFTER_GO
from tests.agentd.rig import Rig, until

FLOOD = "import sys\nfor n in range({count}): print('line', n)\n"


def lines_of(rig: Rig) -> list[str]:
    return [payload["text"] for payload in rig.stub.payloads("text")]


async def test_a_flood_arrives_whole_in_order_and_in_batches(rig: Rig) -> None:
    rig.command(FLOOD.format(count=20_000))
    await rig.start()
    await rig.stub.send("go")
    await rig.stub.turn_ends()
    assert lines_of(rig) == [f"line {n}" for n in range(20_000)]
    assert max(rig.stub.batches) <= 2000
    assert len(rig.stub.batches) < 2000


async def test_what_happens_while_hived_is_away_comes_later_once_and_in_order(rig: Rig) -> None:
    rig.command(FLOODS_AFTER_GO)
    await rig.start()
    await rig.stub.send("go")
    await rig.stub.until(lambda: lines_of(rig), "the turn running")
    await rig.stub.stop()
    (rig.workspace / "go").touch()
    await until((rig.workspace / "printed").exists, "the program having printed all")
    await rig.stub.start()
    await rig.stub.turn_ends()
    assert lines_of(rig) == ["first", *(f"line {n}" for n in range(30_000))]
    (end,) = rig.stub.payloads("turn_end")
    assert end["outcome"] == "ok"


async def test_the_harness_is_back_within_2_seconds_of_hived(rig: Rig) -> None:
    rig.scripted({"steps": []})
    await rig.start()
    await rig.stub.stop()
    await until(lambda: rig.log().count("hived is not running"), "the harness missing hived")
    rig.stub.statuses.clear()
    await rig.stub.start()
    await rig.stub.until(lambda: rig.stub.statuses, "the harness coming back", seconds=2.0)


async def test_a_gap_is_filled_from_where_hived_says(rig: Rig) -> None:
    rig.scripted({"repeat": True, "steps": [{"say": "hello"}]})
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.turn_ends(1)
    (journal,) = rig.stub.books.cursors
    rig.stub.books.cursors[journal] = 2
    del rig.stub.books.events[2:]
    await rig.stub.send("two")
    await rig.stub.turn_ends(2)
    ids = [event["id"] for event in rig.stub.books.events]
    assert ids == list(range(1, len(ids) + 1))


async def test_live_words_come_while_hived_listens_and_are_never_stored(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "one two three", "pace": 0.03}]})
    await rig.start()
    await rig.stub.send("go")
    await rig.stub.turn_ends()
    assert "".join(event["payload"]["text"] for event in rig.stub.live) == "one two three "
    assert "text_delta" not in rig.stub.kinds()


async def test_an_error_of_hived_delays_a_batch_and_loses_nothing(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "hello"}]})
    await rig.start()
    failures = iter([503, 500, 503])

    def fault(method: str, path: str) -> tuple[int, dict[str, object]] | None:
        status = next(failures, None) if path == "/v1/events" else None
        return None if status is None else (status, {"code": "internal", "message": "broken", "detail": {}})

    rig.stub.fault = fault
    await rig.stub.send("go")
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "ok"
    assert lines_of(rig) == ["hello"]


async def test_an_event_that_hived_will_not_have_is_replaced_by_a_note_and_holds_up_nothing(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "fine"}, {"say": "poison"}, {"say": "fine too"}]})
    await rig.start()
    real = rig.stub._take

    def take(headers: dict[str, str], body: bytes) -> tuple[int, dict[str, object]]:
        if b"poison" in body:
            return 400, {"code": "invalid_request", "message": "it makes no sense", "detail": {}}
        return real(headers, body)

    rig.stub._take = take  # type: ignore[method-assign]
    await rig.stub.send("go")
    await rig.stub.turn_ends()
    assert lines_of(rig) == ["fine", "fine too"]
    assert "hived refused this event" in rig.stub.payloads("note")[0]["text"]


async def test_an_event_of_20_mb_arrives_cut_and_is_kept_whole(rig: Rig) -> None:
    rig.command("print('x' * 20_000_000)\nprint('after')\n")
    await rig.start()
    await rig.stub.send("go")
    await rig.stub.turn_ends()
    long, after = rig.stub.payloads("text")
    assert after == {"text": "after"}
    assert len(json.dumps(long)) < 256 * 1024
    assert long["cut"]["text"]["bytes"] == 20_000_000
    kept = rig.harness / "overflow" / long["cut"]["text"]["file"]
    assert kept.read_text() == "x" * 20_000_000


async def test_a_sent_message_is_told_apart_from_a_refused_and_a_queued_one(rig: Rig) -> None:
    rig.stub.refuse_to = {"nobody"}
    rig.scripted(
        {
            "steps": [
                {"send": {"to": "bob", "body": "one"}},
                {"send": {"to": "nobody", "body": "two"}},
                {"say": "begun"},
                {"wait_for_file": "go"},
                {"send": {"to": "bob", "body": "three"}},
                {"send": {"to": "nobody", "body": "four"}},
            ]
        },
        {"steps": [{"say": "next"}]},
    )
    await rig.start()
    await rig.stub.send("go")
    await rig.stub.until(lambda: lines_of(rig), "the first two being sent")
    await rig.stub.stop()
    (rig.workspace / "go").touch()
    await until(lambda: len(rig.journalled("tool_result")) == 4, "both being queued")
    await rig.stub.start()
    await rig.stub.turn_ends()
    texts = [result["text"] for result in rig.stub.payloads("tool_result")]
    assert texts[0].startswith("sent: ")
    assert texts[1] == "not sent (agent_not_found): There is no such agent."
    assert texts[2].startswith("queued: ")
    assert [sent["body"] for sent in rig.stub.books.sent.values()] == ["one", "three"]
    await rig.stub.until(lambda: rig.stub.payloads("note"), "the late refusal being told")
    assert "was not sent (agent_not_found)" in rig.stub.payloads("note")[0]["text"]


async def test_without_a_journal_it_says_so_and_works_on(rig: Rig) -> None:
    (rig.harness / "events.sqlite").write_bytes(b"this is no database" * 1000)
    rig.scripted({"repeat": True, "steps": [{"say": "hello"}]})
    await rig.start()
    await rig.stub.send("go")
    await rig.stub.turn_ends()
    assert lines_of(rig) == ["hello"]
    change = rig.stub.payloads("status_changed")[0]
    assert (change["condition"], change["on"]) == ("no_journal", True)
    assert "NO JOURNAL" in rig.log()
    first = set(rig.stub.books.cursors)
    await rig.kill()
    await rig.start()
    await rig.stub.send("again")
    await rig.stub.turn_ends(2)
    assert len(set(rig.stub.books.cursors) - first) == 1


async def test_what_was_refused_in_an_answer_that_was_lost_is_in_the_next_hello_and_is_told_once(
    tmp_path: Path,
) -> None:
    journal = await Journal.open(tmp_path / "events.sqlite", tmp_path / "overflow")
    client = AgentClient(tmp_path / "agent.sock", 1)
    late: list[str] = []
    try:
        uplink = Uplink(client, journal, lambda refused: late.append(refused.message_id), log=lambda line: None)
        uplink.connect(0)
        words = [
            asyncio.ensure_future(uplink.word_on(name, number, 10))
            for number, name in enumerate(("taken", "refused"), 1)
        ]
        await asyncio.sleep(0)  # they wait now
        uplink.disconnect()
        refused = [
            RefusedMessage(message_id=name, code="queue_full", message="Full.") for name in ("refused", "before")
        ]
        uplink.connect(2, refused)
        assert [await word for word in words] == [None, refused[0]]
        uplink.connect(2, refused)
        assert late == ["before"]
    finally:
        await client.close()
        await journal.close()


async def test_what_is_refused_late_is_told_in_the_turn_that_sent_it(rig: Rig) -> None:
    rig.stub.refuse_kinds = {"question_out"}
    rig.scripted(
        {"steps": [{"say": "begun"}, {"wait_for_file": "go"}, {"ask": {"text": "Which?"}}, {"wait_for_file": "on"}]},
        {"steps": [{"say": "I see."}]},
    )
    await rig.start()
    message = await rig.stub.send("go")
    await rig.stub.until(lambda: lines_of(rig), "the turn")
    await rig.stub.stop()
    (rig.workspace / "go").touch()
    await until(lambda: rig.journalled("tool_result"), "the question being queued")
    await rig.stub.start()
    await rig.stub.until(lambda: rig.stub.payloads("note"), "the late refusal")
    (rig.workspace / "on").touch()
    (end,) = await rig.stub.turn_ends()
    assert (end["outcome"], end["message_ids"]) == ("ok", [message])
    assert lines_of(rig) == ["begun", "I see."]
    question = rig.stub.payloads("question_out")[0]["question_id"]
    (note,) = rig.stub.payloads("note")
    assert note["text"] == f"Your question {question} was not asked (invalid_request): It makes no sense."
