"""What screens say to the app: what the operator wants of hived, and what he did that other parts must know."""

from typing import Protocol, runtime_checkable

from textual.message import Message

from hivetui.controller import Outcome
from hivetui.intents import Intent
from hivetui.state.hive import HiveState, Notice
from hivetui.state.logs import LogOf


@runtime_checkable
class Draws(Protocol):
    """A screen that shows the hive's state: drawn again whenever that changes."""

    def draw(self, state: HiveState) -> None: ...


@runtime_checkable
class Hears(Protocol):
    """A screen that is told what became of what was asked for, by whomever."""

    def finished(self, outcome: Outcome) -> None: ...


class Asked(Message):
    """The operator wants this done; the app's controller does it."""

    def __init__(self, intent: Intent) -> None:
        super().__init__()
        self.intent = intent


class Noted(Message):
    """Something to say to the operator that hived was not asked about. None: nothing any more."""

    def __init__(self, notice: Notice | None) -> None:
        super().__init__()
        self.notice = notice


@runtime_checkable
class ShowsLogs(Protocol):
    """A screen on which agents' logs are to be seen as they are written."""

    @property
    def logs(self) -> frozenset[LogOf]: ...


class LogsShown(Message):
    """Other logs are to be seen on a screen that is a `ShowsLogs`."""


class PanesShown(Message):
    """These agents' transcripts are to be seen, and no others."""

    def __init__(self, agents: tuple[str, ...]) -> None:
        super().__init__()
        self.agents = agents
