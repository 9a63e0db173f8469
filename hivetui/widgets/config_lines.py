"""A config that is asked for and a revive, as a decision needs them: what it would newly allow first, then what it is. Pure."""

from typing import Any

from hivetui.widgets.lines import Line, Piece, clean, one_line, wrapped
from hivetui.widgets.sizes import short
from hivetui.widgets.visible import visible

MOST_FILES = 100
MOST_CHARACTERS = 4096


def proposal_lines(payload: dict[str, Any], width: int) -> list[Line]:
    """Of an approval of kind `apply_commit`: summary, commit, what it widens, setup, files."""
    base = short(_text(payload, "base"))
    lines = wrapped([(clean(_text(payload, "summary")) or "a commit without a word", "strong")], width)
    lines += wrapped(
        [
            (_text(payload, "agent") or "?", "strong"), (" would run ", "dim"), (short(_text(payload, "commit")), "code"),
            (" in place of ", "dim"), (base or "nothing", "code"),
        ],
        width,
    )  # fmt: skip
    flags = _list(payload, "flags")
    if flags:
        lines += [(), (("it would let it do more:", "bad-strong"),)]
        for flag in flags:
            lines += wrapped(visible(flag, "bad"), width, (("! ", "bad-strong"),))
    if reason := _text(payload, "reason"):
        lines += [(), *wrapped([(f"“{clean(reason[:MOST_CHARACTERS])}”", "text")], width, (("why ", "dim"),))]
    setup = _list(payload, "setup")
    if setup:
        lines += [(), (("its build runs:", "dim"),)]
        for command in setup:
            lines += wrapped(visible(command, "strong"), width, (("$ ", "strong"),))
    if base:
        anew = "Then it starts anew: a turn that runs is broken off, and its messages come again."
        lines += [(), *wrapped([(anew, "dim")], width)]
    return [*lines, (), *_files(payload, width)]


def _files(payload: dict[str, Any], width: int) -> list[Line]:
    files = _list(payload, "files")
    added, removed = payload.get("added"), payload.get("removed")
    head: list[Piece] = [(f"{len(files)} file{'' if len(files) == 1 else 's'} ", "text")]
    head += [
        (f"+{added if isinstance(added, int) else '?'} ", "good"),
        (f"−{removed if isinstance(removed, int) else '?'}", "bad"),
    ]
    lines = wrapped([*head, ("   ", ""), ("v", "key"), (" shows the diff", "dim")], width)
    for path in files[:MOST_FILES]:
        lines += wrapped(visible(path), width, (("  ", ""),))
    if len(files) >= MOST_FILES:
        lines.append((("  and perhaps more", "dim"),))
    return lines


def changed_lines(payload: dict[str, Any], width: int) -> list[Line]:
    """What is different from when it was buried."""
    changed = _list(payload, "changed")
    if not changed:
        return [(("nothing has changed since it was buried", "dim"),)]
    lines: list[Line] = [(("since it was buried:", "wait-strong"),)]
    for said in changed:
        what, colon, words = said.partition(": ")
        pieces: list[Piece] = (
            [(one_line(what, 40) + colon, "strong"), (clean(words), "text")] if colon else [(clean(said), "text")]
        )
        lines += wrapped(pieces, width, (("· ", "wait"),))
    return lines


def _text(payload: dict[str, Any], key: str) -> str:
    value = payload.get(key)
    return value if isinstance(value, str) else ""


def _list(payload: dict[str, Any], key: str) -> list[str]:
    value = payload.get(key)
    return [str(item) for item in value] if isinstance(value, list) else []
