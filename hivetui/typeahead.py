"""Keys typed ahead: a key goes to where the focus is once the keys before it have had their effect.

Textual hands each key to the widget that has the focus at that moment; what a key does (`i` focuses the composer) happens
later. So in a burst, as SSH delivers them, the letters after the `i` would be taken for the keys of the agent list: an `x`
in a message would cancel a turn.
"""

from textual.events import Key
from textual.widget import Widget

MOST_KEYS = 256
"""Keys that a widget uses up never come back here; the oldest are forgotten."""


class TypeAhead:
    """`sent` when a key is handed to a widget, `moved_on` when one comes back that this widget had no use for."""

    def __init__(self) -> None:
        self._meant_for: dict[int, tuple[Key, Widget | None]] = {}

    def sent(self, key: Key, to: Widget | None) -> None:
        self._meant_for[id(key)] = (key, to)
        if len(self._meant_for) > MOST_KEYS:
            del self._meant_for[next(iter(self._meant_for))]

    def moved_on(self, key: Key, focused: Widget | None) -> bool:
        """Whether the focus has moved since that key was handed out, so that it belongs to `focused` now."""
        known = self._meant_for.pop(id(key), None)
        return known is not None and focused is not None and focused is not known[1]
