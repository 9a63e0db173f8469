"""Rules: standing answers for what agents' engines ask. Deny wins; what no rule answers goes to the operator."""

import json
from dataclasses import dataclass
from typing import Any

from hived.core import audit
from hived.core.finding import only_one
from hived.core.rule_drafts import Checked, check_draft, check_spec_rules, narrowest
from hived.core.rule_matching import Ask, Pattern, judge, workspace_of
from hived.core.text import one_line
from hived.store import agents as agent_store
from hived.store import approvals as approval_store
from hived.store import rules as store
from hived.store.database import Connection, Row, Tx
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Actor
from hived.wire.errors import AgentNotFound, InvalidRule, RuleNotFound, RuleRevoked
from hived.wire.ids import new_id
from hived.wire.names import HIVED
from hived.wire.rules import Rule, RuleDraft, RuleProposal, RuleScope, RuleSource, RuleVerdict
from hived.wire.times import utc_now

MOST_IN_FORCE = 1000
"""Each ask is laid beside all of its agent's and the hive's."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule's answer to one ask."""

    rule_id: str
    verdict: RuleVerdict
    words: str
    """Which rule it was, in one sentence: what the agent is told with a denial."""


def standing_answer(tx: Tx, agent: Row, tool: str, input: dict[str, Any]) -> Standing | None:
    """The answer of the rules in force, its hit counted; None where the operator must be asked."""
    rows = store.select_in_force(tx.connection, agent["id"], tx.now)
    if not rows:
        return None
    judged = judge([to_pattern(row) for row in rows], Ask(tool, input, workspace_of(agent)))
    if judged is None:
        return None
    store.update_hit(tx, judged.rules)
    for rule_id in judged.rules:
        _feed(tx, rule_id)
    decided = next(row for row in rows if row["id"] == judged.rules[0])
    return Standing(decided["id"], judged.verdict, _said(decided, len(judged.rules)))


def propose(conn: Connection, approval: Row, scope: RuleScope) -> RuleProposal:
    """The narrowest rule that would have answered that tool_use with a yes. Raises InvalidRule."""
    if approval["kind"] != "tool_use":
        raise InvalidRule(reason="Only an approval of kind tool_use can be remembered as a rule.")
    if approval["updated_input_json"] is not None:
        raise InvalidRule(reason="It was approved with another input than the agent asked with, which no rule can do.")
    payload = json.loads(approval["payload_json"])
    agent = agent_store.select_agent(conn, approval["requester_id"])
    if agent is None:
        raise InvalidRule(reason=f"The agent {approval['requester']} is gone, and its rule would be nobody's.")
    if not isinstance(payload.get("tool"), str) or not isinstance(payload.get("input"), dict):
        raise InvalidRule(reason="What it asked is not kept any more.")
    return narrowest(Ask(payload["tool"], payload["input"], workspace_of(agent)), agent["name"], scope)


def remember(tx: Tx, approval: Row, scope: RuleScope, actor: Actor) -> Rule:
    """Make the narrowest rule that would have answered that tool_use; the same rule where it stands. Raises InvalidRule."""
    decided = approval_store.select_approval(tx.connection, approval["id"])
    draft = propose(tx.connection, approval if decided is None else decided, scope).rule
    checked = check_draft(draft, tx.now)
    agent_id = approval["requester_id"] if scope == "agent" else None
    return _keep(tx, checked, draft.agent, agent_id, actor, source="remembered", made_from=approval["id"])


def add(tx: Tx, draft: RuleDraft, actor: Actor) -> Rule:
    """Put it in force. Raises InvalidRule, InvalidName, AgentNotFound."""
    checked = check_draft(draft, tx.now)
    agent = agent_of(tx.connection, draft)
    agent_id = None if agent is None else agent["id"]
    if _same(tx, checked, agent_id) is not None:
        raise InvalidRule(reason="There is a rule in force that says just this; revoke it to give it another end.")
    return _keep(tx, checked, draft.agent, agent_id, actor, source="operator")


def revoke(tx: Tx, rule_id: str, actor: Actor) -> Rule:
    """Take it out of force; the row stays. Any unique prefix will do. Raises RuleNotFound, AmbiguousId, RuleRevoked."""
    row = find_rule(tx.connection, rule_id)
    if not store.update_revoked(tx, row["id"], actor.model_dump_json()):
        raise RuleRevoked(id=row["id"], at=row["revoked_at"])
    audit.append(tx, "rule.revoked", actor, row["id"], _detail(row), seen=to_rule(row).model_dump())
    return _feed(tx, row["id"])


def find_rule(conn: Connection, prefix: str) -> Row:
    """The rule with that id, or the only one whose id begins so. Raises RuleNotFound, AmbiguousId."""
    return only_one(store.select_rules_starting(conn, prefix), prefix, RuleNotFound, "rule")


def list_rules(conn: Connection, *, all: bool = False) -> list[Rule]:
    """Those in force, or every one there ever was; oldest first."""
    return [to_rule(row) for row in store.select_rules(conn, all=all, now=utc_now())]


def take_from_spec(tx: Tx, agent_id: str, request: SpawnRequest) -> None:
    """Put the agent.toml's own rules in force for that agent, instead of those that it had from there.

    One that stays the same keeps its hits and its end; one that was revoked stays revoked.
    """
    known = store.select_of_spec(tx.connection, agent_id)
    if not request.rules and not known:
        return
    wanted = {checked.key: checked for checked in check_spec_rules(request, tx.now)}
    actor = Actor(who=HIVED)
    for row in known:
        if row["revoked_at"] is None and _key(row) not in wanted:
            revoke(tx, row["id"], actor)
    standing = {_key(row) for row in known if row["revoked_at"] is None or _revoked_by(row) != HIVED}
    for key, checked in wanted.items():
        if key not in standing:
            _keep(tx, checked, request.name, agent_id, actor, source="agent.toml")


def check_spec(request: SpawnRequest) -> None:
    """Raises InvalidRule for a `[[rules]]` that could not be put in force."""
    if request.rules:
        check_spec_rules(request, utc_now())


def to_pattern(row: Row) -> Pattern:
    return Pattern(row["id"], row["tool"], row["pattern"], row["verdict"])


def to_rule(row: Row) -> Rule:
    return Rule(
        id=row["id"],
        scope=row["scope"],
        agent=row["agent"],
        colony=row["colony"],
        tool=row["tool"],
        pattern=row["pattern"],
        verdict=row["verdict"],
        reason=row["reason"],
        source=row["source"],
        made_from=row["made_from"],
        created_at=row["created_at"],
        created_by=json.loads(row["created_by_json"]).get("who", HIVED),
        expires_at=row["expires_at"],
        hits=row["hits"],
        last_hit_at=row["last_hit_at"],
        revoked_at=row["revoked_at"],
    )


def agent_of(conn: Connection, draft: RuleDraft) -> Row | None:
    """Whose rule it would be; None: the hive's. Raises AgentNotFound."""
    if draft.agent is None:
        return None
    row = agent_store.select_agent_named(conn, draft.agent)
    if row is None:
        raise AgentNotFound(name=draft.agent[:64])
    return row


def _same(tx: Tx, checked: Checked, agent_id: str | None) -> Row | None:
    row = store.select_same_in_force(
        tx.connection,
        scope=checked.scope,
        agent_id=agent_id,
        tool=checked.tool,
        pattern=checked.pattern,
        verdict=checked.verdict,
        now=tx.now,
    )
    if row is None or row["expires_at"] is None:
        return row
    return row if checked.expires_at is not None and checked.expires_at <= row["expires_at"] else None


def _keep(
    tx: Tx,
    checked: Checked,
    agent: str | None,
    agent_id: str | None,
    actor: Actor,
    *,
    source: RuleSource,
    made_from: str | None = None,
) -> Rule:
    if (same := _same(tx, checked, agent_id)) is not None:
        return to_rule(same)
    if store.select_count_in_force(tx.connection, tx.now) >= MOST_IN_FORCE:
        raise InvalidRule(reason=f"There are {MOST_IN_FORCE} rules in force; revoke some first.")
    rule_id = new_id()
    values = {
        "id": rule_id,
        "scope": checked.scope,
        "agent": agent,
        "agent_id": agent_id,
        "tool": checked.tool,
        "pattern": checked.pattern,
        "verdict": checked.verdict,
        "reason": checked.reason,
        "source": source,
        "made_from": made_from,
        "created_by_json": actor.model_dump_json(),
        "expires_at": checked.expires_at,
    }
    store.insert_rule(tx, values)
    audit.append(tx, "rule.added", actor, rule_id, _detail(find_rule(tx.connection, rule_id)))
    return _feed(tx, rule_id)


def _detail(row: Row) -> dict[str, Any]:
    shown = ("scope", "agent", "tool", "pattern", "verdict", "reason", "source", "made_from", "expires_at")
    return {key: row[key] for key in shown}


def _key(row: Row) -> tuple[str, str, str]:
    return row["tool"], row["pattern"], row["verdict"]


def _revoked_by(row: Row) -> str:
    return str(json.loads(row["revoked_by_json"] or "{}").get("who", HIVED))


def _said(row: Row, count: int) -> str:
    others = f" and {count - 1} more" if count > 1 else ""
    reason = f": {row['reason']}" if row["reason"] else ""
    verb = "denies" if row["verdict"] == "deny" else "allows"
    return one_line(f"Rule {row['id']}{others} {verb} {row['tool']} {row['pattern']}{reason}", 400)


def _feed(tx: Tx, rule_id: str) -> Rule:
    rule = to_rule(find_rule(tx.connection, rule_id))
    tx.feed("rule", rule.model_dump())
    return rule
