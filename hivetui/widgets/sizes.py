"""Bytes and commits as the screen says them. Pure."""

STEPS = ("B", "kB", "MB", "GB", "TB")


def size_words(count: int) -> str:
    """`812 B`, `31 kB`, `4.1 MB`."""
    amount = float(max(0, count))
    for unit in STEPS:
        if amount < 999.5 or unit == STEPS[-1]:
            whole = unit == "B" or amount >= 99.5
            return f"{amount:.0f} {unit}" if whole else f"{amount:.1f} {unit}".replace(".0 ", " ")
        amount /= 1000
    raise AssertionError("the last unit takes all")


def short(commit: str | None) -> str:
    """The first eight digits of a commit."""
    return (commit or "")[:8]
