"""What the operator wants of rules, budgets, reminders, threads and the audit, said in the imperative."""

from dataclasses import dataclass

from hived.wire.budgets import BudgetDraft
from hived.wire.reminders import ReminderDraft
from hived.wire.rules import RuleDraft


@dataclass(frozen=True, slots=True)
class CancelQuestion:
    id: str


@dataclass(frozen=True, slots=True)
class ReadMessages:
    """Say that the operator has read these."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoadMessages:
    """A page of older ones."""

    before: str | None


@dataclass(frozen=True, slots=True)
class AddRule:
    draft: RuleDraft
    key: str


@dataclass(frozen=True, slots=True)
class PreviewRule:
    """What it would have decided over the last 30 days."""

    draft: RuleDraft


@dataclass(frozen=True, slots=True)
class RevokeRule:
    id: str


@dataclass(frozen=True, slots=True)
class SetBudget:
    """Without figures: there is none any more."""

    draft: BudgetDraft


@dataclass(frozen=True, slots=True)
class AddReminder:
    draft: ReminderDraft
    key: str


@dataclass(frozen=True, slots=True)
class CancelReminder:
    id: str


@dataclass(frozen=True, slots=True)
class RetryReminder:
    id: str


@dataclass(frozen=True, slots=True)
class LoadAudit:
    """A page of it: the newest entries of those before that seq."""

    before: int | None


BookIntent = (
    CancelQuestion
    | ReadMessages
    | LoadMessages
    | AddRule
    | PreviewRule
    | RevokeRule
    | SetBudget
    | AddReminder
    | CancelReminder
    | RetryReminder
    | LoadAudit
)
