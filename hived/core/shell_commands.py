"""Shell commands as tree-sitter-bash reads them: the words of each part, or why nobody can say for sure what would run.

`read` is for what is allowed, and takes only what bash, dash and zsh all take in the same way: plain words and quoted ones,
joined by `&&`, `||`, `;` and `|`. `readings` is for what is denied, and finds every command that may be in a text.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MOST_CHARACTERS = 10_000
"""A longer command is allowed by no pattern."""
MOST_SPECIAL = 300
"""Characters that mean something to a shell: with more, the grammar may need the square of their number."""

_SPECIAL = re.compile(r"[|;&<>(){}\[\]$`=!#\\]")
_WORD = re.compile(r"(?!=)[A-Za-z0-9_./:=@%+,-]+", re.ASCII)
_NAME = re.compile(r"(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_./][A-Za-z0-9_./+-]*(?<!/)|\.", re.ASCII)
_STRING = re.compile(r'"[^"$`\\!]*"')
_RAW_STRING = re.compile(r"'[^']*'")
_RESERVED = frozenset({
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "in", "select", "function",
    "coproc", "time", "repeat", "foreach", "end", "nocorrect", "noglob", "begin", "switch", "and", "or", "not", "always",
})  # fmt: skip
_OPERATORS = frozenset({"&&", "||", ";", "|"})
_CONTAINERS = frozenset({"program", "list", "pipeline"})
_PLAIN = frozenset({"word", "number", "string", "raw_string"})
_WORDS_FOR = {
    "command_substitution": "a command substitution", "process_substitution": "a process substitution",
    "simple_expansion": "an expansion", "expansion": "an expansion", "arithmetic_expansion": "an arithmetic expansion",
    "brace_expression": "a brace expansion", "ansi_c_string": "a $'…' string", "translated_string": 'a $"…" string',
    "redirected_statement": "a redirection", "file_redirect": "a redirection", "herestring_redirect": "a here-string",
    "heredoc_redirect": "a here-document", "variable_assignment": "an assignment", "variable_assignments": "an assignment",
    "subshell": "a subshell", "compound_statement": "a group", "function_definition": "a function",
    "negated_command": "a negation", "test_command": "a test in brackets", "comment": "a comment", "&": "a background job",
    "|&": "a redirection", "declaration_command": "a declaration", "unset_command": "unset", "$": "an expansion",
    "if_statement": "a condition", "for_statement": "a loop", "c_style_for_statement": "a loop", "case_statement": "a condition",
    "while_statement": "a loop", "extglob_pattern": "a glob", "regex": "a regular expression", "array": "an array",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """What a text runs. With a `flaw` nobody can say, and there are no parts."""

    parts: tuple[tuple[str, ...], ...] = ()
    """The words of each command, unquoted."""
    text: str = ""
    """The whole, every word quoted where it must be: two texts that run the same words are one."""
    flaw: str | None = None
    """What it holds that no rule allows: `a redirection`."""


class _Flaw(Exception):
    pass


@lru_cache(maxsize=64)
def read(text: str) -> ShellCommand:
    """The parts of a command of which every word stands there as the program will get it."""
    if len(text) > MOST_CHARACTERS:
        return ShellCommand(flaw=f"more than {MOST_CHARACTERS:,} characters")
    if not text.isprintable():
        return ShellCommand(flaw="a line break, a control character or a blank that is none")
    if len(_SPECIAL.findall(text)) > MOST_SPECIAL:
        return ShellCommand(flaw=f"more than {MOST_SPECIAL} special characters")
    root = _parser().parse(text.encode()).root_node
    try:
        if root.has_error:
            raise _Flaw("what no shell grammar takes")
        return _Reader(text.encode()).read(root)
    except _Flaw as flaw:
        return ShellCommand(flaw=str(flaw))


def joined(words: tuple[str, ...]) -> str:
    """The words of one part as one text: what a pattern is laid on."""
    return shlex.join(words)


class _Reader:
    """Walks a tree in the order of its text. Between what it knows there may be blanks, and nothing else at all."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._at = 0
        self._parts: list[tuple[str, ...]] = []
        self._said: list[str] = []

    def read(self, root: "Node") -> ShellCommand:
        nodes = [root]
        while nodes:
            node = nodes.pop()
            if node.is_missing or node.is_error:
                raise _Flaw("what no shell grammar takes")
            if node.type in _CONTAINERS and node.is_named:
                nodes.extend(reversed(node.children))
            elif node.type == "command":
                words = self._command(node)
                self._parts.append(words)
                self._said.append(shlex.join(words))
            elif node.type in _OPERATORS and not node.is_named:
                self._pass(node)
                self._say(node.type)
            else:
                raise _unknown(node)
        self._blank_up_to(len(self._source))
        if not self._parts:
            raise _Flaw("no command")
        return ShellCommand(tuple(self._parts), " ".join(self._said))

    def _say(self, operator: str) -> None:
        if not self._parts:
            raise _Flaw("an operator without a command")
        if operator == ";":
            self._said[-1] += ";"
        else:
            self._said.append(operator)

    def _command(self, node: "Node") -> tuple[str, ...]:
        first, *rest = node.children
        if first.type != "command_name" or len(first.children) != 1 or first.children[0].type != "word":
            raise _unknown(first if first.type != "command_name" else first.children[0], "a name that is no plain word")
        name = self._pass(first.children[0])
        if not _NAME.fullmatch(name) or name in _RESERVED:
            raise _Flaw("a program's name that is no plain word")
        words = [name]
        for argument in rest:
            if not self._blank_up_to(argument.start_byte):
                raise _Flaw("words that are not apart")
            words.append(self._word(argument))
        return tuple(words)

    def _word(self, node: "Node") -> str:
        if node.type != "concatenation":
            return self._piece(node)
        pieces: list[str] = []
        for child in node.children:
            if child.start_byte != self._at and pieces:
                raise _Flaw("words that are not apart")
            pieces.append(self._piece(child))
        return "".join(pieces)

    def _piece(self, node: "Node") -> str:
        if node.type not in _PLAIN or not node.is_named or node.is_missing:
            raise _unknown(node)
        text = self._pass(node)
        if node.type == "string":
            if not _STRING.fullmatch(text):
                raise _Flaw("an expansion in a string")
            return text[1:-1]
        if node.type == "raw_string":
            if not _RAW_STRING.fullmatch(text):
                raise _Flaw("a string without an end")
            return text[1:-1]
        if not _WORD.fullmatch(text):
            raise _Flaw("an expansion, a glob or an escape")
        return text

    def _pass(self, node: "Node") -> str:
        """The text of a leaf, which must follow what was read before it."""
        self._blank_up_to(node.start_byte)
        self._at = node.end_byte
        return self._source[node.start_byte : node.end_byte].decode()

    def _blank_up_to(self, end: int) -> bool:
        """Whether there are blanks from here to there; a _Flaw where there is something else."""
        between = self._source[self._at : end]
        if end < self._at or between.strip(b" "):
            raise _Flaw("what is no part of any command")
        self._at = end
        return bool(between)


def _unknown(node: "Node", otherwise: str | None = None) -> _Flaw:
    return _Flaw(_WORDS_FOR.get(node.type) or otherwise or f"what is not understood ({node.type})")


@cache
def _language() -> object:
    """Loaded with the first command that a rule looks at: about 1 MB."""
    import tree_sitter_bash
    from tree_sitter import Language

    return Language(tree_sitter_bash.language())


def _parser() -> "Parser":
    """One for each text: a parser is of one thread, and costs nothing."""
    from tree_sitter import Parser

    return Parser(_language())  # type: ignore[arg-type]


# Every reading -----------------------------------------------------------------------------------------------

_STATEMENTS = frozenset({
    "program", "list", "pipeline", "command", "redirected_statement", "declaration_command", "unset_command", "test_command",
    "negated_command", "subshell", "compound_statement", "variable_assignment",
})  # fmt: skip
_QUOTED = frozenset({"string", "raw_string", "ansi_c_string", "heredoc_body", "string_content"})
_SEPARATORS = re.compile(r"[;&|<>(){}`\r\n]+|\$\(")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ANSI_C = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3}))")
_DEEPEST = 3
MOST_RUN_WORDS = 64
"""After a program that runs others, so many words are looked at as the name of one."""
_MOST_RAW = 100_000


def readings(text: str, runs_others: "frozenset[str]") -> list[str]:
    """Every command that may be in that text, loosely unquoted, in as many forms as it may be written.

    After a program of `runs_others` its words, and all that is quoted anywhere, are looked at as commands too.
    """
    return list(dict.fromkeys(_readings(text, runs_others, 0)))


def _readings(text: str, runs_others: "frozenset[str]", depth: int) -> Iterator[str]:
    yield from (text, " ".join(text[:_MOST_RAW].split()))
    root = None
    if len(text) <= MOST_CHARACTERS and len(_SPECIAL.findall(text)) <= MOST_SPECIAL:
        root = _parser().parse(text.encode("utf-8", "replace")).root_node
    if root is None or root.has_error:
        yield from (_loose(piece) for piece in _SEPARATORS.split(text[:_MOST_RAW]) if piece.strip())
    if root is None:
        return
    quoted: list[str] = []
    runner = False
    nodes = [root]
    while nodes:
        node = nodes.pop()
        nodes.extend(node.children)
        if node.type in _QUOTED:
            quoted.append(_loose(_text(node)))
        if node.type not in _STATEMENTS:
            continue
        yield _loose(_text(node))
        if node.type != "command":
            continue
        words = [_loose(_text(child)) for child in node.children if child.type not in _STATEMENTS]
        name = bare_name(words[0]) if words else ""
        yield from (" ".join(words), *_without_options(name, words[1:]))
        if name in runs_others:
            runner = True
            yield from (" ".join(words[start:]) for start in range(1, min(len(words), MOST_RUN_WORDS + 1)))
            quoted.extend(word for word in words[1:] if " " in word)
    if runner and depth < _DEEPEST:
        for piece in dict.fromkeys(quoted):
            yield from _readings(piece, runs_others, depth + 1)


def _without_options(name: str, words: list[str]) -> Iterator[str]:
    """As it stands; and without the options before the first word, and without what may be their values."""
    yield " ".join([name, *words])
    for step in (1, 2):
        rest = words
        while rest and rest[0].startswith("-"):
            rest = rest[step:]
        if rest is not words:
            yield " ".join([name, *rest])


def bare_name(word: str) -> str:
    """A program's name without its folder and its version: `/usr/bin/python3.11` is `python`."""
    name = word.rpartition("/")[2].casefold()
    return name.rstrip("0123456789.-") or name


def _text(node: "Node") -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _loose(text: str) -> str:
    """Without quotes and escapes, blanks made one: near enough to what a program would get."""
    if "$'" in text:
        text = _ANSI_C.sub(lambda found: chr(int(found[1], 16) if found[1] else int(found[2], 8)), text)
    text = _ESCAPED.sub(r"\1", text.replace("\\\n", "")).replace("'", "").replace('"', "")
    return " ".join(text.removeprefix("$").split())
