"""Decisions as calls of hived: one, or many at once, a few under way at a time. What came of many is one sentence."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from hived.client.hive_client import HiveClient
from hived.wire.approvals import Approval, Verdict
from hived.wire.budgets import BudgetRaise
from hived.wire.errors import HiveError
from hived.wire.questions import AnswerDraft
from hivetui.intents import (
    AnswerQuestion,
    ApproveItem,
    DecideAll,
    Decision,
    DenyItem,
    DropMessage,
    DropPair,
    NewSession,
    RaiseBudget,
    ReleasePair,
    Resume,
    RetryMessage,
    StartAgent,
)
from hivetui.outcomes import Outcome, good
from hivetui.state.hive import Notice

MOST_AT_ONCE = 8
"""Calls of hived that decide something and are under way at the same time."""

DEEDS: dict[type, str] = {
    ApproveItem: "approved",
    DenyItem: "denied",
    RetryMessage: "sent again",
    DropMessage: "dropped",
    AnswerQuestion: "answered",
    ReleasePair: "released",
    DropPair: "dropped",
    RaiseBudget: "raised",
    Resume: "resumed",
    NewSession: "to begin anew",
    StartAgent: "started",
}


class Decisions:
    def __init__(self, client: HiveClient) -> None:
        self._client = client
        self._room = asyncio.Semaphore(MOST_AT_ONCE)

    async def decide(self, decision: Decision) -> Outcome:
        """Raises the HiveError that hived answered."""
        async with self._room:
            return await self._decide(decision)

    async def decide_all(self, intent: DecideAll) -> Outcome:
        """Never raises a HiveError: what was refused is counted in the notice."""
        found = await asyncio.gather(*(self._tried(decision) for decision in intent.decisions))
        said, wrong = summary(found)
        return Outcome(intent, not wrong, Notice(said, "bad" if wrong else "good"))

    async def _tried(self, decision: Decision) -> Outcome | HiveError:
        try:
            return await self.decide(decision)
        except HiveError as error:
            return error

    async def _decide(self, decision: Decision) -> Outcome:
        client = self._client
        match decision:
            case ApproveItem(id, _, note, updated_input, remember):
                verdict = Verdict(note=note, updated_input=updated_input, remember=remember)
                return _decided(decision, await client.approve(id, verdict))
            case DenyItem(id, _, note):
                return _decided(decision, await client.deny(id, Verdict(note=note)))
            case RetryMessage(id, body):
                message = await client.retry_message(id, body)
                return good(decision, f"Sent to {message.recipient} again{', in your words' if body else ''}.")
            case DropMessage(id):
                message = await client.drop_message(id)
                return good(decision, f"Dropped: {message.recipient} never gets it.")
            case AnswerQuestion(id, asker, text, options):
                await client.answer_question(id, AnswerDraft(text=text or None, options=list(options)))
                return good(decision, f"Answered: {asker} gets it as a message.")
            case ReleasePair(id):
                pair = await client.release_pair(id)
                return good(decision, f"{' and '.join(pair.agents)} may go on; what was held is under way.")
            case DropPair(id):
                pair = await client.drop_pair(id)
                return good(decision, f"Dropped: what was held between {' and '.join(pair.agents)} is gone.")
            case RaiseBudget(id, usd, tokens, turns):
                budget = await client.raise_budget(id, BudgetRaise(usd=usd, tokens=tokens, turns=turns))
                whose = budget.agent or "the hive"
                still = budget.words if budget.over else ""
                return good(decision, f"Raised for this {budget.window}: {still or f'{whose} goes on'}.")
            case Resume(agent):
                await client.resume(agent)
                return good(decision, f"{agent} goes on.")
            case NewSession(agent, primer):
                await client.new_session(agent, primer=primer)
                told = "told what the journal remembers" if primer else "clean"
                return good(decision, f"{agent}'s next turn begins a new session, {told}.")
            case StartAgent(agent):
                await client.start_agent(agent)
                return good(decision, f"{agent} is started.")


def summary(found: Sequence[Outcome | HiveError]) -> tuple[str, bool]:
    """`38 approved, 2 already decided by operator (hive).`, and whether anything was not done."""
    done: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    failed: dict[str, list[str]] = {}
    for one in found:
        if isinstance(one, Outcome):
            if one.notice is not None and one.notice.tone == "bad":
                failed.setdefault(one.notice.text, []).append(one.notice.text)
            else:
                done[DEEDS.get(type(one.intent), "done")] += 1
        elif one.code in ("already_decided", "question_closed", "pair_decided"):
            lost[f"already decided by {one.detail.get('by', 'somebody else')}"] += 1
        elif one.code == "not_held":
            lost["no longer held"] += 1
        else:
            failed.setdefault(one.code, []).append(one.message)
    parts = [f"{count} {what}" for what, count in (*done.items(), *lost.items())]
    parts += [f"{len(said)} failed: {said[0].rstrip('.')}" for said in failed.values()]
    return f"{', '.join(parts) or 'nothing was decided'}.", bool(lost or failed)


def _decided(intent: ApproveItem | DenyItem, approval: Approval) -> Outcome:
    if approval.status == "failed":
        return Outcome(intent, True, Notice(f"Approved, but it failed: {approval.failure}", "bad"))
    also = ", and the rule is made" if approval.remembered else ""
    return good(intent, f"{approval.status.capitalize()}{also}: {intent.subject}")
