"""Whether the operator looks at this screen, and what he has still to be told of.

`Focus` and `News` are pure: times are handed in, in seconds. `Attention` keeps the timers for both.
"""

import os
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Protocol

from hivetui.notify import notice_text, sequences, ways_of
from hivetui.state.waiting import Waiting

GATHER_SECONDS = 1.0
"""What begins to wait within so long is told together."""

KEY_SECONDS = 60.0
"""In a terminal that does not report its focus, somebody looks for so long after a key."""


class Focus:
    """A terminal that reports its focus is believed; of any other a key says that somebody is there."""

    def __init__(self, now: float) -> None:
        """Somebody has just opened it."""
        self._reports = False
        self._focused = True
        self._key_at = now

    def reported(self, *, focused: bool) -> None:
        self._reports = True
        self._focused = focused

    def touched(self, now: float) -> None:
        """A key or the mouse: the focus is here, whatever was reported before."""
        self._key_at = now
        self._focused = True

    def held(self, now: float) -> bool:
        return self._focused if self._reports else now - self._key_at < KEY_SECONDS

    def lapses_in(self, now: float) -> float | None:
        """After how many seconds without a key it is lost; None where it does not lapse, or is lost."""
        return None if self._reports or not self.held(now) else KEY_SECONDS - (now - self._key_at)


class News:
    """What waits and was not told of. A thing is told once for as long as it waits."""

    def __init__(self) -> None:
        self._known: frozenset[str] | None = None
        self._untold: frozenset[str] = frozenset()
        self.rings = False
        """Things waited when the screen was opened, and nobody looked: that is one bell, and no words."""

    def look(self, pending: Iterable[Waiting], *, seen: bool) -> bool:
        """What waits now; whether there is anything to tell. `seen`: somebody looks, so nothing of it is news."""
        ids = frozenset(item.id for item in pending)
        if self._known is None:
            self.rings = bool(ids) and not seen
        elif not seen:
            self._untold |= ids - self._known
        self._known = ids
        self._untold = frozenset() if seen else self._untold & ids
        self.rings = self.rings and not seen
        return bool(self._untold) or self.rings

    def take(self, pending: Iterable[Waiting]) -> tuple[Waiting, ...]:
        """What is to be told, as far as it still waits; told with this."""
        told = tuple(item for item in pending if item.id in self._untold)
        self._untold = frozenset()
        self.rings = False
        return told


class Stops(Protocol):
    def stop(self) -> None: ...


class Attention:
    """Tells hived who looks, and the operator what waits while he does not."""

    def __init__(
        self,
        set_timer: Callable[[float, Callable[[], None]], Stops],
        write: Callable[[str], None],
        say_focus: Callable[[bool], None],
        *,
        is_web: Callable[[], bool],
    ) -> None:
        """`write`: bytes for the terminal. `say_focus`: whether somebody looks; said again only where it changed."""
        self._set_timer = set_timer
        self._write = write
        self._say_focus = say_focus
        self._is_web = is_web
        self._focus = Focus(monotonic())
        self._news = News()
        self._pending: tuple[Waiting, ...] | None = None
        self._lapsing: Stops | None = None
        self._telling: Stops | None = None

    def touched(self) -> None:
        """A key or the mouse."""
        self._focus.touched(monotonic())
        self.look()

    def reported(self, *, focused: bool) -> None:
        """The terminal said so."""
        self._focus.reported(focused=focused)
        self.look()

    def waits(self, pending: tuple[Waiting, ...]) -> None:
        """What waits now."""
        self._pending = pending
        self._look_for_news(seen=self._focus.held(monotonic()))

    def look(self) -> None:
        """The focus may have changed; where it lapses by itself, look again then."""
        now = monotonic()
        held = self._focus.held(now)
        self._say_focus(held)
        if self._lapsing is not None:
            self._lapsing.stop()
            self._lapsing = None
        lapses = self._focus.lapses_in(now)
        if lapses is not None:
            self._lapsing = self._set_timer(lapses + 0.1, self.look)
        self._look_for_news(seen=held)

    def _look_for_news(self, *, seen: bool) -> None:
        if self._pending is None:
            return
        if self._news.look(self._pending, seen=seen) and self._telling is None:
            self._telling = self._set_timer(GATHER_SECONDS, self._tell)

    def _tell(self) -> None:
        """Ring, and say what is new; nothing of what was decided or seen by then."""
        self._telling = None
        rings = self._news.rings
        items = self._news.take(self._pending or ())
        if items or rings:
            self._write(sequences(ways_of(os.environ, web=self._is_web()), notice_text(items) if items else ""))
