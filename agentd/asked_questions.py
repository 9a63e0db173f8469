"""The questions that this agent was asked: a message carries one by its id alone, and its options are hived's to say."""

import asyncio
from collections.abc import Iterable, Mapping

from hived.client.agent_client import AgentClient
from hived.wire.errors import HiveError
from hived.wire.messages import Message
from hived.wire.questions import Question

LOOK_SECONDS = 2.0
"""A prompt without its questions' options is still a prompt; hived answers in milliseconds."""
MOST_REMEMBERED = 64

Asked = Mapping[str, Question]
"""By id."""


class AskedQuestions:
    """One per harness."""

    def __init__(self, client: AgentClient) -> None:
        self._client = client
        self._known: dict[str, Question] = {}

    async def carried_by(self, messages: Iterable[Message]) -> Asked:
        """The questions of those messages, as far as hived says them."""
        wanted = {message.about for message in messages if message.kind == "question" and message.about is not None}
        if not wanted <= set(self._known):
            await self._look()
        return {id: question for id in wanted if (question := self._known.get(id)) is not None}

    async def find(self, question_id: str) -> Question | None:
        """The question with that id, or the only known one whose id begins so; None where hived does not say."""
        found = self._starting(question_id)
        if found is None:
            await self._look()
            found = self._starting(question_id)
        return found

    def _starting(self, question_id: str) -> Question | None:
        exact = self._known.get(question_id)
        found = [question for id, question in self._known.items() if id.startswith(question_id)]
        return exact or (found[0] if len(found) == 1 else None)

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                threads = await self._client.open_threads()
        except (HiveError, TimeoutError):
            return
        for question in threads.to_answer:
            self._known.pop(question.id, None)
            self._known[question.id] = question
        while len(self._known) > max(MOST_REMEMBERED, len(threads.to_answer)):
            del self._known[next(iter(self._known))]
