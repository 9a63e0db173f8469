"""The hive's tools as an engine calls them: what they refuse, they refuse in one sentence and without a trace."""

from typing import Any

import pytest

from tests.agentd.rig import Rig


async def result_of(rig: Rig, arguments: dict[str, Any]) -> dict[str, Any]:
    rig.scripted({"steps": [{"send": arguments}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.turn_ends()
    (result,) = rig.stub.payloads("tool_result")
    return result


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"to": "bob", "body": "x" * 300_000}, "`body` is too long"),
        ({"to": "bob", "body": '"' * 140_000}, "`body` is too long"),
        ({"to": "bob", "body": "  "}, "`body` is missing"),
        ({"to": "", "body": "x"}, "`to` is missing"),
    ],
)
async def test_a_message_that_cannot_be_sent_is_refused_and_never_written_down(
    rig: Rig, arguments: dict[str, Any], sentence: str
) -> None:
    result = await result_of(rig, arguments)
    assert result["is_error"] is True
    assert sentence in result["text"]
    assert not rig.stub.payloads("message_out")


async def test_a_long_message_that_fits_arrives_whole(rig: Rig) -> None:
    body = "ü" * 120_000
    result = await result_of(rig, {"to": "bob", "body": body})
    assert result["text"].startswith("sent: ")
    (sent,) = rig.stub.books.sent.values()
    assert sent["body"] == body
