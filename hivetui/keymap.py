"""The one table of keys. Bindings, footer, help and palette are all made from it, so they cannot disagree."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from textual.binding import Binding

Where = Literal[
    "hive", "agents", "pane", "waiting", "entry", "composer", "list", "login", "listing", "threads", "rules", "budgets",
    "reminders", "audit", "tombstones", "deployments", "why", "diff",
]  # fmt: skip

WHERE_WORDS: dict[Where, str] = {
    "hive": "anywhere but while writing",
    "agents": "in the list of agents",
    "pane": "in a pane",
    "waiting": "in the list of what waits on you",
    "entry": "while writing an answer, a note or a change beside that list",
    "composer": "while writing",
    "list": "in a list to choose from",
    "login": "while logging an engine in",
    "why": "where an agent's state is explained",
    "diff": "in a diff",
    "listing": "in the lists of threads, rules, budgets, reminders, the audit, tombstones and deployments",
    "threads": "in the threads",
    "rules": "in the rules",
    "budgets": "in the budgets",
    "reminders": "in the reminders",
    "audit": "in the audit",
    "tombstones": "in the tombstones",
    "deployments": "in the deployments",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key (or several that do the same), what it does, and where it does it."""

    id: str
    """Stable: what a user's own keymap names."""
    keys: str
    """As Textual writes them, with commas between."""
    action: str
    shown: str
    """As people write them."""
    label: str
    """One or two words, for the footer."""
    says: str
    """One sentence, for the help."""
    where: Where
    footer: int | None = None
    """Its place in the footer, least first; None: not there."""
    in_palette: bool = False
    while_busy: bool = False
    """In the footer only while the focused agent is in a turn."""

    def labelled(self, label: str) -> "Key":
        return replace(self, label=label)


KEYS: tuple[Key, ...] = (
    Key("hive.waiting", "w", "waiting", "w", "waiting", "Go to what waits on you.", "hive", 10, True),
    Key("hive.write", "i", "write", "i", "write", "Write to the focused agent.", "hive", 12, True),
    *(
        Key(f"hive.agent_{n}", str(n), f"focus_agent({n})", str(n), f"agent {n}", f"Focus agent {n}.", "hive")
        for n in range(1, 10)
    ),
    Key("hive.pause_all", "P", "pause_all", "P", "pause all", "The panic key: freeze every agent where it is, after one question. Nothing is lost; once all stand still it lets them go on.", "hive", 98, True),
    Key("hive.why", "y", "why", "y", "why", "Why the focused agent is in its state, and what to do next.", "hive", 13, True),
    Key("hive.work", "v", "work", "v", "its work", "What the focused agent changed in its clone, as a diff.", "hive", 62, True),
    Key("hive.deployments", "c", "deployments", "c", "deployments", "What ran when, by whom, and how it went; roll back from there.", "hive", 63, True),
    Key("hive.tombstones", "T", "tombstones", "T", "tombstones", "Who was destroyed and what is left; revive and purge from there.", "hive", 64, True),
    Key("hive.zoom", "z", "zoom", "z", "zoom", "Show the focused agent's pane alone, or all again.", "hive", 30, True),
    Key("hive.model", "m", "model", "m", "model", "Choose the focused agent's model.", "hive", 40, True),
    Key("hive.cancel", "x", "cancel_turn", "x", "cancel turn", "Cancel the turn that the focused agent is in.", "hive", 14, True, True),
    Key("hive.inbox", "b", "inbox", "b", "inbox", "Read what agents wrote to you.", "hive", 55, True),
    Key("hive.threads", "t", "threads", "t", "threads", "Read what was said between agents and with you, thread by thread.", "hive", 57, True),
    Key("hive.filter", "slash", "filter", "/", "filter", "Show only agents that match some words.", "hive", 60, True),
    Key("hive.new", "plus", "new_agent", "+", "new agent", "Make a new agent.", "hive", 65, True),
    Key("hive.goto", "colon", "goto", ":", "go to", "Go to any agent, screen or command.", "hive", 70, True),
    Key("hive.help", "question_mark,f1", "help", "?", "all keys", "Show every key.", "hive", 80, True),
    Key("hive.next", "tab", "next_part", "tab", "next part", "Go to the next part of the screen.", "hive"),
    Key("hive.previous", "shift+tab", "previous_part", "shift+tab", "previous", "Go to the part before.", "hive"),
    Key("hive.agents", "escape", "agents", "esc", "agents", "Go back to the list of agents.", "hive"),
    Key("hive.palette", "ctrl+p", "command_palette", "ctrl+p", "commands", "Search all commands.", "hive"),
    Key("hive.leave", "q,ctrl+q", "leave", "q", "leave, agents go on", "Leave the screen; the last line says what becomes of the agents.", "hive", 99, True),
    Key("agents.start", "s", "screen.act('start')", "s", "start", "Start the marked agents, or the focused one.", "agents", 16, True),
    Key("agents.pause", "p", "screen.act('pause')", "p", "pause", "Freeze them where they are; those that are frozen go on.", "agents", 17, True),
    Key("agents.stop", "S", "screen.act('stop')", "S", "stop", "Stop them with all that they started. Asks where a turn is broken off by it.", "agents", 18, True),
    Key("agents.restart", "r", "screen.act('restart')", "r", "restart", "Stop them and start them again. Asks where a turn is broken off by it.", "agents", 19, True),
    Key("agents.rebuild", "R", "screen.act('rebuild')", "R", "rebuild", "Build their config anew and start them on it; /rebuild puts one on another engine.", "agents", 91, True),
    Key("agents.kill", "K", "screen.act('kill')", "K", "kill", "End them at once; they stay stopped. Asks where a turn is lost by it.", "agents", 92, True),
    Key("agents.destroy", "X", "screen.act('destroy')", "X", "destroy", "Stop and bury them, after a question. Their tombstones keep all that was theirs.", "agents", 93, True),
    Key("agents.mark", "space", "screen.mark_agent", "space", "mark", "Mark it, or unmark it, and go on to the next: a key above then acts on all that is marked.", "agents", 24),
    Key("agents.mark_all", "asterisk", "screen.mark_agents", "*", "mark all", "Mark all that are shown, or unmark them.", "agents"),
    Key("agents.up", "up,k", "cursor_up", "↑ k", "up", "Focus the agent above.", "agents"),
    Key("agents.down", "down,j", "cursor_down", "↓ j", "down", "Focus the agent below.", "agents"),
    Key("agents.first", "home", "cursor_first", "home", "first", "Focus the first agent.", "agents"),
    Key("agents.last", "end", "cursor_last", "end", "last", "Focus the last agent.", "agents"),
    Key("agents.write", "enter", "choose", "enter", "write", "Write to the focused agent.", "agents"),
    Key("pane.up", "up,k", "scroll_up", "↑ k", "up", "Scroll up a line; new text no longer moves the pane.", "pane"),
    Key("pane.down", "down,j", "scroll_down", "↓ j", "down", "Scroll down a line.", "pane"),
    Key("pane.page_up", "pageup", "page_up", "pgup", "page up", "Scroll up a page.", "pane", 15),
    Key("pane.page_down", "pagedown,space", "page_down", "pgdn space", "page down", "Scroll down a page.", "pane"),
    Key("pane.first", "home,g", "scroll_home", "home g", "first", "Go to the first event of the journal.", "pane"),
    Key("pane.last", "end,G", "scroll_end", "end G", "last", "Go to the newest event and follow it.", "pane", 16),
    Key("pane.unfold", "o,enter", "unfold", "o enter", "unfold", "Unfold a long result, or fold it again.", "pane", 11),
    Key("pane.point_up", "left_square_bracket", "point(-1)", "[", "fold above", "Point at the fold above.", "pane"),
    Key("pane.point_down", "right_square_bracket", "point(1)", "]", "fold below", "Point at the fold below.", "pane"),
    Key("waiting.approve", "a", "screen.decide(True)", "a", "approve", "Approve what the cursor is on. What it does with other things stands beside them.", "waiting", 1),
    Key("waiting.deny", "d", "screen.decide(False)", "d", "deny", "Deny what the cursor is on, or do the other thing that stands beside it.", "waiting", 2),
    *(
        Key(f"waiting.option_{n}", str(n), f"screen.option({n})", "1-9", "answer", f"Answer with option {n} of a question, or tick it.", "waiting", 2 if n == 1 else None)
        for n in range(1, 10)
    ),
    Key("waiting.options", "0", "screen.more_options", "0", "more options", "The digits stand for the next nine options.", "waiting"),
    Key("waiting.text", "t", "screen.write_answer", "t", "in words", "Answer a question in words.", "waiting", 3),
    Key("waiting.note", "n", "screen.write_note", "n", "note", "Write a note that goes to the agent with your decision.", "waiting", 3),
    Key("waiting.edit", "e", "screen.edit_asked", "e", "edit", "Change a tool's input, a held message's words or how much more a budget gets, then let it go.", "waiting", 4),
    Key("waiting.remember", "R", "screen.remember", "R", "rule", "Show the rule that would answer this from now on: for the agent, again for the hive, again for none. a then makes it.", "waiting", 5),
    Key("waiting.agent", "enter", "screen.choose_waiting", "enter", "its agent", "Send the options that are ticked, log it in where that is what it needs, else focus the agent that asks.", "waiting", 3),
    Key("waiting.mark", "space", "screen.mark", "space", "mark", "Mark it, or unmark it, and go on to the next.", "waiting", 6),
    Key("waiting.mark_kind", "asterisk", "screen.mark_kind", "*", "mark its kind", "Mark all of its kind that are shown, or unmark them; of questions those with the same options.", "waiting", 9),
    Key("waiting.approve_marked", "A", "screen.decide_marked(True)", "A", "approve marked", "Do what a does to all that is marked.", "waiting", 7),
    Key("waiting.deny_marked", "D", "screen.decide_marked(False)", "D", "deny marked", "Do what d does to all that is marked.", "waiting", 8),
    Key("waiting.narrow", "f", "screen.narrow_waiting", "f", "only these", "Show only this kind, again only this agent, again all.", "waiting", 10),
    Key("waiting.filter", "slash", "screen.filter_waiting", "/", "filter", "Show only what holds some words.", "waiting", 11),
    Key("waiting.sort", "s", "screen.sort_waiting", "s", "sort now", "Put the most urgent first and take away what is decided. It is done anyway whenever you leave the list.", "waiting", 12),
    Key("waiting.whole", "v", "screen.show_whole", "v", "all of it", "Show the diff of a config; of a tool all of an input that is too long to be shown at once.", "waiting", 3),
    Key("waiting.up", "up,k", "screen.step_waiting(-1)", "↑ k", "up", "Go to the one above that still waits.", "waiting"),
    Key("waiting.down", "down,j", "screen.step_waiting(1)", "↓ j", "down", "Go to the one below that still waits.", "waiting"),
    Key("waiting.first", "home,g", "screen.step_waiting(-100000)", "home g", "first", "Go to the first.", "waiting"),
    Key("waiting.last", "end,G", "screen.step_waiting(100000)", "end G", "last", "Go to the last.", "waiting"),
    Key("waiting.more_down", "pagedown", "screen.scroll_detail(1)", "pgdn", "read on", "Scroll the detail down.", "waiting"),
    Key("waiting.more_up", "pageup", "screen.scroll_detail(-1)", "pgup", "read back", "Scroll the detail up.", "waiting"),
    Key("waiting.back", "escape", "screen.leave_waiting", "esc", "back", "Take back the rule, then the filter, then leave the list.", "waiting"),
    Key("entry.send", "enter", "screen.entry_enter", "enter", "send", "Send the answer or the note; in an input or a message it begins a new line.", "entry", 1),
    Key("entry.commit", "ctrl+s", "screen.entry_commit", "ctrl+s", "let it go", "Let it go as it stands here, whatever is written.", "entry", 2),
    Key("entry.newline", "shift+enter,ctrl+j", "screen.entry_newline", "ctrl+j", "new line", "Begin a new line.", "entry", 3),
    Key("entry.read_on", "pagedown", "screen.scroll_detail(1)", "pgdn", "read on", "Scroll what is asked.", "entry"),
    Key("entry.read_back", "pageup", "screen.scroll_detail(-1)", "pgup", "read back", "Scroll what is asked back.", "entry"),
    Key("entry.back", "escape", "screen.entry_back", "esc", "back", "Back to the list; what is written stays.", "entry", 4),
    Key("composer.send", "enter", "send", "enter", "send", "Send it. The text stays until hived has taken it.", "composer", 1),
    Key("composer.newline", "shift+enter,ctrl+j", "newline", "ctrl+j", "new line", "Begin a new line.", "composer", 2),
    Key("composer.when", "ctrl+n", "toggle_when", "ctrl+n", "now / next turn", "Into the turn that runs, or before the next.", "composer", 3),
    Key("composer.complete", "tab", "complete", "tab", "complete", "Complete a /command; else go to the next part.", "composer", 4),
    Key("composer.leave", "escape", "leave", "esc", "keys", "Stop writing; the draft stays.", "composer", 5),
    Key("list.up", "up", "cursor_up", "↑", "up", "Move up.", "list"),
    Key("list.down", "down", "cursor_down", "↓", "down", "Move down.", "list"),
    Key("list.choose", "enter", "choose", "enter", "choose", "Take it.", "list"),
    Key("list.leave", "escape", "dismiss", "esc", "back", "Back, with nothing changed.", "list"),
    Key("login.copy", "ctrl+y", "copy_link", "ctrl+y", "copy the link", "Copy the link into the terminal's clipboard (OSC 52).", "login", 1),
    Key("login.give", "enter", "go_on", "enter", "hand it over", "Hand the code over; after a failure try again.", "login", 2),
    Key("login.leave", "escape", "leave", "esc", "cancel the login", "Cancel the login and go back.", "login", 3),
    Key("threads.read", "enter", "read", "enter", "read", "Say that you have read what is to you in it.", "threads", 1),
    Key("threads.reply", "r", "reply", "r", "reply", "Write to whoever wrote last; it joins the thread.", "threads", 2),
    Key("threads.answer", "a", "answer", "a", "answer", "Answer the question in it that waits on you.", "threads", 3),
    Key("threads.older", "o", "older", "o", "older", "Load older messages.", "threads", 5),
    Key("rules.new", "plus", "new", "+", "new rule", "Make a rule, and see what it would have decided of late.", "rules", 1),
    Key("rules.revoke", "x", "revoke", "x", "revoke", "Revoke the rule: from now on you are asked again.", "rules", 2),
    Key("budgets.raise", "r", "raise", "r", "raise", "More in this window only; who waits goes on.", "budgets", 1),
    Key("budgets.set", "e,enter", "set", "e", "set", "Set its figures.", "budgets", 2),
    Key("budgets.new", "plus", "new", "+", "new budget", "Set a budget for an agent, a tree or the hive.", "budgets", 3),
    Key("budgets.remove", "x", "remove", "x", "remove", "Remove the budget.", "budgets", 4),
    Key("reminders.new", "plus", "new", "+", "new reminder", "Remind an agent of something.", "reminders", 1),
    Key("reminders.cancel", "x", "cancel", "x", "cancel", "Cancel the reminder.", "reminders", 2),
    Key("reminders.retry", "r", "retry", "r", "retry", "Try one that has failed again.", "reminders", 3),
    Key("audit.older", "o", "older", "o", "older", "Load older entries; going on at the end does it too.", "audit", 1),
    Key("audit.again", "ctrl+r", "again", "ctrl+r", "look again", "Load the newest again.", "audit", 2),
    Key("tombstones.revive", "r,enter", "revive", "r", "revive", "Ask for the spawn that brings it back; the decision shows what changed meanwhile.", "tombstones", 1),
    Key("tombstones.fetch", "f", "fetch", "f", "fetch its work", "Bring its commits home, as a branch of the repository that they came from.", "tombstones", 2),
    Key("tombstones.work", "v", "work", "v", "its work", "What it had changed in its clone, as a diff.", "tombstones", 4),
    Key("tombstones.purge", "x", "purge", "x", "purge", "Delete all that is left of it for good: shows what goes, and asks for its name.", "tombstones", 3),
    Key("deployments.rollback", "r", "roll_back", "r", "roll back", "Put its agent back on the one under the cursor, or on what ran before.", "deployments", 1),
    Key("deployments.diff", "v,enter", "diff", "v", "diff", "What it changed against what ran before it.", "deployments", 2),
    Key("deployments.only", "f", "only", "f", "only this agent", "Show only this agent's, or all again.", "deployments", 3),
    Key("deployments.older", "o", "older", "o", "older", "Load older ones; going on at the end does it too.", "deployments", 4),
    Key("why.start", "s", "act('start')", "s", "start", "Start it.", "why", 1),
    Key("why.pause", "p", "act('pause')", "p", "pause", "Freeze it where it is, or let it go on.", "why", 2),
    Key("why.stop", "S", "act('stop')", "S", "stop", "Stop it with all that it started.", "why", 3),
    Key("why.restart", "r", "act('restart')", "r", "restart", "Stop it and start it again.", "why", 4),
    Key("why.rebuild", "R", "act('rebuild')", "R", "rebuild", "Build its config anew and start it on it.", "why", 5),
    Key("why.kill", "K", "act('kill')", "K", "kill", "End it at once; it stays stopped.", "why", 6),
    Key("why.destroy", "X", "act('destroy')", "X", "destroy", "Stop and bury it; its tombstone keeps all that was its.", "why", 7),
    Key("why.cancel", "x", "cancel_turn", "x", "cancel turn", "Cancel the turn that it is in.", "why", 8),
    Key("why.login", "L", "log_in", "L", "log in", "Log its engine in.", "why", 8),
    Key("why.waiting", "w", "waiting", "w", "decide", "Go to what of its waits on you.", "why", 9),
    Key("why.work", "v", "work", "v", "its work", "What it changed in its clone, as a diff.", "why", 10),
    Key("why.deployments", "c", "deployments", "c", "deployments", "What of it ran when.", "why", 11),
    Key("why.again", "ctrl+r", "again", "ctrl+r", "look again", "Read its history again; its state and its logs come by themselves.", "why"),
    Key("why.down", "down,j", "scroll_by(1)", "↓ j", "down", "Scroll down a line.", "why"),
    Key("why.up", "up,k", "scroll_by(-1)", "↑ k", "up", "Scroll up a line.", "why"),
    Key("why.on", "pagedown,space", "scroll_pages(1)", "pgdn space", "read on", "Scroll down a page.", "why", 50),
    Key("why.before", "pageup", "scroll_pages(-1)", "pgup", "read back", "Scroll up a page.", "why"),
    Key("why.help", "question_mark,f1", "help", "?", "all keys", "Show every key, these first.", "why", 80),
    Key("why.back", "escape,q,y", "back", "esc", "back", "Back to where you were.", "why", 90),
    Key("diff.base", "b", "next_base", "b", "base", "Compare with another: what runs, what was approved last, what was asked for before.", "diff", 1),
    Key("diff.sides", "s", "toggle_sides", "s", "side by side", "Old and new side by side, or in one column; by itself as the width has room.", "diff", 2),
    Key("diff.next_file", "n", "go_file(1)", "n", "next file", "Go to the next file.", "diff", 3),
    Key("diff.previous_file", "p", "go_file(-1)", "p", "file before", "Go to the file before.", "diff", 4),
    Key("diff.next_hunk", "right_square_bracket", "go_hunk(1)", "]", "next change", "Go to the next change.", "diff", 5),
    Key("diff.previous_hunk", "left_square_bracket", "go_hunk(-1)", "[", "change before", "Go to the change before.", "diff", 6),
    Key("diff.files", "f", "files", "f", "files", "Choose a file from the list.", "diff", 7),
    Key("diff.search", "slash", "search", "/", "search", "Search in it; nothing typed ends the search.", "diff", 8),
    Key("diff.next_match", "m,enter", "go_match(1)", "m", "next match", "Go to the next place that was searched for.", "diff"),
    Key("diff.previous_match", "M", "go_match(-1)", "M", "match before", "Go to the place before.", "diff"),
    Key("diff.fetch", "F", "fetch", "F", "fetch it", "Of an agent's work: bring its commits home as a branch.", "diff", 1),
    Key("diff.up", "up,k", "scroll_by(-1)", "↑ k", "up", "Scroll up a line.", "diff"),
    Key("diff.down", "down,j", "scroll_by(1)", "↓ j", "down", "Scroll down a line.", "diff"),
    Key("diff.on", "pagedown,space", "scroll_pages(1)", "pgdn space", "read on", "Scroll down a page.", "diff", 50),
    Key("diff.before", "pageup", "scroll_pages(-1)", "pgup", "read back", "Scroll up a page.", "diff"),
    Key("diff.first", "home,g", "scroll_first", "home g", "first", "Go to the beginning.", "diff"),
    Key("diff.last", "end,G", "scroll_last", "end G", "last", "Go to the end.", "diff"),
    Key("diff.left", "left,h", "scroll_sideways(-8)", "← h", "left", "Scroll long lines back.", "diff"),
    Key("diff.right", "right,l", "scroll_sideways(8)", "→ l", "right", "Scroll long lines on.", "diff"),
    Key("diff.help", "question_mark,f1", "help", "?", "all keys", "Show every key, these first.", "diff", 80),
    Key("diff.back", "escape,q", "back", "esc", "back", "End the search, then back to where you were.", "diff", 90),
    Key("listing.up", "up,k", "cursor_up", "↑ k", "up", "Move up.", "listing"),
    Key("listing.down", "down,j", "cursor_down", "↓ j", "down", "Move down.", "listing"),
    Key("listing.first", "home,g", "cursor_first", "home g", "first", "Go to the first row.", "listing"),
    Key("listing.last", "end,G", "cursor_last", "end G", "last", "Go to the last row.", "listing"),
    Key("listing.on", "pagedown,space", "screen.read_on", "pgdn space", "read on", "Scroll what there is to read.", "listing", 50),
    Key("listing.before", "pageup", "screen.read_back", "pgup", "read back", "Scroll it back.", "listing"),
    Key("listing.filter", "slash", "filter", "/", "filter", "Show only rows with some words.", "listing", 60),
    Key("listing.goto", "colon,ctrl+p", "goto", ":", "go to", "Go to any agent, screen or command.", "listing", 70),
    Key("listing.help", "question_mark,f1", "help", "?", "all keys", "Show every key, these first.", "listing", 80),
    Key("listing.back", "escape,q", "back", "esc", "back", "Back to the hive; a filter goes first.", "listing", 90),
    Key("listing.leave", "ctrl+q", "leave", "ctrl+q", "leave", "Leave the screen.", "listing"),
)  # fmt: skip


LISTINGS: frozenset[Where] = frozenset(
    {"threads", "rules", "budgets", "reminders", "audit", "tombstones", "deployments"}
)
ALONE: frozenset[Where] = frozenset({"hive", "composer", "entry", "why", "diff"})
"""Parts whose footer shows no keys but their own."""
DEMO_LEAVE = "end the demo"
DECIDING = (
    "waiting.approve", "waiting.deny", "waiting.option_1", "waiting.text", "waiting.agent", "waiting.note", "waiting.edit",
    "waiting.remember", "waiting.whole",
)  # fmt: skip
"""In the footer only where the cursor is on something that they decide."""
MARKED = ("waiting.approve_marked", "waiting.deny_marked")
"""In the footer only while something is marked."""
DECIDES: dict[str, dict[str, str]] = {
    "spawn": {"waiting.approve": "approve", "waiting.deny": "deny", "waiting.note": "note"},
    "apply_commit": {
        "waiting.approve": "approve", "waiting.deny": "deny", "waiting.note": "note", "waiting.whole": "diff",
    },
    "tool_use": {
        "waiting.approve": "approve", "waiting.deny": "deny", "waiting.note": "note", "waiting.edit": "edit",
        "waiting.remember": "rule",
    },
    "question": {"waiting.text": "answer"},
    "question_options": {"waiting.option_1": "answer", "waiting.text": "in words"},
    "question_multi": {"waiting.option_1": "tick", "waiting.agent": "send", "waiting.text": "in words"},
    "held_message": {"waiting.approve": "send again", "waiting.deny": "drop", "waiting.edit": "edit"},
    "pair": {"waiting.approve": "release", "waiting.deny": "drop"},
    "budget": {"waiting.approve": "raise", "waiting.edit": "by how much"},
    "parked": {"waiting.approve": "start"},
    "rate_limited": {"waiting.approve": "resume now"},
    "resume_choice": {"waiting.approve": "with a primer", "waiting.deny": "clean start"},
    "needs_login": {"waiting.approve": "log in"},
}  # fmt: skip
"""Which keys decide what waits, and what each then does. A question's kind says too how it is answered."""


def keys_of(where: Where) -> tuple[Key, ...]:
    return tuple(key for key in KEYS if key.where == where)


def deciding_keys(kind: str | None) -> tuple[Key, ...]:
    """The keys that decide a thing of that kind, each labelled with what it then does; None: there is nothing to decide."""
    labels = DECIDES.get(kind or "", {})
    return tuple(key.labelled(labels[key.id]) for key in KEYS if key.id in labels)


def marked_labels(kinds: Iterable[str]) -> tuple[str | None, str | None]:
    """What `A` and `D` do to marked things of those kinds; None where no key does."""
    labels = [DECIDES.get(kind, {}) for kind in set(kinds)]
    return tuple(  # type: ignore[return-value]
        said.pop() if len(said := {found[id] for found in labels if id in found}) == 1 else word if said else None
        for id, word in (("waiting.approve", "approve"), ("waiting.deny", "deny"))
    )


def _marked_keys(kinds: Collection[str]) -> tuple[Key, ...]:
    if not kinds:
        return ()
    labels = dict(zip(MARKED, marked_labels(kinds), strict=True))
    return tuple(key.labelled(f"{labels[key.id]} marked") for key in KEYS if labels.get(key.id))


def bindings_of(where: Where) -> list[Binding]:
    """The bindings of a screen or widget, with the table's ids, so that a keymap can move them."""
    return [Binding(key.keys, key.action, key.label, show=False, id=key.id) for key in keys_of(where)]


def footer_of(
    where: Where,
    *,
    busy: bool = True,
    deciding: str | None = "spawn",
    marked: Collection[str] = ("spawn",),
    demo: bool = False,
    without: Collection[str] = (),
    labels: Mapping[str, str] | None = None,
    first: bool = False,
) -> tuple[Key, ...]:
    """What the footer shows while that part has the focus: its own keys first, then those that work anywhere.

    `deciding` is the kind of what the cursor is on, None where that cannot be decided; `marked` the kinds of what is marked;
    `without` are ids of keys that do nothing now, `labels` what some do instead; `first`: a part's own keys before all others.
    """
    around: Where = "listing" if where in LISTINGS else "hive"
    parts: tuple[Where, ...] = (where,) if where in ALONE else (where, around)
    keys = [replace(key, label=DEMO_LEAVE) if demo and key.id == "hive.leave" else key for key in KEYS]
    shown = [key for key in keys if key.footer is not None and (busy or not key.while_busy)]
    now = {key.id: key for key in (*deciding_keys(deciding), *_marked_keys(marked))}
    shown = [now.get(key.id, key) for key in shown if key.id not in (*DECIDING, *MARKED) or key.id in now]
    labels = labels or {}
    shown = [key.labelled(labels.get(key.id, key.label)) for key in shown if key.id not in without]
    if where == "agents" and not first:
        return tuple(sorted((key for key in shown if key.where in parts), key=lambda key: key.footer or 0))
    return tuple(
        key for part in parts for key in sorted((k for k in shown if k.where == part), key=lambda k: k.footer or 0)
    )


def palette() -> tuple[Key, ...]:
    return tuple(key for key in KEYS if key.in_palette)
