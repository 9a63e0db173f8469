"""Everything that one decision needs, gathered: the thing that waits, what it is about, and what the operator has begun on it."""

from dataclasses import dataclass

from hived.wire.budgets import Budget
from hived.wire.pairs import Pair
from hived.wire.questions import Question
from hived.wire.rules import Rule
from hivetui.state.agents import Agent
from hivetui.state.desk import Desk, Remember
from hivetui.state.hive import HiveState
from hivetui.state.messages import Letter
from hivetui.state.waiting import Waiting

MOST_LETTERS = 6
"""Of a held pair: the newest of what it holds."""


@dataclass(frozen=True, slots=True)
class Case:
    item: Waiting
    agent: Agent | None = None
    letter: Letter | None = None
    """The held message."""
    letters: tuple[Letter, ...] = ()
    """What a pair holds, the newest last."""
    question: Question | None = None
    pair: Pair | None = None
    budget: Budget | None = None
    rule: Rule | None = None
    """That decided it."""
    note: str = ""
    ticks: frozenset[int] = frozenset()
    page: int = 0
    remember: Remember | None = None
    draft: str = ""
    """An answer that is begun."""
    became: str = ""
    """What the operator has done about it."""
    writing: bool = False
    """The operator writes about it: its keys are text."""
    under_way: bool = False
    whole: bool = False
    alike: int = 0
    """How many marked questions an answer to this one answers too."""

    @property
    def cut(self) -> bool:
        """Not all of it is here yet, and nothing is decided unseen."""
        parts = (self.item.ask, self.question, self.letter)
        return any(part is not None and part.cut for part in parts)

    @property
    def keys(self) -> str | None:
        """What keys it is decided with, a name of `keymap.DECIDES`; None: with none."""
        item = self.item
        if not item.decidable or self.under_way or self.cut:
            return None
        if item.kind == "needs_login" and self.agent is not None and not self.agent.abilities.login:
            return None
        if item.kind == "question" and self.question is not None and self.question.options:
            return "question_multi" if self.question.multi else "question_options"
        return item.kind


def case_of(state: HiveState, item: Waiting, desk: Desk, *, writing: bool = False) -> Case:
    ask = item.ask
    letters: tuple[Letter, ...] = ()
    if item.kind == "pair":
        letters = tuple(letter for letter in state.messages.values() if letter.pair_id == item.id)[-MOST_LETTERS:]
    return Case(
        item,
        state.agents.get(item.agent or ""),
        state.messages.get(item.id) if item.kind == "held_message" else None,
        letters,
        state.questions.get(item.id) if item.kind == "question" else None,
        state.pairs.get(item.id) if item.kind == "pair" else None,
        state.budgets.get(item.id) if item.kind == "budget" else None,
        state.rules.get(ask.rule) if ask is not None and ask.rule else None,
        desk.notes.get(item.id, ""),
        desk.ticks.get(item.id, frozenset()),
        desk.pages.get(item.id, 0),
        desk.remembers.get(item.id),
        desk.drafts.get(("answer", item.id), ""),
        desk.became.get(item.id, ""),
        writing,
        item.id in desk.under_way,
        item.id in desk.whole,
        len(alike(state, item)) - 1,
    )


def alike(state: HiveState, item: Waiting) -> tuple[Waiting, ...]:
    """Itself, and, where it is marked, the other marked questions with the very same options: one answer answers all."""
    if item.kind != "question" or item.id not in state.waiting.marked:
        return (item,)
    ids = of_its_kind(state, item)
    return tuple(other for other in state.waiting.chosen() if other.id in ids) or (item,)


def of_its_kind(state: HiveState, item: Waiting) -> frozenset[str]:
    """The ids of what one key decides together with it: all of its kind; of questions those with the very same options."""
    same = frozenset(other.id for other in state.waiting.items if other.kind == item.kind)
    question = state.questions.get(item.id)
    if item.kind != "question" or question is None:
        return same
    asked = {id: state.questions[id] for id in same if id in state.questions}
    return frozenset(id for id, q in asked.items() if (q.options, q.multi) == (question.options, question.multi))
