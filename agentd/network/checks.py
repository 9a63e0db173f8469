"""Whether an agent can do what it is asked for without a network: said before anybody is asked to approve it. Pure."""

from urllib.parse import urlsplit

from agentd.engines.base import EngineFailed
from agentd.mcp_servers import own_servers
from agentd.network.hosts import InvalidHost, entry_for, parse_host
from agentd.network.model_hosts import Unreachable, model_host
from agentd.network.plan import allowed, networkless
from hived.wire.agents import SpawnRequest
from hived.wire.errors import NetworkNeeded


def check_network(spec: SpawnRequest) -> None:
    """`spec.runtime` None: nobody has chosen one yet, and only what holds for all is looked at. Raises EngineFailed."""
    entries = allowed(spec)
    if spec.runtime is None or not networkless(spec, spec.runtime):
        return
    found = model_host(spec)
    # Whoever says `network = false` of a program that nobody knows, or names its hosts, knows it.
    known = "command" not in spec.engine_options or "agent" in spec.engine_options or spec.engine == "claude"
    if isinstance(found, Unreachable) and not entries and (known or spec.network is None):
        needed = NetworkNeeded(engine=_name(spec), reason=found.reason)
        raise EngineFailed("failed", needed.message, retryable=False, code=needed.code)
    for server in own_servers(spec):
        if server.url is None:
            continue
        parts = urlsplit(server.url)
        try:
            host = parse_host(f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "")
            port = parts.port or (80 if parts.scheme == "http" else 443)
        except (InvalidHost, ValueError) as error:
            raise _invalid(f"mcp_servers, {server.name}: its url has no host.") from error
        if entry_for(entries, host, port) is None:
            place = host if port in (80, 443) else f"{host}:{port}"
            raise _invalid(
                f"mcp_servers, {server.name}: there is no network, and allow_hosts does not name {place}; add it there, or"
                " say network = true."
            )


def _name(spec: SpawnRequest) -> str:
    agent = spec.engine_options.get("agent")
    return str(agent) if spec.engine == "acp" and isinstance(agent, str) else f"An agent on the engine {spec.engine}"


def _invalid(message: str) -> EngineFailed:
    return EngineFailed("failed", message, retryable=False, code="invalid_config")
