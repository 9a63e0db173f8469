"""The questions that this agent was asked: a message carries one by its id alone, and its options are hived's to say."""

import asyncio
from collections.abc import Iterable, Mapping

from hived.client.agent_client import AgentClient
from hived.wire.errors import HiveError
from hived.wire.messages import Message
from hived.wire.questions import Question

LOOK_SECONDS = 2.0
"""A prompt without its questions' options is still a prompt; hived answers in milliseconds."""

Asked = Mapping[str, Question]
"""By id."""


class AskedQuestions:
    """One per harness."""

    def __init__(self, client: AgentClient) -> None:
        self._client = client
        self._pending: dict[str, Question] = {}
        """As of the last look."""

    async def carried_by(self, messages: Iterable[Message]) -> Asked:
        """The questions of those messages that wait for an answer, as far as hived says them."""
        wanted = {message.about for message in messages if message.kind == "question" and message.about is not None}
        if wanted:
            await self._look()
        return {id: question for id in wanted if (question := self._pending.get(id)) is not None}

    async def find(self, question_id: str) -> Question | None:
        """The question with that id, or the only one whose id begins so; None where it waits for no answer, or hived is away."""
        found = self._starting(question_id)
        if found is None:
            await self._look()
            found = self._starting(question_id)
        return found

    def _starting(self, question_id: str) -> Question | None:
        exact = self._pending.get(question_id)
        found = [question for id, question in self._pending.items() if id.startswith(question_id)]
        return exact or (found[0] if len(found) == 1 else None)

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                threads = await self._client.open_threads()
        except (HiveError, TimeoutError):
            return
        self._pending = {question.id: question for question in threads.to_answer}
