"""The controller's part for rules, budgets, reminders, questions, threads and the audit: an intent becomes a call."""

import contextlib

from hived.client.hive_client import HiveClient
from hived.wire.base import Answer
from hived.wire.errors import HiveError
from hived.wire.messages import MessageList
from hivetui.book_intents import (
    AddReminder,
    AddRule,
    BookIntent,
    CancelQuestion,
    CancelReminder,
    LoadAudit,
    LoadMessages,
    PreviewRule,
    ReadMessages,
    RetryReminder,
    RevokeRule,
    SetBudget,
)

PAGE = 200
Done = tuple[str, Answer | None]
"""What to tell the operator (nothing: empty), and what was asked for to be shown."""


async def do_book(client: HiveClient, intent: BookIntent) -> Done:
    """Raises HiveError."""
    match intent:
        case CancelQuestion(id):
            question = await client.cancel_question(id)
            return f"The question of {question.asker} is withdrawn.", None
        case ReadMessages(ids):
            for id in ids:
                with contextlib.suppress(HiveError):  # read elsewhere meanwhile
                    await client.read_message(id)
            return "", None
        case LoadMessages(before):
            return "", MessageList(messages=await client.list_messages(before=before, limit=PAGE))
        case LoadAudit(before):
            return "", await client.list_audit(before=before, limit=PAGE)
        case AddRule() | PreviewRule() | RevokeRule():
            return await _rule(client, intent)
        case SetBudget(draft):
            await client.set_budget(draft)
            none = draft.usd is None and draft.tokens is None and draft.turns is None
            return ("The budget is gone." if none else "The budget is set."), None
        case AddReminder() | CancelReminder() | RetryReminder():
            return await _reminder(client, intent)


async def _rule(client: HiveClient, intent: AddRule | PreviewRule | RevokeRule) -> Done:
    match intent:
        case AddRule(draft, key):
            rule = await client.add_rule(draft, key=key)
            word = "allowed" if rule.verdict == "allow" else "denied"
            return f"From now on {rule.tool} {rule.pattern} is {word}.", rule
        case PreviewRule(draft):
            return "", await client.preview_rule(draft)
        case RevokeRule(id):
            await client.revoke_rule(id)
            return "The rule is revoked: you are asked again.", None


async def _reminder(client: HiveClient, intent: AddReminder | CancelReminder | RetryReminder) -> Done:
    match intent:
        case AddReminder(draft, key):
            reminder = await client.add_reminder(draft, key=key)
            return f"{reminder.agent} will be reminded.", reminder
        case CancelReminder(id):
            reminder = await client.cancel_reminder(id)
            return f"{reminder.agent} will not be reminded of it.", None
        case RetryReminder(id):
            reminder = await client.retry_reminder(id)
            return f"{reminder.agent} is reminded again.", None
