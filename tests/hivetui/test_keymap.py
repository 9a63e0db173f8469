from collections import Counter

import pytest

from hivetui.commands import COMMANDS
from hivetui.keymap import KEYS, WHERE_WORDS, bindings_of, deciding_keys, footer_of, marked_labels, palette
from hivetui.screens.deployments import DeploymentsScreen
from hivetui.screens.diff import DiffScreen
from hivetui.screens.help import help_lines
from hivetui.screens.hive import HiveScreen
from hivetui.screens.login import LoginScreen
from hivetui.screens.places import place_choices
from hivetui.screens.tombstones import TombstonesScreen
from hivetui.screens.why import WhyScreen
from hivetui.widgets.agent_list import AgentList
from hivetui.widgets.choice_rows import ChoiceRows
from hivetui.widgets.composer import DraftArea
from hivetui.widgets.lines import plain
from hivetui.widgets.pane import AgentPane
from hivetui.widgets.waiting_entry import EntryArea
from hivetui.widgets.waiting_list import WaitingList

PARTS = {
    "login": LoginScreen,
    "hive": HiveScreen,
    "agents": AgentList,
    "pane": AgentPane,
    "waiting": WaitingList,
    "composer": DraftArea,
    "entry": EntryArea,
    "why": WhyScreen,
    "diff": DiffScreen,
    "tombstones": TombstonesScreen,
    "deployments": DeploymentsScreen,
}


def test_ids_are_unique_and_say_where() -> None:
    assert max(Counter(key.id for key in KEYS).values()) == 1
    assert all(key.id.startswith(f"{key.where}.") for key in KEYS)


def test_no_key_does_two_things_in_one_place() -> None:
    for where in WHERE_WORDS:
        keys = [key for binding in bindings_of(where) for key in binding.key.split(",")]
        assert max(Counter(keys).values()) == 1, where


def test_every_key_has_something_that_it_does() -> None:
    for where, part in PARTS.items():
        for binding in bindings_of(where):  # type: ignore[arg-type]
            action = binding.action.split("(")[0]
            doer = HiveScreen if action.startswith("screen.") else part
            assert hasattr(doer, f"action_{action.removeprefix('screen.')}"), binding
    assert hasattr(ChoiceRows, "action_choose")


def test_the_help_shows_every_key_and_the_footer_and_palette_only_those() -> None:
    said = "\n".join(plain(line) for line in help_lines())
    for key in KEYS:
        assert key.says in said or key.id.startswith(("hive.agent_", "waiting.option_"))
    ids = {key.id for key in KEYS}
    for where in WHERE_WORDS:
        assert {key.id for key in footer_of(where)} <= ids
    assert set(palette()) <= set(KEYS)


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("spawn", ["approve", "deny", "note"]),
        ("apply_commit", ["approve", "deny", "note", "diff"]),
        ("tool_use", ["approve", "deny", "note", "edit", "rule"]),
        ("question", ["answer"]),
        ("question_options", ["answer", "in words"]),
        ("question_multi", ["tick", "in words", "send"]),
        ("pair", ["release", "drop"]),
        ("budget", ["raise", "by how much"]),
        ("parked", ["start"]),
        ("held_message", ["send again", "drop", "edit"]),
        ("rate_limited", ["resume now"]),
        ("resume_choice", ["with a primer", "clean start"]),
        ("needs_login", ["log in"]),
        (None, []),
    ],
)
def test_a_key_says_what_it_does_to_what_the_cursor_is_on(kind: str | None, labels: list[str]) -> None:
    assert [key.label for key in deciding_keys(kind)] == labels
    shown = [key.label for key in footer_of("waiting", deciding=kind, marked=()) if key.id.startswith("waiting.")]
    assert shown == [*labels, "mark", "mark its kind", "only these", "filter", "sort now"]


def test_a_key_for_many_says_what_it_does_to_them() -> None:
    assert marked_labels(["rate_limited", "rate_limited"]) == ("resume now", None)
    assert marked_labels(["spawn", "rate_limited"]) == ("approve", "deny")
    assert [key.label for key in footer_of("waiting", marked=["rate_limited"]) if "marked" in key.id] == [
        "resume now marked"
    ]


def test_every_command_is_in_the_help_and_can_be_gone_to() -> None:
    said = "\n".join(plain(line) for line in help_lines())
    places = {choice.id for choice in place_choices()}
    for command in COMMANDS:
        assert f"/{command.name}" in said
        assert {f"go:/{command.name}", f"go:{command.name}"} & places


def test_decision_keys_belong_to_the_list_alone() -> None:
    elsewhere = {key for where in ("hive", "agents", "pane") for b in bindings_of(where) for key in b.key.split(",")}
    assert not elsewhere & {"a", "d", "A", "D", "n"}


@pytest.mark.parametrize("where", ["agents", "pane", "waiting", "composer"])
def test_the_help_begins_with_every_key_at_a_glance_on_the_smallest_screen(where: str) -> None:
    lines = [plain(line) for line in help_lines((where, "hive"), 72)]  # type: ignore[arg-type]
    page = "\n".join(lines[:24])
    assert WHERE_WORDS[where] in lines[0]  # type: ignore[index]
    for said in ("y   why", "w   waiting", "1-9 agent", "c   deployments", "q   leave"):
        assert said in page, page
    assert lines.index("states") < next(at for at, line in enumerate(lines) if "Go to what waits on you." in line)
    assert all(len(line) <= 72 for line in lines)
