"""A pane on a long journal, for tests and for the benchmark: how long from opening it to its newest page being painted."""

from time import perf_counter

from textual.app import App, ComposeResult

from hived.wire.events import Event, TranscriptPage
from hivetui.state.transcript import Transcript
from hivetui.sync import OPENING_EVENTS
from hivetui.theme import THEME
from hivetui.widgets.transcript import TranscriptView

SIZE = (120, 40)
KINDS = ("text", "tool_use", "tool_result")


def event(id: int) -> Event:
    """Text, a tool's use and its result by turns, of the size that agents write."""
    kind = KINDS[id % 3]
    said = f"event {id}: the tokenizer moved out behind the same names, and its tests moved with it. " * (1 + id % 4)
    use = f"use-{id - id % 3}"
    payload = {"text": said, "tool": "Bash", "tool_use_id": use, "input": {"command": f"pytest -q -k case_{id}"}}
    return Event.model_construct(id=id, ts="2026-11-20T14:00:00.000Z", kind=kind, payload=payload)


def newest_page(events: int) -> TranscriptPage:
    """What hived answers when a pane opens on a journal of so many events."""
    listed = [event(id) for id in range(max(1, events - OPENING_EVENTS + 1), events + 1)]
    return TranscriptPage.model_construct(journal_uuid="journal", first_id=1, last_id=events, events=listed)


class OnePane(App[None]):
    CSS = "TranscriptView { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(THEME)
        self.theme = THEME.name
        self.view = TranscriptView(Transcript("alice"))

    def compose(self) -> ComposeResult:
        yield self.view


async def seconds_to_paint(events: int) -> float:
    """From the page's arrival to the newest events standing in the pane, with a scrollbar over all of the journal."""
    app = OnePane()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        page = newest_page(events)
        begin = perf_counter()
        transcript = Transcript("bob")
        transcript.begin(page.journal_uuid)
        transcript.take_page(page.events, page.first_id, page.last_id, None)
        app.view.show(transcript)
        app.view.paint()
        lines = [app.view.render_line(y).text for y in range(app.view.size.height)]
        spent = perf_counter() - begin
        assert any(f"event {events}" in line or f"case_{events}" in line for line in lines), (
            "the newest event is not shown"
        )
        assert app.view.virtual_size.height >= events, "the scrollbar is not over all of the journal"
        return spent


async def seconds_per_append(events: int, appended: int = 2000) -> float:
    """The mean time of taking in one live event and laying the pane out, on a journal of so many."""
    app = OnePane()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        page = newest_page(events)
        transcript = app.view.transcript
        transcript.begin(page.journal_uuid)
        transcript.take_page(page.events, page.first_id, page.last_id, None)
        app.view.paint()
        begin = perf_counter()
        for id in range(events + 1, events + appended + 1):
            app.view.events_changed(transcript.take_live([event(id)]))
            app.view.lay_out()
        return (perf_counter() - begin) / appended
