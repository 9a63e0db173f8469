"""Logging an agent's engine in: a link to open anywhere, and the code that it gives, brought back here.

What it shows is what the feed says of the attempt, so hived may go away and come back in the middle of it.
"""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen

from hivetui.controller import Outcome
from hivetui.intents import CancelLogin, GiveLoginCode, StartLogin
from hivetui.keymap import Key, bindings_of, keys_of
from hivetui.screens.asks import Asked
from hivetui.state.agents import Login
from hivetui.state.clock import Clock, running
from hivetui.state.hive import HiveState, Notice
from hivetui.widgets.footer import KeyFooter
from hivetui.widgets.header import Header
from hivetui.widgets.in_order import LineInput
from hivetui.widgets.lines import Line, clean, one_line, wrapped
from hivetui.widgets.link import LinkText
from hivetui.widgets.text_lines import Lines

MOST_DETAIL_CHARACTERS = 1000


class LoginScreen(Screen[None]):
    """Begins a login, or goes on with one that is under way. Leaving it cancels what is under way."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("login")]

    def __init__(self, state: HiveState, clock: Clock, agent: str) -> None:
        super().__init__()
        self.agent = agent
        self._state = state
        self._clock = clock
        self._before: str | None = None
        """The attempt that was over before this screen asked for one."""
        self._asking = False
        self._handing = False
        self._error: Notice | None = None
        self._copied = False
        self._header = Header()
        self._title = Lines()
        self._link = LinkText()
        self._below = Lines(id="below")
        self._code = LineInput(password=True, placeholder="paste the code here", compact=True)
        self._code.cursor_blink = False
        self._end = Lines()
        self._footer = KeyFooter()

    def compose(self) -> ComposeResult:
        yield self._header
        with VerticalScroll(id="login") as page:
            page.can_focus = False
            yield self._title
            yield self._link
            yield self._below
            yield self._code
            yield self._end
        yield self._footer

    def on_mount(self) -> None:
        known = self._known
        if known is None or not known.under_way:
            self._begin()
        self.draw(self._state)

    # What there is -----------------------------------------------------------------------------------------

    @property
    def _known(self) -> Login | None:
        agent = self._state.agents.get(self.agent)
        return agent.login if agent is not None else None

    @property
    def login(self) -> Login | None:
        """This screen's attempt; None until hived has said that there is one."""
        known = self._known
        return known if known is not None and known.id != self._before else None

    @property
    def step(self) -> str:
        """starting, open, checking, done, failed or cancelled; `refused` where hived would not begin."""
        if self.login is not None:
            return "checking" if self._handing and self.login.state == "open" else self.login.state
        return "refused" if self._error is not None and not self._asking else "starting"

    def draw(self, state: HiveState) -> None:
        self._state = state
        if not self.is_mounted:
            return
        step, login, width = self.step, self.login, max(20, self.size.width - 2)
        self._header.show(state, self._clock())
        url = login.url if login is not None and step in ("open", "checking") else None
        self._title.show(self._title_lines(step, width))
        self._link.show(url or "")
        self._link.display = bool(url)
        self._below.show(self._link_lines(width))
        self._below.display = bool(url)
        self._code.display = step in ("open", "checking")
        self._code.disabled = step == "checking"
        if step == "open" and not self._code.has_focus:
            self.set_focus(self._code)
        self._end.show(self._end_lines(step, login, width))
        self._footer.show(self._keys(step), None, ())

    def finished(self, outcome: Outcome) -> None:
        """What hived refused is said here; all else comes by the feed."""
        intent = outcome.intent
        if not isinstance(intent, StartLogin | GiveLoginCode) or intent.agent != self.agent:
            return
        if isinstance(intent, StartLogin):
            self._asking = False
        self._handing = False
        self._error = None if outcome.done else outcome.notice
        self.draw(self._state)

    def on_resize(self) -> None:
        self.call_after_refresh(lambda: self.draw(self._state))

    # What is done ------------------------------------------------------------------------------------------

    def action_copy_link(self) -> None:
        if self.login is not None and self.login.url and self._link.display:
            self.app.copy_to_clipboard(self._link.url)
            self._copied = True
            self.draw(self._state)

    def action_go_on(self) -> None:
        """Hand the code over, try again, or leave, as it stands."""
        step = self.step
        code = self._code.value.strip()
        if step == "open" and code:
            self._code.value = ""
            self._handing, self._error = True, None
            self.post_message(Asked(GiveLoginCode(self.agent, code)))
            self.draw(self._state)
        elif step in ("failed", "cancelled", "refused"):
            self._begin()
            self.draw(self._state)
        elif step == "done":
            self.dismiss()

    def on_input_submitted(self) -> None:
        """Enter comes this way while the code is typed, so that it cannot overtake a letter."""
        self.action_go_on()

    def action_leave(self) -> None:
        if (self.login is not None and self.login.under_way) or self._asking:
            self.post_message(Asked(CancelLogin(self.agent)))
        self.dismiss()

    def _begin(self) -> None:
        self._before = self._known.id if self._known is not None else None
        self._asking, self._copied, self._error = True, False, None
        self.post_message(Asked(StartLogin(self.agent)))

    # What is said ------------------------------------------------------------------------------------------

    def _title_lines(self, step: str, width: int) -> list[Line]:
        agent = self._state.agents.get(self.agent)
        engine = agent.engine if agent is not None else "its engine"
        lines: list[Line] = [(), (("log in ", "dim"), (self.agent, "strong"), (f" · {engine}", "dim")), ()]
        if step in ("open", "checking"):
            lines += wrapped(
                [("1 ", "accent-strong"), ("Open this link in a browser, on any machine:", "strong")], width, hang=2
            )
            lines.append(())
        return lines

    def _link_lines(self, width: int) -> list[Line]:
        said = ("✓ copied, if your terminal allows it", "good") if self._copied else ("copies it whole", "dim")
        how: Line = (("ctrl+y ", "key"), said, (" · or select it with the mouse, then ctrl+c", "dim"))
        return [(), *wrapped(how, width), (), (("2 ", "accent-strong"), ("Paste the code that it gives:", "strong"))]

    def _end_lines(self, step: str, login: Login | None, width: int) -> list[Line]:
        lines: list[Line] = [()]
        match step:
            case "starting":
                since = running(login.since, self._clock()) if login is not None else ""
                lines.append((("◌ ", "soft"), ("the engine makes a link…", "text"), (f" {since}", "dim")))
            case "open":
                lines += wrapped([("The code goes to the engine and is kept nowhere.", "dim")], width)
            case "checking":
                lines.append((("◌ ", "soft"), ("the engine checks the code…", "text")))
            case "done":
                lines.append((("✓ ", "good"), (f"{self.agent} is logged in, and goes on by itself.", "strong")))
            case "cancelled":
                lines.append((("The login was cancelled.", "text"),))
            case "failed":
                lines.append((("✗ ", "bad"), ("The login did not work.", "bad-strong")))
        if login is not None and login.detail and step != "done":
            lines += wrapped([(clean(login.detail[:MOST_DETAIL_CHARACTERS]), "text")], width, (("  ", ""),))
        if (
            self._error is not None
            and step != "done"
            and not (login and login.detail and login.detail in self._error.text)
        ):
            code = f" [{self._error.code}]" if self._error.code else ""
            lines += wrapped([(one_line(self._error.text), "bad"), (code, "dim")], width, (("error ", "bad-strong"),))
        if step in ("failed", "cancelled", "refused"):
            lines += [(), (("enter", "key"), (" tries again, with a new link", "text"))]
        return lines

    def _keys(self, step: str) -> tuple[Key, ...]:
        """Those that do something now, labelled with what they do."""
        keys = {key.id: key for key in keys_of("login")}
        labels = (
            {"login.leave": "cancel the login"} if step in ("starting", "open", "checking") else {"login.leave": "back"}
        )
        if step == "open":
            labels |= {"login.copy": "copy the link", "login.give": "hand it over"}
        elif step in ("failed", "cancelled", "refused"):
            labels["login.give"] = "try again"
        elif step == "done":
            labels["login.give"] = "back"
        return tuple(key.labelled(labels[id]) for id, key in keys.items() if id in labels)

    async def on_key_footer_hint_clicked(self, event: KeyFooter.HintClicked) -> None:
        await self.run_action(next(key.action for key in keys_of("login") if key.id == event.key_id))
