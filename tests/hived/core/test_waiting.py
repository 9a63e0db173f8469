"""The one list: what blocks first, then the oldest, each thing once, and gone with what it was about."""

from hived.core import waiting
from tests.support.books import Books


async def test_it_is_listed_oldest_first_and_once(books: Books) -> None:
    await books.do(lambda tx: waiting.open_item(tx, "b", "parked", agent="ada", subject="second", since="2026-02"))
    await books.do(lambda tx: waiting.open_item(tx, "a", "parked", agent="ada", subject="first", since="2026-01"))
    await books.do(lambda tx: waiting.open_item(tx, "b", "parked", agent="ada", subject="new\nwords", since="2026-09"))
    assert [(item.id, item.subject, item.since) for item in await books.waiting()] == [
        ("a", "first", "2026-01"),
        ("b", "new words", "2026-02"),
    ]


async def test_what_somebody_stands_still_for_comes_first(books: Books) -> None:
    for item_id, since, blocks in (("a", "2026-01", False), ("b", "2026-03", True), ("c", "2026-02", True)):
        await books.do(
            lambda tx, id=item_id, since=since, blocks=blocks: waiting.open_item(  # type: ignore[misc]
                tx, id, "tool_use", agent="ada", subject="x", since=since, blocks=blocks
            )
        )
    assert [item.id for item in await books.waiting()] == ["c", "b", "a"]
    await books.do(lambda tx: waiting.open_item(tx, "c", "tool_use", agent="ada", subject="x", blocks=False))
    assert [item.id for item in await books.waiting()] == ["b", "a", "c"]


async def test_it_is_closed_once_and_by_its_kind(books: Books) -> None:
    await books.do(lambda tx: waiting.open_item(tx, "x", "parked", agent="ada", subject="parked"))
    await books.do(lambda tx: waiting.open_item(tx, "x", "needs_login", agent="ada", subject="login"))
    assert await books.do(lambda tx: waiting.close_item(tx, "x", "parked")) is True
    assert await books.do(lambda tx: waiting.close_item(tx, "x", "parked")) is False
    assert [item.kind for item in await books.waiting()] == ["needs_login"]
    assert [row.payload for row in books.feed if row.kind == "waiting_removed"] == [{"id": "x", "kind": "parked"}]
