"""Reading a tool call's arguments: each wrong one is one sentence for the engine."""

from typing import Any


class WrongArguments(ValueError):
    """What is wrong with the call, for the engine to read."""


def text(arguments: dict[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value.strip():
        raise WrongArguments(f"`{name}` is missing: it is a text that is not empty.")
    return value


def optional_text(arguments: dict[str, Any], name: str) -> str | None:
    value = arguments.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise WrongArguments(f"`{name}` is a text.")
    return value


def check_names(arguments: dict[str, Any], known: dict[str, Any]) -> None:
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        raise WrongArguments(f"There is no argument {unknown[0]!r}; there are {', '.join(known) or 'none'}.")
