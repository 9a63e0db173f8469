"""The `hive` command: finds the module of the command that was asked for, loads nothing else, and turns errors into exit codes.

Results go to stdout, `error[code]: sentence` to stderr. 0 done, 1 refused or failed, 2 usage, 3 hived is not running,
4 no such thing, 5 conflict; 130 interrupted, 141 nobody reads any more.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module

from hived.cli import interrupts  # All else is loaded once it listens: a Ctrl-C during an import may be dropped.

GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "The hive": {
        "init": ("spawn", "make the queen"),
        "up": ("running", "run hived here, or --detach"),
        "down": ("running", "stop hived; agents work on unless --agents"),
        "status": ("running", "is hived running, and what is in the hive"),
        "paths": ("paths", "where everything lives"),
        "version": ("version", "this program, and the hived that runs"),
        "doctor": ("doctor", "check this machine and this hive, with a remedy for what is wrong"),
        "check": ("audit", "do the books hold what they promise; with hived or without"),
        "engines": ("engines", "what engines and runtimes this machine has"),
        "tui": ("tui", "the screen (also `hive` alone)"),
        "demo": ("demo", "a hive of scripted agents in a temporary home"),
    },
    "Agents": {
        "spawn": ("spawn", "ask for a new agent"),
        "ls": ("agents", "list the agents"),
        "show": ("show", "one agent: its state, since when and why"),
        "log": ("logs", "its harness's log, or its engine's; --follow"),
        "work": ("work", "what it has changed in its clone; --fetch brings it home"),
        "start": ("lifecycle", "start agents"),
        "stop": ("lifecycle", "stop agents"),
        "restart": ("lifecycle", "restart agents"),
        "kill": ("lifecycle", "end agents at once, by KILL"),
        "pause": ("lifecycle", "freeze agents where they are; --all is the panic key"),
        "resume": ("lifecycle", "let paused agents go on; end a nap, or the wait for a rate limit"),
        "rebuild": ("rebuild", "give agents another engine, or other options"),
        "wait": ("lifecycle", "wait until agents are idle, online, stopped or paused"),
        "destroy": ("tombstones", "stop an agent for good; its state is kept as a tombstone"),
        "tombstones": ("tombstones", "destroyed agents: age, size, unmerged work, last words"),
        "revive": ("tombstones", "bring a destroyed agent back, with its conversation"),
        "purge": ("tombstones", "delete a destroyed agent and all that is its own"),
        "login": ("login", "log an agent's engine in"),
    },
    "Their config": {
        "propose": ("proposals", "ask that a commit of an agent's config may run"),
        "diff": ("diff", "what a proposed or deployed commit changes"),
        "deployments": ("deployments", "what ran when, by whom, and how it ended"),
        "rollback": ("rollback", "go back to what was deployed before"),
        "templates": ("templates", "what new agents can begin as"),
    },
    "What they think with": {
        "model": ("settings", "show or set an agent's model"),
        "effort": ("settings", "show or set how hard it thinks"),
        "permission-mode": ("settings", "show or set what it may do unasked"),
        "cancel": ("turns", "interrupt an agent's turn"),
        "compact": ("turns", "make its conversation shorter"),
        "new-session": ("turns", "begin a new conversation with its next turn"),
        "nap": ("turns", "let it begin no turn for a while"),
        "record": ("recording", "save what it did as a scenario"),
    },
    "What they say and do": {
        "send": ("messages", "write to an agent, or to all with '*'"),
        "messages": ("messages", "all messages"),
        "inbox": ("messages", "your own unread messages"),
        "events": ("events", "what agents did, event by event"),
        "transcript": ("events", "what an agent did, to read"),
    },
    "Decisions": {
        "waiting": ("waiting", "everything that needs you"),
        "approvals": ("approvals", "what was asked for"),
        "approve": ("approvals", "say yes"),
        "deny": ("approvals", "say no"),
        "retry": ("messages", "send held messages again"),
        "drop": ("messages", "give held messages up"),
        "pairs": ("pairs", "agents who only answer each other, stopped"),
        "pair": ("pairs", "release or drop what a pair holds"),
        "questions": ("questions", "what was asked, of you and between agents"),
        "ask": ("questions", "ask an agent; its answer comes to your inbox"),
        "answer": ("questions", "answer a question"),
        "withdraw": ("questions", "take your own questions back"),
        "rules": ("rules", "standing answers, and how often each was used"),
        "rule": ("rules", "add, revoke or preview a standing answer"),
        "audit": ("audit", "who decided what, when, and what was seen"),
        "budgets": ("budgets", "what may be spent, and what has been"),
        "budget": ("budgets", "set, raise or remove a budget"),
    },
    "Time": {
        "reminders": ("reminders", "what agents will be reminded of, and when"),
        "remind": ("reminders", "remind an agent of something"),
        "reminder": ("reminders", "cancel or retry reminders"),
    },
}
COMMANDS = {name: found for group in GROUPS.values() for name, found in group.items()}

INTERRUPTED = 130
NOBODY_READS = 141


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Without `words` it is this process's own, which ends with it."""
    if words is not None:
        return _ended(words)
    try:
        interrupts.listen()
        code = _ended(sys.argv[1:])
        interrupts.over()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED


def _ended(words: Sequence[str]) -> int:
    from hived.wire.errors import HiveError, Internal

    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # A library's warning is no message to the operator.
    try:
        code = _run(list(words))
        sys.stdout.flush()
        return code
    except HiveError as error:
        _say(error.code, error.message)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout once more at its end; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return NOBODY_READS
    except Exception as error:
        internal = Internal(f"{type(error).__name__}: {error}")
        _say(internal.code, internal.message)
        return internal.exit_code


def _run(words: list[str]) -> int:
    if not words:
        words = ["tui"]
    name, rest = words[0], words[1:]
    if name in ("-h", "--help", "help"):
        print(_help())
        return 0
    if name in ("-V", "--version"):
        name = "version"
    if name not in COMMANDS:
        from hived.wire.errors import UsageError

        raise UsageError(reason=_unknown(name))
    module_name, help_text = COMMANDS[name]
    module = import_module(f"hived.cli.{module_name}")
    from hived.cli.command import parser_for

    command = module.COMMANDS[name]
    try:
        arguments = parser_for(name, help_text, command).parse_args(rest)
    except SystemExit:  # argparse's way out of --help
        return 0
    code: int = command.run(arguments)
    return code


def _help() -> str:
    lines = ["usage: hive [COMMAND] [--json] [--help]", "", "A hive of coding agents. Alone, `hive` opens the screen."]
    width = max(map(len, COMMANDS))
    for title, commands in GROUPS.items():
        lines += ["", title]
        lines += [f"  {name:<{width}}  {help_text}" for name, (_, help_text) in commands.items()]
    return "\n".join([*lines, "", "hive COMMAND --help says more. HIVE_HOME puts everything under one folder."])


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    from hived.cli.output import line

    shown = line(name, 40)
    if name.startswith("-"):
        return f"There is no option {shown!r} before a command. See: hive --help"
    near = get_close_matches(name, COMMANDS, 1)
    return f"There is no command {shown!r}; " + (
        f"did you mean {near[0]!r}?" if near else "hive --help lists what there is."
    )


def _say(code: str, message: str) -> None:
    from hived.cli.output import line

    with contextlib.suppress(BrokenPipeError):
        print(f"error[{code}]: {line(message)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
