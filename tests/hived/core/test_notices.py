"""What is told: each thing once, one clean line, never an option, whatever an agent wrote."""

import unicodedata
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hived.core import notices, waiting
from hived.core.notices import notice_of, take_untold
from hived.wire.approvals import WaitingItem, WaitingKind
from hived.wire.notices import BEGIN, MOST_CHARACTERS, NOUNS
from tests.support.books import Books

KINDS = get_args(WaitingKind)


def item(kind: WaitingKind = "tool_use", agent: str | None = "scout", subject: str = "Bash make") -> WaitingItem:
    return WaitingItem(id="id-1", kind=kind, agent=agent, subject=subject, since="2026-01-01T00:00:00.000Z")


items = st.builds(
    item, kind=st.sampled_from(KINDS), agent=st.sampled_from(["scout", "queen", None]), subject=st.text(max_size=600)
)


@given(st.lists(items, min_size=1, max_size=40))
def test_the_text_is_one_clean_line_that_begins_with_hive(several: list[WaitingItem]) -> None:
    text = notice_of(several).text
    assert text.startswith(BEGIN)
    assert len(text) <= MOST_CHARACTERS
    assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    text.encode()


def test_every_kind_has_a_noun() -> None:
    assert set(NOUNS) == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "agent", "subject", "said"),
    [
        ("tool_use", "scout", "Bash git push", "hive: scout asks: may it run Bash git push?"),
        ("question", "scout", "Keep the v1 endpoint?", "hive: scout asks: Keep the v1 endpoint?"),
        (
            "spawn",
            "queen",
            "spawn scout (worker, claude, haiku)",
            "hive: queen asks: may it spawn scout (worker, claude, haiku)?",
        ),
        ("parked", "bob", "bob is parked: crashed 3 times", "hive: bob is parked: crashed 3 times"),
        ("rate_limited", "eve", "eve is rate limited until noon", "hive: eve is rate limited until noon"),
        ("held_message", "bob", "queen: count them (3 times)", "hive: a message to bob is held: queen: count them (3 times)"),
        (
            "spawn",
            None,
            "spawn ada (worker, command)",
            "hive: you asked for it, and it waits on your word: spawn ada (worker, command)",
        ),
    ],
)  # fmt: skip
def test_one_thing_is_told_by_what_it_is(kind: WaitingKind, agent: str | None, subject: str, said: str) -> None:
    notice = notice_of([item(kind, agent, subject)])
    assert notice.text == said
    assert (notice.kind, notice.count, notice.agent, notice.id) == (kind, 1, agent or "", "id-1")


def test_a_long_command_is_cut_and_stays_a_question() -> None:
    text = notice_of([item(subject="Bash " + "x" * 500)]).text
    assert len(text) == MOST_CHARACTERS
    assert text.endswith("…?")


def test_several_things_are_counted_by_kind_the_most_first() -> None:
    several = [item()] * 9 + [item("question")] * 3
    notice = notice_of(several)
    assert notice.text == "hive: 12 things wait: 9 tool uses, 3 questions"
    assert (notice.kind, notice.count, notice.agent, notice.id) == (notices.SEVERAL, 12, "", "")
    assert notice_of([item(), item()]).kind == "tool_use"


async def test_each_thing_is_taken_once_and_a_thing_that_comes_again_is_another(books: Books) -> None:
    await books.do(lambda tx: waiting.open_item(tx, "a", "parked", agent="ada", subject="ada is parked"))
    assert [found.id for found in await books.do(take_untold)] == ["a"]
    await books.do(lambda tx: waiting.open_item(tx, "a", "parked", agent="ada", subject="ada is parked: again"))
    assert await books.do(take_untold) == []
    await books.do(lambda tx: waiting.close_item(tx, "a", "parked"))
    await books.do(lambda tx: waiting.open_item(tx, "a", "parked", agent="ada", subject="ada is parked"))
    assert [found.id for found in await books.do(take_untold)] == ["a"]
