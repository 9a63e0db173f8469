"""What agentd serves to its own engine in place of a network: the model's socket and the proxy's, as its plan says."""

from collections.abc import Callable, Mapping
from pathlib import Path

from agentd.engines.base import EngineEvent, EngineFailed
from agentd.network.credentials import Credentials
from agentd.network.model_forwarder import ModelForwarder, Route
from agentd.network.outside import Outside
from agentd.network.plan import ENGINE, LOGIN_PASSWORD, login_entries, plan
from agentd.network.proxy import Proxy
from agentd.network.refusals import Refusals
from agentd.network.upstream import InvalidBase, Upstream
from hived.wire.launch import Launch


class Servers:
    """`environment`: what the engine would have without a plan, secrets included (environment.open_environment).

    `process` is whose plan it is: an engine's serves its login too, a setup's serves that alone.
    """

    def __init__(
        self,
        launch: Launch,
        environment: Callable[[], Mapping[str, str]],
        report: Callable[[EngineEvent], None],
        log: Callable[[str], None],
        *,
        turn_id: Callable[[], str | None] = lambda: None,
        heard: Callable[[], None] = lambda: None,
        process: str = ENGINE,
    ) -> None:
        self._launch = launch
        self._environment = environment
        self._refusals = Refusals(report, turn_id)
        self._heard = heard
        self._log = log
        self._process = process
        self._running: list[ModelForwarder | Proxy] = []

    async def start(self) -> None:
        """Raises EngineFailed (not retryable) for a plan that cannot be, OSError where a socket cannot be opened."""
        planned = plan(self._launch, self._process)
        uid, log = self._launch.engine_uid, self._log
        try:
            if planned.model.base:
                path = Path(self._launch.model_socket)
                await self._run(ModelForwarder(path, uid, self._route, self._heard, log))
            if planned.proxy is not None:
                known = {LOGIN_PASSWORD: login_entries(self._launch.spec)}
                refused, heard = self._refusals.add, self._heard
                await self._run(Proxy(planned.proxy, uid, planned.entries, known, self._outside, refused, heard, log))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Every connection is ended. Harmless when nothing is served."""
        running, self._running = self._running, []
        for one in running:
            await one.close()

    async def _run(self, server: ModelForwarder | Proxy) -> None:
        await server.start()
        self._running.append(server)

    def _outside(self) -> Outside:
        return Outside(self._environment())

    def _route(self) -> Route:
        model = plan(self._launch, self._process).model
        environment = self._environment()
        named = environment.get(model.base_variable) if model.base_variable else None
        try:
            upstream = Upstream.parse(named or model.base)
        except InvalidBase as error:
            message = f"{model.base_variable}: {error}"
            raise EngineFailed("failed", message, retryable=False, code="invalid_config") from error
        return Route(upstream, Credentials.of(model.keys, environment), Outside(environment))
