"""`[limits]` of an agent.toml that a runtime holds an engine to: `memory`, `cpu`, `processes`. The other keys are budgets'."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hived.wire.errors import InvalidRequest

LIMITS = ("memory", "cpu", "processes")

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_MEMORY = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
LEAST_MEMORY = 16 * 2**20
"""Below this not even a shell gets anything done."""
MOST_MEMORY = 2**50
LEAST_CPU, MOST_CPU = 0.01, 4096.0
LEAST_PROCESSES, MOST_PROCESSES = 8, 4_194_304


@dataclass(frozen=True, slots=True)
class Limits:
    """None: no limit."""

    memory_bytes: int | None = None
    cpus: float | None = None
    processes: int | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """Those that are set, as an agent.toml calls them."""
        values = (self.memory_bytes, self.cpus, self.processes)
        return tuple(name for name, value in zip(LIMITS, values, strict=True) if value is not None)


def limits_of(limits: Mapping[str, Any]) -> Limits:
    """What that table says; its other keys are not looked at. Raises InvalidRequest."""
    return Limits(
        memory_bytes=_memory(limits.get("memory")),
        cpus=_cpus(limits.get("cpu")),
        processes=_processes(limits.get("processes")),
    )


def _memory(value: Any) -> int | None:
    if value is None:
        return None
    found = _MEMORY.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is not None:
        value = int(float(found[1]) * _UNITS[found[2].upper()])
    if isinstance(value, bool) or not isinstance(value, int) or not LEAST_MEMORY <= value <= MOST_MEMORY:
        raise InvalidRequest(reason='limits.memory: "512M", "2G" or a number of bytes; at least 16M.')
    return value


def _cpus(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST_CPU <= value <= MOST_CPU:
        raise InvalidRequest(reason="limits.cpu: how many cores at once, a number from 0.01 to 4096, such as 1.5.")
    return float(value)


def _processes(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not LEAST_PROCESSES <= value <= MOST_PROCESSES:
        raise InvalidRequest(reason="limits.processes: a whole number from 8 to 4194304; threads count too.")
    return value


def memory_words(size: int) -> str:
    """`2G`, `1.5G`, `512M`."""
    for unit in ("T", "G", "M", "K"):
        if size >= _UNITS[unit]:
            return f"{size / _UNITS[unit]:.4g}{unit}"
    return f"{size} B"
