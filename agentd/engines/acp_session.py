"""One conversation with a running agent: opened or gone on with, and what can be set in it while it runs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentd.engines.acp_errors import AgentError
from agentd.engines.acp_launch import login_sentence, mcp_servers, permission_mode
from agentd.engines.acp_offers import Choice, Offers
from agentd.engines.acp_outcome import AUTH_REQUIRED, Verdict, of_error
from agentd.engines.acp_presets import Preset
from agentd.engines.base import EngineContext, EngineFailed, Note
from agentd.engines.preamble import system_prompt
from hived.wire.agents import ENGINES_OWN_MODEL
from hived.wire.protocol import VERSION

if TYPE_CHECKING:
    from agentd.engines.acp_pipe import AcpPipe

PROTOCOL_VERSION = 1
START_SECONDS = 60.0
"""A cold agent answers within 5 s; a machine under load takes longer."""
SESSION_SECONDS = 120.0
"""It starts its MCP servers, and a long history is replayed."""
SET_SECONDS = 30.0

JsonObject = dict[str, Any]

_CLIENT = {
    "protocolVersion": PROTOCOL_VERSION,
    # No file and no terminal is served. agentd stands outside the sandbox: what it did for the engine, it would do with its
    # own rights. Without them every agent uses its own tools, inside.
    "clientCapabilities": {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False},
    "clientInfo": {"name": "agentd", "title": "agentd", "version": VERSION},
}


class AcpSession:
    """`open` it first; `offers` is what can be chosen in it."""

    def __init__(self, pipe: "AcpPipe", context: EngineContext, preset: Preset, environment: Mapping[str, str]) -> None:
        self._pipe = pipe
        self._context = context
        self._preset = preset
        self._environment = environment
        self._auth_methods: list[JsonObject] = []
        self.id = ""
        self.offers = Offers()

    async def open(self, session_id: str | None) -> None:
        """Begin a conversation, or go on with that one and no other. Raises EngineFailed, AgentEnded, AgentSilent."""
        answer = await self._asked("initialize", _CLIENT, START_SECONDS)
        version = answer.get("protocolVersion")
        if version != PROTOCOL_VERSION:
            said = f"{self._preset.title} speaks version {version!s:.20} of the protocol, and version 1 is spoken here."
            raise EngineFailed("failed", said, retryable=False)
        methods = answer.get("authMethods")
        self._auth_methods = [one for one in methods if isinstance(one, dict)] if isinstance(methods, list) else []
        capabilities = _object(answer, "agentCapabilities")
        params = self._params(_object(capabilities, "mcpCapabilities"))
        if session_id is None:
            answer = await self._conversation("session/new", params)
            id = answer.get("sessionId")
            if not isinstance(id, str) or not id:
                raise EngineFailed("failed", f"{self._preset.title} named no session.", retryable=True)
            self.id = id
        else:
            answer = await self._gone_on(session_id, params, capabilities)
            self.id = session_id
        self.offers.take_session(answer)

    async def choose_model(self, model: str) -> str | None:
        """None once it is in force, else why it is not, in a sentence."""
        choice = self.offers.model
        wanted = choice.first if model == ENGINES_OWN_MODEL else model
        if wanted is None or wanted == choice.current:
            return None
        tried = await self._configured(choice, choice.config_id or "model", wanted)
        if tried is None:
            return None
        called = await self._called("session/set_model", {"modelId": wanted})
        if called is None:
            choice.current = wanted
            return None
        if choice.offered and wanted not in choice.names:
            return f"{self._preset.title} has no model {wanted!r}; it offers {_listed(choice.names)}."
        return (
            f"{self._preset.title} would not change its model to {wanted!r}: session/set_config_option: {tried};"
            f" session/set_model: {called}."
        )

    async def choose_mode(self, mode: str | None) -> str | None:
        """None: what the agent.toml says, else its own. The answer is as in choose_model."""
        choice = self.offers.mode
        wanted = mode or permission_mode(self._context.launch.spec) or choice.first
        if wanted is None or wanted == choice.current:
            return None
        if choice.offered and wanted not in choice.names:
            return f"{self._preset.title} has no permission mode {wanted!r}; it offers {_listed(choice.names)}."
        if choice.own_call:
            refused = await self._called("session/set_mode", {"modeId": wanted})
            if refused is None:
                choice.current = wanted
        elif choice.config_id is not None:
            refused = await self._configured(choice, choice.config_id, wanted)
        else:
            refused = "it has none to set"
        return None if refused is None else f"{self._preset.title} would not change its permission mode: {refused}."

    async def choose_effort(self, effort: str | None) -> str | None:
        """None: the agent's own. The answer is as in choose_model."""
        choice = self.offers.effort
        wanted = effort or choice.first
        if wanted is None or wanted == choice.current:
            return None
        if choice.config_id is None:
            return f"{self._preset.title} has no thinking effort to set."
        if wanted not in choice.names:
            return f"{self._preset.title} has no effort {wanted!r}; it offers {_listed(choice.names)}."
        refused = await self._configured(choice, choice.config_id, wanted)
        return None if refused is None else f"{self._preset.title} would not change its effort: {refused}."

    def verdict(self, error: "AgentError") -> Verdict:
        login = login_sentence(self._preset, self._context.home)
        return of_error(error.code, error.message, error.data, login)

    def _params(self, mcp_capabilities: JsonObject) -> JsonObject:
        servers = mcp_servers(self._context, mcp_capabilities)
        params: JsonObject = {"cwd": str(self._context.workspace), "mcpServers": servers}
        meta = dict(self._preset.session_meta)
        if self._preset.system_prompt:
            meta["systemPrompt"] = {"append": system_prompt(self._context)}
        return {**params, "_meta": meta} if meta else params

    async def _gone_on(self, session_id: str, params: JsonObject, capabilities: JsonObject) -> JsonObject:
        if capabilities.get("loadSession") is True:
            method = "session/load"
        elif isinstance(_object(capabilities, "sessionCapabilities").get("resume"), dict):
            method = "session/resume"
        else:
            raise self._refused(session_id, "it cannot go on with a conversation")
        try:
            return await self._logged_in(method, {**params, "sessionId": session_id})
        except AgentError as error:
            verdict = self.verdict(error)
            if verdict.outcome in ("needs_login", "rate_limited"):
                raise _failed(verdict) from error
            raise self._refused(session_id, verdict.error or "it gave no reason") from error

    def _refused(self, session_id: str, reason: str) -> EngineFailed:
        return EngineFailed(
            "failed",
            f"{self._preset.title} will not go on with the conversation {session_id}: {reason.removesuffix('.')}.",
            retryable=False,
            code=EngineFailed.RESUME_REFUSED,
        )

    async def _conversation(self, method: str, params: JsonObject) -> JsonObject:
        try:
            return await self._logged_in(method, params)
        except AgentError as error:
            raise _failed(self.verdict(error)) from error

    async def _logged_in(self, method: str, params: JsonObject) -> JsonObject:
        """The call; once more after `authenticate` where the agent wants that, and has a key to do it with."""
        try:
            return await self._pipe.request(method, params, SESSION_SECONDS)
        except AgentError as error:
            auth_method = self._auth_method()
            if error.code != AUTH_REQUIRED or auth_method is None:
                raise
        await self._pipe.request("authenticate", {"methodId": auth_method}, SESSION_SECONDS)
        return await self._pipe.request(method, params, SESSION_SECONDS)

    def _auth_method(self) -> str | None:
        """The agent's own way to take a key that is in its environment."""
        for name, method in self._preset.keys.items():
            if method is not None and self._environment.get(name):
                return method
        for offered in self._auth_methods:
            variables = offered.get("vars")
            names = (
                [one.get("name") for one in variables if isinstance(one, dict)] if isinstance(variables, list) else []
            )
            if names and all(self._environment.get(str(name)) for name in names) and isinstance(offered.get("id"), str):
                return str(offered["id"])
        return None

    async def _asked(self, method: str, params: JsonObject, seconds: float) -> JsonObject:
        try:
            return await self._pipe.request(method, params, seconds)
        except AgentError as error:
            raise _failed(self.verdict(error)) from error

    async def _configured(self, choice: Choice, config_id: str, value: str) -> str | None:
        """session/set_config_option; None once it is done, else what the agent said."""
        params = {"sessionId": self.id, "configId": config_id, "value": value}
        try:
            answer = await self._pipe.request("session/set_config_option", params, SET_SECONDS)
        except AgentError as error:
            return self.verdict(error).error
        choice.current = value
        self.offers.take_options(answer.get("configOptions"))
        return None

    async def _called(self, method: str, params: JsonObject) -> str | None:
        try:
            await self._pipe.request(method, {"sessionId": self.id, **params}, SET_SECONDS)
        except AgentError as error:
            return self.verdict(error).error
        return None

    def told(self, reason: str | None) -> bool:
        """Whether it is in force; where it is not, the transcript says why."""
        if reason is not None:
            self._context.report(Note(reason, "warning"))
        return reason is None


def _failed(verdict: Verdict) -> EngineFailed:
    said = verdict.error or "The agent gave no reason."
    return EngineFailed(verdict.outcome, said, verdict.retryable, away=verdict.away)


def _object(value: JsonObject, key: str) -> JsonObject:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:20])
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown
