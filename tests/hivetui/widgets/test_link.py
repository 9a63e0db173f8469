"""A login's link reaches the browser whole, and is the engine's word: shown, never trusted."""

import pytest
from textual.app import App, ComposeResult
from textual.selection import SELECT_ALL

from hivetui.widgets.link import LinkText, target_of
from tests.hivetui.scene import LOGIN_URL


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://",
        "https://[",
        "",
        "https://x/\x1b[2J",
        "https://ex\u0430mple.com",
    ],
)
def test_a_terminal_is_given_nothing_to_open_but_a_plain_web_address(url: str) -> None:
    assert target_of(url) is None


class Page(App[None]):
    def compose(self) -> ComposeResult:
        yield LinkText()


async def test_its_lines_stand_from_edge_to_edge_and_joined_they_are_the_link() -> None:
    app = Page()
    async with app.run_test(size=(80, 24)) as pilot:
        link = app.query_one(LinkText)
        link.show(LOGIN_URL)
        await pilot.pause()
        rows = [strip.text for strip in app.screen._compositor.render_strips()[: link.size.height]]
        assert link.size.height == -(-len(LOGIN_URL) // 80)
        assert all(len(row.rstrip()) == 80 for row in rows[:-1])
        assert "".join(row.rstrip() for row in rows) == LOGIN_URL
        strip = link.render_line(0)
        assert {segment.style.link for segment in strip if segment.style and segment.text.strip()} == {LOGIN_URL}


async def test_selected_it_is_copied_as_one_line() -> None:
    app = Page()
    async with app.run_test(size=(80, 24)) as pilot:
        link = app.query_one(LinkText)
        link.show(f" {LOGIN_URL[:90]}\n{LOGIN_URL[90:]}\x1b[0m ")
        await pilot.pause()
        assert link.get_selection(SELECT_ALL) == (LOGIN_URL, "\n")
