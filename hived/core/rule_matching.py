"""Whether a rule fits an ask. What a pattern means follows from the tool's input: a command, a path, a host.

An allow must be sure: of the pattern, of every part of a command, and that no key of the input is overlooked. A deny fits
wherever it might. Nothing here reads the database; links of paths are followed on the disk.
"""

import itertools
import os
import re
import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from hived.core import globs, rule_hosts, rule_paths
from hived.core.command_guards import RUNNERS, guarded
from hived.core.shell_commands import MOST_RUN_WORDS, ShellCommand, joined, read, readings
from hived.core.tool_inputs import input_hash
from hived.wire.rules import ANY_INPUT, EXACT_PREFIX, RuleVerdict

Kind = Literal["command", "path", "url", "other"]
COMMAND = "command"
PATHS = ("file_path", "path", "notebook_path", "filepath")
URL = "url"
LEAVES_SANDBOX = frozenset({
    "dangerouslyDisableSandbox", "dangerously_disable_sandbox", "with_escalated_permissions", "sandbox_permissions",
    "additional_permissions", "escalate", "no_sandbox", "disable_sandbox",
})  # fmt: skip
SANDBOX = "sandbox"
"""Keys that ask for more rights than the tool has: with one set, only the exact input is allowed."""
PERMISSION_TOOLS = frozenset({"ExitPlanMode", "exit_plan_mode", "EnterPlanMode", "switch_mode"})
"""A yes to them changes what is asked at all: only a rule that says their very name allows them."""
SHELL_TOOLS = frozenset({"bash", "shell", "execute", "run_shell_command", "terminal", "powershell"})
FILE_TOOLS = frozenset({"read", "write", "edit", "multiedit", "notebookedit", "ls"})
URL_TOOLS = frozenset({"webfetch", "fetch", "web_fetch"})

_TEXTS: dict[Kind, frozenset[str]] = {
    "command": frozenset({"description", "reason", "justification"}),
    "path": frozenset({
        "content", "old_string", "new_string", "new_source", "cell_id", "cell_type", "edit_mode", "pages", "diff",
    }),
    "url": frozenset({"prompt", "format"}),
    "other": frozenset(),
}  # fmt: skip
"""Keys of each kind whose texts change nothing of where the tool reaches."""
_NUMBERS: dict[Kind, frozenset[str]] = {
    "command": frozenset({"timeout", "timeout_ms", "run_in_background"}),
    "path": frozenset({"offset", "limit", "replace_all"}),
    "url": frozenset({"timeout"}),
    "other": frozenset(),
}
_FOLDERS = frozenset({"cwd", "workdir"})
"""Of a command: harmless where it is the agent's own workspace."""
_SHELL = re.compile(r"(?:(?:/usr(?:/local)?)?/bin/)?(?:ba|z)?sh -l?c")
"""What runs a command's text, where the input says it: no other program that is called bash."""
_EDITS = frozenset({"old_string", "new_string", "replace_all"})
MOST_SECONDS = 0.5
"""For one ask: hived's one writer waits. What is not judged by then goes to the operator."""
MOST_TEXTS, MOST_READ = 500, 100_000
"""Of an ask, so many texts and characters are looked at for what is denied."""
_SAMPLES = (" x", "x", "x x")
"""What a star might stand for."""
_WHOLE_WORD = re.compile(r"[A-Za-z0-9_]\*+$", re.ASCII)


class Ask(NamedTuple):
    """What an agent's engine asks to do."""

    tool: str
    input: dict[str, Any]
    workspace: str | None
    links: bool = True
    """Look behind symbolic links, as they are now."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Of a rule, what decides."""

    rule_id: str
    tool: str
    pattern: str
    verdict: RuleVerdict


class Judged(NamedTuple):
    verdict: RuleVerdict
    rules: tuple[str, ...]
    """Those that decided: one, or of a command of several parts one for each."""


def judge(rules: Sequence[Pattern], ask: Ask) -> Judged | None:
    """What the rules say; None where they leave it open, or take too long. Deny wins."""
    until = time.monotonic() + MOST_SECONDS
    fitting = [rule for rule in rules if globs.fits(globs.pieces(rule.tool), ask.tool)]
    denying = [rule for rule in fitting if rule.verdict == "deny"]
    if denying:
        said = _readings(ask)
        for rule in denying:
            if time.monotonic() > until:
                return None
            if _denies(rule.pattern, ask, said):
                return Judged("deny", (rule.rule_id,))
    allowing = [rule for rule in fitting if rule.verdict == "allow" and _tool_allowed(rule.tool, ask.tool)]
    if not allowing:
        return None
    kind, given = kind_of(ask.input)
    hidden = any(not _is_special(rule.pattern) for rule in denying) and not _is_readable(ask, kind, given)
    for rule in allowing:
        if time.monotonic() > until:
            return None
        if rule.pattern == ANY_INPUT:
            if not hidden and not leaves_sandbox(ask.input):
                return Judged("allow", (rule.rule_id,))
        elif _allows_whole(rule.pattern, ask, kind, given):
            return Judged("allow", (rule.rule_id,))
    return _judge_parts(allowing, ask, kind, given)


def kind_of(input: dict[str, Any]) -> tuple[Kind, str]:
    """What a pattern is laid on, and its text; `other` where that is not one plain thing."""
    given = [key for key in (COMMAND, *PATHS, URL) if key in input]
    if len(given) != 1:
        return "other", ""
    key, value = given[0], input[given[0]]
    if key == COMMAND and isinstance(value, list) and value and all(isinstance(word, str) for word in value):
        value = value[2] if len(value) == 3 and _SHELL.fullmatch(" ".join(value[:2])) else shlex.join(value)
    if not isinstance(value, str):
        return "other", ""
    return ("command" if key == COMMAND else "url" if key == URL else "path"), value


def overlooked(ask: Ask, kind: Kind) -> str | None:
    """The first key of the input that a pattern of that kind would overlook, and that may matter."""
    return next((key for key, value in ask.input.items() if not _is_harmless(key, value, ask, kind)), None)


def _is_harmless(key: str, value: Any, ask: Ask, kind: Kind) -> bool:
    if key in (COMMAND, URL, *PATHS) or value is None:
        return True
    if key in LEAVES_SANDBOX:
        return value is False
    if key in _TEXTS[kind]:
        return isinstance(value, str)
    if key in _NUMBERS[kind]:
        return isinstance(value, int | float)
    if kind == "command" and key in _FOLDERS:
        return ask.workspace is not None and value == ask.workspace
    if kind == "command" and key == "shell":
        return isinstance(value, str) and _SHELL.fullmatch(value) is not None
    return kind == "path" and key == "edits" and _are_edits(value)


# Allow -----------------------------------------------------------------------------------------------------


def _tool_allowed(pattern: str, tool: str) -> bool:
    return tool not in PERMISSION_TOOLS or pattern == tool


def _allows_whole(pattern: str, ask: Ask, kind: Kind, given: str) -> bool:
    """Whether the pattern alone allows the ask."""
    if pattern.startswith(EXACT_PREFIX):
        return pattern == EXACT_PREFIX + input_hash(ask.tool, ask.input)
    if kind == "other" or overlooked(ask, kind) is not None:
        return False
    if kind == "path":
        return rule_paths.allows(pattern, given, ask.workspace, links=ask.links)
    if kind == "url":
        return rule_hosts.allows(pattern, given)
    text = globs.literal(pattern)
    return text is not None and _same(_wanted(text), read(given))


def _judge_parts(allowing: Sequence[Pattern], ask: Ask, kind: Kind, given: str) -> Judged | None:
    """A command of which each part is allowed by some rule.

    Never where a part's program runs others: that is allowed as a whole command, by its exact text.
    """
    patterns = [rule for rule in allowing if not _is_special(rule.pattern)]
    if kind != "command" or not patterns or overlooked(ask, kind) is not None:
        return None
    command = read(given)
    if command.flaw is not None:
        return None
    deciding: list[str] = []
    for words in command.parts:
        if guarded(words) is not None:
            return None
        part = joined(words)
        rule = next((rule for rule in patterns if _covers(rule.pattern, words, part)), None)
        if rule is None:
            return None
        deciding.append(rule.rule_id)
    return Judged("allow", tuple(dict.fromkeys(deciding)))


def _covers(pattern: str, words: tuple[str, ...], part: str) -> bool:
    """Whether an allow of that pattern covers that part of a command, which is not guarded.

    A star at the very end, after a letter or digit, ends a word: `git status*` is `git status` alone or with more words, not
    `git statusfoo`.
    """
    taken = globs.pieces(pattern)
    if globs.STAR not in taken:
        wanted = _wanted("".join(piece or "" for piece in taken))
        return wanted.flaw is None and wanted.parts == (words,)
    if not fits_program(pattern):
        return False
    before = taken[-2] if len(taken) > 1 and taken[-1] is globs.STAR else None
    if before is not None and _WHOLE_WORD.search(pattern):
        return globs.fits(taken[:-1], part) or globs.fits((*taken[:-2], f"{before} ", globs.STAR), part)
    return globs.fits(taken, part)


@lru_cache(maxsize=1024)
def _wanted(text: str) -> ShellCommand:
    """The command that a pattern without a star is."""
    return read(text)


def fits_program(pattern: str) -> bool:
    """Whether its first word is whole: a star in it would let another program in. `git*` is whole."""
    first, _, rest = pattern.partition(" ")
    return "*" not in first or (not rest and first.count("*") == 1 and _WHOLE_WORD.search(first) is not None)


def _same(wanted: ShellCommand, given: ShellCommand) -> bool:
    return wanted.flaw is None and given.flaw is None and wanted.text == given.text


def _is_special(pattern: str) -> bool:
    return pattern == ANY_INPUT or pattern.startswith(EXACT_PREFIX)


def leaves_sandbox(input: dict[str, Any]) -> bool:
    """Whether it asks for more rights than the tool has."""
    return any(input.get(key) for key in LEAVES_SANDBOX) or (SANDBOX in input and not input[SANDBOX])


def _is_readable(ask: Ask, kind: Kind, given: str) -> bool:
    """Whether a deny that did not fit could be sure of it: `*` lets nothing past a deny that hides what it does."""
    if kind == "command":
        command = read(given)
        return command.flaw is None and all(
            len(words) <= MOST_RUN_WORDS or guarded(words) is None for words in command.parts
        )
    if kind == "path":
        return rule_paths.is_known(given, ask.workspace, links=ask.links)
    if kind == "url":
        return rule_hosts.host_of(given) is not None
    return not _only_told(ask) and not any(key in ask.input for key in (COMMAND, *PATHS, URL))


def _only_told(ask: Ask) -> bool:
    """Whether a tool for commands, files or addresses gives none of them: some engines say in a title what they would do."""
    known = ask.tool.casefold() in SHELL_TOOLS | FILE_TOOLS | URL_TOOLS
    return known and not any(key in ask.input for key in (COMMAND, *PATHS, URL))


def _are_edits(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(edit, dict) and edit.keys() <= _EDITS for edit in value)


# Deny ------------------------------------------------------------------------------------------------------


class _Readings(NamedTuple):
    commands: list[str]
    paths: set[str]
    urls: list[str]


def _readings(ask: Ask) -> _Readings:
    every = (text for value in ask.input.values() for text in _texts(value))
    told = list(_bounded(every)) if _only_told(ask) else []
    commands: list[str] = []
    for text in (*_bounded(_texts(ask.input.get(COMMAND))), *told):
        commands += (one.casefold() for one in readings(text, RUNNERS))
    paths: set[str] = set()
    for text in _bounded(text for key in PATHS for text in _texts(ask.input.get(key))):
        paths |= rule_paths.forms(text, ask.workspace, links=ask.links)
    for text in told:
        paths |= rule_paths.forms(text, ask.workspace, links=False)
    return _Readings(list(dict.fromkeys(commands)), paths, [*_bounded(_texts(ask.input.get(URL))), *told])


def _bounded(texts: Iterable[str]) -> Iterator[str]:
    """The first of them; the last one cut."""
    left = MOST_READ
    for text in itertools.islice(texts, MOST_TEXTS):
        if left <= 0:
            return
        yield text[:left]
        left -= len(text)


def _denies(pattern: str, ask: Ask, said: _Readings) -> bool:
    if pattern == ANY_INPUT:
        return True
    if pattern.startswith(EXACT_PREFIX):
        return pattern == EXACT_PREFIX + input_hash(ask.tool, ask.input)
    if said.commands and _denies_command(pattern, said.commands):
        return True
    return rule_paths.denies(pattern, said.paths, ask.workspace) or any(
        rule_hosts.denies(pattern, url) for url in said.urls
    )


def _denies_command(pattern: str, commands: Sequence[str]) -> bool:
    loose = " ".join(pattern.replace("'", "").replace('"', "").split())
    for wanted in {pattern.casefold(), loose.casefold()}:
        taken = [globs.pieces(wanted)]
        if wanted.endswith(" *"):
            taken.append(globs.pieces(wanted[:-2]))
        if any(globs.fits(one, command) for one in taken for command in commands):
            return True
    return False


def _texts(value: Any) -> Iterator[str]:
    """A text, or a list of words: each of them and all together."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        words = [str(word) for word in value[:1000]]
        yield " ".join(words)
        yield from (word for word in words if " " in word)


# What can never fit ----------------------------------------------------------------------------------------


def never_fits(tool: str, pattern: str) -> str | None:
    """Why an allow of that pattern could fit nothing, as far as the tool's name tells what its input is."""
    if _is_special(pattern):
        return None
    name = tool.casefold()
    if name in URL_TOOLS:
        return rule_hosts.flaw(pattern)
    if name in FILE_TOOLS:
        return rule_paths.flaw(pattern)
    if name in SHELL_TOOLS:
        return command_flaw(pattern)
    if rule_paths.flaw(pattern) is None and (" " not in pattern or pattern.startswith("/")):
        return None
    return None if rule_hosts.flaw(pattern) is None else command_flaw(pattern)


def command_flaw(pattern: str) -> str | None:
    """Why that pattern can allow no command."""
    text = globs.literal(pattern)
    if text is not None:
        flaw = read(text).flaw
        return None if flaw is None else f"a command with {flaw} is allowed by no pattern"
    if not fits_program(pattern):
        return "its first word must be a program's whole name"
    taken = globs.pieces(pattern)
    flaws = [_sample_flaw("".join(sample if piece is globs.STAR else piece for piece in taken)) for sample in _SAMPLES]
    return None if None in flaws else flaws[0]


def _sample_flaw(text: str) -> str | None:
    command = read(text)
    if command.flaw is not None:
        return f"a command with {command.flaw} is allowed by no pattern"
    if len(command.parts) > 1:
        return "a glob is laid on one part of a command: make a rule for each part, or give the exact text"
    held = guarded(command.parts[0])
    if held is not None:
        return f"{held}: only the exact text of such a command can be allowed"
    if command.text != text:
        return f"commands are compared as they are here: {command.text}"
    return None


def workspace_of(agent: Any) -> str | None:
    """The folder that the agent works in, if it has one."""
    found = agent["workspace"]
    return str(found) if found and os.path.isabs(found) else None
