"""One turn on the api engine: an inference, the tools that it calls, the next inference, until there is no call any more."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, TypeVar

from agentd.engines.api_failures import ApiFailure
from agentd.engines.api_inference import Inference
from agentd.engines.api_models import window_in
from agentd.engines.api_session import ApiSession
from agentd.engines.api_usage import Tally
from agentd.engines.api_words import Block, Heard, Record, Reply, sound
from agentd.engines.base import (
    EngineEvent,
    ModelChanged,
    Note,
    ToolAnswer,
    ToolResult,
    ToolUse,
    TurnDone,
)
from hived.wire.agents import ENGINES_OWN_MODEL

INTERRUPTED = "It was interrupted by the operator, before it had a result."
BROKEN_OFF = "It was broken off before it had a result."
CUT_CALL = "The answer was cut at max_tokens in the middle of this call, so it was not made: {wrong}"

Found = TypeVar("Found")


class Interrupted(Exception):
    """The turn was asked to end."""


class Interruptible:
    """Waits that end when somebody asks for it."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()

    @property
    def interrupted(self) -> bool:
        return self._stop.is_set()

    def interrupt(self) -> None:
        self._stop.set()

    async def unless_interrupted(self, work: Coroutine[Any, Any, Found]) -> Found:
        """What the work comes to. Raises Interrupted, once the work has ended too."""
        task = asyncio.create_task(work)
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if self._stop.is_set():
                raise Interrupted
            return task.result()
        finally:
            for each in (task, stopped):
                each.cancel()
            await asyncio.wait({task, stopped})
            if not task.cancelled():
                task.exception()

    async def heard(self, inference: Inference) -> AsyncGenerator[Heard, None]:
        """What the inference brings. Raises ApiFailure and Interrupted."""
        pieces = inference.run()

        async def following() -> Heard | None:
            return await anext(pieces, None)

        try:
            while (piece := await self.unless_interrupted(following())) is not None:
                yield piece
        finally:
            await pieces.aclose()


class ApiTurn(Interruptible):
    """Run once: `events`."""

    def __init__(self, session: ApiSession, text: str) -> None:
        super().__init__()
        self._session = session
        self._said = [_user(text)]
        """What the model has not been told yet. It is written down with the model's answer to it: a turn that fails
        before that leaves nothing, and its messages come again."""
        self._ending = False
        self._tally = Tally(session.options.price)

    def steer(self, text: str) -> bool:
        """Words for the next inference of this turn. False: there is none."""
        if self._ending or self.interrupted:
            return False
        self._said.append(_user(text))
        return True

    async def events(self) -> AsyncGenerator[EngineEvent, None]:
        session = self._session
        model = session.model
        try:
            session.conversation.mend(BROKEN_OFF)  # what a turn before could not write down on a full disk
            model = await self.unless_interrupted(session.model_now())
            if session.model == ENGINES_OWN_MODEL:
                yield ModelChanged(model)
            for _ in range(session.options.max_steps):
                model = await session.model_now()
                async with contextlib.aclosing(self._step(model)) as events:
                    async for event in events:
                        if isinstance(event, TurnDone):
                            self._keep()
                        yield event
                        if isinstance(event, TurnDone):
                            return
            steps = session.options.max_steps
            yield self._failed(f"It took {steps} steps and was not done: that is max_steps.", retryable=False)
        except Interrupted:
            self._write(len(self._said))  # `cancelled` acks them all, so the next turn must know of them
            self._keep()
            yield TurnDone("cancelled", usage=self._tally.turn)
        except ApiFailure as failure:
            session.window_is(model, window_in(failure.message))
            message = session.server.redacted(failure.message)
            yield TurnDone(failure.outcome, message, failure.retryable, self._tally.turn, failure.until)
        finally:
            if not self._ending:
                self._keep()

    async def _step(self, model: str) -> AsyncGenerator[EngineEvent, None]:
        """One inference and its tools. A TurnDone where the turn ends with it."""
        session, conversation = self._session, self._session.conversation
        told = len(self._said)
        await self.unless_interrupted(session.learn_window(model, loaded=False))
        inference = session.inference(model, [*conversation.records, *self._said], effort=session.effort)
        try:
            async with contextlib.aclosing(self.heard(inference)) as pieces:
                async for piece in pieces:
                    for event in piece.events:
                        yield event
        except Interrupted:
            blocks = inference.partial()
            said = [{"kind": "assistant", "model": model, "blocks": blocks}] if blocks else []
            self._write(told, *said)
            raise
        reply = inference.reply
        await session.learn_window(model, loaded=True)
        self._tally.add(reply.figures, session.window(model))
        yield self._tally.usage()
        if (end := self._refused(reply)) is not None:
            yield end
            return
        self._write(told, {"kind": "assistant", "model": model, "blocks": reply.blocks})
        if reply.stop == "max_tokens":
            yield Note("The answer was cut at max_tokens.", "warning")
        if reply.calls:
            async with contextlib.aclosing(self._tools(reply)) as events:
                async for event in events:
                    yield event
        elif not self._said:
            yield TurnDone("ok", usage=self._tally.turn)

    def _refused(self, reply: Reply) -> TurnDone | None:
        """An answer that is none. It is not kept: what made it would make the next one too."""
        if reply.stop == "refusal":
            said = f": {reply.text[:500]}" if reply.text else "."
            return self._failed(f"The model refused to answer{said}", retryable=False)
        if reply.stop == "window_full":
            return TurnDone(
                "prompt_too_long", "The answer did not fit into the model's window.", usage=self._tally.turn
            )
        if reply.stop == "max_tokens" and not reply.calls and not reply.text.strip():
            return self._failed("The answer was cut at max_tokens before it said anything.", retryable=False)
        return None

    async def _tools(self, reply: Reply) -> AsyncGenerator[EngineEvent, None]:
        """All at once; their results in the order of the calls."""
        calls = reply.calls
        for call in calls:
            yield ToolUse(call["id"], call["tool"], call["input"])
        tasks = [asyncio.create_task(self._run(call, reply)) for call in calls]
        results: list[Block] = []
        try:
            for call, task in zip(calls, tasks, strict=True):
                answer = await self.unless_interrupted(_result_of(task))
                text = sound(answer.text)
                results.append({"id": call["id"], "tool": call["tool"], "text": text, "is_error": answer.is_error})
                yield ToolResult(call["id"], call["tool"], answer.is_error, text)
        except Interrupted:
            for call, task in list(zip(calls, tasks, strict=True))[len(results) :]:
                answer = _late(task) or ToolAnswer(INTERRUPTED, is_error=True)
                text = sound(answer.text)
                results.append({"id": call["id"], "tool": call["tool"], "text": text, "is_error": answer.is_error})
                yield ToolResult(call["id"], call["tool"], answer.is_error, text)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            if len(results) == len(calls):
                self._session.conversation.append({"kind": "results", "results": results})

    async def _run(self, call: Block, reply: Reply) -> ToolAnswer:
        wrong = call.get("wrong")
        if wrong is not None:
            cut = reply.stop == "max_tokens"
            text = CUT_CALL.format(wrong=wrong) if cut else f"The call was not made: {wrong}"
            return ToolAnswer(text, is_error=True)
        try:
            return await self._session.toolbox.run(call["id"], call["tool"], call["input"])
        except Exception as error:
            return ToolAnswer(f"The tool broke: {type(error).__name__}: {error}", is_error=True)

    def _write(self, told: int, *more: Record) -> None:
        """The first `told` of what was said, and what came of it."""
        said, self._said = self._said[:told], self._said[told:]
        self._session.conversation.append(*said, *more)

    def _keep(self) -> None:
        """The conversation as it will be found: no call without a result, and on the disk."""
        self._ending = True
        self._session.conversation.mend(BROKEN_OFF)
        self._session.conversation.sync()

    def _failed(self, message: str, *, retryable: bool) -> TurnDone:
        return TurnDone("failed", self._session.server.redacted(message), retryable, self._tally.turn)


async def _result_of(task: "asyncio.Task[ToolAnswer]") -> ToolAnswer:
    """Waiting may be broken off, the tool not."""
    return await asyncio.shield(task)


def _late(task: "asyncio.Task[ToolAnswer]") -> ToolAnswer | None:
    """What a tool came to that was done when the turn was interrupted."""
    return task.result() if task.done() and not task.cancelled() and task.exception() is None else None


def _user(text: str) -> Record:
    return {"kind": "user", "text": sound(text)}
