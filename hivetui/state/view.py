"""What the operator has set on the screen: focus, zoom, filter, drafts. Pure and frozen; kept apart from what hived says."""

from dataclasses import dataclass, field, replace

from hived.wire.messages import When


@dataclass(frozen=True, slots=True)
class Draft:
    """What is typed for one agent and not yet sent."""

    text: str = ""
    when: When = "next_turn"
    key: str | None = None
    """The idempotency key of a send that failed or is under way; a send of the same text uses it again."""
    sending: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """Per screen, not per hive: two terminals have two."""

    focused: str | None = None
    """The agent that the composer writes to and single-agent keys act on."""
    zoomed: bool = False
    filter: str = ""
    drafts: dict[str, Draft] = field(default_factory=dict)
    marked: frozenset[str] = frozenset()
    """Agents that the next lifecycle key acts on together."""

    @property
    def draft(self) -> Draft:
        return self.drafts.get(self.focused or "", Draft())


def with_draft(view: View, agent: str, draft: Draft) -> View:
    return replace(view, drafts={**view.drafts, agent: draft})


def typed(view: View, agent: str, text: str) -> View:
    """The text changed. Another text is another message, so its key goes."""
    draft = view.drafts.get(agent, Draft())
    if text == draft.text:
        return view
    return with_draft(view, agent, replace(draft, text=text, key=None))


def sent(view: View, agent: str, text: str) -> View:
    """That text has gone: the draft is emptied unless something else was typed meanwhile."""
    draft = view.drafts.get(agent, Draft())
    return with_draft(
        view, agent, Draft(when=draft.when) if draft.text.strip() == text else replace(draft, sending=False)
    )


def not_sent(view: View, agent: str) -> View:
    """Sending failed: the text and its key stay."""
    return with_draft(view, agent, replace(view.drafts.get(agent, Draft()), sending=False))


def marked(view: View, names: tuple[str, ...]) -> View:
    """Mark these; unmark them where all of them are marked."""
    those = frozenset(names)
    return replace(view, marked=view.marked - those if those <= view.marked else view.marked | those)
