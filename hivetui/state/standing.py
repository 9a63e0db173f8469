"""How it stands with an agent, in words with the times that matter. Pure; text from engines is not cleaned here."""

from datetime import datetime

from hivetui.state.agents import Agent
from hivetui.state.clock import age, ahead, day_and_hour, running

SAY_IT_THEMSELVES = frozenset({"waiting", "login", "refused", "limited", "parked"})
"""States in which it is plain that something waits on the operator, and what."""


def standing(agent: Agent, now: datetime, *, short: bool = False) -> str:
    """The state and its time: `napping until 14:05`, `thinking 3:05`, `rate limited, resets 14:05 (in 12 min)`.

    `short`: without how long that is from now.
    """
    shape = agent.shape
    if shape.kind == "limited":
        return _limit(agent, now, short)
    if shape.kind == "napping" and agent.turn_until:
        return f"napping until {day_and_hour(agent.turn_until, now)}"
    if shape.kind == "paused" and agent.in_turn:
        return f"{shape.word} {since(agent, now)}{'' if short else ', in mid-turn'}"
    return f"{shape.word} {since(agent, now)}".rstrip()


def since(agent: Agent, now: datetime) -> str:
    """A stopwatch of what runs, the age of what does not."""
    return running(agent.since, now) if agent.busy or agent.blocked else age(agent.since, now)


def brief(agent: Agent, now: datetime) -> tuple[str, str]:
    """For the list: the state's word, and the time that matters most of it."""
    shape = agent.shape
    if shape.kind == "limited" and agent.hindrance is not None:
        word = "over budget" if agent.hindrance.kind == "over_budget" else "limited"
        until = day_and_hour(agent.hindrance.until, now)
        return word, f"until {until}" if until else since(agent, now)
    if shape.kind == "napping" and agent.turn_until:
        return shape.word, f"until {day_and_hour(agent.turn_until, now)}"
    return shape.word, since(agent, now)


def shortest(agent: Agent, now: datetime) -> str:
    """At most nine cells of what keeps it from working; empty where nothing does."""
    match agent.shape_kind:
        case "login":
            return "login"
        case "refused":
            return "refused"
        case "limited":
            held = agent.hindrance
            until = day_and_hour(held.until, now) if held else ""
            return (
                "budget" if held and held.kind == "over_budget" else f"→ {until}" if 0 < len(until) <= 7 else "limited"
            )
        case "parked" | "crashed" | "paused" | "pausing" | "resuming" | "stopping" | "starting" | "stopped":
            return agent.shape_kind
        case "building" | "burying":
            return agent.shape_kind
    return ""


def prospects(agent: Agent, now: datetime) -> list[tuple[str, str]]:
    """What comes next that its state does not say, each with its tone."""
    found: list[tuple[str, str]] = []
    if agent.deploying and agent.shape_kind != "building":
        found.append(("being deployed", "accent"))
    if agent.conversation.state == "armed":
        found.append(("new session at the next turn", "soft"))
    if agent.turn_until and agent.shape_kind not in ("napping",):
        found.append((f"naps until {day_and_hour(agent.turn_until, now)}", "dim"))
    if agent.login is not None and agent.login.under_way:
        words = {"starting": "login begins", "open": "login waits for its code", "checking": "login is checked"}
        found.append((words[agent.login.state], "wait" if agent.login.state == "open" else "soft"))
    limit = agent.condition("rate_limited")
    if limit is not None and agent.shape_kind not in ("limited",):
        until = day_and_hour(limit.until, now)
        found.append((f"rate limited{f' until {until}' if until else ''}", "bad"))
    return found


def _limit(agent: Agent, now: datetime, short: bool) -> str:
    held = agent.hindrance
    if held is None or held.kind == "over_budget":
        return f"over budget {since(agent, now)}".rstrip()
    until = day_and_hour(held.until, now)
    if not until:
        return f"rate limited {since(agent, now)}" + ("" if short else ", nobody says until when")
    left = ahead(held.until, now)
    if not left:
        return f"rate limited, was to reset {until}"
    return f"rate limited, resets {until}{'' if short else f' ({left})'}"
