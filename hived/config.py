"""hive.toml: the operator's own settings. Every key has a default; an unknown one is refused by name."""

import tomllib
from pathlib import Path

from pydantic import Field, ValidationError

from hived.wire.base import WireModel
from hived.wire.budgets import Price
from hived.wire.errors import InvalidConfig


class Config(WireModel):
    """The whole of hive.toml."""

    feed_rows: int = Field(default=20_000, ge=100)
    """How many rows of the feed are kept for clients to resume from."""
    reader_buffer_bytes: int = Field(default=4 * 1024 * 1024, ge=65_536)
    """How far a reader of a stream may fall behind before it is cut off (it resumes by itself)."""
    rate_limit_resume: bool = False
    """Whether agents go on by themselves when a rate limit ends; else each waits for the operator. `limits` of an agent.toml
    may say otherwise for one agent."""
    max_deliveries: int = Field(default=3, ge=1, le=20)
    """After so many deliveries without a clean end a message is held."""
    max_queued: int = Field(default=1000, ge=1)
    """How many messages one agent may have waiting for another; the next is refused."""
    damper_messages: int = Field(default=20, ge=2)
    """So many messages within `damper_seconds` between two agents who only answer each other hold the pair. 0 seconds: never."""
    damper_seconds: float = Field(default=60.0, ge=0)
    escalation_seconds: float = Field(default=300.0, ge=1)
    """How long a queen has for an escalation before it goes up to the operator."""
    notify: list[str] = Field(default_factory=list)
    """A command and its first arguments, run without a shell, the text as its last argument, when something waits and no
    screen has the focus: `["notify-send"]`."""
    prices: dict[str, Price] = Field(default_factory=dict)
    """By model or glob, for engines that give no cost."""
    crash_budget: int = Field(default=3, ge=1)
    """How many crashes within `crash_window_seconds` park an agent."""
    crash_window_seconds: float = Field(default=60.0, gt=0)
    start_seconds: float = Field(default=20.0, gt=0)
    """How long a harness may take from start to online."""
    prove_seconds: float = Field(default=120.0, ge=0)
    """How long the engine of a new deployment may take to come up, before its harness is online; 0: it is not tried."""
    runtime: str | None = Field(default=None, max_length=64)
    """For agents that name none; without it the strongest that works here. HIVE_RUNTIME stands above it."""
    healthy_seconds: float = Field(default=2.0, ge=0)
    """How long a new deployment must stay online to be taken for good."""
    setup_seconds: float = Field(default=600.0, gt=0)
    """How long the `setup` of a deployment may take, all its commands together."""
    setup_free_bytes: int = Field(default=512 * 1024 * 1024, ge=0)
    """A setup that leaves less room than that on the disk is ended."""
    bundle_days: int = Field(default=0, ge=0)
    """How long a last bundle of a purged agent is kept; 0: none is made."""
    stop_seconds: float = Field(default=15.0, gt=0)
    """How long a harness may take to end its turn and itself before it is killed."""

    @property
    def up_seconds(self) -> float:
        """How long an agent may take to be online at most."""
        return self.start_seconds + self.prove_seconds


def load_config(path: Path) -> Config:
    """The settings in that file; the defaults if there is none. Raises InvalidConfig with the offending key."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(file=str(path), reason=str(error)) from error
    try:
        return Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidConfig(file=str(path), reason=str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InvalidConfig(file=str(path), reason=f"{key}: {first['msg']}") from error
