"""Which screens are looked at just now. In memory only: a client's presence lives and ends with its feed."""

import contextlib
from collections.abc import Iterator


class Presence:
    """A client may have two feeds open for a moment, while it connects anew."""

    def __init__(self) -> None:
        self._feeds: dict[str, int] = {}
        self._focused: set[str] = set()

    @contextlib.contextmanager
    def attached(self, client_id: str, *, focused: bool) -> Iterator[None]:
        """As long as this, a feed of that client is open."""
        self._feeds[client_id] = self._feeds.get(client_id, 0) + 1
        self.say(client_id, focused=focused)
        try:
            yield
        finally:
            self._feeds[client_id] -= 1
            if not self._feeds[client_id]:
                del self._feeds[client_id]
                self._focused.discard(client_id)

    def say(self, client_id: str, *, focused: bool) -> bool:
        """Whether it counts: only while a feed of that client is open."""
        if client_id not in self._feeds:
            return False
        if focused:
            self._focused.add(client_id)
        else:
            self._focused.discard(client_id)
        return True

    def is_focused(self, client_id: str) -> bool:
        return client_id in self._focused

    @property
    def somebody(self) -> bool:
        """Somebody sees what arrives."""
        return bool(self._focused)
