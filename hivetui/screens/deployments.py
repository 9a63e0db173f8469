"""Deployments: what ran when, by whom, and how it went; those under way live; rolled back from here."""

from datetime import datetime
from typing import ClassVar

from textual.binding import BindingType
from textual.timer import Timer

from hived.wire.deployments import Deployment, DeploymentDetail, DeploymentList
from hived.wire.names import OPERATOR
from hivetui.keymap import Where, bindings_of
from hivetui.life_intents import LoadDeployments, LoadDiff, RollBack, ShowDeployment
from hivetui.outcomes import Outcome
from hivetui.screens.asks import LogsShown
from hivetui.screens.diff import DiffScreen
from hivetui.screens.listing import Go, ListingScreen, facts
from hivetui.state.clock import Clock, age, day_and_hour, parsed, running, stopwatch
from hivetui.state.deployments import Deployments, goes_back_to, is_under_way, listed, with_deployments
from hivetui.state.hive import HiveState
from hivetui.state.logs import Log, LogOf
from hivetui.widgets.lines import Line, Piece, justified, one_line, wrapped
from hivetui.widgets.sizes import short

LOOK_SECONDS = 0.25
"""From the cursor's move to the log of what it is on."""
MARKS = {
    "deployed": ("✓ ", "good"), "failed": ("✗ ", "bad-strong"), "superseded": ("– ", "dim"), "queued": ("… ", "soft"),
    "building": ("◌ ", "accent"), "starting": ("◌ ", "accent"), "checking": ("◌ ", "accent"),
}  # fmt: skip
DOING = {
    "queued": "it waits for its turn",
    "building": "its config is built: agent.toml is read and its setup runs",
    "starting": "its agent is started on it",
    "checking": "its agent runs on it, and is watched for a while",
}
STEPS = {"validate": "reading its agent.toml", "setup": "its setup", "start": "the start", "health": "the health check"}
MOST_LOG = 64 * 1024
LIVE_LINES = 20
"""Of what a setup prints while it runs: at most that many of the newest, as far as they are seen, above the facts."""
LIVE_BESIDE = 5
"""Lines above and below them."""
NARROW = 70


class DeploymentsScreen(ListingScreen):
    TITLED = "deployments"
    WHERE: ClassVar[Where] = "deployments"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("deployments"), *bindings_of("listing")]

    def __init__(self, state: HiveState, clock: Clock, go: Go, agent: str | None = None) -> None:
        """`agent`: who has the focus; the cursor begins on its newest."""
        super().__init__(state, clock, go)
        self._agent = agent
        self._only: str | None = None
        self._older: Deployments = {}
        self._details: dict[str, DeploymentDetail] = {}
        self._all_loaded = False
        self._under_way = False
        self._begun = False
        self._timer: Timer | None = None
        self._live: Deployment | None = None
        """Whose setup's log is followed."""

    @property
    def logs(self) -> frozenset[LogOf]:
        return frozenset({LogOf(self._live.agent, "setup")} if self._live is not None else ())

    @property
    def _known(self) -> Deployments:
        return with_deployments(self._older, self.state.deployments.values()) if self._older else self.state.deployments

    @property
    def _listed(self) -> tuple[Deployment, ...]:
        return tuple(found for found in listed(self._known) if self._only in (None, found.agent))

    def ids(self) -> tuple[str, ...]:
        return tuple(found.id for found in self._listed)

    def line(self, id: str, width: int, now: datetime) -> Line:
        return deployment_row(self._known[id], self._runs(id), now, width)

    def detail(self, id: str, width: int, now: datetime) -> list[Line]:
        found = self._known[id]
        back = goes_back_to(self._known, found)
        return deployment_lines(
            found, self._details.get(id), self._runs(id), back, now, width,
            live=self._printed(found), rows=self.reading.size.height - LIVE_BESIDE,
        )  # fmt: skip

    def _printed(self, found: Deployment) -> Log | None:
        """What its setup has printed by now. A log that was written before it began is another one's."""
        log = self.state.logs.get(LogOf(found.agent, "setup"))
        if log is None or self._live is None or self._live.id != found.id:
            return None
        return log if log.problem or log.written_at >= (found.started_at or found.created_at) else Log()

    def _runs(self, id: str) -> bool:
        """It is what its agent runs now."""
        found = self._known[id]
        agent = self.state.agents.get(found.agent)
        return (
            found.status == "deployed"
            and agent is not None
            and agent.id == found.agent_id
            and agent.commit == found.commit
            and not any(
                later.status == "deployed" and later.commit == found.commit and later.created_at > found.created_at
                for later in self._known.values()
                if later.agent_id == found.agent_id
            )
        )

    def summary(self) -> str:
        busy = sum(is_under_way(found) for found in self._listed)
        only = f"{self._only} · " if self._only else ""
        return f"{only}{len(self._listed) or 'none'}{f' · {busy} under way' if busy else ''}"

    def nothing(self) -> list[Line]:
        return [((" nothing was deployed yet", "dim"),)]

    # What is looked up -------------------------------------------------------------------------------------

    def draw(self, state: HiveState) -> None:
        news = state.deployments is not self.state.deployments
        super().draw(state)
        if not self._begun and self.rows.ids:
            self._begun = True
            self.rows.go_to(next((found.id for found in self._listed if found.agent == self._agent), self.rows.ids[0]))
            news = True
        if news:
            self._look_soon()

    def on_keyed_rows_moved(self) -> None:
        super().on_keyed_rows_moved()
        self._look_soon()

    def on_keyed_rows_end_reached(self) -> None:
        self.action_older()

    def _look_soon(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """What its setup printed is not in the feed: read once it has ended, and followed until then."""
        self._timer = None
        chosen = self._chosen
        if chosen is None:
            return
        known = self._details.get(chosen.id)
        if known is None or known.status != chosen.status:
            self.ask(ShowDeployment(chosen.id))
        if is_under_way(chosen):
            self._follow(chosen)
        elif self._live is not None and self._live.id != chosen.id:
            self._follow(None)

    def _follow(self, found: Deployment | None) -> None:
        if found != self._live:
            self._live = found
            self.post_message(LogsShown())

    def finished(self, outcome: Outcome) -> None:
        found = outcome.loaded
        if isinstance(outcome.intent, ShowDeployment) and isinstance(found, DeploymentDetail):
            self._details = {**self._details, found.id: found}
            if self._live is not None and self._live.id == found.id and not is_under_way(self._known[found.id]):
                self._follow(None)
            self.draw_reading()
        elif isinstance(outcome.intent, LoadDeployments):
            self._under_way = False
            if isinstance(found, DeploymentList):
                self._older = with_deployments(self._older, found.deployments)
                self._all_loaded = not found.more
                self.draw(self.state)

    # Keys --------------------------------------------------------------------------------------------------

    @property
    def _chosen(self) -> Deployment | None:
        return self._known.get(self.rows.chosen or "")

    def action_roll_back(self) -> None:
        chosen = self._chosen
        if chosen is None:
            return
        back = goes_back_to(self._known, chosen)
        now = self.state.agents.get(chosen.agent)
        if back is None:
            self.say(f"{chosen.agent} has nothing to go back to: nothing else of it was deployed.")
            return
        runs = f"What runs now is {short(now.commit)}." if now is not None and now.commit else ""
        question = f"Roll {chosen.agent} back to {short(back.commit)}?"
        said = f"That was deployed {when_words(back, self.clock())} by {by_words(back)}: {back.engine} {one_line(back.model, 40)}."
        turn = " Its turn is broken off; the messages of it come again." if now is not None and now.in_turn else ""
        consequence = f"{said} {runs} It is built, started and watched like any other; if it fails, what runs now runs again.{turn}"
        self.confirm(question, "roll back", consequence, RollBack(chosen.agent, back.id))

    def action_diff(self) -> None:
        chosen = self._chosen
        if chosen is None:
            return
        if chosen.commit is None:
            self.say("It has no commit yet: there is nothing to compare.")
            return
        self.app.push_screen(DiffScreen(self.state, self.clock, LoadDiff("deployment", chosen.id)))

    def on_rows_row_chosen(self) -> None:
        self.action_diff()

    def action_only(self) -> None:
        chosen = self._chosen
        self._only = chosen.agent if chosen is not None and self._only is None else None
        self.draw(self.state)

    def action_older(self) -> None:
        if self._all_loaded:
            self.say("Before these nothing was deployed.")
        elif not self._under_way and (known := listed(self._known)):
            self._under_way = True
            self.ask(LoadDeployments(known[-1].id))

    def action_back(self) -> None:
        """First the filter goes, then the narrowing to one agent, then the screen."""
        if self._only is not None and not self._filter:
            self.action_only()
            return
        super().action_back()


def by_words(found: Deployment) -> str:
    if found.by.who == OPERATOR:
        return f"you ({found.by.client})" if found.by.client else "you"
    return one_line(found.by.who, 40)


def when_words(found: Deployment, now: datetime) -> str:
    at = found.ended_at or found.created_at
    old = age(at, now)
    return "just now" if old == "now" else f"{old} ago"


def took(found: Deployment) -> str:
    begun, ended = parsed(found.started_at or found.created_at), parsed(found.ended_at)
    return stopwatch((ended - begun).total_seconds()) if begun is not None and ended is not None else ""


def deployment_row(found: Deployment, runs: bool, now: datetime, width: int) -> Line:
    """How it went, when, whose, what kind, which commit; why not, or by whom."""
    status, narrow = "runs" if runs else found.status, width < NARROW
    tone = "good-strong" if runs else MARKS[found.status][1]
    left: list[Piece] = [
        (" ", ""),
        MARKS[found.status],
        (f"{age(found.created_at, now):>4} " if narrow else f"{day_and_hour(found.created_at, now):<12} ", "dim"),
        (f"{one_line(found.agent, 16):<9} ", "strong"),
        (f"{found.kind:<8} ", "soft"),
        (f"{short(found.commit) or '–':<8} ", "code"),
        (f"{status:<10} ", tone),
    ]
    said = one_line(found.reason or found.note or "", 200)
    if is_under_way(found):
        said = running(found.started_at or found.created_at, now)
    left.append((said, "bad" if found.status == "failed" else "text"))
    return justified(left, [(f" {by_words(found)} ", "dim")] if width >= 90 else [], width)


def deployment_lines(
    found: Deployment,
    detail: DeploymentDetail | None,
    runs: bool,
    back: Deployment | None,
    now: datetime,
    width: int,
    *,
    live: Log | None = None,
    rows: int = LIVE_LINES,
) -> list[Line]:
    """How it went and why, what a rollback does, the facts, and what its setup printed; that first while it is under way,
    and its newest `rows` lines."""
    mark, tone = MARKS[found.status]
    said = {"deployed": "runs now" if runs else "was deployed", "failed": "failed", "superseded": "was superseded"}.get(
        found.status, f"is under way: {DOING.get(found.status, found.status)}"
    )
    step = f" at {STEPS[found.step]}" if found.status == "failed" and found.step else ""
    head: list[Piece] = [(mark, tone), (f"{found.kind} of {found.agent}", "strong"), (f" {said}{step}", tone)]
    lines: list[Line] = wrapped(head, width, hang=2)
    if found.reason:
        lines += wrapped(
            [(one_line(found.reason, 1200), "bad" if found.status == "failed" else "text")], width, (("  ", ""),)
        )
    if found.status == "failed" and found.base:
        begun = found.step not in ("validate", "setup")
        went = "was put back" if begun else "ran on: nothing had changed yet"
        lines += wrapped([(f"{short(found.base)}, which ran before it, {went}.", "text")], width, (("  ", ""),))
    if is_under_way(found) and found.status != "queued":
        lines += [
            (),
            (("setup", "head"), (" · the newest last", "dim")),
            *_live_lines(detail, live, width, max(3, min(LIVE_LINES, rows))),
        ]
    if back is not None:
        lines += [
            (),
            *wrapped(
                [
                    ("r", "key"),
                    (
                        f" goes back to {short(back.commit)}, deployed {when_words(back, now)} by {by_words(back)}",
                        "text",
                    ),
                ],
                width,
                hang=2,
            ),
        ]
    lines += [(), *facts(
        [
            ("commit", found.commit or ""),
            ("before", found.base or "nothing ran before it"),
            ("engine", f"{found.engine} · {one_line(found.model, 60)} · {found.runtime}"),
            ("by", by_words(found)),
            ("note", one_line(found.note or "", 600)),
            ("asked", day_and_hour(found.created_at, now)),
            ("ended", f"{day_and_hour(found.ended_at, now)}{f', after {took(found)}' if took(found) else ''}" if found.ended_at else ""),
            ("approval", found.approval or ""),
            ("id", found.id),
        ],
        width,
    )]  # fmt: skip
    if is_under_way(found):
        return lines
    lines += [(), (("setup", "head"),)]
    if detail is None:
        return [*lines, (("hived looks it up…", "dim"),)]
    if not detail.log.strip():
        return [*lines, (("nothing was printed", "dim"),)]
    for text in detail.log[-MOST_LOG:].rstrip("\n").split("\n"):
        lines += wrapped([(one_line(text, 2000), "code")], width, hang=2)
    return lines


def _live_lines(detail: DeploymentDetail | None, live: Log | None, width: int, rows: int) -> list[Line]:
    if detail is not None and detail.log.strip():
        texts = detail.log.rstrip("\n").split("\n")
    elif live is None:
        return [(("hived looks it up…", "dim"),)]
    elif live.problem:
        return wrapped([(one_line(live.problem, 400), "bad")], width)
    else:
        texts = list(live.lines)
    lines = [piece for text in texts[-rows:] for piece in wrapped([(one_line(text, 2000), "code")], width, hang=2)]
    return lines[-rows:] or [(("nothing was printed yet", "dim"),)]
