"""The payloads that hived acts on, as it reads them: what does not fit is refused, or left out where the rest still says something."""

import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from hived.core.text import sound
from hived.wire.agents import ConditionKind, LoginState, TurnStateName
from hived.wire.base import Answer
from hived.wire.turns import Cost, Ctx, Outcome

P = TypeVar("P", bound=Answer)
ID_PATTERN = r"^[0-9A-Za-z_-]{1,64}$"
"""Of an id that a harness makes."""
_URL = re.compile(r"https?://[!-~]{1,4088}")


def _otherwise(value: Any) -> WrapValidator:
    """Take `value` (an empty tuple: an empty list) where what came does not fit."""

    def read(found: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(found)
        except ValidationError:
            return list(value) if value == () else value

    return WrapValidator(read)


class TurnStart(Answer):
    turn_id: str
    wake: dict[str, Any] = Field(default_factory=dict)


class TurnEnd(Answer):
    """Read leniently: a figure that makes no sense must not keep the turn from ending."""

    turn_id: str
    outcome: Annotated[Outcome, _otherwise("failed")]
    message_ids: Annotated[list[str], _otherwise(())] = Field(default_factory=list)
    error: Annotated[str | None, _otherwise(None)] = None
    retryable: Annotated[bool | None, _otherwise(None)] = None
    cut_off: Annotated[bool, _otherwise(False)] = False
    ctx: Annotated[Ctx | None, _otherwise(None)] = None
    cost: Annotated[Cost | None, _otherwise(None)] = None
    session_id: Annotated[str | None, _otherwise(None)] = None


class MessageOut(Answer):
    message_id: str = Field(pattern=ID_PATTERN)
    to: str
    body: str
    reply_to: str | None = None


class QuestionOut(Answer):
    question_id: str = Field(pattern=ID_PATTERN)
    to: str | None = None
    """None of an escalation: hived knows whose it is."""
    text: str
    options: list[str] = Field(default_factory=list)
    multi: bool = False
    deadline: str | None = None
    escalate: bool = False


class AnswerOut(Answer):
    answer_id: str = Field(pattern=ID_PATTERN)
    question_id: str
    text: str | None = None
    options: list[Annotated[int, Field(strict=True)]] = Field(default_factory=list)


class ReminderOut(Answer):
    reminder_id: str = Field(pattern=ID_PATTERN)
    due_at: str
    text: str


class ReminderCancelled(Answer):
    cancel_id: str = Field(pattern=ID_PATTERN)
    reminder_id: str


class PermissionDecided(Answer):
    approval_id: str
    status: str


class StatusChanged(Answer):
    condition: ConditionKind
    on: bool
    detail: str = ""
    until: Annotated[str | None, _otherwise(None)] = None


class ModelChanged(Answer):
    model: str = Field(min_length=1, max_length=200)


class TokenUsageChanged(Answer):
    ctx: Ctx | None = None
    cost: Cost | None = None


class TurnStateChanged(Answer):
    state: TurnStateName
    turn_id: str | None = None
    until: Annotated[str | None, _otherwise(None)] = None


class SessionChanged(Answer):
    state: Literal["none", "kept", "armed", "refused"]
    id: Annotated[str | None, _otherwise(None)] = None
    primer: Annotated[bool | None, _otherwise(None)] = None
    detail: Annotated[str, _otherwise("")] = ""


class LoginChanged(Answer):
    login_id: str = Field(pattern=ID_PATTERN)
    state: LoginState
    url: Annotated[str | None, _otherwise(None)] = None
    detail: Annotated[str, _otherwise("")] = ""


def read(model: type[P], payload: Any) -> P:
    """The payload as `model`, its text made sound. Raises ValueError."""
    return model.model_validate(_sound(payload))


def checked_url(url: str | None) -> str | None:
    """A link that can be shown and opened: http(s), printable ASCII without blanks, at most 4096 characters; else None."""
    return url if url is not None and _URL.fullmatch(url) else None


def _sound(value: Any) -> Any:
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, dict):
        return {_sound(key): _sound(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_sound(item) for item in value]
    return value
