"""The acp engine: any agent that speaks the Agent Client Protocol on its stdio, one process over many turns.

It is started at the first turn, or to be proven, goes on with the stored session by its id and never another, and is started again where it has
ended between turns. The library is loaded then and not before: an agentd whose agent lies idle stays small.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from agentd.context import CostBaseline
from agentd.engines.acp_errors import AgentEnded, AgentError, AgentSilent, NotServed
from agentd.engines.acp_host import AcpHost
from agentd.engines.acp_launch import command_line, permission_mode, preset_of
from agentd.engines.acp_memory import Memory
from agentd.engines.acp_outcome import CANCELLED, Verdict, of_stop
from agentd.engines.acp_permission import PermissionDesk, RunningTurn
from agentd.engines.acp_session import AcpSession
from agentd.engines.acp_turn import TurnBook
from agentd.engines.base import (
    EngineContext,
    EngineEvent,
    EngineFailed,
    ModelChanged,
    Note,
    Prompt,
    TextDelta,
    ThinkingDelta,
    TurnDone,
)
from agentd.engines.preamble import system_prompt
from agentd.mcp_servers import own_servers
from agentd.network.plan import plan
from hived.wire.agents import ENGINES_OWN_MODEL

if TYPE_CHECKING:
    from agentd.engines.acp_pipe import AcpPipe

STILL_SECONDS = 1.0
"""A tool's input comes in pieces; after so long without another it is told as it is."""

_COST_FACT = "acp_cost"


class AcpEngine:
    """One agent: see engines.base.Engine."""

    kind = "acp"

    def __init__(self, context: EngineContext) -> None:
        """Raises EngineFailed (not retryable) for an option that cannot be met."""
        spec = context.launch.spec
        self._preset = preset_of(spec)
        self._command = [*command_line(spec), *plan(context.launch).arguments]
        permission_mode(spec)
        own_servers(spec)
        self.session_id: str | None = None
        self._context = context
        self._model, self._effort, self._mode = context.model, context.effort, context.permission_mode
        self._host = AcpHost(context, self._preset, self._command, self._serve, self._outside)
        self._desk = PermissionDesk(context, self._preset)
        self._turn: RunningTurn | None = None
        self._between = self._new_book()
        self._told = False
        self._used: int | None = None
        self._model_told: str | None = None
        self._unknown_told: set[str] = set()
        self._memory = Memory(context.facts, self._command, "compact" if self._preset.compact else "")
        self.abilities, self.models = self._memory.abilities, self._memory.models

    async def start(self, session_id: str | None) -> None:
        """Only notes the session: an agent that nobody writes to costs no process."""
        self.session_id = session_id

    async def prove(self) -> None:
        """Its process, with a conversation opened or gone on with, and what is chosen put in force."""
        turn = self._turn = RunningTurn(self._new_book())
        try:
            await self._running()
        finally:
            turn.broken.set()
            self._turn = None

    async def turn(self, prompt: Prompt) -> AsyncIterator[EngineEvent]:
        async with contextlib.aclosing(self._run(prompt.text)) as events:
            async for event in events:
                yield event

    async def interrupt(self) -> None:
        turn, pipe, session = self._turn, self._host.pipe, self._host.session
        if turn is None or turn.interrupted:
            return
        turn.interrupted = True
        if turn.sent and pipe is not None and session is not None:
            await pipe.notify("session/cancel", {"sessionId": session.id})
        turn.broken.set()

    async def steer(self, text: str) -> bool:
        return False

    async def set_model(self, model: str) -> bool:
        if not await self._chosen(lambda session: session.choose_model(model)):
            return False
        self._model = model
        return True

    async def set_effort(self, effort: str | None) -> bool:
        if not await self._chosen(lambda session: session.choose_effort(effort)):
            return False
        self._effort = effort
        return True

    async def set_permission_mode(self, mode: str | None) -> bool:
        if not await self._chosen(lambda session: session.choose_mode(mode)):
            return False
        self._mode = mode
        return True

    async def compact(self) -> AsyncIterator[EngineEvent]:
        if not self.abilities.compact:
            yield TurnDone("failed", f"{self._preset.title} cannot compact a conversation.", retryable=False)
            return
        before = self._used
        async with contextlib.aclosing(self._run(f"/{self._memory.compacts}", command=True)) as events:
            async for event in events:
                if isinstance(event, TurnDone) and event.outcome == "ok":
                    after = event.usage.last_input_tokens
                    self._told = False  # what it was told of the hive may be lost with the rest
                    if before is not None and after is not None and after >= before:
                        event = TurnDone("failed", "There was nothing to compact.", retryable=False, usage=event.usage)
                yield event

    async def terminate(self) -> None:
        if self._host.pipe is not None:
            await self._host.pipe.process.terminate()

    async def close(self) -> None:
        self._flush_between()
        await self._host.close()

    # A turn -------------------------------------------------------------------------------------------------

    async def _run(self, text: str, *, command: bool = False) -> AsyncGenerator[EngineEvent, None]:
        turn = self._turn = RunningTurn(self._new_book())
        finished = False
        try:
            try:
                pipe, session = await self._running()
            except EngineFailed:
                if not turn.interrupted:
                    raise
                pipe = None
            if pipe is None or turn.interrupted:
                finished = True
                yield TurnDone("cancelled")
                return
            words = text if command else self._with_preamble(text)
            pipe.open_turn()
            answer = asyncio.create_task(self._prompted(pipe, session, turn, words), name="acp prompt")
            try:
                async for event in self._followed(pipe, turn, answer):
                    yield event
                for event in turn.book.finish():
                    yield event
                done = await self._done(turn, session, answer)
            finally:
                answer.cancel()
                await asyncio.wait({answer})
            finished = True
            yield done
        finally:
            turn.broken.set()
            self._turn = None
            self._say_unknown(turn.book)
            if self._host.pipe is not None:
                self._host.pipe.close_turn()
            if not finished:
                await self._host.drop()

    async def _prompted(self, pipe: "AcpPipe", session: AcpSession, turn: RunningTurn, text: str) -> dict[str, Any]:
        try:
            if turn.interrupted:
                return {"stopReason": "cancelled"}
            turn.sent = self._told = True
            params = {"sessionId": session.id, "prompt": [{"type": "text", "text": text}]}
            return await pipe.request("session/prompt", params)
        finally:
            pipe.wake()

    async def _followed(
        self, pipe: "AcpPipe", turn: RunningTurn, answer: "asyncio.Task[dict[str, Any]]"
    ) -> AsyncGenerator[EngineEvent, None]:
        """The turn's events, until its prompt is answered and all that came before the answer is told."""
        book = turn.book
        while True:
            ended = answer.done()
            while (item := pipe.take()) is not None:
                if isinstance(item, dict):
                    self._take_setting(item)
                    for event in book.take(item):
                        yield event
                else:
                    item.call, events = book.asked(item.tool_call)
                    for event in events:
                        yield event
                    item.seen.set()
            if ended:
                return
            if not await pipe.changed(STILL_SECONDS if book.untold else None):
                for event in book.still():
                    yield event

    async def _done(self, turn: RunningTurn, session: AcpSession, answer: "asyncio.Task[dict[str, Any]]") -> TurnDone:
        book, found, anew = turn.book, dict[str, Any](), False
        try:
            found = answer.result()
            verdict = of_stop(
                found.get("stopReason"), self._preset.title, interrupted=turn.interrupted, refused=turn.refused
            )
        except AgentError as error:
            verdict = CANCELLED if turn.interrupted else session.verdict(error)
            anew = self._preset.lost_after_error or verdict.outcome == "needs_login"
        except AgentEnded:
            verdict = await self._died(turn)
        if verdict.outcome == "ok" or book.heard:
            self.session_id = session.id  # one without a word in it may be nowhere yet
        usage = book.figures(found)
        self._used = book.used or self._used
        if book.cost_usd is not None:
            before = CostBaseline.from_text(self._context.facts.get(_COST_FACT))
            spent, after = before.spent(session.id, book.cost_usd)
            usage.cost_usd = spent if spent > 0 else None
            self._context.facts.set(_COST_FACT, after.to_text())
        if anew:
            await self.close()  # its next start reads the credentials anew, too
        return TurnDone(verdict.outcome, verdict.error, verdict.retryable, usage)

    async def _died(self, turn: RunningTurn) -> Verdict:
        ending = await self._host.drop()
        if turn.interrupted:
            return CANCELLED
        return Verdict("failed", f"{self._preset.title} ended in mid-turn ({ending}).")

    def _with_preamble(self, text: str) -> str:
        """The protocol has no place for a system prompt: an agent that takes none is told at the head of its first prompt."""
        if self._preset.system_prompt or self._told:
            return text
        return f"{system_prompt(self._context, project_files_loaded=self._preset.project_files)}\n\n---\n\n{text}"

    # What the agent says and asks beside its answer ---------------------------------------------------------

    def _outside(self, update: dict[str, Any]) -> None:
        """An update that belongs to no turn: something late, or what it does by itself."""
        self._take_setting(update)
        self._report(self._between.take(update))
        self._say_unknown(self._between)

    def _new_book(self) -> TurnBook:
        return TurnBook(titled=self._preset.titled)

    def _flush_between(self) -> None:
        self._report(self._between.finish())
        self._between = self._new_book()

    def _report(self, events: list[EngineEvent]) -> None:
        for event in events:
            if not isinstance(event, TextDelta | ThinkingDelta):
                self._context.report(event)

    def _take_setting(self, update: dict[str, Any]) -> None:
        session = self._host.session
        match update.get("sessionUpdate"):
            case "available_commands_update":
                listed = update.get("availableCommands")
                commands = listed if isinstance(listed, list) else []
                names = {str(one.get("name")) for one in commands if isinstance(one, dict)}
                self._memory.compacts = next((name for name in ("compact", "compress") if name in names), "")
                self._remember()
            case "config_option_update" if session is not None:
                session.offers.take_options(update.get("configOptions"))
                self._remember()
                if self._turn is None or self._turn.sent:  # not while it is being prepared
                    self._say_model()
            case "current_mode_update" if session is not None:
                session.offers.take_mode(update.get("currentModeId"))

    async def _serve(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "session/request_permission":
            return await self._desk.answer(params, self._turn)
        raise NotServed(f"This client does not serve {method[:100]}: use your own tools.")

    async def _running(self) -> tuple["AcpPipe", AcpSession]:
        """The agent, started if need be, with its conversation open. Raises EngineFailed."""
        self._flush_between()
        host = self._host
        if host.pipe is not None and not host.alive:
            ending = await host.drop()
            said = f"{self._preset.title} had ended ({ending}) and is started again."
            self._context.report(Note(said, "warning"))
        if not host.alive:
            self._told = self.session_id is not None
            await host.start(self.session_id, self._prepare)
        assert host.pipe is not None
        assert host.session is not None
        return host.pipe, host.session

    async def _prepare(self, session: AcpSession) -> None:
        """What is chosen, before its first prompt. Raises EngineFailed, AgentEnded, AgentSilent."""
        if (reason := await session.choose_model(self._model)) is not None:
            if session.offers.model.offered:
                raise EngineFailed("failed", reason, retryable=False, code=EngineFailed.UNKNOWN_MODEL)
            session.told(reason)
        for reason in (await session.choose_effort(self._effort), await session.choose_mode(self._mode)):
            session.told(reason)
        self._remember()
        self._say_model()

    async def _chosen(self, choose: Callable[[AcpSession], Awaitable[str | None]]) -> bool:
        """True where it is in force, or will be with the agent's next start; else the transcript says why not."""
        session = self._host.session
        if session is None or not self._host.alive:
            return True
        try:
            done = session.told(await choose(session))
        except (AgentEnded, AgentSilent) as failure:
            done = session.told(f"{self._preset.title} did not answer {failure}.")
        self._remember()
        self._say_model()
        return done

    def _remember(self) -> None:
        if self._host.session is not None:
            self._memory.offers = self._host.session.offers
        self._memory.keep()
        self.abilities, self.models = self._memory.abilities, self._memory.models

    def _say_model(self) -> None:
        """The model that it uses now, where that is another than was said."""
        session = self._host.session
        current = session.offers.model.current if session is not None else None
        if current is not None and current not in (self._model_told, ENGINES_OWN_MODEL):
            self._model_told = current
            self._context.report(ModelChanged(current))

    def _say_unknown(self, book: TurnBook) -> None:
        for what in book.unknown - self._unknown_told:
            self._context.log(f"{self._preset.title} sent an update that is not known here: {what}")
        self._unknown_told |= set(list(book.unknown)[:100])
        book.unknown.clear()
