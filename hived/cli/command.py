"""What a command of `hive` is: how its arguments are declared, and what runs with them."""

import argparse
import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from hived.wire.errors import Missing, TooLarge, UsageError
from hived.wire.names import EVERYONE, checked_name

Arguments = argparse.Namespace

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
"""hived's own are UUIDs; a harness may name what it sends otherwise."""
_OF_UUID = re.compile(r"[0-9A-Fa-f-]{8,36}", re.ASCII)


class Command(NamedTuple):
    """`run` returns the exit code; what it raises as a HiveError is shown by `main`."""

    declare: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Arguments], int]


class Parser(argparse.ArgumentParser):
    """argparse, with its errors as UsageError: one sentence, exit 2."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(reason=f"{message[:1].upper()}{message[1:]}. See: {self.prog} --help")


def parser_for(name: str, help_text: str, command: Command) -> Parser:
    """The parser of one command; every command takes --json."""
    parser = Parser(prog=f"hive {name}", description=help_text, allow_abbrev=False)
    command.declare(parser)
    parser.add_argument("--json", action="store_true", help="print what hived answered, as JSON")
    return parser


def nothing(parser: argparse.ArgumentParser) -> None:
    """For a command without arguments of its own."""


def one_name(parser: argparse.ArgumentParser) -> None:
    """One agent."""
    parser.add_argument("name", metavar="NAME", help="an agent")


def names(parser: argparse.ArgumentParser) -> None:
    """Any number of agents, or --all."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="an agent")
    parser.add_argument("--all", action="store_true", help="every agent")


def checked_names(given: list[str]) -> list[str]:
    """Each name once, in the order given. Raises InvalidName."""
    return list(dict.fromkeys(checked_name(name) for name in given))


def checked_recipient(name: str) -> str:
    return name if name == EVERYONE else checked_name(name)


def positive(text: str) -> int:
    """An argument's type: a whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def seconds(text: str) -> float:
    """An argument's type: a time of 0 seconds or more."""
    number = float(text)
    if not 0 <= number < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return number


def checked_size(text: str, limit: int, what: str) -> str:
    """The text itself, or TooLarge."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > limit:
        raise TooLarge(what=what, bytes=size, limit=limit)
    return text


def checked_id(given: str, missing: type[Missing]) -> str:
    """An id or a beginning of one, as the wire has it; `missing` for what can be neither, and goes into no path."""
    wanted = given.strip()
    if _OF_UUID.fullmatch(wanted):
        wanted = wanted.lower()
    if not _ID.fullmatch(wanted):
        raise missing(id=given[:64])
    return wanted


def listed(document: Any, key: str) -> list[dict[str, Any]]:
    """The list inside an answer."""
    found: list[dict[str, Any]] = document[key]
    return found
