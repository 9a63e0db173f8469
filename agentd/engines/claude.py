"""The claude engine: the real Claude Code CLI, stream-json both ways, one process over many turns.

It is started at the first turn, or to be proven, resumes the stored session by its id and never another, and is started again where it has
ended between turns. A conversation that it will not resume is said (RESUME_REFUSED), never replaced in silence.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from agentd.engines import claude_protocol as protocol
from agentd.engines.base import EngineContext, EngineEvent, EngineFailed, Note, Prompt, TurnDone
from agentd.engines.claude_conditions import Conditions
from agentd.engines.claude_costs import Costs
from agentd.engines.claude_events import Began, ProtocolEvent, Result
from agentd.engines.claude_launch import command_line, environment_defaults
from agentd.engines.claude_outcome import Verdict
from agentd.engines.claude_pipe import ClaudePipe
from agentd.engines.claude_saved import is_saved, is_uuid
from agentd.engines.claude_servers import ServerFile, server_config
from agentd.engines.claude_settings import ASKING, PERMISSION_MODES, PLAN, Offer, Settings
from agentd.engines.claude_turn import Known, TurnBook
from agentd.engines.remarks import remark_on
from agentd.mcp_servers import HIVE_SERVER
from agentd.patience import patient
from agentd.tools.mcp_responder import McpResponder
from hived.wire.protocol import VERSION

TAKE_UP_SECONDS = 15.0
"""After a result, the CLI takes up a queued message within milliseconds; beyond this it has lost it."""
SAVED_SECONDS = 2.0
"""Ten times what a new conversation takes to reach the disk; where the file is not found by then, it is elsewhere."""
SAVED_LOOK_SECONDS = 0.005
NO_CONVERSATION = "No conversation found"


class ClaudeEngine:
    """One agent's Claude Code: see engines.base.Engine."""

    kind = "claude"

    def __init__(self, context: EngineContext) -> None:
        """Raises EngineFailed (not retryable) for an option that cannot be met, or where the CLI is not there."""
        self._settings = Settings(context.model, context.effort, context.permission_mode)
        command_line(context, self._settings, servers=server_config(context.launch.spec))
        self._take_offer(Offer.kept(context.facts))
        self.session_id: str | None = None
        self._context = context
        self._responder = McpResponder(context.tools, HIVE_SERVER, VERSION, context.log)
        self._conditions = Conditions(context.facts)
        self._costs = Costs(context.facts)
        self._pipe: ClaudePipe | None = None
        self._book: TurnBook | None = None
        self._sent = False
        self._known = Known(context.facts)
        self._config = context.home
        self._unknown_told: set[str] = set()

    async def start(self, session_id: str | None) -> None:
        """Only notes the session: an agent that nobody writes to costs no CLI."""
        self.session_id = session_id

    async def prove(self) -> None:
        """Its CLI with all that it is started with, until it has answered `initialize`."""
        try:
            pipe = await self._started(b"", TurnBook(self._known))
        except BaseException:
            await self._drop()
            raise
        if pipe is not None:
            pipe.close_turn()

    async def turn(self, prompt: Prompt) -> AsyncIterator[EngineEvent]:
        uuid = str(uuid4())
        book = TurnBook(self._known, {uuid}, self._costs.so_far)
        async with contextlib.aclosing(self._run(book, protocol.user_message(prompt.text, uuid))) as events:
            async for event in events:
                yield event

    async def interrupt(self) -> None:
        book, pipe = self._book, self._pipe
        if book is None or book.ended or book.interrupted:
            return
        book.interrupted = True
        if pipe is None or not self._sent:
            return
        for uuid in tuple(book.waiting_for):
            # What was to steer the turn must not begin another one once it is broken off.
            answer = await self._asked(pipe, "cancel_async_message", message_uuid=uuid)
            if answer is not None and answer.get("cancelled"):
                book.waiting_for.discard(uuid)
        await self._asked(pipe, "interrupt")

    async def steer(self, text: str) -> bool:
        book, pipe = self._book, self._pipe
        if book is None or pipe is None or not self._sent or book.ended or book.interrupted or not pipe.alive:
            return False
        uuid = str(uuid4())
        book.waiting_for.add(uuid)
        try:
            await pipe.write(protocol.user_message(text, uuid))
        except OSError:
            book.waiting_for.discard(uuid)
            return False
        return True

    async def set_model(self, model: str) -> bool:
        self._settings.model = model
        return await self._set("set_model", model=model)

    async def set_effort(self, effort: str | None) -> bool:
        self._settings.effort = effort
        if effort is not None and effort not in self._offer.efforts:
            return False  # its next start says why
        return await self._set("apply_flag_settings", settings={"effortLevel": effort})

    async def set_permission_mode(self, mode: str | None) -> bool:
        self._settings.permission_mode = mode
        return self._mode in PERMISSION_MODES and await self._set_mode()

    async def compact(self) -> AsyncIterator[EngineEvent]:
        book = TurnBook(self._known, so_far=self._costs.so_far)
        async with contextlib.aclosing(self._run(book, protocol.slash_command("/compact", str(uuid4())))) as events:
            async for event in events:
                if isinstance(event, TurnDone) and (event.outcome != "ok" or not book.compacted):
                    said = event.error or "There was nothing to compact."
                    yield TurnDone("failed", said, retryable=False, usage=event.usage)
                else:
                    yield event

    async def terminate(self) -> None:
        if self._pipe is not None:
            await self._pipe.process.terminate()

    async def close(self) -> None:
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            await pipe.close()

    # A turn -------------------------------------------------------------------------------------------------

    async def _run(self, book: TurnBook, line: bytes) -> AsyncGenerator[EngineEvent, None]:
        self._book, self._sent = book, False
        finished = False
        try:
            pipe, batch = await self._begun(book, line)
            if pipe is None:
                finished = True
                yield TurnDone("cancelled")
                return
            while batch is not None:
                for event in batch:
                    for told in book.take(event):
                        if self._conditions.is_news(told):
                            yield told
                self._keep_up(book)
                if book.ended:
                    break
                if book.interrupted and book.between and any(isinstance(event, Began) for event in batch):
                    await self._asked(pipe, "interrupt")
                batch = await self._next(pipe, book)
            self._sent = False
            await self._until_saved(book)
            done = self._done(book) if book.ended else await self._died(pipe, book)
            if done.outcome == "needs_login":
                await self.close()  # its next start reads the credentials anew
            for change in self._conditions.after(Verdict(done.outcome, done.error, until=done.until)):
                yield change
            finished = True
            yield done
        finally:
            self._book, self._sent = None, False
            if self._pipe is not None:
                self._pipe.close_turn()
            if not finished:
                await self._drop()

    async def _begun(self, book: TurnBook, line: bytes) -> tuple[ClaudePipe | None, list[ProtocolEvent] | None]:
        """Hand the prompt over: the CLI with the turn's first events, or no CLI where the turn was broken off before.

        A CLI that lay idle may have ended without anybody's knowing yet. It says something before it asks the model, so
        where nothing came, nothing was done, and the prompt is handed to a new one.
        """
        while True:
            idle = self._pipe
            pipe = await self._running()
            if pipe is None:
                pipe = await self._started(line, book)
            else:
                if pipe.mode not in (None, self._mode):
                    await self._set_mode()  # a plan was approved, or the model has begun one: that was the last turn's
                pipe.open_turn()
                with contextlib.suppress(OSError):  # one that no longer reads has ended, and the next line finds that
                    await pipe.write(line)
            if pipe is None:
                return None, None
            self._sent = True
            batch = await pipe.next_events()
            if batch is not None or pipe is not idle or book.interrupted:
                return pipe, batch
            self._sent = False

    async def _next(self, pipe: ClaudePipe, book: TurnBook) -> list[ProtocolEvent] | None:
        if not book.between:
            return await pipe.next_events()
        try:
            async with patient(TAKE_UP_SECONDS):
                return await pipe.next_events()
        except TimeoutError:
            book.give_up("Claude Code did not take up a message that was to steer the turn.")
            await self._drop()  # it would begin a turn of its own, should it take it up after all
            return []

    def _keep_up(self, book: TurnBook) -> None:
        found = book.session_id
        if found is not None and found != self.session_id and is_saved(self._config, found):
            self.session_id = found
        for what in book.unknown:
            if what not in self._unknown_told:
                self._unknown_told.add(what)
                self._context.log(f"Claude Code said something that is not known here: {what}")
        book.unknown.clear()

    def _done(self, book: TurnBook) -> TurnDone:
        verdict, usage = book.verdict, book.usage()
        self._costs.of_turn(book.results, usage)
        return TurnDone(verdict.outcome, verdict.error, verdict.retryable, usage, verdict.until)

    async def _died(self, pipe: ClaudePipe, book: TurnBook) -> TurnDone:
        """The CLI ended without a result."""
        code = await self._drop()
        self._keep_up(book)
        usage = book.usage()
        self._costs.of_killed(
            self.session_id or book.session_id, self._known.model or self._settings.model, book.inferences, usage
        )
        if book.interrupted:
            return TurnDone("cancelled", usage=usage)
        error = f"Claude Code ended in mid-turn ({pipe.ending(code)})."
        if self.session_id is None:
            error += " Its conversation was not saved yet, so the next turn begins a new one."
        return TurnDone("failed", error, True, usage)

    async def _until_saved(self, book: TurnBook) -> None:
        """The CLI writes a new conversation down a moment after it has answered; a turn that is done can be resumed."""
        found = book.session_id
        if not book.ended or found is None or found == self.session_id:
            return
        with contextlib.suppress(TimeoutError):
            async with patient(SAVED_SECONDS):
                while not is_saved(self._config, found):  # noqa: ASYNC110 - another program's file sets no event
                    await asyncio.sleep(SAVED_LOOK_SECONDS)
        self.session_id = found

    # The process --------------------------------------------------------------------------------------------

    async def _running(self) -> ClaudePipe | None:
        """The CLI that is there, if it is alive."""
        pipe = self._pipe
        if pipe is None or pipe.alive:
            return pipe
        code = await self._drop()
        self._context.report(Note(f"Claude Code had ended ({pipe.ending(code)}) and is started again.", "warning"))
        return None

    async def _started(self, line: bytes, book: TurnBook) -> ClaudePipe | None:
        """The CLI, with that line, if any, handed to it; None where the turn was broken off meanwhile. Raises EngineFailed."""
        context, settings = self._context, replace(self._settings)
        if self.session_id is not None and not is_uuid(self.session_id):
            raise self._refused()  # the CLI would take it for a conversation's title
        environment = context.environment(environment_defaults(context))
        servers = ServerFile(context.launch.spec, context.home, context.launch.engine_uid)
        try:
            command = command_line(
                context,
                settings,
                effort=settings.checked_effort(self._offer),
                servers=servers.word,
                environment=environment,
                session_id=self.session_id,
            )
            self._config = Path(environment["CLAUDE_CONFIG_DIR"])
            process = await context.runtime.start(command, env=environment, cwd=context.workspace)
            self._costs.process_began()
            pipe = ClaudePipe(
                process, self._responder, context.ask_permission, self._remark, self._outside, context.log
            )
            self._pipe = pipe
            pipe.open_turn()
            if book.interrupted:
                await self._drop()
                return None
            try:
                # The prompt stands right behind the first request, so that the CLI need not wait for it.
                answer = await pipe.request("initialize", hooks=None, sdkMcpServers=[HIVE_SERVER], then=line)
            except EngineFailed as failure:
                raise await self._start_failure(pipe, failure) from failure
        finally:
            servers.remove()
        if answer.error is not None:
            await self._drop()
            raise EngineFailed("failed", f"Claude Code would not start: {answer.error}", retryable=False)
        offer = Offer.of_answer(answer.response)
        offer.keep(context.facts)
        self._take_offer(offer)
        await self._catch_up(settings)
        if book.interrupted:
            await self._drop()
            return None
        return pipe

    def _take_offer(self, offer: Offer) -> None:
        self._offer = offer
        self.models = offer.models
        self.abilities = offer.abilities()

    async def _catch_up(self, started: Settings) -> None:
        """What was set while it came up."""
        wanted = replace(self._settings)
        if wanted.model != started.model:
            await self.set_model(wanted.model)
        if wanted.effort != started.effort:
            await self.set_effort(wanted.effort)
        if wanted.permission_mode != started.permission_mode:
            await self.set_permission_mode(wanted.permission_mode)

    async def _start_failure(self, pipe: ClaudePipe, failure: EngineFailed) -> EngineFailed:
        """Why it did not come up, from the result that it may have written and from its stderr."""
        code = await self._drop()
        said = [pipe.process.last_words()]
        while (batch := await pipe.next_events()) is not None:
            said += [error for event in batch if isinstance(event, Result) for error in event.errors]
        if any(NO_CONVERSATION in words for words in said):
            return self._refused()
        if pipe.process.returncode is None:
            return failure
        return EngineFailed("failed", f"Claude Code did not start ({pipe.ending(code)}).", retryable=True)

    def _refused(self) -> EngineFailed:
        said = f"Claude Code has no conversation {self.session_id!s:.100} to resume."
        return EngineFailed("failed", said, retryable=False, code=EngineFailed.RESUME_REFUSED)

    async def _drop(self) -> int:
        """End the process at once, with whatever it has left running. Its exit code."""
        pipe, self._pipe = self._pipe, None
        return 0 if pipe is None else await pipe.terminate()

    async def _remark(self, tool: str, remark: str) -> None:
        """What the operator says of a tool that he allows: taken up in the running turn, else told as soon as it can be."""
        said = remark_on(tool, remark)
        if not await self.steer(said):
            self._context.notice(said)

    def _outside(self, events: list[ProtocolEvent]) -> None:
        """The CLI may act between turns: a job that it had put in the background ends, say."""
        book = TurnBook(self._known)
        for event in events:
            for told in book.take(event):
                if self._conditions.is_news(told):
                    self._context.report(told)
        self._costs.between_turns(book.results)
        self._keep_up(book)

    @property
    def _mode(self) -> str:
        mode = self._settings.permission_mode
        return str(self._context.launch.spec.engine_options.get("permission_mode", "default")) if mode is None else mode

    async def _set_mode(self) -> bool:
        """Where a plan is approved, the CLI goes back to the mode that it was in before it planned. That must be one in which
        it asks: to approve a plan is not to approve what it does."""
        if self._mode == PLAN and not await self._set("set_permission_mode", mode=ASKING):
            return False
        return await self._set("set_permission_mode", mode=self._mode)

    async def _set(self, subtype: str, **details: Any) -> bool:
        """Whether the running CLI took it; one that does not run is told when it starts."""
        pipe = self._pipe
        if pipe is None or not pipe.alive:
            return True
        return await self._asked(pipe, subtype, **details) is not None

    async def _asked(self, pipe: ClaudePipe, subtype: str, **details: Any) -> dict[str, object] | None:
        """What the CLI answered; None, and a line in the log, where it refused or was gone."""
        try:
            answer = await pipe.request(subtype, **details)
        except EngineFailed as failure:
            self._context.log(failure.message)
            return None
        if answer.error is not None:
            self._context.log(f"Claude Code refused {subtype}: {answer.error}")
            return None
        return answer.response
