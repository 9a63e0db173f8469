"""Facts as lines: `name   value`, two of them side by side where both are short. Pure."""

from hivetui.widgets.lines import Line, cells, clean, one_line, wrapped

MOST_CHARACTERS = 64 * 1024


def fact_lines(facts: list[tuple[str, str]], width: int) -> list[Line]:
    """What has no value is left out."""
    given = [(one_line(name.replace("_", " "), 20), clean(value[:MOST_CHARACTERS])) for name, value in facts if value]
    column = min(10, max((cells(((name, ""),)) for name, _ in given), default=0) + 2)
    half = (width - 2) // 2
    lines: list[Line] = []
    pending: Line | None = None
    for name, value in given:
        lead: Line = ((name, "dim"), (" " * max(2, column - cells(((name, ""),))), ""))
        short = "\n" not in value and cells(lead) + cells(((value, ""),)) <= half
        if short and pending is not None:
            lines.append((*pending, (" " * (half + 2 - cells(pending)), ""), *lead, (value, "text")))
            pending = None
            continue
        if pending is not None:
            lines.append(pending)
            pending = None
        if short:
            pending = (*lead, (value, "text"))
        else:
            lines += wrapped([(value, "text")], width, lead, column)
    return [*lines, pending] if pending is not None else lines
