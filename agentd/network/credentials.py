"""Keys that an engine uses and never sees: inside, a placeholder stands in each variable; on the way out the key takes its place.

Where agentd holds the key, it is the only one that goes out: what an agent brings of its own is dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agentd.network.http1 import Headers

AUTHORIZATION = "authorization"
HEADERS = frozenset({b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key"})

LEAST_KEY_BYTES = 8
"""Shorter, it is nothing to look for in what a server says."""


def placeholder(variable: str) -> str:
    """What stands in that variable inside."""
    return f"held-by-the-hive-{variable.lower().replace('_', '-')}"


@dataclass(frozen=True, slots=True)
class Key:
    variable: str
    header: str
    """In small letters. AUTHORIZATION: as a bearer."""
    value: str = field(repr=False)

    @property
    def whole(self) -> bytes:
        value = self.value.strip().encode("utf-8", "surrogateescape")
        return b"Bearer " + value if self.header == AUTHORIZATION else value


@dataclass(frozen=True, slots=True)
class Credentials:
    """The first of `keys` is for a request that brings none. Without any, what the engine sends goes out as it is."""

    keys: tuple[Key, ...] = ()

    @classmethod
    def of(cls, headers: Mapping[str, str], environment: Mapping[str, str]) -> "Credentials":
        """`headers`: for each variable that may hold a key, the header that it goes in."""
        return cls(tuple(Key(name, headers[name], environment[name]) for name in headers if environment.get(name)))

    def added(self, headers: Headers) -> Headers:
        if not self.keys:
            return headers
        kept = [header for header in headers if header[0].lower() not in HEADERS]
        sent = [(name, value) for name, value in headers if name.lower() in HEADERS]
        filled = [(name, found) for name, value in sent if (found := self._filled(value)) is not None]
        first = self.keys[0]
        return kept + (filled or [(first.header.encode(), first.whole)])

    def hidden(self, data: bytes) -> bytes:
        """With each key's placeholder where the key stood."""
        for key in self.keys:
            value = key.value.strip().encode("utf-8", "surrogateescape")
            if len(value) >= LEAST_KEY_BYTES:
                data = data.replace(value, placeholder(key.variable).encode())
        return data

    def _filled(self, value: bytes) -> bytes | None:
        for key in self.keys:
            mark = placeholder(key.variable).encode()
            if value in (mark, b"Bearer " + mark):
                return value.replace(mark, key.value.strip().encode("utf-8", "surrogateescape"))
        return None
