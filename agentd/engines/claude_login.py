"""Logging Claude Code in, in the agent's own folder: `claude auth login` on pipes gives a link, and takes the code it gave.

On pipes it prints plain lines, wraps none, and does not repeat the code, as it does on a terminal. It is started by the
agent's runtime like the engine itself, so whatever ends the harness, its leftovers are found. The code is kept nowhere.
"""

import asyncio
import re
from collections.abc import AsyncGenerator

from agentd.engines.base import EngineContext, EngineFailed, EngineProcess, Note
from agentd.engines.claude_account import STATUS_COMMAND, STATUS_SECONDS, Account, has_credentials
from agentd.engines.claude_launch import environment_defaults, program

LINK_SECONDS = 30.0
"""The link comes within half a second; a machine under load may need more."""
CODE_SECONDS = 90.0
"""A code is exchanged within a second or two, unless the network holds it up."""
MOST_CODE_CHARACTERS = 2000
_MOST_STATUS_BYTES = 64 * 1024
_LINK = re.compile(r"https://[^\s\x00-\x20\x7f<>\"]+")
_ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]")
_LINKED = re.compile(r"\x1b\]8;[^;]*;(https://[^\x07\x1b\s]+)(?:\x07|\x1b\\)")
_PROMPT = re.compile(r"^.*if prompted >\s*")
"""What it asks with has no line end, so its answer stands behind it."""
_CODE = re.compile(r"[\x21-\x22\x24-\x7e]+#[\x21-\x22\x24-\x7e]+")
_WARNED_FACT = "claude_login_ends"


class ClaudeLogin:
    """One attempt: see engines.base.Login."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._process: EngineProcess | None = None
        self._lines: AsyncGenerator[list[bytes], None] | None = None

    async def begin(self) -> str:
        self._process = await _started(self._context, "auth", "login")
        self._lines = self._process.lines()
        try:
            async with asyncio.timeout(LINK_SECONDS):
                return await self._link()
        except TimeoutError:
            await self.cancel()
            raise _failed(f"Claude Code gave no link to log in with within {LINK_SECONDS:.0f} s.") from None

    async def finish(self, code: str) -> None:
        process, code = self._process, code.strip()
        if process is None:
            raise _failed("There is no login that waits for a code.")
        if len(code) > MOST_CODE_CHARACTERS or _CODE.fullmatch(code) is None:
            raise _failed("That is not the whole code: it is one word with a # in the middle.")
        try:
            async with asyncio.timeout(CODE_SECONDS):
                said = await self._answer_to(process, code)
                ended = await process.wait()
        except TimeoutError:
            raise _failed(f"Claude Code did not say within {CODE_SECONDS:.0f} s whether it took the code.") from None
        finally:
            await self.cancel()
        if ended != 0:
            raise _failed(f"Claude Code did not take the code: {said or f'exit code {ended}'}")

    async def cancel(self) -> None:
        process, self._process = self._process, None
        lines, self._lines = self._lines, None
        if lines is not None:
            await lines.aclose()
        if process is not None:
            await process.terminate()

    async def _link(self) -> str:
        assert self._process is not None
        assert self._lines is not None
        said = ""
        async for lines in self._lines:
            for line in _texts(lines):
                linked = _LINKED.search(line) or _LINK.search(plain(line))
                if linked is not None:
                    return linked[linked.re.groups]
                said = plain(line) or said
        code = await self._process.wait()
        words = self._process.last_words() or said or f"exit code {code}"
        await self.cancel()
        raise _failed(f"Claude Code gave no link to log in with: {_one_line(words)}")

    async def _answer_to(self, process: EngineProcess, code: str) -> str:
        """The last that it said before it ended, without the code."""
        assert self._lines is not None
        said = ""
        try:
            await process.write(code.encode() + b"\n")
        except OSError:
            return "it had ended before the code came."
        async for lines in self._lines:
            for text in _texts(lines):
                words = _PROMPT.sub("", plain(text))
                if words and not any(part in words for part in code.split("#")):
                    said = words
        return _one_line(said or process.last_words())


async def logged_in(context: EngineContext) -> bool | None:
    """None where Claude Code cannot be asked. A login that ends within a day is reported, once."""
    if has_credentials(context.environment(environment_defaults(context))):
        return True
    account = await _account(context)
    if account is None:
        return None
    if account.ends_soon() and context.facts.get(_WARNED_FACT) != account.expires_at:
        context.facts.set(_WARNED_FACT, account.expires_at)
        context.report(Note(f"The login of Claude Code ends at {account.expires_at}; log it in anew.", "warning"))
    return account.logged_in


async def _account(context: EngineContext) -> Account | None:
    try:
        process = await _started(context, *STATUS_COMMAND)
    except EngineFailed as failure:
        context.log(f"Claude Code cannot be asked for its login: {failure.message}")
        return None
    said = bytearray()
    try:
        async with asyncio.timeout(STATUS_SECONDS):
            await process.close_stdin()
            async for lines in process.lines():
                said += b"\n".join(lines)
                if len(said) > _MOST_STATUS_BYTES:
                    return None
    except TimeoutError:
        return None
    finally:
        await process.terminate()
    return Account.read(bytes(said))


async def _started(context: EngineContext, *words: str) -> EngineProcess:
    """Raises EngineFailed."""
    environment = context.environment(environment_defaults(context))
    environment["BROWSER"] = "true"  # the operator opens the link where they are, which need not be here
    command = [*program(context.launch.spec.engine_options.get("command")), *words]
    return await context.runtime.start(command, env=environment, cwd=context.home)


def _texts(lines: list[bytes]) -> list[str]:
    return [line.decode("utf-8", "replace") for line in lines]


def plain(line: str) -> str:
    """Without what only a terminal understands."""
    return _ESCAPES.sub("", line).strip()


def _failed(message: str) -> EngineFailed:
    return EngineFailed("failed", message, retryable=False, code="login_failed")


def _one_line(text: str) -> str:
    return " ".join(text.split())[-500:]
