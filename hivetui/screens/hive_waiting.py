"""What the keys do in the list of what waits, and in the entry beside it. Each acts at once, so that keys typed ahead hit."""

import json
from collections.abc import Callable
from dataclasses import replace

from hivetui.decide import DEEDS
from hivetui.intents import AnswerQuestion, DecideAll, Decision, FetchAsk, ProposeRule, RetryMessage, WholeKind
from hivetui.keymap import Where
from hivetui.life_intents import LoadDiff
from hivetui.outcomes import Outcome
from hivetui.screens.asks import Asked, Noted
from hivetui.screens.confirm import ConfirmScreen
from hivetui.screens.decisions import amount_of, consequence_of, decision_of, edited_input
from hivetui.screens.diff import DiffScreen
from hivetui.screens.help import HelpScreen
from hivetui.screens.hive_keys import HiveKeys
from hivetui.state import desk as desks
from hivetui.state.cases import Case, alike, case_of, of_its_kind
from hivetui.state.desk import Desk, EntryKind
from hivetui.state.hive import Notice
from hivetui.state.waiting import (
    APPROVALS,
    Waiting,
    WaitingOnYou,
    in_order,
    moved,
    narrowed,
    next_filter,
    settled,
    stepped,
    to_open,
    toggled,
    toggled_all,
)
from hivetui.widgets.lines import Line, clean, one_line
from hivetui.widgets.visible import typed_json
from hivetui.widgets.waiting_detail import WaitingDetail
from hivetui.widgets.waiting_entry import TALL, WaitingEntry
from hivetui.widgets.waiting_list import WaitingList

Arrange = Callable[[Callable[[WaitingOnYou], WaitingOnYou]], None]
TITLES: dict[EntryKind, str] = {
    "answer": "your answer to",
    "note": "a note that goes with your decision, to",
    "edit": "the input, as JSON, of",
    "words": "the words that go to",
    "raise": "how much more, as $5, 200k tokens or 20 turns, for",
    "filter": "show only what holds these words",
}


class HiveWaiting(HiveKeys):
    """The deciding part of the hive screen."""

    desk: Desk
    rearrange: Arrange
    """Changes the list of what waits, and draws it, before it returns."""
    detail: WaitingDetail
    entry: WaitingEntry

    def __init__(self) -> None:
        super().__init__()
        self._asked_for: list[tuple[Decision | DecideAll, tuple[str, ...]]] = []
        self._fetched: set[str] = set()

    @property
    def deciding(self) -> bool:
        """The operator is in the list, or writes beside it. While the terminal has not the focus: where he was."""
        if self.focused is None:
            return self.state.waiting.still
        return self.focused is self.waiting or self.focused is self.entry.area

    @property
    def case(self) -> Case | None:
        item = self.state.waiting.selected
        return case_of(self.state, item, self.desk, writing=self.entry.is_open) if item is not None else None

    def put(self, desk: Desk) -> None:
        """The desk is now this one."""
        self.desk = desk
        self.draw(self.state)

    def say(self, text: str) -> None:
        self.post_message(Noted(Notice(text)))

    # Deciding ----------------------------------------------------------------------------------------------

    def action_decide(self, approved: bool) -> None:
        case = self.case
        if case is not None and case.item.gone:
            self.say(f"It is decided already: {case.became or case.item.verdict}.")
        if case is None or case.under_way or not (case.item.approvable if approved else case.item.deniable):
            return
        if case.item.kind == "needs_login":
            self.log_in(case.item.who)
        elif case.cut:
            self._fetched.discard(case.item.id)
            self.say("The rest of it is still being fetched.")
        elif approved and case.remember is not None and case.remember.proposal is None:
            self.say("The rule has not been shown yet: wait for it, or esc drops it.")
        elif approved and case.item.kind in APPROVALS and (unread := self.detail.unread):
            self.detail.scroll_pages(1)
            self.say(f"{unread} more line{'s' * (unread > 1)} to read first: a reads on, and approves at the end.")
        else:
            self._ask_hived([case.item], [decision_of(case, approved=approved)])

    def action_decide_marked(self, approved: bool) -> None:
        """Asks once more where something is lost by it."""
        chosen = [
            case_of(self.state, item, self.desk)
            for item in self.state.waiting.chosen()
            if (item.approvable if approved else item.deniable) and item.id not in self.desk.under_way
        ]
        if not chosen:
            return

        def confirmed(yes: bool | None) -> None:
            if yes:
                decisions = [decision_of(case, approved=approved, alone=False) for case in chosen]
                self._ask_hived([case.item for case in chosen], decisions)

        lost = consequence_of(chosen, approved=approved)
        if lost is None:
            confirmed(True)
        else:
            self.app.push_screen(ConfirmScreen(*lost, grave=True), confirmed)

    def action_option(self, digit: int) -> None:
        case = self.case
        if case is None or case.question is None or case.keys is None:
            return
        number = case.page * 9 + digit - 1
        if number >= len(case.question.options):
            return
        if case.question.multi:
            self.put(desks.ticked(self.desk, case.item.id, number))
        else:
            self._answer(case, None, (number,))

    def action_more_options(self) -> None:
        case = self.case
        if case is not None and case.question is not None and case.keys is not None:
            self.put(desks.paged(self.desk, case.item.id, len(case.question.options)))

    def action_choose_waiting(self) -> None:
        """Enter: send what is ticked, log in, or look at the agent."""
        case = self.case
        if case is None:
            return
        item = case.item
        if case.keys == "question_multi":
            if case.ticks:
                self._answer(case, None, tuple(sorted(case.ticks)))
            else:
                self.say("Nothing is ticked: 1-9 ticks, t answers in words.")
        elif case.keys == "needs_login":
            self.log_in(item.who)
        elif item.agent:
            self.focus_agent(item.agent)
            self.set_focus(self.agents)  # on a small screen the detail stands where its pane is

    def _answer(self, case: Case, text: str | None, options: tuple[int, ...]) -> None:
        items = [item for item in alike(self.state, case.item) if item.id not in self.desk.under_way]
        self._ask_hived(items, [AnswerQuestion(item.id, item.who, text, options) for item in items])

    def _ask_hived(self, items: list[Waiting], decisions: list[Decision]) -> None:
        if not decisions:
            return
        intent = decisions[0] if len(decisions) == 1 else DecideAll(tuple(decisions))
        ids = tuple(item.id for item in items)
        self._asked_for.append((intent, ids))
        self.post_message(Asked(intent))
        self.put(desks.asked(self.desk, frozenset(ids)))

    def decided(self, outcome: Outcome) -> None:
        """hived has answered something that was asked from here."""
        intent = outcome.intent
        if isinstance(intent, ProposeRule):
            if outcome.proposal is not None:
                self.put(desks.proposed(self.desk, intent.id, intent.scope, outcome.proposal))
            else:
                self.put(desks.without_rule(self.desk, intent.id))
            return
        for known in self._asked_for:
            if known[0] is intent:
                self._asked_for.remove(known)
                decisions = intent.decisions if isinstance(intent, DecideAll) else [intent]
                became = {id: f"{DEEDS[type(one)]} by you" for id, one in zip(known[1], decisions, strict=True)}
                self.put(desks.answered(self.desk, frozenset(known[1]), became, done=outcome.done))
                return

    def action_waiting(self) -> None:
        """To the list; within it from what is decided to what still waits."""
        super().action_waiting()
        self.rearrange(to_open)

    def go_to_waiting(self, id: str) -> None:
        self.action_waiting()
        self.rearrange(lambda known: moved(known, id))

    # In the list -------------------------------------------------------------------------------------------

    def action_step_waiting(self, by: int) -> None:
        in_sight = self.waiting.in_sight
        self.rearrange(lambda known: settled(stepped(known, by), in_sight))

    def on_waiting_list_item_pointed(self, event: WaitingList.ItemPointed) -> None:
        self.rearrange(lambda known: moved(known, event.id))

    def action_mark(self) -> None:
        """And go on to the next: many are marked while they are read."""
        if (item := self.state.waiting.selected) is not None:
            in_sight = self.waiting.in_sight
            self.rearrange(lambda known: settled(stepped(toggled(known, item.id), 1), in_sight))

    def action_mark_kind(self) -> None:
        if (item := self.state.waiting.selected) is not None:
            ids = of_its_kind(self.state, item)
            self.rearrange(lambda known: toggled_all(known, ids))

    def action_narrow_waiting(self) -> None:
        self.rearrange(lambda known: narrowed(known, next_filter(known)))

    def action_filter_waiting(self) -> None:
        self._begin("filter", "", self.state.waiting.filter)

    def action_sort_waiting(self) -> None:
        self.rearrange(in_order)

    def action_show_whole(self) -> None:
        item = self.state.waiting.selected
        if item is not None and item.kind == "apply_commit":
            self.app.push_screen(DiffScreen(self.state, self.clock, LoadDiff("approval", item.id)))
        elif item is not None:
            self.put(replace(self.desk, whole=self.desk.whole ^ {item.id}))

    def action_scroll_detail(self, pages: int) -> None:
        self.detail.scroll_pages(pages)

    def action_remember(self) -> None:
        case = self.case
        if case is None or case.keys != "tool_use":
            return
        desk = desks.next_scope(self.desk, case.item.id)
        wanted = desk.remembers.get(case.item.id)
        if wanted is not None:
            self.post_message(Asked(ProposeRule(case.item.id, wanted.scope)))
        self.put(desk)

    def action_leave_waiting(self) -> None:
        item, known = self.state.waiting.selected, self.state.waiting
        if item is not None and item.id in self.desk.remembers:
            self.put(desks.without_rule(self.desk, item.id))
        elif known.filter:
            self.rearrange(lambda known: narrowed(known, ""))
        else:
            self.action_agents()

    @property
    def where(self) -> Where:
        """Which part has the focus."""
        raise NotImplementedError

    def action_help(self) -> None:
        """Of the part first in which it is asked for, and of what works anywhere."""
        where = self.where
        here: tuple[Where, ...] = ("waiting", "entry") if self.deciding else (where,) if where != "hive" else ()
        self.app.push_screen(HelpScreen(*here, *(() if self.deciding else ("hive",))))

    async def on_waiting_detail_key_clicked(self, event: WaitingDetail.KeyClicked) -> None:
        self.set_focus(self.waiting)
        await self.run_action(event.action)

    def fetch_what_is_cut(self, case: Case | None) -> None:
        """The snapshot may hold only the beginning of something long: get the rest before it is decided."""
        if case is None or not case.cut or case.item.id in self._fetched:
            return
        self._fetched.add(case.item.id)
        kinds: dict[str, WholeKind] = {"question": "question", "held_message": "held_message"}
        self.post_message(Asked(FetchAsk(case.item.id, kinds.get(case.item.kind, "approval"))))

    # Writing beside it -------------------------------------------------------------------------------------

    def action_write_answer(self) -> None:
        case = self.case
        if case is not None and case.item.kind == "question" and case.keys is not None:
            self._begin("answer", case.item.id, case.draft)

    def action_write_note(self) -> None:
        case = self.case
        if case is not None and case.item.kind in APPROVALS and case.keys is not None:
            self._begin("note", case.item.id, case.note)

    def action_edit_asked(self) -> None:
        case = self.case
        if case is None or case.keys is None:
            return
        item = case.item
        if item.kind == "tool_use" and item.ask is not None:
            given = json.dumps(item.ask.payload.get("input", {}), ensure_ascii=False, indent=2)
            self._begin("edit", item.id, self.desk.drafts.get(("edit", item.id)) or typed_json(given))
        elif item.kind == "held_message" and case.letter is not None:
            self._begin("words", item.id, self.desk.drafts.get(("words", item.id)) or clean(case.letter.body))
        elif item.kind == "budget":
            self._begin("raise", item.id, "")

    def _begin(self, kind: EntryKind, id: str, text: str) -> None:
        item = self.state.waiting.selected
        who = "" if kind == "filter" or item is None else f" {one_line(item.who, 32)}"
        title: Line = ((f"{TITLES[kind]}{who}", "accent"),)
        self.entry.begin(kind, id, title, text)
        self.set_focus(self.entry.area)
        self.draw(self.state)

    def on_waiting_entry_typed(self, event: WaitingEntry.Typed) -> None:
        if event.kind == "filter":
            self.rearrange(lambda known: narrowed(known, event.text.strip()))
        else:
            self.desk = desks.drafted(self.desk, event.kind, event.id, event.text)
            self.refresh_parts()

    def refresh_parts(self) -> None:
        """The entry's text may be taller or shorter now."""
        raise NotImplementedError

    def action_entry_enter(self) -> None:
        if self.entry.kind in TALL:
            self.action_entry_newline()
        else:
            self.action_entry_commit()

    def action_entry_newline(self) -> None:
        if self.entry.kind != "filter":
            self.entry.area.insert("\n")

    def action_entry_back(self) -> None:
        if self.entry.kind == "filter":
            self.rearrange(lambda known: narrowed(known, ""))
        elif self.entry.kind == "note":
            self.desk = desks.drafted(self.desk, "note", self.entry.item, "")
        self._end()

    def action_entry_commit(self) -> None:
        kind, text, case = self.entry.kind, self.entry.text, self.case
        if kind == "filter":
            self.rearrange(lambda known: narrowed(known, text.strip()))
            self._end()
            return
        if case is None or case.item.id != self.entry.item or case.keys is None:
            became = case.item.verdict if case is not None and case.item.gone else "no longer waits"
            self.say(f"It was decided meanwhile: {became}.")
            self._end()
            return
        wrong = self._let_go(kind, text, case)
        if wrong:
            self.post_message(Noted(Notice(wrong, "bad")))
        else:
            self._end()

    def _let_go(self, kind: EntryKind, text: str, case: Case) -> str:
        """Do what the text is for; what is wrong with it, in one sentence, or nothing."""
        item = case.item
        match kind:
            case "note":
                self.desk = desks.with_note(desks.drafted(self.desk, "note", item.id, ""), item.id, text.strip())
            case "answer" if not text.strip() and not case.ticks:
                return "There is nothing in it to answer with."
            case "answer":
                self._answer(case, text.strip() or None, tuple(sorted(case.ticks)))
            case "words" if not text.strip():
                return "A message needs words: d drops it."
            case "words":
                before = clean(case.letter.body) if case.letter is not None else None
                self._ask_hived([item], [RetryMessage(item.id, None if text == before else text)])
            case "edit":
                before_input = item.ask.payload.get("input", {}) if item.ask is not None else {}
                given, wrong = edited_input(text, before_input)
                if wrong:
                    return wrong
                self._ask_hived([item], [decision_of(case, approved=True, updated_input=given)])
            case "raise":
                raised = amount_of(item.id, text)
                if isinstance(raised, str):
                    return raised
                self._ask_hived([item], [raised])
        return ""

    def _end(self) -> None:
        self.set_focus(self.waiting)
        self.entry.end()
        self.draw(self.state)
