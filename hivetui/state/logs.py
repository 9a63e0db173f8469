"""Agents' logs that are to be seen, as far as they are held: their newest lines. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from hived.client.lifecycle_calls import WhichLog
from hived.wire.logs import LogLines

MOST_LINES = 1000


class LogOf(NamedTuple):
    agent: str
    which: WhichLog


@dataclass(frozen=True, slots=True)
class Log:
    lines: tuple[str, ...] = ()
    file: str | None = None
    written_at: str = ""
    """When it was last written to, as far as lines came."""
    problem: str = ""
    """Why no lines come."""
    anew: bool = False
    """What comes next is its newest lines again."""


Logs = dict[LogOf, Log]


def followed(logs: Logs, wanted: Iterable[LogOf]) -> Logs:
    """Those, and no others."""
    return {of: logs[of] for of in wanted if of in logs}


def begun(logs: Logs, of: LogOf) -> Logs:
    """Its lines come from now on: first the newest that there are, if there are any."""
    return {**logs, of: replace(logs.get(of, Log()), problem="", anew=True)}


def failed(logs: Logs, of: LogOf, problem: str) -> Logs:
    return {**logs, of: replace(logs.get(of, Log()), problem=problem)}


def written(logs: Logs, of: LogOf, parts: Sequence[LogLines]) -> Logs:
    """A setup's log begins with it; those of a harness and an engine go on from one file to the next."""
    log = logs.get(of, Log())
    for part in parts:
        other = log.anew or (of.which == "setup" and part.file != log.file)
        lines = (*(() if other else log.lines), *part.lines)[-MOST_LINES:]
        log = Log(lines, part.file, part.written_at or log.written_at)
    return {**logs, of: log}
