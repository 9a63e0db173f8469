"""The conditions that hold of this agent. Each change is journalled; a login that is missing and a rate limit outlast us.

A rate limit stands in a sentinel file too, one line of JSON `{since, until, detail}`: for scripts that look before they
spawn, and for the next harness. A missing login is a fact in the journal, until a turn works or a login is done.
"""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentd.journal import Journal
from agentd.moments import checked_time
from agentd.plain_files import read_plain, write_plain
from hived.wire.agents import Condition, ConditionKind
from hived.wire.times import utc_now

RATE_LIMIT_SENTINEL = "rate-limited"
_NEEDS_LOGIN_FACT = "needs_login"
_TRIES_FACT = "rate_limit_tries"
MOST_DETAIL_CHARACTERS = 2000
MOST_SENTINEL_BYTES = 64 * 1024


class Conditions:
    """One per harness. `on_change` is told the kind of each that changed."""

    def __init__(self, journal: Journal, harness: Path) -> None:
        self._journal = journal
        self._sentinel = harness / RATE_LIMIT_SENTINEL
        self._on: dict[ConditionKind, Condition] = {}
        self.on_change: Callable[[ConditionKind], None] = lambda kind: None
        self._restore("rate_limited", self._read_sentinel())
        self._restore("needs_login", journal.get(_NEEDS_LOGIN_FACT))

    def all(self) -> list[Condition]:
        return list(self._on.values())

    def get(self, kind: ConditionKind) -> Condition | None:
        return self._on.get(kind)

    def set(self, kind: ConditionKind, on: bool, detail: str = "", until: str | None = None) -> None:
        known = self._on.get(kind)
        detail, until = detail[:MOST_DETAIL_CHARACTERS], checked_time(until)
        if not on and known is None:
            return
        if on:
            found = Condition(kind=kind, since=known.since if known else utc_now(), detail=detail, until=until)
            if found == known:
                return
            self._on[kind] = found
        else:
            del self._on[kind]
        self._keep(kind)
        payload = {"condition": kind, "on": on, "detail": detail, "until": until if on else None}
        self._journal.append("status_changed", payload)
        self.on_change(kind)

    def worked(self) -> None:
        """A turn went well: the engine has its login, and is not limited."""
        self.set("needs_login", False)
        self.set("rate_limited", False)
        if self.tries:
            self.tries = 0

    @property
    def tries(self) -> int:
        """How often in a row a limit of unknown length has been tried."""
        text = self._journal.get(_TRIES_FACT) or ""
        return int(text) if text.isdecimal() else 0

    @tries.setter
    def tries(self, count: int) -> None:
        self._journal.set(_TRIES_FACT, str(count) if count else None)

    def _keep(self, kind: ConditionKind) -> None:
        found = self._on.get(kind)
        text = None if found is None else json.dumps(found.model_dump(exclude={"kind"}))
        if kind == "needs_login":
            self._journal.set(_NEEDS_LOGIN_FACT, text)
        elif kind == "rate_limited":
            with contextlib.suppress(OSError):
                if text is None:
                    self._sentinel.unlink(missing_ok=True)
                else:
                    write_plain(self._sentinel, text + "\n")

    def _read_sentinel(self) -> str | None:
        return read_plain(self._sentinel, MOST_SENTINEL_BYTES)

    def _restore(self, kind: ConditionKind, text: str | None) -> None:
        """What cannot be read still holds, since when and until when unknown. Not journalled: the report says it."""
        if text is None:
            return
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        given: dict[str, Any] = found if isinstance(found, dict) else {"detail": " ".join(text.split())}
        detail = given.get("detail")
        self._on[kind] = Condition(
            kind=kind,
            since=checked_time(given.get("since")) or utc_now(),
            detail=detail[:MOST_DETAIL_CHARACTERS] if isinstance(detail, str) else "",
            until=checked_time(given.get("until")),
        )
