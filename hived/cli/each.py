"""A command on several ids: each for itself, so that one that cannot be hides none of the others."""

from collections.abc import Callable
from typing import Any

from hived.cli.command import Arguments
from hived.cli.output import print_json
from hived.wire.errors import HiveError, Unavailable

Done = dict[str, Any]


def each(arguments: Arguments, act: Callable[[str], Done], key: str, said: Callable[[Done], str]) -> int:
    """`act` on each of `arguments.ids`, in order. What was done is printed, then the first that could not be is raised.

    `said`: one line on what was done. With --json it is the document of the one id, or a list named `key`.
    """
    done: list[Done] = []
    errors: list[HiveError] = []
    for given in arguments.ids:
        try:
            done.append(act(given))
        except HiveError as error:
            errors.append(error)
            if isinstance(error, Unavailable):
                break
    if not arguments.json:
        for one in done:
            print(said(one))
    elif done:
        print_json(done[0] if len(arguments.ids) == 1 else {key: done})
    if errors:
        raise errors[0]
    return 0
