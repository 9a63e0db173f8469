"""What lives from an engine's start to its close: its server, the connection, the conversation, the tools, and what it is set
to. A turn and a compaction both work on it."""

import platform
from collections.abc import Sequence

from agentd.engines.api_conversation import Conversation
from agentd.engines.api_failures import ApiFailure
from agentd.engines.api_http import ApiHttp
from agentd.engines.api_inference import Inference
from agentd.engines.api_models import asked_window, offered_models
from agentd.engines.api_options import Options, Server
from agentd.engines.api_tools import Toolbox
from agentd.engines.api_words import Ask, Record
from agentd.engines.base import EngineContext, ToolDefinition
from agentd.engines.preamble import system_prompt
from hived.wire.agents import ENGINES_OWN_MODEL, ModelOffered
from hived.wire.times import utc_now


class ApiSession:
    """`model` and `effort` may change between any two inferences."""

    def __init__(
        self,
        context: EngineContext,
        options: Options,
        server: Server,
        http: ApiHttp,
        conversation: Conversation,
        toolbox: Toolbox,
    ) -> None:
        self.options = options
        self.server = server
        self.http = http
        self.conversation = conversation
        self.toolbox = toolbox
        self.model = context.model
        self.effort = context.effort
        self.models: tuple[ModelOffered, ...] = ()
        self.system = f"{system_prompt(context)}\n\n{_facts(context)}"
        self._windows: dict[str, int] = {}
        self._asked_windows: set[tuple[str, bool]] = set()

    async def learn_models(self) -> None:
        self.models = tuple(await offered_models(self.http, self.server))

    async def model_now(self) -> str:
        """The model to ask. Raises ApiFailure where none is set and the server has no choice of its own."""
        if self.model != ENGINES_OWN_MODEL:
            return self.model
        if not self.models:
            await self.learn_models()
        if self.models and (self.server.preset.local or len(self.models) == 1):
            return self.models[0].name
        host = self.server.host
        if self.server.preset.local:
            raise ApiFailure("failed", f"{host} cannot be reached, or has no model: set one, or look at the server.")
        raise ApiFailure("failed", f"No model is set, and {host} has no default: name one.", retryable=False)

    async def learn_window(self, model: str, *, loaded: bool) -> None:
        """Ask for it where nothing is known yet, and once more when the model is `loaded`: a server may decide only then."""
        if self.options.context_window is not None or (model, loaded) in self._asked_windows:
            return
        self._asked_windows.add((model, loaded))
        window = await asked_window(self.http, self.server, model)
        if window is not None:
            self._windows[model] = window
            self.models = tuple(
                offered.model_copy(update={"window": window}) if offered.name == model else offered
                for offered in self.models
            )

    def window_is(self, model: str, window: int | None) -> None:
        """Something said so in passing."""
        if window is not None:
            self._windows[model] = window

    def window(self, model: str) -> int | None:
        """None: what the turn loop assumes."""
        listed = next((offered.window for offered in self.models if offered.name == model), None)
        return self.options.context_window or self._windows.get(model) or listed

    def inference(
        self,
        model: str,
        records: Sequence[Record],
        *,
        system: str | None = None,
        tools: Sequence[ToolDefinition] | None = None,
        effort: str | None = None,
        max_tokens: int | None = None,
    ) -> Inference:
        """One to be run. `system` and `tools`: the session's own unless told."""
        ask = Ask(
            system=self.system if system is None else system,
            records=records,
            tools=self.toolbox.definitions if tools is None else tools,
            model=model,
            effort=effort,
            max_tokens=max_tokens or self.options.max_tokens,
            temperature=self.options.temperature,
        )
        return Inference(self.http, self.server, ask)


def _facts(context: EngineContext) -> str:
    return (
        f"Working directory: {context.workspace}\nYour notes: {context.state}\n"
        f"Platform: {platform.system().lower()}\nThe date when this began: {utc_now()[:10]}"
    )
