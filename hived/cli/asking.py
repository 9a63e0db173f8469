"""What is asked on a terminal: a yes, or a secret that is not shown. Without a terminal nothing is asked."""

import sys

from hived.wire.errors import ConfirmationNeeded


def has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirmed(question: str, what: str) -> bool:
    """Whether the answer is yes. Raises ConfirmationNeeded (`what` begins its sentence) without a terminal."""
    if not has_terminal():
        raise ConfirmationNeeded(what=what)
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def go_ahead(yes: bool, question: str, what: str) -> bool:
    """True with --yes or a yes; else False, after saying that nothing was done. Raises ConfirmationNeeded."""
    if yes or confirmed(question, what):
        return True
    print("Nothing was done.", file=sys.stderr)
    return False


def hidden(prompt: str) -> str:
    """A line typed on the terminal without being shown; empty at the end of input. Nobody prints or stores it."""
    from getpass import getpass

    try:
        return getpass(prompt).strip()
    except EOFError:
        return ""
