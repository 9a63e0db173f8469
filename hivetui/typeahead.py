"""Keys typed ahead: a key goes to where the focus is once the keys before it have had their effect, one at a time.

Textual hands each key to the widget that has the focus at that moment; what a key does (`i` focuses the composer) happens
later. So in a burst, as SSH delivers them, the letters after the `i` would be taken for the keys of the agent list: an `x`
in a message would cancel a turn.
"""

from collections import deque
from time import monotonic

from textual import events
from textual.app import App
from textual.events import Key
from textual.message import Message
from textual.widget import Widget

MOST_KEYS = 256
"""Keys that a widget uses up never come back here; the oldest are forgotten."""


LONGEST_WAIT_SECONDS = 1.0
"""Where a widget goes with its key, nothing comes back of it; the keys behind it wait no longer."""


class KeyAnswered(Message):
    """Follows a key through the same widgets: once it is back at the app, so is the key, or somebody had a use for it."""


class TypeAhead:
    """Keys are handed out one at a time: `waits` says whether one must wait, `answered` gives the one whose turn it is.

    `sent` when a key is handed to a widget, `moved_on` when one comes back that this widget had no use for."""

    def __init__(self) -> None:
        self._meant_for: dict[int, tuple[Key, Widget | None]] = {}
        self._behind: deque[Key] = deque()
        self._out = 0
        self._out_since = 0.0

    @property
    def behind(self) -> int:
        """How many keys wait for their turn."""
        return len(self._behind)

    def waits(self, key: Key) -> bool:
        """A key before it is still out: it is kept."""
        if self._out:
            self._behind.append(key)
        return self._out > 0

    def handed_out(self) -> None:
        self._out += 1
        self._out_since = monotonic()

    @property
    def patience(self) -> float:
        """For how many seconds the one that is out is still waited for."""
        return self._out_since + LONGEST_WAIT_SECONDS - monotonic()

    def answered(self, *, all: bool = False) -> Key | None:
        """One that was out is back (`all`: nothing more is waited for); the next one, if it may go."""
        self._out = 0 if all else max(0, self._out - 1)
        return self._behind.popleft() if self._behind and not self._out else None

    def sent(self, key: Key, to: Widget | None) -> None:
        self._meant_for[id(key)] = (key, to)
        if len(self._meant_for) > MOST_KEYS:
            del self._meant_for[next(iter(self._meant_for))]

    def moved_on(self, key: Key, focused: Widget | None) -> bool:
        """Whether the focus has moved since that key was handed out, so that it belongs to `focused` now."""
        known = self._meant_for.pop(id(key), None)
        return known is not None and focused is not None and focused is not known[1]


class KeysInTurn(App[None]):
    """An app whose keys have their effect in the order in which they were typed, however fast they come."""

    _typeahead: TypeAhead

    def __init__(self) -> None:
        super().__init__()
        self._typeahead = TypeAhead()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, Key):
            if not event.is_forwarded:
                if not self._typeahead.waits(event):
                    await self._hand_out(event)
                elif self._typeahead.behind == 1:
                    self._watch()
                return
            if (focused := self.focused) is not None and self._typeahead.moved_on(event, focused):
                again = Key(event.key, event.character)
                self._typeahead.sent(again, focused)
                focused._forward_event(again)
                self._expect_answer(focused)
                return
        await super().on_event(event)

    async def _hand_out(self, key: Key) -> None:
        to = self.focused
        self._typeahead.sent(key, to)
        await super().on_event(key)
        self._expect_answer(to or self.screen)

    def _expect_answer(self, to: Widget) -> None:
        """The next key waits until this one has had its effect."""
        if to.post_message(KeyAnswered().set_sender(to)):
            self._typeahead.handed_out()

    async def on_key_answered(self, event: KeyAnswered) -> None:
        event.stop()
        if (key := self._typeahead.answered()) is not None:
            await self._hand_out(key)

    async def _wait_no_longer(self) -> None:
        if not self._typeahead.behind:
            return
        if self._typeahead.patience <= 0 and (key := self._typeahead.answered(all=True)) is not None:
            await self._hand_out(key)
        self._watch()

    def _watch(self) -> None:
        self.set_timer(max(0.05, self._typeahead.patience), self._wait_no_longer)
