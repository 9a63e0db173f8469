"""Details of what waits on the operator about an agent itself: a limit, a login, a refused session, a parked one. Pure."""

from datetime import datetime

from hivetui.state.agents import Agent
from hivetui.state.clock import ahead, day_and_hour
from hivetui.state.waiting import Waiting
from hivetui.widgets.lines import Line, clean, wrapped

MOST_CHARACTERS = 4096


def limit_lines(item: Waiting, agent: Agent | None, now: datetime, width: int) -> list[Line]:
    """Until when, in the engine's words too, and what resuming does."""
    held = agent.condition("rate_limited") if agent is not None else None
    until = held.until if held is not None else None
    lines: list[Line] = []
    if until:
        left = ahead(until, now)
        said = (
            f"It ends at {day_and_hour(until, now)}, {left}."
            if left
            else f"It was to end at {day_and_hour(until, now)}."
        )
    else:
        said = "Nobody said when it ends."
    lines += wrapped([(said, "bad")], width)
    lines += _quoted(held.detail if held is not None and held.detail else item.subject, width)
    if not item.gone:
        waits = (
            f" {agent.unread} message{'' if agent.unread == 1 else 's'} of its wait." if agent and agent.unread else ""
        )
        lines += [
            (),
            *_advice(
                f"It takes no message until you resume it.{waits} Resumed too early it only meets its limit again.",
                width,
            ),
        ]
        lines += [
            (),
            *_advice("rate_limit_resume = true under [limits] in its agent.toml: it goes on by itself.", width, "dim"),
        ]
    return lines


def login_lines(item: Waiting, agent: Agent | None, width: int) -> list[Line]:
    """Why, and the two ways to a login."""
    held = agent.condition("needs_login") if agent is not None else None
    lines = _quoted(held.detail if held is not None and held.detail else item.subject, width)
    login = agent.login if agent is not None else None
    if login is not None and login.detail:
        lines += wrapped([(clean(login.detail[:MOST_CHARACTERS]), "dim")], width, (("last try ", "dim"),))
    if item.gone or agent is None:
        return lines
    if not agent.abilities.login:
        advice = f"The login of {agent.engine} cannot be carried here: log in on its machine, or give it a key from secrets.toml."
        return [*lines, (), *_advice(advice, width), *_rebuilt(agent, width)]
    if login is not None and login.under_way:
        advice = "A login is under way: it waits for the code that its link gives."
    else:
        advice = "You get a link to open anywhere, and bring back the code that it gives."
    lines += [(), *_advice(f"{advice} It goes on by itself then, and what was sent to it meanwhile is done.", width)]
    return [
        *lines,
        (),
        *_advice("Or one token for many agents, in secrets.toml:", width, "dim"),
        *_rebuilt(agent, width),
    ]


def choice_lines(item: Waiting, agent: Agent | None, width: int) -> list[Line]:
    """Why its conversation cannot go on, and what either answer means."""
    detail = agent.conversation.detail if agent is not None else ""
    lines = _quoted(detail or item.subject, width)
    if item.gone:
        return lines
    lines += _advice("No turn begins until you have chosen.", width, "wait")
    primer = "a new one, told in short what was said in the old one"
    clean_start = "a new one that knows nothing of it; notes and work stay"
    lines += wrapped([(primer, "text")], width, (("a ", "key"), ("with a primer: ", "strong")), 2)
    lines += wrapped([(clean_start, "text")], width, (("d ", "key"), ("clean start: ", "strong")), 2)
    return lines


def parked_lines(item: Waiting, agent: Agent | None, width: int) -> list[Line]:
    """Why it is not tried again, and what starting it means."""
    lines = _quoted(item.subject.removeprefix(f"{item.agent} is parked: "), width)
    if agent is not None and agent.last_error and agent.last_error not in item.subject:
        lines += wrapped([(clean(agent.last_error[:MOST_CHARACTERS]), "bad")], width, (("last error ", "dim"),), 2)
    if item.gone:
        return lines
    waits = agent.unread if agent is not None else 0
    wait = f" {waits} message{'' if waits == 1 else 's'} wait{'s' if waits == 1 else ''} for it." if waits else ""
    lines += [(), *_advice(f"It ended too often, and is not tried again by itself.{wait}", width)]
    return [*lines, (), *wrapped([(f"hive log {item.who}", "code"), (" says how it ended", "dim")], width)]


def _quoted(text: str, width: int) -> list[Line]:
    return wrapped([(clean(text[:MOST_CHARACTERS]), "text")], width)


def _advice(text: str, width: int, tone: str = "text") -> list[Line]:
    return wrapped([(text, tone)], width)


def _rebuilt(agent: Agent, width: int) -> list[Line]:
    return wrapped([(f"hive rebuild {agent.name} --env-from NAME", "code")], width, (("  ", ""),), 4)
