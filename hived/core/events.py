"""Event batches: taken once and in order by the journal's cursor, and what follows from them for the agent's state.

Most batches only move the cursor, so that path is one SELECT and one UPDATE.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from hived.config import Config
from hived.core import approvals, budgets, delivery, heard, logins, messages, outbox, questions, reminders
from hived.core.agent_views import publish, spec_of
from hived.core.conditions import resumes_by_itself, set_conditions
from hived.core.event_payloads import (
    AnswerOut,
    LoginChanged,
    MessageOut,
    ModelChanged,
    PermissionDecided,
    QuestionOut,
    ReminderCancelled,
    ReminderOut,
    SessionChanged,
    StatusChanged,
    TokenUsageChanged,
    TurnEnd,
    TurnStart,
    TurnStateChanged,
    read,
)
from hived.core.sessions import set_session
from hived.core.text import checked_time, one_line, sound
from hived.store import agents as agent_store
from hived.store import journals as store
from hived.store.database import Connection, Row, Tx
from hived.wire.agents import AgentSession, Condition
from hived.wire.errors import AgentNotFound, EventGap, HiveError, InvalidRequest, StaleGeneration
from hived.wire.events import STATE_KINDS, EventsTaken
from hived.wire.messages import RefusedMessage
from hived.wire.turns import Cost, Ctx

logger = logging.getLogger(__name__)

OUTBOX_IDS = {
    "message_out": ("message_id", "The message makes no sense: it needs `to` and `body`, both text."),
    "question_out": ("question_id", "The question makes no sense: it needs `text`, and options that are text."),
    "answer_out": ("answer_id", "The answer makes no sense: it needs `question_id`, and words or options."),
    "reminder_out": ("reminder_id", "The reminder makes no sense: it needs `due_at` and `text`, both text."),
    "reminder_cancelled": ("cancel_id", "It makes no sense: it needs `reminder_id`."),
}
"""What an agent sends through its journal: the key of its id, and what is said where it does not fit."""
MOST_REFUSED_KEPT = 256


@dataclass(frozen=True, slots=True)
class _Told:
    """A refusal, and the event that was refused."""

    event_id: int
    refused: RefusedMessage


_TOLD = TypeAdapter(list[_Told])


def cursor(conn: Connection, agent_id: str, journal_uuid: str) -> int:
    """The last event of that journal that hived has taken; 0 if it does not know it."""
    row = store.select_journal(conn, agent_id, journal_uuid)
    return 0 if row is None or row["cursor"] is None else int(row["cursor"])


def last_refused(conn: Connection, agent_id: str, journal_uuid: str) -> list[RefusedMessage]:
    """What was refused of the last events that hived took: the harness may have lost that answer with its connection."""
    known = store.select_journal(conn, agent_id, journal_uuid)
    return [] if known is None else [told.refused for told in _read_refused(known)]


def take_batch(
    tx: Tx,
    agent_id: str,
    generation: int,
    journal_uuid: str,
    oldest: int | None,
    events: list[dict[str, Any]],
    config: Config,
    *,
    begins: int | None = None,
) -> EventsTaken:
    """Take stored events (contiguous ids, no live ones): skip what is at or below the cursor, act on the rest, move it.

    A payload that makes no sense is taken and noted in the log, so that it cannot hold up what comes after it. What is
    refused is kept until the harness sends what comes after it, and told again where it comes again. `begins`: with which
    event the request begins that these are a piece of.
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
    kept = _read_refused(known)
    again = {event["id"] for event in events[: len(events) - len(fresh)]}
    refused = [told.refused for told in kept if told.event_id in again]
    if fresh:
        kept = [told for told in kept if told.event_id >= (begins or events[0]["id"])]
        for event in _without_plain_messages(tx, agent_id, fresh):
            if event.get("kind") in STATE_KINDS:
                count = len(refused)
                changed |= _apply(tx, agent_id, event, config, refused)
                kept += [_Told(event["id"], one) for one in refused[count:]]
        _keep_refused(tx, agent_id, journal_uuid, known, kept)
        at = fresh[-1]["id"]
        store.update_cursor(tx, agent_id, journal_uuid, at, _time(tx, fresh[-1]))
    if changed:
        publish(tx, agent_id)
    return EventsTaken(cursor=at, refused=refused)


def _without_plain_messages(tx: Tx, agent_id: str, events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The events in their order, but for runs of messages that could be taken at once, which then were."""
    at = 0
    while at < len(events):
        end = at
        while end < len(events) and events[end].get("kind") == "message_out":
            end += 1
        if end - at > 1:
            at += outbox.take_plain(tx, agent_id, [event.get("payload") for event in events[at:end]])
        if at < len(events):
            yield events[at]
            at += 1


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


def _read_refused(known: Row) -> list[_Told]:
    return [] if known["refused_json"] is None else _TOLD.validate_json(known["refused_json"])


def _keep_refused(tx: Tx, agent_id: str, journal_uuid: str, known: Row, kept: list[_Told]) -> None:
    text = _TOLD.dump_json(kept[-MOST_REFUSED_KEPT:]).decode() if kept else None
    if text != known["refused_json"]:
        store.update_refused(tx, agent_id, journal_uuid, text)


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
        payload, named = event.get("payload"), OUTBOX_IDS.get(event["kind"])
        if named is not None and isinstance(payload, dict) and isinstance(payload.get(named[0]), str):
            refused.append(
                RefusedMessage(message_id=sound(payload[named[0]]), code=InvalidRequest.code, message=named[1])
            )
        return False


def _act(tx: Tx, agent_id: str, event: dict[str, Any], config: Config, refused: list[RefusedMessage]) -> bool:
    payload, since = event.get("payload"), _time(tx, event)
    match event["kind"]:
        case "turn_start":
            _start_turn(tx, _agent(tx, agent_id), read(TurnStart, payload), since)
        case "turn_end":
            _end_turn(tx, _agent(tx, agent_id), read(TurnEnd, payload), since, config)
        case "message_out":
            out = read(MessageOut, payload)
            _take(lambda: messages.take_message(tx, agent_id, out), out.message_id, refused)
            return False
        case "question_out":
            asked = read(QuestionOut, payload)
            _take(lambda: questions.take_question(tx, _agent(tx, agent_id), asked), asked.question_id, refused)
            return False
        case "answer_out":
            answer = read(AnswerOut, payload)
            _take(lambda: questions.take_answer(tx, _agent(tx, agent_id), answer), answer.answer_id, refused)
            return False
        case "reminder_out":
            reminder = read(ReminderOut, payload)
            _take(lambda: reminders.take_reminder(tx, _agent(tx, agent_id), reminder), reminder.reminder_id, refused)
            return False
        case "reminder_cancelled":
            cancel = read(ReminderCancelled, payload)
            _take(lambda: reminders.take_cancel(tx, _agent(tx, agent_id), cancel), cancel.cancel_id, refused)
            return False
        case "permission_decided":
            decided = read(PermissionDecided, payload)
            if decided.status == "cancelled":
                approvals.cancel_ask(tx, agent_id, decided.approval_id)
            else:
                approvals.hear(tx, agent_id, decided.approval_id)
            return False
        case "status_changed":
            _set_condition(tx, _agent(tx, agent_id), read(StatusChanged, payload), since, config)
        case "model_changed":
            _set_model(tx, agent_id, read(ModelChanged, payload))
        case "token_usage_changed":
            usage = read(TokenUsageChanged, payload)
            _set_usage(tx, agent_id, usage.ctx, usage.cost)
        case "turn_state_changed":
            _set_turn(tx, _agent(tx, agent_id), read(TurnStateChanged, payload), since)
        case "session_changed":
            changed = read(SessionChanged, payload)
            set_session(tx, _agent(tx, agent_id), AgentSession(**changed.model_dump(), since=since))
        case "login_changed":
            logins.take_change(tx, _agent(tx, agent_id), read(LoginChanged, payload), since)
    return True


def _agent(tx: Tx, agent_id: str) -> Row:
    row = agent_store.select_agent(tx.connection, agent_id)
    if row is None:
        raise AgentNotFound(name=agent_id)
    return row


def _start_turn(tx: Tx, agent: Row, start: TurnStart, since: str) -> None:
    state = "compacting" if start.wake.get("kind") == "compact" else "thinking"
    wake, until = _wake(start.wake), agent["turn_until"]
    agent_store.update_turn(tx, agent["id"], state=state, since=since, turn_id=start.turn_id, wake=wake, until=until)


def _end_turn(tx: Tx, agent: Row, end: TurnEnd, since: str, config: Config) -> None:
    agent_id, until = agent["id"], agent["turn_until"]
    goes_on = end.outcome == "rate_limited" and resumes_by_itself(spec_of(agent), config.rate_limit_resume)
    delivery.settle_turn(tx, agent_id, end, config.max_deliveries, rate_limit_resume=goes_on)
    approvals.close_turn(tx, agent_id, end.turn_id, cut_off=end.cut_off)
    state = "idle" if until is None else "napping"
    error = None if end.error is None else sound(end.error)
    agent_store.update_turn_ended(
        tx,
        agent_id,
        state=state,
        since=since,
        turn_id=end.turn_id,
        outcome=end.outcome,
        error=error,
        session_id=end.session_id,
        **_usage(end.ctx, end.cost),
    )
    session = AgentSession(**json.loads(agent["session_json"]))
    if end.session_id is not None and session.state in ("none", "kept") and session.id != end.session_id:
        set_session(tx, agent, AgentSession(state="kept", id=end.session_id, since=since))
    if end.ctx is None and end.outcome == "ok" and agent["turn_state"] == "compacting":
        agent_store.clear_ctx(tx, agent_id)  # what it was before is no longer so, and what it is nobody has said
    budgets.take_turn(tx, agent_id, since, end.cost)
    heard.say(tx, heard.turn_over(end.turn_id), outcome=end.outcome, error=error)


def _set_model(tx: Tx, agent_id: str, changed: ModelChanged) -> None:
    model = one_line(changed.model)
    if not model:
        raise InvalidRequest(reason="The model has no name that could be shown.")
    agent_store.update_model(tx, agent_id, model)


def _set_turn(tx: Tx, agent: Row, now: TurnStateChanged, since: str) -> None:
    """Its `since` stays where only the end of a nap has changed."""
    turn_id = now.turn_id or (None if now.state in ("idle", "napping") else agent["turn_id"])
    same_turn = turn_id is not None and turn_id == agent["turn_id"]
    until = checked_time(now.until)
    agent_store.update_turn(
        tx,
        agent["id"],
        state=now.state,
        since=agent["turn_state_since"] if now.state == agent["turn_state"] else since,
        turn_id=turn_id,
        wake=agent["turn_wake"] if same_turn else None,
        until=until,
    )
    heard.say(tx, heard.nap_told(agent["id"]), until=until)


def _take(taking: Callable[[], object], out_id: str, refused: list[RefusedMessage]) -> None:
    """Take one thing of the outbox; a refusal is an answer to who made it."""
    try:
        taking()
    except HiveError as error:
        refused.append(RefusedMessage(message_id=out_id, code=error.code, message=error.message))


def _set_condition(tx: Tx, agent: Row, change: StatusChanged, since: str, config: Config) -> None:
    known = [Condition(**condition) for condition in json.loads(agent["conditions_json"])]
    kept = [condition for condition in known if condition.kind != change.condition]
    if change.on:
        began = next((condition.since for condition in known if condition.kind == change.condition), since)
        kept.append(Condition(kind=change.condition, since=began, detail=change.detail, until=change.until))
    set_conditions(tx, agent, kept, rate_limit_resume=config.rate_limit_resume)


def _set_usage(tx: Tx, agent_id: str, ctx: Ctx | None, cost: Cost | None) -> None:
    """A figure that was not given keeps the older one: never 0."""
    agent_store.update_usage(tx, agent_id, **_usage(ctx, cost))


def _usage(ctx: Ctx | None, cost: Cost | None) -> dict[str, str | None]:
    return {
        "ctx_json": None if ctx is None else ctx.model_dump_json(),
        "cost_json": None if cost is None else cost.model_dump_json(),
    }


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
    return ts if isinstance(ts, str) and checked_time(ts) == ts else tx.now
