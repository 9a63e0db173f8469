"""What screens say to the app: what the operator wants of hived, and what he did that other parts must know."""

from textual.message import Message

from hivetui.intents import Intent
from hivetui.state.hive import Notice
from hivetui.state.waiting import WaitingOnYou


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


class WaitingChanged(Message):
    """The operator moved in, or marked, the list of what waits."""

    def __init__(self, waiting: WaitingOnYou) -> None:
        super().__init__()
        self.waiting = waiting


class PanesShown(Message):
    """These agents' transcripts are to be seen, and no others."""

    def __init__(self, agents: tuple[str, ...]) -> None:
        super().__init__()
        self.agents = agents
