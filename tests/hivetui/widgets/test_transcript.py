"""The virtualised transcript on a headless screen."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from textual.app import App, ComposeResult
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.selection import Selection

from hived.wire.events import Event
from hivetui.state.transcript import PAGE_EVENTS, Transcript, last_id_of
from hivetui.theme import THEME
from hivetui.widgets.transcript import TranscriptView
from tests.support.cost import costs_at_most

WHEN = "2026-11-20T14:00:00.000Z"
MANY = 100_000


class Shown(App[None]):
    """One transcript, which fills the screen; pages come when they are asked for."""

    CSS = "TranscriptView { height: 1fr; }"

    def __init__(self, transcript: Transcript) -> None:
        super().__init__()
        self.register_theme(THEME)
        self.theme = "hive"
        self.view = TranscriptView(transcript)
        self.wanted: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.view

    def on_transcript_view_page_wanted(self, event: TranscriptView.PageWanted) -> None:
        self.wanted.append(event.page)
        before = last_id_of(event.page) + 1
        transcript = self.view.transcript
        ids = range(max(1, before - PAGE_EVENTS), before)
        touched = transcript.take_page([text(id) for id in ids], transcript.first_id, transcript.last_id, before)
        self.view.events_changed(touched)
        self.view.paint()

    def lines(self) -> list[str]:
        """What is on the screen."""
        return [self.view.render_line(y).text.rstrip() for y in range(self.view.size.height)]


def text(id: int, **payload: Any) -> Event:
    said = f"event {id} " + "and some more words that make it wrap " * (id % 4)
    return Event(id=id, ts=WHEN, kind="text", payload={"text": said, **payload})


def journal(last: int, loaded: int = 400) -> Transcript:
    transcript = Transcript("alice")
    transcript.begin("journal")
    transcript.take_page([text(id) for id in range(max(1, last - loaded + 1), last + 1)], 1, last, None)
    return transcript


@asynccontextmanager
async def shown(transcript: Transcript, size: tuple[int, int] = (60, 20)) -> AsyncIterator[tuple[Shown, Pilot[None]]]:
    app = Shown(transcript)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.view.focus()
        await pilot.pause()
        yield app, pilot


def numbers(lines: list[str]) -> Iterator[int]:
    return (int(line.split("event ")[1].split()[0]) for line in lines if "event " in line)


async def test_the_newest_are_shown_and_the_scrollbar_is_over_all() -> None:
    async with shown(journal(MANY)) as (app, _):
        assert max(numbers(app.lines())) == MANY
        assert app.view.virtual_size.height > MANY
        assert app.view.follows


async def test_opening_a_hundred_thousand_events_is_quick() -> None:
    async with shown(journal(10)) as (app, _):
        transcript = journal(MANY)
        with costs_at_most(0.5):
            app.view.show(transcript)
            app.view.paint()
            app.lines()


async def test_new_events_are_followed_until_the_operator_scrolls_up() -> None:
    async with shown(journal(300)) as (app, pilot):
        view = app.view
        view.events_changed(view.transcript.take_live([text(301)]))
        view.paint()
        assert max(numbers(app.lines())) == 301
        await pilot.press("up", "up")
        before = app.lines()[:-1]
        view.events_changed(view.transcript.take_live([text(302), text(303)]))
        view.paint()
        assert app.lines()[:-1] == before
        assert "2 new ↓" in app.lines()[-1]
        await pilot.press("end")
        assert max(numbers(app.lines())) == 303
        assert view.unseen == 0


async def test_scrolling_up_moves_by_one_line_over_what_was_never_measured() -> None:
    async with shown(journal(2000, 400)) as (app, pilot):
        before = app.lines()
        for _ in range(120):
            await pilot.press("up")
            now = app.lines()
            assert now[1:] == before[:-1] or "new ↓" in now[-1]
            before = now
        assert not app.view.follows


async def test_a_page_that_is_scrolled_to_is_loaded_and_what_is_shown_stays() -> None:
    async with shown(journal(5000)) as (app, pilot):
        await pilot.press("home")
        await pilot.pause()
        assert min(numbers(app.lines())) == 1
        assert 0 in app.wanted
        app.view.scroll_to(y=app.view.virtual_size.height // 2, animate=False, immediate=True)
        await pilot.pause()
        found = list(numbers(app.lines()))
        assert found == sorted(found)
        assert 1000 < found[0] < 4000


async def test_a_resize_keeps_what_is_at_the_top_and_the_end_at_the_end() -> None:
    async with shown(journal(1000)) as (app, pilot):
        await pilot.resize_terminal(40, 30)
        await pilot.pause()
        assert max(numbers(app.lines())) == 1000
        app.view.scroll_relative(y=-200, animate=False, immediate=True)
        await pilot.pause()
        top = next(numbers(app.lines()))
        await pilot.resize_terminal(90, 24)
        await pilot.pause()
        assert abs(next(numbers(app.lines())) - top) <= 1


async def test_a_long_result_unfolds_where_it_stands() -> None:
    transcript = journal(50, 50)
    long = "\n".join(f"row {n}" for n in range(200))
    transcript.take_live([Event(id=51, ts=WHEN, kind="tool_result", payload={"tool": "Bash", "text": long})])
    async with shown(transcript) as (app, pilot):
        assert any("199 more lines" in line for line in app.lines())
        await pilot.press("o")
        assert app.lines()[2:5] == ["  Bash row 0", "  row 1", "  row 2"]
        await pilot.press("o")
        assert any("199 more lines" in line for line in app.lines())


async def test_the_tail_streams_as_plain_text_and_is_replaced_when_it_is_whole() -> None:
    async with shown(journal(5, 5)) as (app, pilot):
        view = app.view
        view.events_changed(
            view.transcript.take_live([Event(ts=WHEN, kind="text_delta", payload={"text": "**so** [red]"})])
        )
        view.paint()
        assert app.lines()[-1] == "• **so** [red]" or "• **so** [red]" in app.lines()
        view.events_changed(
            view.transcript.take_live([Event(id=6, ts=WHEN, kind="text", payload={"text": "**so** [red]"})])
        )
        view.paint()
        assert "  so [red]" in app.lines()


async def test_selected_text_is_what_is_drawn_without_padding() -> None:
    transcript = Transcript("alice")
    events = [Event(id=n, ts=WHEN, kind="note", payload={"text": f"line {n}"}) for n in range(1, 4)]
    transcript.take_page(events, 1, 3, None)
    async with shown(transcript) as (app, _):
        whole = app.view.get_selection(Selection(None, None))
        assert whole == ("note line 1\nnote line 2\nnote line 3", "\n")
        part = app.view.get_selection(Selection(Offset(5, 0), Offset(4, 1)))
        assert part == ("line 1\nnote", "\n")


async def test_hostile_text_is_drawn_as_text() -> None:
    transcript = Transcript("alice")
    hostile = [
        "[bold red]x[/]",
        "\x1b[31mred\x1b[0m",
        "\u202eevil",
        "日本語" * 40,
        "👩‍👩‍👧" * 30,
        "z" + "\u0300" * 400,
        "y" * 100_000,
    ]
    events = [Event(id=n, ts=WHEN, kind="text", payload={"text": said}) for n, said in enumerate(hostile, 1)]
    transcript.take_page(events, 1, len(events), None)
    async with shown(transcript) as (app, pilot):
        for _ in range(6):
            assert all(app.view.render_line(y).cell_length == app.view.size.width for y in range(20))
            await pilot.press("home")
        assert app.lines()[:3] == ["• [bold red]x[/]", "  red", "  evil"]


async def test_a_journal_that_begins_anew_is_drawn_anew() -> None:
    async with shown(journal(500)) as (app, _):
        transcript = app.view.transcript
        assert transcript.begin("another")
        transcript.take_page([text(1)], 1, 1, None)
        app.view.restart()
        app.view.paint()
        assert list(numbers(app.lines())) == [1]
