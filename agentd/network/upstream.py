"""The one host that serves an engine's model. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from agentd.network.hosts import InvalidHost, parse_host
from agentd.network.http1 import Refused

_DOTS = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)
_KEYS = frozenset({"key", "api_key", "api-key", "access_token", "oauth_token"})
"""Of an address's query, as Google's and others' APIs take them."""


class InvalidBase(ValueError):
    """One sentence."""


@dataclass(frozen=True, slots=True)
class Upstream:
    scheme: str
    host: str
    """A name, or an address without brackets."""
    port: int
    prefix: str
    """The path of the base address, without its last slash."""

    @classmethod
    def parse(cls, base: str) -> "Upstream":
        """Raises InvalidBase."""
        try:
            parts = urlsplit(base.strip())
            port = parts.port
            host = parse_host(f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "")
        except (ValueError, InvalidHost) as error:
            raise InvalidBase(f"{base[:300]!r} is no address of a model's server.") from error
        if parts.scheme not in ("http", "https") or parts.username is not None or parts.query or parts.fragment:
            raise InvalidBase(f"{base[:300]!r} is no address of a model's server.")
        return cls(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), parts.path.rstrip("/"))

    @property
    def name(self) -> str:
        usual = self.port == (443 if self.scheme == "https" else 80)
        return self.host if usual else f"{self.host}:{self.port}"

    def path(self, target: str, *, keyless: bool = False) -> str:
        """`keyless`: without a key that stands in the address. Raises Refused for a path that leads out of the base address's
        own."""
        path, mark, query = target.partition("?")
        if "#" in target or "\\" in path or any(_DOTS.fullmatch(part) for part in path.split("/")):
            raise Refused(400, "Its path leads elsewhere.")
        if keyless:
            query = "&".join(part for part in query.split("&") if unquote(part.partition("=")[0]).lower() not in _KEYS)
            mark = mark if query else ""
        return self.prefix + path + mark + query
