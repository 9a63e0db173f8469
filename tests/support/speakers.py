"""Agents on a test's books who speak as real ones do: through their journals, as hived takes them."""

from typing import Any

from hived.wire.errors import BY_CODE, HiveError
from hived.wire.ids import new_id
from hived.wire.messages import Claimed
from hived.wire.reminders import Reminder
from tests.support.books import Books, event


class Speaker:
    """One agent, generation 1. A refusal is raised as the error that it is. `written`: the last event of its journal."""

    def __init__(self, books: Books, name: str, agent_id: str) -> None:
        self.books = books
        self.name = name
        self.id = agent_id
        self.written = 0
        self._turns = 0

    async def says(self, kind: str, **payload: Any) -> None:
        self.written += 1
        taken = await self.books.events(self.id, event(self.written, kind, **payload))
        for refused in taken.refused:
            raise BY_CODE.get(refused.code, HiveError)(refused.message)

    async def asks(self, to: str | None, text: str = "Which one?", **question: Any) -> str:
        """The question's id."""
        question_id: str = question.pop("question_id", None) or new_id()
        await self.says("question_out", question_id=question_id, to=to, text=text, **question)
        return question_id

    async def escalates(self, text: str = "May I?", **question: Any) -> str:
        return await self.asks(None, text, escalate=True, **question)

    async def answers(self, question_id: str, text: str | None = None, *options: int, answer_id: str = "") -> None:
        await self.says(
            "answer_out", answer_id=answer_id or new_id(), question_id=question_id, text=text, options=options
        )

    async def reminds_itself(self, due_at: str, text: str = "look again", reminder_id: str = "") -> str:
        """The reminder's id."""
        chosen = reminder_id or new_id()
        await self.says("reminder_out", reminder_id=chosen, due_at=due_at, text=text)
        return chosen

    async def cancels(self, reminder_id: str) -> None:
        await self.says("reminder_cancelled", cancel_id=new_id(), reminder_id=reminder_id)

    async def reads(self) -> Claimed:
        """Claims what waits, and ends the turn well: what was there is acked."""
        claimed = await self.takes()
        await self.ends("ok", claimed)
        return claimed

    async def takes(self) -> Claimed:
        """Claims what waits into a new turn."""
        self._turns += 1
        return await self.books.claim(self.id, f"{self.name}-{self._turns}")

    async def ends(self, outcome: str, claimed: Claimed, **payload: Any) -> None:
        await self.says(
            "turn_end",
            turn_id=claimed.turn_id,
            outcome=outcome,
            message_ids=[message.id for message in claimed.messages],
            **payload,
        )


async def speaker(books: Books, name: str, **spec: Any) -> Speaker:
    return Speaker(books, name, await books.agent(name, **spec))


async def reminder_of(books: Books, reminder_id: str) -> Reminder:
    from hived.core import reminders

    return await books.read(lambda conn: reminders.to_reminder(reminders.find_reminder(conn, reminder_id)))
