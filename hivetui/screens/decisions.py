"""From what waits to what hived is asked: the decision for each kind, and what is lost by some of them. Pure."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from hived.wire.approvals import Verdict
from hivetui.intents import (
    ApproveItem,
    Decision,
    DenyItem,
    DropMessage,
    DropPair,
    NewSession,
    RaiseBudget,
    ReleasePair,
    Resume,
    RetryMessage,
    StartAgent,
)
from hivetui.state.cases import Case

_AMOUNT = re.compile(r"(\$)?\s*(\d{1,12}(?:\.\d{1,6})?)\s*([kKmM])?\s*(usd|dollars?|tokens?|turns?)?", re.ASCII)
_TIMES = {"k": 1_000, "m": 1_000_000}


def decision_of(
    case: Case, *, approved: bool, updated_input: dict[str, Any] | None = None, alone: bool = True
) -> Decision:
    """What `a` or `d` asks hived for. A rule goes only with a decision that is made alone."""
    item = case.item
    match item.kind:
        case "held_message":
            return RetryMessage(item.id) if approved else DropMessage(item.id)
        case "pair":
            return ReleasePair(item.id) if approved else DropPair(item.id)
        case "budget":
            return RaiseBudget(item.id)
        case "rate_limited":
            return Resume(item.who)
        case "parked":
            return StartAgent(item.who)
        case "resume_choice":
            return NewSession(item.who, primer=approved)
    note = case.note or None
    if not approved:
        return DenyItem(item.id, item.subject, note)
    scope = case.remember.scope if alone and case.remember is not None and case.remember.proposal is not None else None
    return ApproveItem(item.id, item.subject, note, updated_input, scope)


def consequence_of(cases: Sequence[Case], *, approved: bool) -> tuple[str, str, str] | None:
    """The question, the deed and what is lost, where a decision on all of these loses something; else None."""
    if approved:
        return None
    kinds = Counter(case.item.kind for case in cases)
    lost = []
    if held := kinds["held_message"]:
        lost.append(f"{held} held message{'' if held == 1 else 's'} never reach{'es' if held == 1 else ''} anybody.")
    if pairs := kinds["pair"]:
        inside = sum(case.pair.held for case in cases if case.pair is not None)
        lost.append(
            f"{inside} message{'' if inside == 1 else 's'} of {pairs} pair{'' if pairs == 1 else 's'} are gone."
        )
    if clean := kinds["resume_choice"]:
        lost.append(f"{clean} conversation{'' if clean == 1 else 's'} stay{'s' if clean == 1 else ''} behind.")
    if not lost:
        return None
    others = len(cases) - held - pairs - clean
    also = f" {others} more {'is' if others == 1 else 'are'} denied." if others else ""
    return f"Drop and deny all {len(cases)} that are marked?", "do it", " ".join(lost) + also


def edited_input(text: str, before: object) -> tuple[dict[str, Any] | None, str]:
    """The input that was written (None: it is what it was), and what is wrong with the text."""
    try:
        given = json.loads(text)
    except RecursionError:
        return None, "This is nested too deep."
    except ValueError as error:
        where = f" in line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        return None, f"This is no JSON{where}: {said}."
    if not isinstance(given, dict):
        return None, "A tool's input is an object: { … }."
    try:
        Verdict(updated_input=given)
    except ValidationError as error:
        return None, f"No tool could be given this: {error.errors()[0]['msg']}."
    same = json.dumps(given, sort_keys=True) == json.dumps(before, sort_keys=True)  # 1 is not true
    return (None if same else given), ""


def amount_of(budget_id: str, text: str) -> RaiseBudget | str:
    """`$5`, `200k tokens`, `20 turns`, several with commas between; nothing: as much again. Else what is wrong."""
    given: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _AMOUNT.fullmatch(part)
        unit = (
            "" if found is None else "usd" if found[1] or (found[4] or "").startswith(("usd", "d")) else found[4] or ""
        )
        if found is None or not unit:
            return f"{part!r} is no amount: write $5, 200k tokens or 20 turns."
        name = "usd" if unit == "usd" else "tokens" if unit.startswith("token") else "turns"
        given[name] = float(found[2]) * _TIMES.get((found[3] or "").lower(), 1)
    return RaiseBudget(
        budget_id,
        given.get("usd"),
        round(given["tokens"]) if "tokens" in given else None,
        round(given["turns"]) if "turns" in given else None,
    )
