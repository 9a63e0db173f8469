"""Which agents' panes are shown, and where. Pure: sizes in, rectangles out."""

from collections.abc import Sequence
from dataclasses import dataclass

from hivetui.state.agents import Agent

LEAST_WIDTH = 44
LEAST_HEIGHT = 10
MOST_TILES = 6
CALM_TILES = 4
"""More panes than this only where more than this many agents are at work."""


@dataclass(frozen=True, slots=True)
class Tile:
    x: int
    y: int
    width: int
    height: int


def grid_of(width: int, height: int) -> tuple[int, int]:
    """How many columns and rows of panes fit so that each can still be read."""
    columns = max(1, min(3, width // LEAST_WIDTH))
    rows = max(1, min(MOST_TILES // columns, height // LEAST_HEIGHT))
    return columns, rows


def relevance(agent: Agent, focused: str | None) -> int:
    """Lower comes first: the focused one, what waits or fails, what works, what is merely there, what is not."""
    if agent.name == focused:
        return 0
    kind = agent.shape_kind
    if kind in ("waiting", "thinking", "compacting"):
        return 1
    if kind in ("crashed", "parked", "limited", "login", "refused", "starting"):
        return 2
    return 4 if kind in ("stopped", "paused", "buried") else 3


def shown_panes(before: Sequence[str], agents: Sequence[Agent], focused: str | None, room: int) -> tuple[str, ...]:
    """The names whose panes are shown, in the order of the agents' list.

    One that is shown stays until one of a strictly better class needs its place: panes do not jump about.
    """
    active = sum(relevance(agent, focused) <= 1 for agent in agents)
    room = min(room, max(CALM_TILES, active))
    ranked = sorted(
        agents,
        key=lambda agent: (relevance(agent, focused), agent.name not in before, _older(agent), agent.name),
    )
    chosen = {agent.name for agent in ranked[:room]}
    return tuple(agent.name for agent in agents if agent.name in chosen)


def laid_out(width: int, height: int, weights: Sequence[int]) -> list[Tile]:
    """A rectangle for each pane, column by column; in a column, height goes by weight, but never below the least.

    The rectangles cover the area without gap or overlap.
    """
    count = len(weights)
    if not count or width < 1 or height < 1:
        return []
    columns, rows = grid_of(width, height)
    columns = min(columns, -(-count // min(rows, count)))
    per_column = [count // columns + (1 if column < count % columns else 0) for column in range(columns)]
    tiles: list[Tile] = []
    x = taken = 0
    for column, here in enumerate(per_column):
        wide = (width - x) // (columns - column)
        heights = _shared(height, [max(1, weight) for weight in weights[taken : taken + here]])
        y = 0
        for high in heights:
            tiles.append(Tile(x, y, wide, high))
            y += high
        x += wide
        taken += here
    return tiles


def _shared(height: int, weights: list[int]) -> list[int]:
    least = min(LEAST_HEIGHT - 2, height // len(weights))
    spare = height - least * len(weights)
    total, given, heights = sum(weights), 0, []
    for index, weight in enumerate(weights):
        share = spare - given if index == len(weights) - 1 else spare * weight // total
        given += share
        heights.append(least + share)
    return heights


def _older(agent: Agent) -> tuple[int, ...]:
    """Sorts the most recently heard of first."""
    return tuple(-ord(letter) for letter in agent.last_event_at or "")
