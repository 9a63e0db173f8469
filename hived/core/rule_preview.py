"""What a rule would have decided of the asks of the last days, beside the rules that are in force now."""

import json
import time
from dataclasses import dataclass, field

from hived.core.rule_drafts import check_draft, refused, scope_flaw
from hived.core.rule_matching import Ask, Judged, Pattern, judge, never_fits, workspace_of
from hived.core.rules import agent_of, to_pattern
from hived.store import agents as agent_store
from hived.store import rules as store
from hived.store.database import Connection, Row
from hived.wire.errors import InvalidRule
from hived.wire.rules import ANY_INPUT, PreviewedAsk, RuleDraft, RulePreview
from hived.wire.times import in_seconds, utc_now

MOST_ASKS = 10_000
MOST_DAYS = 3650
MOST_EXAMPLES = 100
PAGE = 100
"""Asks looked at in one piece: a reader's thread is held no longer than for these."""
MOST_SECONDS = 5.0
_MOST_BYTES = 64 * 1024
"""A longer input is not looked at: only `*` would have decided it."""
_DRAFT = "draft"
_LAST = ("~", "~")


@dataclass(slots=True)
class Looking:
    """A preview under way: call `look` until it is `done`."""

    draft: RuleDraft
    days: int
    warning: str | None
    agent_id: str | None
    since: str
    asks: int = 0
    decided: int = 0
    differing: list[PreviewedAsk] = field(default_factory=list)
    agreeing: list[PreviewedAsk] = field(default_factory=list)
    differs: int = 0
    done: bool = False
    until: float = 0.0
    before: tuple[str, str] = _LAST
    standing: dict[str, tuple[list[Pattern], str | None]] = field(default_factory=dict)

    def answer(self) -> RulePreview:
        return RulePreview(
            days=self.days,
            asks=self.asks,
            decided=self.decided,
            differs=self.differs,
            examples=(self.differing + self.agreeing)[:MOST_EXAMPLES],
            warning=self.warning,
        )


def begin(conn: Connection, draft: RuleDraft, days: int) -> Looking:
    """Raises InvalidRule for what is no rule at all, AgentNotFound. One that could never fit is previewed with a warning."""
    if not 1 <= days <= MOST_DAYS:
        raise InvalidRule(reason=f"days: from 1 to {MOST_DAYS}.")
    reason = scope_flaw(draft) or refused(draft)
    if reason is not None:
        raise InvalidRule(reason=reason)
    agent = agent_of(conn, draft)
    looking = Looking(
        draft,
        days,
        _warning(draft),
        None if agent is None else agent["id"],
        in_seconds(-days * 86_400),
        until=time.monotonic() + MOST_SECONDS,
    )
    if looking.warning is None:
        check_draft(draft, utc_now())
    return looking


def look(conn: Connection, looking: Looking) -> None:
    """Lay the rule beside the next older asks."""
    rows = store.select_asks(
        conn,
        agent_id=looking.agent_id,
        since=looking.since,
        before=looking.before,
        limit=min(PAGE, MOST_ASKS - looking.asks),
        most_bytes=_MOST_BYTES,
    )
    for row in rows:
        _lay_beside(conn, looking, row)
    if rows:
        looking.before = rows[-1]["created_at"], rows[-1]["id"]
    if len(rows) < PAGE or looking.asks >= MOST_ASKS:
        looking.done = True
    elif time.monotonic() > looking.until:
        looking.done = True
        looking.warning = (
            looking.warning or f"Only the newest {looking.asks} asks were looked at: there was no more time."
        )


def _lay_beside(conn: Connection, looking: Looking, row: Row) -> None:
    looking.asks += 1
    judged = _judged(conn, looking, row)
    if judged is None or _DRAFT not in judged.rules:
        return
    looking.decided += 1
    approved, denied = row["status"] in ("approved", "failed"), row["status"] == "denied"
    differs = (approved and (judged.verdict == "deny" or bool(row["changed"]))) or (
        denied and judged.verdict == "allow"
    )
    looking.differs += differs
    chosen = looking.differing if differs else looking.agreeing
    if len(chosen) < MOST_EXAMPLES:
        chosen.append(
            PreviewedAsk(
                approval_id=row["id"],
                agent=row["requester"],
                subject=row["subject"],
                created_at=row["created_at"],
                status=row["status"],
                would=judged.verdict,
                differs=differs,
            )
        )


def _judged(conn: Connection, looking: Looking, row: Row) -> Judged | None:
    rules, workspace = _standing(conn, looking, row["requester_id"])
    if row["payload_json"] is None:
        return None
    payload = json.loads(row["payload_json"])
    tool, input = payload.get("tool"), payload.get("input")
    if not isinstance(tool, str) or not isinstance(input, dict):
        return None
    return judge(rules, Ask(tool, input, workspace, links=False))


def _standing(conn: Connection, looking: Looking, agent_id: str) -> tuple[list[Pattern], str | None]:
    """The rules that stand for that agent with the draft before them, and its workspace."""
    known = looking.standing.get(agent_id)
    if known is None:
        agent = agent_store.select_agent(conn, agent_id)
        draft = looking.draft
        mine = Pattern(_DRAFT, draft.tool, draft.pattern, draft.verdict)
        theirs = [to_pattern(row) for row in store.select_in_force(conn, agent_id, utc_now())]
        known = [mine, *theirs], None if agent is None else workspace_of(agent)
        looking.standing[agent_id] = known
    return known


def _warning(draft: RuleDraft) -> str | None:
    """Where it can never fit, or fits everything: why."""
    if draft.verdict == "allow" and (flaw := never_fits(draft.tool, draft.pattern)) is not None:
        return f"This rule could never fit, and cannot be added: {flaw}."
    if draft.pattern == ANY_INPUT:
        whose = "every agent" if draft.scope == "hive" else str(draft.agent)
        verb = "denies" if draft.verdict == "deny" else "allows"
        return f"It {verb} {whose} any input of {draft.tool}, whatever it is."
    return None
