"""Event batches: taken once and in order by the journal's cursor, and what follows from them for the agent's state.

Most batches only move the cursor, so that path is one SELECT and one UPDATE.
"""

import logging
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from hived.config import Config
from hived.core import approvals, messages
from hived.core.agent_views import publish, view
from hived.core.agents import set_conditions
from hived.core.text import one_line, sound
from hived.store import agents as agent_store
from hived.store import journals as store
from hived.store.database import Connection, Tx
from hived.wire.agents import Condition, ConditionKind, TurnStateName
from hived.wire.base import Answer
from hived.wire.errors import AgentNotFound, EventGap, HiveError, InvalidRequest, StaleGeneration
from hived.wire.events import STATE_KINDS, EventsTaken
from hived.wire.messages import RefusedMessage
from hived.wire.turns import Cost, Ctx, Outcome

logger = logging.getLogger(__name__)
P = TypeVar("P", bound=Answer)
MOST_TOKENS = 2**48
"""Beyond any real figure, and safe to add up in SQLite."""


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


class TurnEnd(messages.TurnEnd):
    """Read leniently: a figure that makes no sense must not keep the turn from ending."""

    outcome: Annotated[Outcome, _otherwise("failed")]
    message_ids: Annotated[list[str], _otherwise(())] = Field(default_factory=list)
    error: Annotated[str | None, _otherwise(None)] = None
    retryable: Annotated[bool | None, _otherwise(None)] = None
    ctx: Annotated[Ctx | None, _otherwise(None)] = None
    cost: Annotated[Cost | None, _otherwise(None)] = None
    session_id: Annotated[str | None, _otherwise(None)] = None


class MessageOut(Answer):
    message_id: str = Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")
    to: str
    body: str
    reply_to: str | None = None


class StatusChanged(Answer):
    condition: ConditionKind
    on: bool
    detail: str = ""


class ModelChanged(Answer):
    model: str = Field(min_length=1, max_length=200)


class TokenUsageChanged(Answer):
    ctx: Ctx | None = None
    cost: Cost | None = None


class TurnStateChanged(Answer):
    state: TurnStateName
    turn_id: str | None = None


def cursor(conn: Connection, agent_id: str, journal_uuid: str) -> int:
    """The last event of that journal that hived has taken; 0 if it does not know it."""
    row = store.select_journal(conn, agent_id, journal_uuid)
    return 0 if row is None or row["cursor"] is None else int(row["cursor"])


def take_batch(
    tx: Tx,
    agent_id: str,
    generation: int,
    journal_uuid: str,
    oldest: int | None,
    events: list[dict[str, Any]],
    config: Config,
) -> EventsTaken:
    """Take stored events (contiguous ids, no live ones): skip what is at or below the cursor, act on the rest, move it.

    A payload that makes no sense is taken and noted in the log, so that it cannot hold up what comes after it.
    Raises StaleGeneration, EventGap, AgentNotFound, InvalidRequest (ids that are no numbers).
    """
    known = store.select_journal(tx.connection, agent_id, journal_uuid)
    if known is None:
        raise AgentNotFound(name=agent_id)
    if known["generation"] != generation:
        raise StaleGeneration(name=known["name"], given=generation, current=known["generation"])
    changed = False
    if known["cursor"] is None or known["journal_uuid"] != journal_uuid:
        store.insert_journal(tx, agent_id, journal_uuid)
        changed = True
    at: int = known["cursor"] or 0
    fresh = _fresh(events, at, oldest)
    refused: list[RefusedMessage] = []
    if fresh:
        for event in fresh:
            if event.get("kind") in STATE_KINDS:
                changed |= _apply(tx, agent_id, event, config, refused)
        at = fresh[-1]["id"]
        store.update_cursor(tx, agent_id, journal_uuid, at, _time(tx, fresh[-1]))
    if changed:
        publish(tx, agent_id)
    return EventsTaken(cursor=at, refused=refused)


def _fresh(events: list[dict[str, Any]], cursor: int, oldest: int | None) -> list[dict[str, Any]]:
    """Those above the cursor; EventGap where one is missing in between."""
    if not events:
        return events
    expected = events[0].get("id")
    if not isinstance(expected, int):
        raise InvalidRequest(reason="An event of the batch has no id.")
    if expected > cursor + 1 and expected != oldest:
        raise EventGap(first=expected, expected=cursor + 1)
    for event in events:
        if event.get("id") != expected:
            raise EventGap(first=event.get("id"), expected=expected)
        expected += 1
    return events if events[0]["id"] > cursor else events[cursor + 1 - events[0]["id"] :]


def _apply(tx: Tx, agent_id: str, event: dict[str, Any], config: Config, refused: list[RefusedMessage]) -> bool:
    """Act on one event of STATE_KINDS; whether the agent's own view may show something else now."""
    try:
        with tx.part():
            return _act(tx, agent_id, event, config, refused)
    except (ValueError, TypeError, KeyError, RecursionError, HiveError) as error:
        logger.warning(
            "event %s (%s) of agent %s makes no sense and changes nothing: %s",
            event.get("id"), event["kind"], agent_id, one_line(str(error), 500),
        )  # fmt: skip
        payload = event.get("payload")
        if event["kind"] == "message_out" and isinstance(payload, dict) and isinstance(payload.get("message_id"), str):
            reason = "The message makes no sense: it needs `to` and `body`, both text."
            refused.append(
                RefusedMessage(message_id=sound(payload["message_id"]), code=InvalidRequest.code, message=reason)
            )
        return False


def _act(tx: Tx, agent_id: str, event: dict[str, Any], config: Config, refused: list[RefusedMessage]) -> bool:
    payload, since = event.get("payload"), _time(tx, event)
    match event["kind"]:
        case "turn_start":
            start = _read(TurnStart, payload)
            agent_store.update_turn(
                tx, agent_id, state="thinking", since=since, turn_id=start.turn_id, wake=_wake(start.wake)
            )
        case "turn_end":
            _end_turn(tx, agent_id, _read(TurnEnd, payload), since, config)
        case "message_out":
            _send(tx, agent_id, _read(MessageOut, payload), refused)
            return False
        case "status_changed":
            _set_condition(tx, agent_id, _read(StatusChanged, payload), since)
        case "model_changed":
            agent_store.update_model(tx, agent_id, _read(ModelChanged, payload).model)
        case "token_usage_changed":
            usage = _read(TokenUsageChanged, payload)
            _set_usage(tx, agent_id, usage.ctx, usage.cost)
        case "turn_state_changed":
            now = _read(TurnStateChanged, payload)
            kept = view(tx.connection, agent_id).turn
            turn_id = now.turn_id or (None if now.state == "idle" else kept.turn_id)
            wake = kept.wake if turn_id is not None and turn_id == kept.turn_id else None
            agent_store.update_turn(tx, agent_id, state=now.state, since=since, turn_id=turn_id, wake=wake)
    return True


def _end_turn(tx: Tx, agent_id: str, end: TurnEnd, since: str, config: Config) -> None:
    messages.settle_turn(tx, agent_id, end, config.max_deliveries)
    approvals.close_turn(tx, agent_id, end.turn_id)
    agent_store.update_turn(tx, agent_id, state="idle", since=since, turn_id=None, wake=None)
    agent_store.update_result(
        tx,
        agent_id,
        outcome=end.outcome,
        error=None if end.error is None else sound(end.error),
        session_id=end.session_id,
    )
    _set_usage(tx, agent_id, end.ctx, end.cost)
    cost = end.cost or Cost(tokens=0)
    agent_store.insert_spend(
        tx, agent_id, since[:10], tokens=min(max(cost.tokens, 0), MOST_TOKENS), usd=cost.usd, estimated=cost.estimated
    )


def _send(tx: Tx, agent_id: str, out: MessageOut, refused: list[RefusedMessage]) -> None:
    sender = agent_store.select_agent(tx.connection, agent_id)
    if sender is None:
        raise AgentNotFound(name=agent_id)
    try:
        messages.send(
            tx,
            sender=sender["name"],
            sender_id=agent_id,
            to=out.to,
            body=out.body,
            reply_to=out.reply_to,
            message_id=out.message_id,
        )
    except HiveError as error:
        refused.append(RefusedMessage(message_id=out.message_id, code=error.code, message=error.message))


def _set_condition(tx: Tx, agent_id: str, change: StatusChanged, since: str) -> None:
    agent = agent_store.select_agent(tx.connection, agent_id)
    if agent is None:
        raise AgentNotFound(name=agent_id)
    known = view(tx.connection, agent_id).conditions
    kept = [condition for condition in known if condition.kind != change.condition]
    if change.on:
        began = next((condition.since for condition in known if condition.kind == change.condition), since)
        kept.append(Condition(kind=change.condition, since=began, detail=one_line(change.detail, 500)))
    set_conditions(tx, agent, kept)


def _set_usage(tx: Tx, agent_id: str, ctx: Ctx | None, cost: Cost | None) -> None:
    """A figure that was not given keeps the older one: never 0."""
    agent_store.update_usage(
        tx,
        agent_id,
        ctx_json=None if ctx is None else ctx.model_dump_json(),
        cost_json=None if cost is None else cost.model_dump_json(),
    )


def _read(model: type[P], payload: Any) -> P:
    """The payload as `model`, its text made sound. Raises ValueError."""
    return model.model_validate(_sound(payload))


def _sound(value: Any) -> Any:
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, dict):
        return {_sound(key): _sound(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_sound(item) for item in value]
    return value


def _wake(wake: dict[str, Any]) -> str | None:
    """`message from queen`."""
    kind, source = wake.get("kind"), wake.get("from")
    if not isinstance(kind, str):
        return None
    if not isinstance(source, str) or source in ("", kind):
        return one_line(kind)
    return one_line(f"{kind} from {source}")


def _time(tx: Tx, event: dict[str, Any]) -> str:
    """The event's own time, where it has one that can be read as such."""
    ts = event.get("ts")
    return ts if isinstance(ts, str) and len(ts) == len(tx.now) and ts.isascii() else tx.now
