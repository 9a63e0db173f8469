"""Threads: what was said between agents and with the operator, as conversations; read, replied to and answered from here."""

from datetime import datetime
from typing import ClassVar
from uuid import uuid4

from textual.binding import BindingType

from hived.wire.messages import MessageList
from hived.wire.questions import Question
from hivetui.book_intents import LoadMessages, ReadMessages
from hivetui.intents import AnswerQuestion, SendMessage
from hivetui.keymap import Where, bindings_of
from hivetui.outcomes import Outcome
from hivetui.screens.listing import ListingScreen
from hivetui.screens.picker import PickerScreen
from hivetui.screens.prompt import PromptScreen
from hivetui.state.messages import Letter, letter_from
from hivetui.state.threads import Thread, threads_of
from hivetui.widgets.answer_choices import answer_taken, option_choices, typed_choices
from hivetui.widgets.keyed_rows import KeyedRows
from hivetui.widgets.lines import Line, one_line
from hivetui.widgets.rows import Rows
from hivetui.widgets.thread_lines import thread_lines, thread_row, you


class ThreadsScreen(ListingScreen):
    TITLED = "threads"
    WHERE: ClassVar[Where] = "threads"
    ENDS = True
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("threads"), *bindings_of("listing")]

    _older: dict[str, Letter] | None = None
    _older_wanted = False
    _all_loaded = False
    _threads: dict[str, Thread] | None = None
    _made_of: tuple[object, object, object] | None = None

    def threads(self) -> dict[str, Thread]:
        """By id, newest first; made anew only where something was said."""
        older = self._older or {}
        made_of = (self.state.messages, self.state.questions, older)
        if (
            self._threads is None
            or self._made_of is None
            or any(a is not b for a, b in zip(made_of, self._made_of, strict=True))
        ):
            letters = {**older, **self.state.messages}
            self._threads = {thread.id: thread for thread in threads_of(letters.values(), self.state.questions)}
            self._made_of = made_of
        return self._threads

    def ids(self) -> tuple[str, ...]:
        return tuple(self.threads())

    def line(self, id: str, width: int, now: datetime) -> Line:
        return thread_row(self.threads()[id], now, width)

    def detail(self, id: str, width: int, now: datetime) -> list[Line]:
        return thread_lines(self.threads()[id], now, width)

    def summary(self) -> str:
        threads = self.threads().values()
        parts = [str(len(threads))]
        if unread := sum(len(thread.unread) for thread in threads):
            parts.append(f"{unread} unread")
        if asked := sum(thread.to_answer is not None for thread in threads):
            parts.append(f"{asked} to answer")
        return " · ".join(parts)

    def nothing(self) -> list[Line]:
        return [((" nobody has said anything yet", "dim"),)]

    def draw_reading(self) -> None:
        super().draw_reading()
        thread = self._chosen
        who = " ↔ ".join(you(name) for name in thread.between) if thread is not None else ""
        self.reading.border_title = one_line(who, 60).replace("[", "(")

    @property
    def _chosen(self) -> Thread | None:
        return self.threads().get(self.rows.chosen or "")

    def on_rows_row_chosen(self, event: Rows.RowChosen) -> None:
        self.action_read()

    def on_keyed_rows_end_reached(self, event: KeyedRows.EndReached) -> None:
        self.action_older()

    # Keys --------------------------------------------------------------------------------------------------

    def action_read(self) -> None:
        thread = self._chosen
        if thread is not None and thread.unread:
            self.ask(ReadMessages(thread.unread))

    def action_older(self) -> None:
        known = [*(self._older or {}), *self.state.messages]
        if self._all_loaded:
            self.say("There is nothing older.")
        elif not self._older_wanted:
            self._older_wanted = True
            self.ask(LoadMessages(min(known, default=None)))

    def action_reply(self) -> None:
        thread = self._chosen
        partner = thread.partner if thread is not None else None
        if thread is None or partner is None:
            self.say("There is no agent in this thread to write to.")
            return
        answered = thread.answered_to
        to, reply_to = partner, answered.id if answered is not None else None

        def written(text: str | None) -> None:
            if text and text.strip():
                self.ask(SendMessage(to, text.strip(), "next_turn", uuid4().hex, reply_to))
                self.action_read()

        self.app.push_screen(PromptScreen(f"reply to {to}", "", "what you write goes before its next turn"), written)

    def action_answer(self) -> None:
        thread = self._chosen
        question = thread.to_answer if thread is not None else None
        if question is None:
            self.say("Nothing in this thread waits for your answer.")
        elif question.options:
            self._choose(question)
        else:
            self._write(question)

    def _choose(self, question: Question) -> None:
        """Enter takes the line under the cursor; what is typed is never a search among the options."""

        def chosen(taken: str | None) -> None:
            if taken is not None:
                self._answer(question, *answer_taken(taken))

        several = "several as 1,3, or type" if question.multi else "or type"
        about = f"{one_line(question.text)} · Choose a line, {several} an answer of your own."
        self.app.push_screen(
            PickerScreen(
                f"{question.asker} asks",
                option_choices(question),
                about=about,
                of_words=lambda words: typed_choices(words, question),
            ),
            chosen,
        )

    def _write(self, question: Question) -> None:
        def written(text: str | None) -> None:
            if text and text.strip():
                self._answer(question, text.strip(), ())

        self.app.push_screen(PromptScreen(f"answer {question.asker}", "", "your answer"), written)

    def _answer(self, question: Question, text: str | None, options: tuple[int, ...]) -> None:
        self.ask(AnswerQuestion(question.id, question.asker, text, options))

    def finished(self, outcome: Outcome) -> None:
        if not isinstance(outcome.intent, LoadMessages):
            return
        self._older_wanted = False
        if isinstance(outcome.loaded, MessageList):
            found = {message.id: letter_from(message) for message in outcome.loaded.messages}
            self._all_loaded = not found
            self._older = {**found, **(self._older or {})}
            self.draw(self.state)
