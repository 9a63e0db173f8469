"""What came of an intent, for the screens: a notice, and what was found out."""

from dataclasses import dataclass

from hived.wire.agents import EngineFound, ModelList
from hived.wire.approvals import Approval
from hived.wire.base import Answer
from hived.wire.doctor import DoctorReport
from hived.wire.messages import Message
from hived.wire.questions import Question
from hived.wire.rules import RuleProposal
from hivetui.intents import Intent
from hivetui.state.hive import Notice


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an intent: a notice for the operator, and whether it was done."""

    intent: Intent
    done: bool
    notice: Notice | None
    engines: tuple[EngineFound, ...] | None = None
    models: ModelList | None = None
    report: DoctorReport | None = None
    proposal: RuleProposal | None = None
    whole: Approval | Question | Message | None = None
    """Of which the snapshot held only the beginning."""
    loaded: Answer | None = None
    """What was asked for to be shown: a page of messages or of the audit, a preview, a rule, a diff, a deployment."""


def good(intent: Intent, text: str) -> Outcome:
    return Outcome(intent, True, Notice(text, "good"))
