"""What a model server offers, and how much a model's window holds, each dialect in its own way. Asked for a bounded time; a
server that does not say is no error."""

import contextlib
import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from agentd.engines import api_anthropic, api_openai
from agentd.engines.api_failures import ApiFailure
from agentd.engines.api_http import ApiHttp
from agentd.engines.api_options import Server
from agentd.engines.api_reader import table, tables, text_of, whole_number
from hived.wire.agents import ModelOffered

ASK_SECONDS = 4.0
MOST_MODELS = 500
_WINDOW_SAID = re.compile(
    r"(?:maximum context length is|context (?:size|window|length)[^\d]{0,40}?) ?\(?(\d{3,9}) ?tokens"
    r"|tokens > (\d{3,9}) maximum|n_ctx[^\d]{1,12}(\d{3,9})",
    re.IGNORECASE,
)


async def offered_models(http: ApiHttp, server: Server) -> list[ModelOffered]:
    """Empty where it does not say."""
    with contextlib.suppress(ApiFailure):
        if server.provider == "ollama":
            return _named(tables((await http.get(_root(server) + "/api/tags", ASK_SECONDS)).get("models")), "name")
        path = api_anthropic.MODELS_PATH if server.preset.dialect == "anthropic" else api_openai.MODELS_PATH
        return _named(tables((await http.get(path, ASK_SECONDS)).get("data")), "id")
    return []


async def asked_window(http: ApiHttp, server: Server, model: str) -> int | None:
    """The window that the server itself says this model runs with, where it has a way of its own to say so."""
    with contextlib.suppress(ApiFailure):
        if server.provider == "ollama":
            return await _ollama_window(http, _root(server), model)
        if server.provider == "llamacpp":
            props = await http.get(_root(server) + "/props", ASK_SECONDS)
            return whole_number(table(props.get("default_generation_settings")).get("n_ctx")) or whole_number(
                props.get("n_ctx")
            )
    return None


def window_in(message: str) -> int | None:
    """The window that a refusal of a prompt names; None where it names none."""
    found = _WINDOW_SAID.search(message)
    return int(next(number for number in found.groups() if number)) if found else None


async def _ollama_window(http: ApiHttp, root: str, model: str) -> int | None:
    """What it is loaded with; before that its own setting, else the most that it can. A longer prompt is cut in silence."""
    for loaded in tables((await http.get(root + "/api/ps", ASK_SECONDS)).get("models")):
        if model in (loaded.get("name"), loaded.get("model")) and whole_number(loaded.get("context_length")):
            return whole_number(loaded["context_length"])
    shown = await http.post_for(root + "/api/show", {"model": model}, ASK_SECONDS)
    setting = re.search(r"^num_ctx\s+(\d{1,9})\s*$", text_of(shown.get("parameters")), re.MULTILINE)
    if setting:
        return int(setting[1])
    for name, value in table(shown.get("model_info")).items():
        if name.endswith(".context_length"):
            return whole_number(value)
    return None


def _named(found: list[dict[str, Any]], key: str) -> list[ModelOffered]:
    return [_model(item, item[key]) for item in found[:MOST_MODELS] if _is_name(item.get(key))]


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()


def _model(item: dict[str, Any], name: str) -> ModelOffered:
    title = text_of(item.get("display_name")) or text_of(item.get("name"))
    windows = [
        whole_number(value)
        for value in (
            item.get("context_length"),
            item.get("max_model_len"),
            item.get("max_input_tokens"),
            table(item.get("meta")).get("n_ctx"),
        )
    ]
    return ModelOffered(
        name=name,
        title="" if title == name else title[:200],
        description=text_of(item.get("description"))[:300],
        window=next((window for window in windows if window), None),
    )


def _root(server: Server) -> str:
    """The address without the dialect's path: where a server's own routes are."""
    parts = urlsplit(server.base_url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.removesuffix("/v1"), "", ""))
