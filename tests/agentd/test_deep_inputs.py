"""What an engine nests absurdly deep reaches hived cut, and is never asked about: hived could read it no more than we can write it."""

import json
from typing import Any, cast

import pytest

from agentd.asks import Asks
from agentd.event_lines import payload_text
from hived.wire.base import MOST_NESTED


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [200, 900, 975, 5000])
def test_a_payload_is_cut_where_it_is_nested_too_deep(depth: int) -> None:
    text = payload_text({"tool": "Bash", "input": nested(depth)})
    assert json.loads(text)["tool"] == "Bash"
    assert text.count("[") <= MOST_NESTED + 1


def test_a_payload_of_many_brackets_that_is_flat_is_left_as_it_is() -> None:
    payload = {"input": {"content": "[{" * 5000, "edits": [{"old_string": "[", "n": 1.5, "x": None}] * 200}}
    assert json.loads(payload_text(payload)) == payload


@pytest.mark.parametrize("bad", [nested(200), float("nan"), float("inf")], ids=["deep", "nan", "inf"])
async def test_an_input_that_could_not_be_asked_about_is_denied_and_the_engine_told_why(bad: Any) -> None:
    nobody = cast(Any, None)
    answer = await Asks(nobody, nobody, nobody, lambda: "t1").permission("Bash", {"command": bad}, "use-1")
    assert not answer.allowed
    assert str(answer.note).startswith("Nobody can be asked about such an input: ")
