"""A list to choose one from, or only to read: each row is one line of pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.geometry import Size

from hivetui.keymap import bindings_of
from hivetui.widgets.lines import Line, cropped, plain
from hivetui.widgets.rows import Rows


@dataclass(frozen=True, slots=True)
class Choice:
    """`id` is what choosing it gives; None: a line that only reads."""

    id: str | None
    line: Line


def matching_choices(choices: Sequence[Choice], words: str) -> tuple[Choice, ...]:
    """Those whose text holds every word; those that begin with the words first."""
    wanted = words.lower().split()
    found = [choice for choice in choices if all(word in plain(choice.line).lower() for word in wanted)]
    return tuple(sorted(found, key=lambda choice: not plain(choice.line).strip().lower().startswith(words.lower())))


class ChoiceRows(Rows):
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("list")[:3]]

    def __init__(self, choices: Sequence[Choice], *, reads: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.choices: tuple[Choice, ...] = tuple(choices)
        self._cursor = 0
        self._reads = reads
        self.nothing = ""
        """What is said where there is nothing to choose."""

    @property
    def count(self) -> int:
        return len(self.choices)

    @property
    def cursor_index(self) -> int:
        return min(self._cursor, max(0, self.count - 1))

    @property
    def marks_cursor(self) -> bool:
        return not self._reads

    @property
    def chosen(self) -> Choice | None:
        return self.choices[self.cursor_index] if self.choices else None

    def show(self, choices: Sequence[Choice]) -> None:
        self.choices = tuple(choices)
        self._cursor = 0
        self.rows_changed()
        self.scroll_home(animate=False, immediate=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return super().get_content_height(container, viewport, width) or (1 if self.nothing else 0)

    def empty_lines(self, width: int) -> list[Line]:
        return [cropped(((self.nothing, "dim"),), width)]

    def row(self, index: int, width: int) -> list[Line]:
        return [cropped(self.choices[index].line, width)]

    def move_to(self, index: int) -> None:
        if self._reads:
            self.scroll_to(y=self.scroll_offset.y + (index - self._cursor), animate=False, immediate=True)
            return
        self._cursor = max(0, min(self.count - 1, index))
        self.reveal_cursor()
        self.refresh()
        super().move_to(self._cursor)

    def on_rows_cursor_moved(self, event: Rows.CursorMoved) -> None:
        self._cursor = event.index
        self.refresh()
