"""Editing keys in the order in which they were typed.

Textual runs the bindings of a field only when the key has come back from it, behind letters that were typed after it: in a burst,
as SSH delivers them, a backspace would take away a later letter than the one that it was meant for.
"""

from collections.abc import Iterable

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Input, TextArea

LEFT_TO_OTHERS = frozenset({"enter", "tab", "escape", "f6", "f7", "ctrl+c", "super+c"})
"""Sending, leaving and copying are not editing."""


def _editing(bindings: Iterable[BindingType]) -> dict[str, str]:
    """The action of each key."""
    found: dict[str, str] = {}
    for binding in bindings:
        keys, action = (binding.key, binding.action) if isinstance(binding, Binding) else binding[:2]
        found |= {key.strip(): action for key in keys.split(",") if key.strip() not in LEFT_TO_OTHERS}
    return found


TEXT_KEYS = _editing(TextArea.BINDINGS)
"""Of a text of many lines."""
LINE_KEYS = _editing(Input.BINDINGS)


class LineInput(Input):
    """A line to type in."""

    async def _on_key(self, event: events.Key) -> None:
        action = LINE_KEYS.get(event.key)
        if action is None:
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        await self.run_action(action)
