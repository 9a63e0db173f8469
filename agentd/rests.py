"""What keeps an agent from beginning a turn for a while: a nap, and a rate limit. Both outlast the harness.

In a nap only what is marked `now` is taken up. While a rate limit holds, nothing is; its end is the operator's to say,
unless the agent may go on by itself.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

from agentd.journal import Journal
from agentd.moments import checked_time, seconds_until
from agentd.status import Status
from hived.wire.agents import Condition

NAP_FACT = "nap_until"
FIRST_TRY_SECONDS = 300.0
"""A limit that does not say when it ends is tried again after this, then after twice that, and so on."""
LONGEST_TRY_SECONDS = 3600.0
LEAST_LIMIT_SECONDS = 1.0
"""A limit whose end is past when it comes (clocks differ) must not be tried without a pause."""
RECHECK_SECONDS = 60.0
"""A monotonic clock stands still while a laptop sleeps, so no timer is set for longer."""

Claims = Literal["all", "now", "none"]


class Rests:
    """`wake` is called when a rest is over, or may be."""

    def __init__(
        self,
        journal: Journal,
        status: Status,
        auto_resume: bool,
        wake: Callable[[], None],
        first_try_seconds: float = FIRST_TRY_SECONDS,
        longest_try_seconds: float = LONGEST_TRY_SECONDS,
    ) -> None:
        self._journal = journal
        self._status = status
        self._conditions = status.conditions
        self._auto_resume = auto_resume
        self._wake = wake
        self._first = first_try_seconds
        self._longest = longest_try_seconds
        self._timer: asyncio.TimerHandle | None = None
        kept = journal.get(NAP_FACT)
        until = checked_time(kept)
        if until is not None and seconds_until(until) > 0:
            status.restore_nap(until)
        elif kept is not None:
            journal.set(NAP_FACT, None)

    def claims(self) -> Claims:
        """What may be taken up now. Ends what is over, and sets the timer for what is next."""
        nap, limit = self._nap_seconds(), self._limit_seconds()
        if nap is not None and nap <= 0:
            self._nap_until(None)
            nap = None
        if limit is not None and limit <= 0:
            self._try_again()
            limit = None
        waits = [seconds for seconds in (nap, limit) if seconds is not None]
        self._set_timer(min(waits) if waits else None)
        if self._conditions.get("rate_limited") is not None:
            return "none"
        return "all" if nap is None else "now"

    def nap(self, until: str | None) -> None:
        """Nap until then; None, or a moment that is past: no more."""
        moment = checked_time(until)
        self._nap_until(moment if moment is not None and seconds_until(moment) > 0 else None)
        self._wake()

    def resume(self) -> None:
        """End both, and look at the inbox."""
        if self._status.until is not None:
            self._nap_until(None)
        self._conditions.set("rate_limited", False)
        self._wake()

    def close(self) -> None:
        self._set_timer(None)

    def _nap_until(self, until: str | None) -> None:
        self._journal.set(NAP_FACT, until)
        self._status.nap(until)

    def _nap_seconds(self) -> float | None:
        return None if self._status.until is None else seconds_until(self._status.until)

    def _limit_seconds(self) -> float | None:
        """Until it is tried again; None where there is none, or where that is not ours to do."""
        limit = self._conditions.get("rate_limited")
        if limit is None or not self._auto_resume:
            return None
        since = seconds_until(limit.since)
        if limit.until is not None:
            return max(seconds_until(limit.until), since + LEAST_LIMIT_SECONDS)
        return since + self._pause()

    def _pause(self) -> float:
        return min(self._first * 2.0 ** min(self._conditions.tries, 30), self._longest)

    def _try_again(self) -> None:
        limit: Condition | None = self._conditions.get("rate_limited")
        if limit is not None and limit.until is None:
            self._conditions.tries += 1
        self._conditions.set("rate_limited", False)

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            wait = min(max(0.0, seconds) + 0.01, RECHECK_SECONDS)
            self._timer = asyncio.get_running_loop().call_later(wait, self._recheck)

    def _recheck(self) -> None:
        self._timer = None
        waits = [seconds for seconds in (self._nap_seconds(), self._limit_seconds()) if seconds is not None]
        if waits and min(waits) > 0:
            self._set_timer(min(waits))
        else:
            self._wake()
