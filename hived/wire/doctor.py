"""What the doctor found: one check each, with its remedy. `GET /v1/doctor`, and `hive doctor --json`."""

from typing import Literal

from pydantic import Field

from hived.wire.agents import EngineFound, RuntimeFound
from hived.wire.base import Answer

CheckState = Literal["ok", "warning", "failed"]


class Check(Answer):
    name: str
    """Stable: `python`, `hived`, `folder run`, `engine claude`, …"""
    state: CheckState
    """`warning`: the hive works, but not as well as it could. `failed`: something of it does not work."""
    detail: str
    """What was found, in one line."""
    remedy: str = ""
    """What to do about it; empty where nothing needs doing."""


class DoctorReport(Answer):
    state: CheckState
    """The worst of its checks."""
    build: str
    checks: list[Check]
    engines: list[EngineFound] = Field(default_factory=list)
    """Those that are missing too, each with how to get it. Only those that are found have a check."""
    runtimes: list[RuntimeFound] = Field(default_factory=list)
