"""What hived has set for this agent: one-line files in the harness folder, read at each turn's start and when rung."""

from dataclasses import dataclass
from pathlib import Path

from agentd.plain_files import read_plain
from hived.wire.agents import ENGINES_OWN_MODEL
from hived.wire.names import EFFORT_FILE, PERMISSION_MODE_FILE

MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Settings:
    model: str = ENGINES_OWN_MODEL
    effort: str | None = None
    """None: the engine's own."""
    permission_mode: str | None = None
    """None: what the agent.toml says, else the engine's own."""


class SettingFiles:
    """The three files. One that is missing, blank or cannot be read sets nothing."""

    def __init__(self, model_file: Path, harness: Path) -> None:
        self._model_file = model_file
        self._harness = harness

    def read(self) -> Settings:
        return Settings(
            model=_line(self._model_file) or ENGINES_OWN_MODEL,
            effort=_line(self._harness / EFFORT_FILE),
            permission_mode=_line(self._harness / PERMISSION_MODE_FILE),
        )


def _line(path: Path) -> str | None:
    """The first line that is not blank."""
    lines = (read_plain(path, MOST_CHARACTERS * 4) or "").split("\n")
    return next((line.strip()[:MOST_CHARACTERS] for line in lines if line.strip()), None)
