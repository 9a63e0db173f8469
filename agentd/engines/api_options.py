"""What an agent on the api engine is asked to be: its options, checked, and the model server that they come to."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from agentd.engines.base import EngineContext, EngineFailed
from agentd.mcp_servers import own_servers
from hived.wire.agents import SpawnRequest

PermissionMode = Literal["default", "acceptEdits", "plan", "bypassPermissions"]
PERMISSION_MODES: tuple[PermissionMode, ...] = ("default", "acceptEdits", "plan", "bypassPermissions")
OPTIONS = frozenset(
    {
        "provider", "base_url", "api_key_env", "permission_mode", "max_tokens", "temperature", "context_window",
        "allowed_tools", "disallowed_tools", "max_steps", "price",
    }
)  # fmt: skip
PRICES = ("input", "output", "cache_read", "cache_creation")
"""USD for a million tokens of each kind."""
MOST_STEPS = 200
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})


@dataclass(frozen=True, slots=True)
class Preset:
    """One kind of model server."""

    dialect: Literal["anthropic", "openai"]
    base_url: str
    base_url_env: str | None = None
    """The name that others use for it too."""
    key_env: str | None = None
    """None: it needs no key."""
    local: bool = False
    """Its list of models is all there are, and its first is its own choice."""
    efforts: tuple[str, ...] = ("low", "medium", "high")


PRESETS = {
    "anthropic": Preset(
        "anthropic", "https://api.anthropic.com", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY",
        efforts=("low", "medium", "high", "max"),
    ),
    "openai": Preset(
        "openai", "https://api.openai.com/v1", "OPENAI_BASE_URL", "OPENAI_API_KEY",
        efforts=("minimal", "low", "medium", "high"),
    ),
    "openrouter": Preset("openai", "https://openrouter.ai/api/v1", "OPENROUTER_BASE_URL", "OPENROUTER_API_KEY"),
    "ollama": Preset("openai", "http://127.0.0.1:11434/v1", "OLLAMA_HOST", local=True),
    "llamacpp": Preset("openai", "http://127.0.0.1:8080/v1", local=True),
    "vllm": Preset("openai", "http://127.0.0.1:8000/v1", local=True),
}  # fmt: skip
KEY_NAMES = frozenset(preset.key_env for preset in PRESETS.values() if preset.key_env)


@dataclass(frozen=True, slots=True)
class Options:
    """`engine_options`, checked."""

    provider: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    permission_mode: PermissionMode = "default"
    max_tokens: int | None = None
    temperature: float | None = None
    context_window: int | None = None
    allowed_tools: tuple[str, ...] = ()
    disallowed_tools: tuple[str, ...] = ()
    max_steps: int = MOST_STEPS
    price: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """The model server that an agent talks to."""

    provider: str
    preset: Preset
    base_url: str
    """Without a slash at its end."""
    key: str | None
    key_env: str | None

    @property
    def host(self) -> str:
        """To be named in sentences: host and port, never what else the address holds."""
        return host_of(self.base_url)

    @property
    def loopback(self) -> bool:
        return (urlsplit(self.base_url).hostname or "") in LOOPBACK

    def redacted(self, text: str) -> str:
        return text.replace(self.key, "[key]") if self.key else text


def host_of(url: str) -> str:
    """Host and port of an address, without a user or password in it."""
    return urlsplit(url).netloc.rpartition("@")[2] or "the model's server"


def read_options(given: Mapping[str, Any]) -> Options:
    """Raises EngineFailed (`invalid_option`) with the option and what it must be."""
    unknown = sorted(set(given) - OPTIONS)
    if unknown:
        raise _invalid(unknown[0], f"api has no such option; it has {', '.join(sorted(OPTIONS))}.")
    provider = given.get("provider")
    if provider is not None and provider not in PRESETS:
        raise _invalid("provider", f"it is one of {', '.join(PRESETS)}.")
    return Options(
        provider=provider,
        base_url=_address(given.get("base_url")),
        api_key_env=_name(given, "api_key_env"),
        permission_mode=checked_mode(given.get("permission_mode", "default")),
        max_tokens=_whole(given, "max_tokens"),
        temperature=_temperature(given.get("temperature")),
        context_window=_whole(given, "context_window"),
        allowed_tools=_names(given, "allowed_tools"),
        disallowed_tools=_names(given, "disallowed_tools"),
        max_steps=_whole(given, "max_steps") or MOST_STEPS,
        price=_price(given.get("price")),
    )


def checked_mode(mode: Any) -> PermissionMode:
    """Raises EngineFailed (`invalid_option`)."""
    if mode not in PERMISSION_MODES:
        raise _invalid("permission_mode", f"it is one of {', '.join(PERMISSION_MODES)}.")
    return mode  # type: ignore[no-any-return]  # one of the literals, as just checked


def check_spec(spec: SpawnRequest) -> None:
    """Raises EngineFailed for an option that cannot be met. Whether a server is there is seen at the first turn."""
    options = read_options(spec.engine_options)
    own_servers(spec)
    key_env = options.api_key_env
    if key_env is not None and key_env not in spec.env_from and key_env not in spec.env:
        raise _invalid("api_key_env", f"{key_env} is not in env_from, so its value would never come.")


def make_server(options: Options, environment: Mapping[str, str], ollama: str | None) -> Server:
    """`ollama`: the address of a local one, where it was looked for and found.

    Raises EngineFailed: `needs_login` where a key is missing, `invalid_option` where nothing says which server.
    """
    provider = options.provider or _provider(options, environment, ollama)
    preset = PRESETS[provider]
    named = environment.get(preset.base_url_env or "")
    if options.base_url is not None:
        address = options.base_url
    elif provider == "ollama":
        address = ollama or ollama_address(environment)
    else:
        address = (_address(named, preset.base_url_env) if named else None) or preset.base_url
    key_env = options.api_key_env or preset.key_env
    key = environment.get(key_env, "").strip() if key_env else ""
    own_address = address != preset.base_url
    if not key and key_env and (options.api_key_env or not own_address):
        message = f"{key_env} is not set: put it into secrets.toml and name it in env_from."
        raise EngineFailed("needs_login", message, retryable=False, code="no_key")
    return Server(provider, preset, _with_path(address, preset.dialect), key or None, key_env)


async def logged_in(context: EngineContext) -> bool | None:
    """Whether the key that it needs is there; None: cannot tell before its server is looked for."""
    options = read_options(context.launch.spec.engine_options)
    if options.provider is None and options.base_url is None:
        return None
    try:
        make_server(options, context.environment({}), None)
    except EngineFailed as failure:
        return False if failure.outcome == "needs_login" else None
    return True


def environment_of_tools(context: EngineContext, server: Server | None) -> dict[str, str]:
    """What the worker and its tools get: the engine's environment without any model server's key."""
    options = read_options(context.launch.spec.engine_options)
    hidden = KEY_NAMES | {name for name in (options.api_key_env, server and server.key_env) if name}
    key = server.key if server is not None else None
    found = context.environment({})
    return {name: value for name, value in found.items() if name not in hidden and (not key or key not in value)}


def ollama_address(environment: Mapping[str, str]) -> str:
    """Where a local Ollama would be: OLLAMA_HOST (`host`, `host:port` or a URL), else its own port on loopback."""
    given = environment.get("OLLAMA_HOST", "").strip()
    if not given:
        return "http://127.0.0.1:11434"
    url = given if "://" in given else f"http://{given}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "127.0.0.1", parts.port
    except ValueError:
        return "http://127.0.0.1:11434"
    if host == "0.0.0.0":
        host = "127.0.0.1"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port or 11434}"


def own_environment() -> dict[str, str]:
    """This process's, for what is looked for on the machine rather than for one agent."""
    return dict(os.environ)


def _provider(options: Options, environment: Mapping[str, str], ollama: str | None) -> str:
    if options.base_url is not None:
        return "openai"
    if ollama is not None:
        return "ollama"
    for name in ("anthropic", "openai", "openrouter"):
        if environment.get(PRESETS[name].key_env or ""):
            return name
    raise EngineFailed(
        "failed",
        "There is no model server: no Ollama answers on this machine, and env_from names none of "
        f"{', '.join(sorted(KEY_NAMES))}. Set engine_options.provider or base_url.",
        retryable=False,
        code="invalid_option",
        away=True,  # an Ollama that is meant may be down
    )


def _with_path(address: str, dialect: str) -> str:
    """The address below which the dialect's routes are: `/v1` is put there where no path is given, or not doubled."""
    parts = urlsplit(address.rstrip("/"))
    path = parts.path
    if dialect == "anthropic":
        path = path.removesuffix("/v1")
    elif not path:
        path = "/v1"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _address(value: Any, option: str | None = "base_url") -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            parts = urlsplit(value)
            if parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port):
                return value
        except ValueError:
            pass
    raise _invalid(option or "base_url", "it is an address that begins with http:// or https://.")


def _whole(given: Mapping[str, Any], option: str) -> int | None:
    value = given.get(option)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**31:
        raise _invalid(option, "it is a whole number above 0.")
    return value


def _temperature(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 2:
        raise _invalid("temperature", "it is a number from 0 to 2.")
    return float(value)


def _name(given: Mapping[str, Any], option: str) -> str | None:
    value = given.get(option)
    if value is None:
        return None
    if not isinstance(value, str) or not value.isascii() or not value.isidentifier():
        raise _invalid(option, "it is the name of an environment variable, never a key itself.")
    return value


def _names(given: Mapping[str, Any], option: str) -> tuple[str, ...]:
    names = given.get(option, [])
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise _invalid(option, "it is a list of tool names.")
    return tuple(names)


def _price(value: Any) -> Mapping[str, float] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) - set(PRICES) or not {"input", "output"} <= set(value):
        raise _invalid("price", f"it is a table with input and output, and maybe {' and '.join(PRICES[2:])}.")
    for amount in value.values():
        if not isinstance(amount, int | float) or isinstance(amount, bool) or not 0 <= amount < 1e6:
            raise _invalid("price", "each is in USD for a million tokens, from 0 up.")
    return {name: float(amount) for name, amount in value.items()}


def _invalid(option: str, reason: str) -> EngineFailed:
    return EngineFailed("failed", f"{option}: {reason}", retryable=False, code="invalid_option")
