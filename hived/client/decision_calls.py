"""The calls of `HiveClient` about decisions: questions, pairs, rules, budgets, reminders, the audit, and who looks."""

from typing import Any
from urllib.parse import quote

from hived.wire import routes
from hived.wire.approvals import Approval
from hived.wire.audit import AuditList
from hived.wire.budgets import Budget, BudgetDraft, BudgetRaise
from hived.wire.messages import Message, MessageList
from hived.wire.pairs import Pair
from hived.wire.presence import Presence
from hived.wire.questions import AnswerDraft, Question
from hived.wire.reminders import Reminder, ReminderDraft
from hived.wire.rules import Rule, RuleDraft, RulePreview, RuleProposal, RuleScope

Query = dict[str, str | int]


class DecisionCalls:
    """A part of HiveClient, which makes the calls."""

    client_id: str
    """Whose presence is said; random, for as long as it lives."""

    async def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query | None = None,
        key: str | None = None,
        seconds: float = 120.0,
    ) -> Any:
        raise NotImplementedError

    async def fetch_approval(self, id: str) -> Approval:
        return Approval.model_validate(await self._call("GET", _path(routes.APPROVAL, id)))

    async def fetch_question(self, id: str) -> Question:
        return Question.model_validate(await self._call("GET", _path(routes.QUESTION, id)))

    async def fetch_message(self, id: str) -> Message:
        return Message.model_validate(await self._call("GET", _path(routes.MESSAGE, id)))

    async def propose_rule(self, approval_id: str, scope: RuleScope) -> RuleProposal:
        """The narrowest rule that would have answered it."""
        answer = await self._call("GET", _path(routes.APPROVAL_RULE, approval_id), query={"scope": scope})
        return RuleProposal.model_validate(answer)

    async def answer_question(self, id: str, answer: AnswerDraft) -> Question:
        body = answer.model_dump(exclude_defaults=True)
        return Question.model_validate(await self._call("POST", _path(routes.QUESTION_ANSWER, id), body))

    async def cancel_question(self, id: str) -> Question:
        return Question.model_validate(await self._call("POST", _path(routes.QUESTION_CANCEL, id)))

    async def release_pair(self, id: str) -> Pair:
        """What it holds is queued anew."""
        return Pair.model_validate(await self._call("POST", _path(routes.PAIR_RELEASE, id)))

    async def drop_pair(self, id: str) -> Pair:
        """What it holds is given up."""
        return Pair.model_validate(await self._call("POST", _path(routes.PAIR_DROP, id)))

    async def list_messages(self, *, before: str | None = None, limit: int = 200) -> list[Message]:
        """The newest that fit, of those older than `before`; oldest first."""
        query: Query = {"limit": limit}
        if before is not None:
            query["before"] = before
        return MessageList.model_validate(await self._call("GET", routes.MESSAGES, query=query)).messages

    async def read_message(self, id: str) -> Message:
        """The operator has read it."""
        return Message.model_validate(await self._call("POST", _path(routes.MESSAGE_READ, id)))

    async def add_rule(self, draft: RuleDraft, *, key: str | None = None) -> Rule:
        body = draft.model_dump(exclude_none=True)
        return Rule.model_validate(await self._call("POST", routes.RULES, body, key=key))

    async def revoke_rule(self, id: str) -> None:
        await self._call("DELETE", _path(routes.RULE, id))

    async def preview_rule(self, draft: RuleDraft) -> RulePreview:
        """What it would have decided of late."""
        body = draft.model_dump(exclude_none=True)
        return RulePreview.model_validate(await self._call("POST", routes.RULE_PREVIEW, body))

    async def set_budget(self, draft: BudgetDraft) -> None:
        """Without figures: there is none any more."""
        await self._call("PUT", routes.BUDGETS, draft.model_dump(exclude_none=True))

    async def raise_budget(self, id: str, more: BudgetRaise) -> Budget:
        body = more.model_dump(exclude_none=True)
        return Budget.model_validate(await self._call("POST", _path(routes.BUDGET_RAISE, id), body))

    async def add_reminder(self, draft: ReminderDraft, *, key: str | None = None) -> Reminder:
        return Reminder.model_validate(await self._call("POST", routes.REMINDERS, draft.model_dump(), key=key))

    async def cancel_reminder(self, id: str) -> Reminder:
        return Reminder.model_validate(await self._call("POST", _path(routes.REMINDER_CANCEL, id)))

    async def retry_reminder(self, id: str) -> Reminder:
        return Reminder.model_validate(await self._call("POST", _path(routes.REMINDER_RETRY, id)))

    async def list_audit(self, *, before: int | None = None, limit: int = 200) -> AuditList:
        """The newest entries that fit, of those before that seq; oldest first."""
        query: Query = {"limit": limit}
        if before is not None:
            query["before"] = before
        return AuditList.model_validate(await self._call("GET", routes.AUDIT, query=query))

    async def say_presence(self, *, focused: bool) -> Presence:
        """Whether somebody looks at this client's screen. It counts while its feed is open."""
        body = {"client_id": self.client_id, "focused": focused}
        return Presence.model_validate(await self._call("POST", routes.PRESENCE, body))


def _path(template: str, id: str) -> str:
    return template.format(id=quote(id, safe=""))
