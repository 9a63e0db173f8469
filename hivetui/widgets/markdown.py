"""A light Markdown for agents' finished text: headings, lists, code, bold, links, as toned lines. Linear time, no markup.

What is not recognised stays as it was written.
"""

import re

from hivetui.widgets.lines import Line, Piece, clean, wrapped

_INLINE = re.compile(
    r"(?P<ticks>`{1,3})(?P<code>[^`\n]{1,400})(?P=ticks)"
    r"|\*\*(?P<bold>[^*\n]{1,400})\*\*"
    r"|(?<![\w*])\*(?P<star>[^*\s][^*\n]{0,400})\*(?![\w*])"
    r"|(?<![\w_])__(?P<under>[^_\n]{1,400})__(?!\w|\.\w)"
    r"|(?<![\w_])_(?P<line>[^_\s][^_\n]{0,400})_(?![\w_])"
    r"|~~(?P<gone>[^~\n]{1,400})~~"
    r"|\[(?P<label>[^\]\[\n]{1,200})\]\((?P<url>[^()\s]{1,400})\)"
)
_FENCE = re.compile(r" {0,8}(`{3,}|~{3,})\s*([\w+#.-]{0,30})")
_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*)")
_ITEM = re.compile(r"( {0,24})([-*+•]|\d{1,4}[.)])\s+(.*)")
_QUOTE = re.compile(r" {0,3}>\s?(.*)")
_RULE = re.compile(r" {0,3}([-*_])(?:\s*\1){2,}\s*")


def inline(text: str, tone: str = "text") -> list[Piece]:
    """One line's pieces, with code, bold, emphasis and links toned. `text` must be clean."""
    if not any(mark in text for mark in "`*_~["):
        return [(text, tone)]
    pieces: list[Piece] = []
    at = 0
    for found in _INLINE.finditer(text):
        if found.start() > at:
            pieces.append((text[at : found.start()], tone))
        at = found.end()
        parts = found.groupdict()
        if (code := parts["code"]) is not None:
            pieces.append((code, "code"))
        elif (bold := parts["bold"] or parts["under"]) is not None:
            pieces.extend((inner, "strong" if kind == tone else kind) for inner, kind in inline(bold, tone))
        elif (emphasis := parts["star"] or parts["line"]) is not None:
            pieces.append((emphasis, "emph"))
        elif (gone := parts["gone"]) is not None:
            pieces.append((gone, "struck"))
        else:
            label, url = parts["label"] or "", parts["url"] or ""
            pieces.append((label, "link"))
            if url != label:
                pieces.append((f" ({url})", "dim"))
    if at < len(text):
        pieces.append((text[at:], tone))
    return pieces


def markdown_lines(text: str, width: int, lead: Line = (), indent: int = 2, tone: str = "text") -> list[Line]:
    """The text as lines of at most `width` cells: `lead` before the first, `indent` spaces before the others."""
    out: list[Line] = []
    fence: str | None = None
    blank = False
    for source in clean(text).strip("\n").split("\n"):
        start: Line = (lead if not out else ((" " * indent, ""),)) if indent or lead else ()
        marker = _FENCE.match(source)
        if fence is not None:
            if marker and marker.group(1).startswith(fence) and not marker.group(2):
                fence = None
            else:
                out.extend(wrapped([(source, "code")], width, (*start, ("│ ", "faint")), indent + 2))
            continue
        if marker and "`" not in source[marker.end() :]:
            fence = marker.group(1)
            continue
        if not source.strip():
            blank = bool(out)
            continue
        if blank:
            out.append(())
            blank = False
            start = ((" " * indent, ""),) if indent else ()
        out.extend(_block(source, width, start, indent, tone))
    return out or [lead]


def _block(source: str, width: int, start: Line, indent: int, tone: str) -> list[Line]:
    if heading := _HEADING.fullmatch(source):
        words = heading.group(2).rstrip("# ")
        return wrapped([(piece, "head") for piece, _ in inline(words)], width, start, indent)
    if _RULE.fullmatch(source):
        return [(*start, ("─" * max(3, min(24, width - indent)), "faint"))]
    if item := _ITEM.fullmatch(source):
        deep, mark, words = item.groups()
        mark = "•" if mark in "-*+•" else mark
        lead: Line = (*start, (deep, ""), (f"{mark} ", "dim"))
        return wrapped(_task(words, tone), width, lead, indent + len(deep) + len(mark) + 1)
    if quote := _QUOTE.fullmatch(source):
        return wrapped(inline(quote.group(1), "dim"), width, (*start, ("▌ ", "faint")), indent + 2)
    if source.lstrip().startswith("|"):
        return wrapped(inline(source, tone), width, start, indent)
    deep = source[: len(source) - len(source.lstrip(" "))][:24]
    return wrapped(inline(source.strip(), tone), width, (*start, (deep, "")) if deep else start, indent + len(deep))


def _task(words: str, tone: str) -> list[Piece]:
    """A list item's text; `[x]` and `[ ]` become marks."""
    if words[:4] in ("[x] ", "[X] "):
        return [("✓ ", "good"), *inline(words[4:], "dim")]
    if words[:4] == "[ ] ":
        return [("□ ", "dim"), *inline(words[4:], tone)]
    return inline(words, tone)
