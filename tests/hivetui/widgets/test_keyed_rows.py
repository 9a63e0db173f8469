"""The cursor stays on its row, and the row where it is, however the list changes."""

from textual.app import App, ComposeResult

from hivetui.keymap import LISTINGS
from hivetui.widgets.keyed_rows import KeyedRows
from hivetui.widgets.lines import Line

DRAWN: list[str] = []


def line_of(id: str, width: int) -> Line:
    DRAWN.append(id)
    return ((id, "text"),)


class ListApp(App[None]):
    def compose(self) -> ComposeResult:
        yield KeyedRows(id="rows")


def numbered(start: int, end: int) -> list[str]:
    return [f"row {n}" for n in range(start, end)]


async def test_what_comes_before_the_cursor_moves_neither_it_nor_its_row_on_the_screen() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 10)) as pilot:
        rows = app.query_one(KeyedRows)
        rows.show(numbered(0, 100), line_of)
        await pilot.pause()
        rows.focus()
        await pilot.press(*["down"] * 30)
        await pilot.pause()
        at = rows.cursor_index - rows.scroll_offset.y
        rows.show([*(f"new {n}" for n in range(5)), *numbered(0, 100)], line_of)
        await pilot.pause()
        assert rows.chosen == "row 30"
        assert rows.cursor_index - rows.scroll_offset.y == at


async def test_where_its_row_goes_the_cursor_is_on_the_next_and_where_all_go_on_none() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 10)) as pilot:
        rows = app.query_one(KeyedRows)
        rows.show(["a", "b", "c"], line_of)
        rows.go_to("b")
        await pilot.pause()
        rows.show(["a", "c"], line_of)
        assert rows.chosen == "c"
        rows.show([], line_of)
        assert rows.chosen is None


async def test_of_ten_thousand_rows_only_those_on_the_screen_are_drawn() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 10)) as pilot:
        rows = app.query_one(KeyedRows)
        DRAWN.clear()
        rows.show(numbered(0, 10_000), line_of)
        await pilot.pause()
        rows.focus()
        await pilot.press("end")
        await pilot.pause()
        assert rows.chosen == "row 9999"
        assert len(set(DRAWN)) <= 40


def test_every_listing_has_keys_of_its_own() -> None:
    assert {"threads", "rules", "budgets", "reminders", "audit", "tombstones", "deployments"} == LISTINGS
