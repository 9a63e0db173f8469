from collections import Counter

from hivetui.keymap import KEYS, WHERE_WORDS, bindings_of, footer_of, palette
from hivetui.screens.help import help_lines
from hivetui.screens.hive import HiveScreen
from hivetui.widgets.agent_list import AgentList
from hivetui.widgets.choice_rows import ChoiceRows
from hivetui.widgets.composer import DraftArea
from hivetui.widgets.lines import plain
from hivetui.widgets.pane import AgentPane
from hivetui.widgets.waiting_list import WaitingList

PARTS = {"hive": HiveScreen, "agents": AgentList, "pane": AgentPane, "waiting": WaitingList, "composer": DraftArea}


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
            assert hasattr(part, f"action_{binding.action.split('(')[0]}"), binding
    assert hasattr(ChoiceRows, "action_choose")


def test_the_help_shows_every_key_and_the_footer_and_palette_only_those() -> None:
    said = "\n".join(plain(line) for line in help_lines())
    for key in KEYS:
        assert key.says in said or key.id.startswith("hive.agent_")
    for where in WHERE_WORDS:
        assert set(footer_of(where)) <= set(KEYS)
    assert set(palette()) <= set(KEYS)


def test_decision_keys_belong_to_the_list_alone() -> None:
    elsewhere = {key for where in ("hive", "agents", "pane") for b in bindings_of(where) for key in b.key.split(",")}
    assert not elsewhere & {"a", "d", "A", "D", "n"}
