"""What `hive waiting` says of how each thing is settled, however narrow the terminal is."""

import pytest

from hived.cli.waiting import WAYS, way_lines, way_on

ID = "01a1fee6-861f-71df-ae6f-b19e0d4ad3fc"


@pytest.mark.parametrize("kind", [*WAYS, "spawn"])
def test_on_eighty_columns_no_command_and_no_id_is_broken(kind: str) -> None:
    way = way_on({"id": ID, "kind": kind, "agent": "a-name-of-thirty-two-characters1"})
    lines = way_lines("a-name-of-thirty-two-characters1", way, 80)
    assert all(len(text) <= 80 for text in lines)
    assert " ".join(text.strip() for text in lines).replace(",", "") == (
        f"a-name-of-thirty-two-characters1: {way}".replace(",", "")
    )


def test_a_message_is_named_in_full_each_command_on_its_own_line() -> None:
    way = way_on({"id": ID, "kind": "held_message", "agent": "ada"})
    assert way_lines("ada", way, 80) == ["ada:", f"    hive retry {ID}", f"    or hive drop {ID}"]
    assert way_lines("ada", way, 0) == [f"ada: hive retry {ID}, or hive drop {ID}"]
