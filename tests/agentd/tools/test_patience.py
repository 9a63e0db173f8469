"""An inbox for clients that give a tool up early: it answers in time, and says that there may be more to wait for."""

from collections.abc import Sequence
from typing import Any

import pytest

from agentd.engines.base import ToolAnswer, ToolDefinition
from agentd.tools.patience import Patience
from hived.wire.messages import Message

MESSAGE = Message(id="m1", sender="bob", recipient="ann", body="x", thread="m1", sent_at="2026-01-01T00:00:00.000Z")


class Asked:
    """Says what it was asked, and answers as it is told."""

    def __init__(self, answer: ToolAnswer) -> None:
        self.answer = answer
        self.calls: list[tuple[str, dict[str, Any]]] = []

    @property
    def definitions(self) -> Sequence[ToolDefinition]:
        return []

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolAnswer:
        self.calls.append((name, arguments))
        return self.answer


@pytest.mark.parametrize(
    ("given", "asked"), [({"wait": 180}, 20), ({"wait": "60"}, 20), ({"wait": 5}, 5), ({"wait": 181}, 181), ({}, None)]
)
async def test_a_wait_is_cut_to_what_a_client_bears(given: dict[str, Any], asked: float | None) -> None:
    tools = Asked(ToolAnswer("Nothing waits."))
    answer = await Patience(tools).call("inbox", given)
    assert tools.calls[0][1].get("wait") == asked
    assert ("call it again" in answer.text) == (asked == 20)


async def test_what_came_is_given_as_it_is() -> None:
    tools = Asked(ToolAnswer("Here.", messages=(MESSAGE,)))
    assert (await Patience(tools).call("inbox", {"wait": 180})).text == "Here."


async def test_other_tools_are_left_alone() -> None:
    tools = Asked(ToolAnswer("sent"))
    assert (await Patience(tools).call("send", {"wait": 180})).text == "sent"
    assert tools.calls == [("send", {"wait": 180})]
