"""Where the parts of the hive screen stand at a given size. Pure. Three shapes: wide, medium, narrow; or one pane alone."""

from dataclasses import dataclass

from hivetui.state.tiles import Tile

WIDE = 132
MEDIUM = 100


@dataclass(frozen=True, slots=True)
class Regions:
    """None where a part is not shown."""

    agents: Tile | None
    panes: Tile | None
    waiting: Tile | None
    detail: Tile | None


def regions_of(width: int, height: int, waiting: int, *, deciding: bool, zoomed: bool) -> Regions:
    """`waiting` is how many items the list holds; `deciding`: the list has the focus.

    The list is at the top of its column or at the foot of the screen, so that it never moves while it grows.
    """
    whole = Tile(0, 0, width, height)
    if zoomed:
        return Regions(None, whole, None, None)
    if width >= WIDE:
        left, right = 36, min(58, max(44, width * 27 // 100))
        listed = min(max(4, waiting + 2), max(4, height * 2 // 5))
        return Regions(
            Tile(0, 0, left, height),
            Tile(left, 0, width - left - right, height),
            Tile(width - right, 0, right, listed),
            Tile(width - right, listed, right, height - listed),
        )
    left = 30 if width >= MEDIUM else 27
    listed = 3 if not waiting else 6 if height < 30 else 8
    listed = min(listed, max(3, height - 4))
    above = Tile(left, 0, width - left, height - listed)
    below = Tile(left, height - listed, width - left, listed)
    if deciding and waiting:
        return Regions(Tile(0, 0, left, height), None, below, above)
    return Regions(Tile(0, 0, left, height), above, below, None)


def split(detail: Tile | None, entry: int) -> tuple[Tile | None, Tile | None]:
    """The detail, and below it so many rows to write in; what is asked keeps at least half."""
    if detail is None or not entry:
        return detail, None
    rows = max(3, min(entry, detail.height // 2))
    above = Tile(detail.x, detail.y, detail.width, detail.height - rows)
    return above, Tile(detail.x, detail.y + above.height, detail.width, rows)
