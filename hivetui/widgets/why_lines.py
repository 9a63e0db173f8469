"""Why an agent is in its state, as lines: what holds, what is wanted, what can be done about it, what happened before. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hived.client.lifecycle_calls import WhichLog
from hived.wire.agents import AgentDetail, LifecycleChange
from hived.wire.deployments import Deployment
from hivetui.state.agents import SHAPES, Agent
from hivetui.state.clock import age, day_and_hour, parsed, running, seconds_since, stopwatch
from hivetui.state.logs import Log
from hivetui.state.standing import standing
from hivetui.state.tombstones import work_words
from hivetui.widgets.facts import fact_lines
from hivetui.widgets.lines import Line, Piece, clean, one_line, wrapped
from hivetui.widgets.pane import LATE_SECONDS

MOST_LOGGED = 200
STAMP_CHARACTERS = len("2026-11-20T14:31:40.000Z")
SHOWN_LOGS: tuple[WhichLog, ...] = ("engine", "harness")
"""The engine's first: it says most of what went wrong."""
STATE_TONES = {"running": "good", "crashed": "bad", "parked": "bad", "buried": "bad", "paused": "soft"}


@dataclass(frozen=True, slots=True)
class Why:
    """All that is known of an agent's state."""

    agent: Agent
    detail: AgentDetail | None = None
    """None until hived has answered."""
    deployment: Deployment | None = None
    """That is under way, else the one that runs."""
    last_byte_at: str = ""
    """When its engine last gave a byte."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do next: a key of the screen (an id of `keymap`), and what it does here."""

    key: str
    says: str


def next_steps(agent: Agent, last_byte_at: str, now: datetime) -> list[Step]:
    """What to do about it, the likeliest first; nothing where there is nothing to do."""
    steps: list[Step] = []
    kind = agent.shape_kind
    if agent.acting:
        return [Step("why.again", "hived is doing what you asked for; what it says comes by itself")]
    if kind == "login":
        steps.append(Step("why.login", "log its engine in"))
    elif agent.waiting > (kind == "parked"):
        some = "the one thing" if agent.waiting == 1 else f"the {agent.waiting} things"
        steps.append(Step("why.waiting", f"decide {some} that wait{'s' * (agent.waiting == 1)} on you"))
    match kind:
        case "parked" if agent.commit is None:
            steps += [
                Step("why.start", "build it again, and start it"),
                Step("why.deployments", "read what its setup printed"),
            ]
        case "parked" | "crashed":
            again = "try it again" if kind == "parked" else "try it again now; hived does by itself soon"
            steps += [
                Step("why.start", again),
                Step("why.deployments", "roll back, if it came with its last deployment"),
                Step("why.rebuild", "build its config anew, if its setup has left something broken"),
            ]
        case "stopped":
            steps.append(Step("why.start", "start it"))
        case "paused":
            steps.append(Step("why.pause", "let it go on where it stands"))
        case "offline" | "unknown":
            steps.append(Step("why.restart", "give it a new harness, if this one does not come back"))
        case "building":
            steps.append(Step("why.deployments", "watch it being built"))
        case "thinking" | "compacting":
            quiet = seconds_since(last_byte_at, now)
            if quiet is not None and quiet >= LATE_SECONDS:
                steps += [
                    Step("why.cancel", "cancel the turn; its engine has been silent for long"),
                    Step("why.kill", "end it at once, if cancelling does not help"),
                ]
    if agent.deploying and kind != "building":
        steps.append(Step("why.deployments", "watch its deployment"))
    if agent.work is not None and agent.work.lost_with_it:
        steps.append(Step("why.work", "look at its work, which is nowhere else"))
    return steps


def state_lines(why: Why, now: datetime, width: int) -> list[Line]:
    """The headline, the cause, what to do, then every fact."""
    agent, shape = why.agent, why.agent.shape
    lines: list[Line] = [
        *wrapped(
            [(f"{shape.glyph} ", shape.tone), (agent.name, "strong"), (" is ", "text"), (standing(agent, now), shape.tone)],
            width, hang=2,
        ),
        *wrapped([(clean(agent.cause) or "nobody said why", "text")], width, (("  ", ""),)),
    ]  # fmt: skip
    if agent.last_error:
        lines += wrapped([(one_line(agent.last_error, 600), "bad")], width, (("  last error ", "dim"),), 4)
    if why.error:
        lines += wrapped([(one_line(why.error), "bad")], width, (("  ", ""),))
    return [*lines, (), *fact_lines(facts_of(why, now), width)]


def step_lines(steps: list[tuple[str, str]], width: int) -> list[Line]:
    """`key says`, one below the other."""
    lines: list[Line] = []
    for shown, says in steps:
        lines += wrapped([(says, "text")], width, ((f" {shown} ", "key-box"), (" ", "")))
    return lines


def facts_of(why: Why, now: datetime) -> list[tuple[str, str]]:
    agent, detail = why.agent, why.detail
    facts = [
        ("state", f"{agent.lifecycle} since {_since(agent.lifecycle_since, now)}"),
        ("wanted", wanted_words(agent)),
        ("turn", _turn(why, now)),
    ]
    for held in agent.conditions:
        if held.kind in ("unsandboxed", "online"):
            continue
        until = day_and_hour(held.until, now)
        said = f"since {_since(held.since, now)}{f', until {until}' if until else ''}"
        facts.append((held.kind.replace("_", " "), f"{said}{f': {one_line(held.detail, 300)}' if held.detail else ''}"))
    if agent.conversation.state != "kept":
        facts.append(("session", f"{agent.conversation.state} {one_line(agent.conversation.detail, 200)}".strip()))
    facts += [
        ("engine", f"{agent.engine} · {one_line(agent.model, 60)}"),
        (
            "runtime",
            f"{agent.runtime}{', unsandboxed: its engine can touch what you can' if agent.unsandboxed else ''}",
        ),
        ("config", _config(why, now)),
        ("deploying", _deploying(why.deployment, now) if agent.deploying else ""),
        ("work", _work(agent, now)),
        ("waits", _waits(agent)),
    ]
    if detail is not None:
        pid = f"pid {detail.pid}" if detail.pid else "no process"
        facts.append(("process", f"{pid}, generation {detail.generation}, {'' if detail.online else 'not '}connected"))
        facts.append(("network", network_words(detail)))
    facts.append(("in", agent.workspace or ""))
    return facts


def wanted_words(agent: Agent) -> str:
    match agent.wanted:
        case "stopped" | "killed":
            return "that it is stopped, until you start it"
        case "buried":
            return "that it is buried"
        case "paused":
            return "that it stands still, until you let it go on"
    if agent.lifecycle == "parked":
        return "that it runs; it is not tried again by itself"
    return "that it runs; it is tried again by itself" if agent.lifecycle == "crashed" else "that it runs"


def network_words(detail: AgentDetail) -> str:
    if detail.spec.network:
        return "open: its agent.toml says so"
    if detail.spec.network is None and any(held.kind == "unsandboxed" for held in detail.conditions):
        return "open: its runtime cannot keep it away"
    hosts = detail.spec.allow_hosts
    return f"none, but for its model{' and ' + ', '.join(one_line(host, 80) for host in hosts) if hosts else ''}"


def _since(at: str, now: datetime) -> str:
    said, old = day_and_hour(at, now), age(at, now)
    return f"{said} ({old})" if said and old not in ("", "now") else said or "?"


def _turn(why: Why, now: datetime) -> str:
    agent = why.agent
    if not agent.in_turn:
        return (
            f"{'none; ' if agent.turn in ('idle', 'unknown') else ''}{agent.turn} since {_since(agent.turn_since, now)}"
        )
    woken = f", woken by {one_line(agent.wake, 80)}" if agent.wake else ""
    quiet = seconds_since(why.last_byte_at, now)
    if agent.lifecycle == "paused":
        heard = ", frozen in the middle of it"
    elif quiet is None:
        heard = ", no byte from its engine yet"
    else:
        heard = f", last byte from its engine {stopwatch(quiet) if quiet >= LATE_SECONDS else f'{quiet:.0f}s'} ago"
    return f"{agent.turn} for {running(agent.turn_since, now)}{woken}{heard}"


def _config(why: Why, now: datetime) -> str:
    agent = why.agent
    if agent.commit is None:
        return "not built yet" if agent.deploying else "as it was asked for, without a commit"
    found = why.deployment
    if found is None or found.commit != agent.commit or found.status != "deployed":
        return agent.commit[:8]
    return f"{agent.commit[:8]}, {found.kind} by {found.by.who}, {age(found.ended_at or found.created_at, now)} ago"


def _deploying(found: Deployment | None, now: datetime) -> str:
    if found is None:
        return "a deployment is under way"
    return f"{found.kind} of {(found.commit or '?')[:8]}: {found.status} for {running(found.started_at or found.created_at, now)}"


def _work(agent: Agent, now: datetime) -> str:
    work = agent.work
    if work is None:
        return "" if agent.repo is None else "nobody has looked at its clone yet"
    said = work_words(work) or ("all of it is in its origin" if work.merged else "nothing is lost with it")
    on = f", on {one_line(work.branch, 60)}" if work.branch else ""
    problem = f"; {one_line(work.problem, 160)}" if work.problem and work.problem not in said else ""
    return f"{said}{on}{problem} (seen {age(work.looked_at, now) or '?'} ago)".replace("now ago", "now")


def _waits(agent: Agent) -> str:
    said = [f"{agent.waiting} on you"] if agent.waiting else []
    said += [f"{agent.unread} message{'' if agent.unread == 1 else 's'} for its next turn"] if agent.unread else []
    said += [f"{agent.held} held"] if agent.held else []
    return ", ".join(said)


def history_lines(history: list[LifecycleChange] | None, now: datetime, width: int) -> list[Line]:
    """Newest first: when, what it became, why."""
    lines: list[Line] = [(("history", "head"),)]
    if history is None:
        return [*lines, (("hived looks it up…", "dim"),)]
    times = [_moment(change.at, now) for change in history]
    column = max(map(len, times), default=0) + 1
    for change, at in zip(reversed(history), reversed(times), strict=True):
        glyph = SHAPES[change.state].glyph if change.state in SHAPES else "●" if change.state == "running" else "◌"
        tone = STATE_TONES.get(change.state, "text")
        lead: Line = (
            (f"{at:<{column}}", "dim"),
            (f"{glyph} ", tone),
            (f"{change.state:<11}", tone),
        )
        beside: list[Piece] = [(one_line(change.cause, 400), "text")]
        if change.pid:
            beside.append((f"  pid {change.pid}", "faint"))
        lines += wrapped(beside, width, lead)
    return lines if history else [*lines, (("nothing yet", "dim"),)]


def _moment(at: str, now: datetime) -> str:
    """`14:31:40`, of another day `19 Nov 14:31`."""
    said, moment = day_and_hour(at, now), parsed(at)
    return f"{moment.astimezone(now.tzinfo):%H:%M:%S}" if moment is not None and len(said) == 5 else said


def log_lines(logs: Mapping[WhichLog, Log], now: datetime, width: int) -> list[Line]:
    """Its logs by name."""
    lines: list[Line] = []
    for which in SHOWN_LOGS:
        log = logs.get(which)
        lines += [*([()] if lines else []), ((f"log of its {which}", "head"), (" · the newest last", "dim"))]
        if log is not None and log.problem:
            lines += wrapped([(one_line(log.problem, 400), "bad")], width)
        elif log is None or not log.lines:
            lines.append((("hived looks it up…" if log is None else "nothing was written yet", "dim"),))
        for line in log.lines[-MOST_LOGGED:] if log is not None else ():
            lines += wrapped(_logged(line[:1000], now), width, hang=2)
    return lines


def _logged(line: str, now: datetime) -> list[Piece]:
    """With the operator's own time in place of a harness's."""
    stamp, _, rest = line.partition(" ")
    if len(stamp) != STAMP_CHARACTERS or not stamp.endswith("Z") or parsed(stamp) is None:
        return [(clean(line), "code")]
    return [(f"{_moment(stamp, now)} ", "dim"), (clean(rest), "code")]
