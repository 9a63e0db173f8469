"""One line of what waits: who and what, with what matters most before it is cut."""

import pytest

from hivetui.state.waiting import Waiting
from hivetui.widgets.lines import plain
from hivetui.widgets.waiting_list import waiting_row
from tests.hivetui.scene import NOW, ago


def row_of(kind: str, subject: str, width: int = 47) -> str:
    return plain(waiting_row(Waiting("1", kind, "hana", subject, ago(480)), False, NOW, width)).rstrip()


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("hana is rate limited until 2026-11-20 15:10 UTC: used up", "   ⊘ hana     limited until 15:10: used up  8m"),
        ("hana is rate limited until 2030-03-17 17:46 UTC: used", "   ⊘ hana     limited until 17 Mar 2030: …  8m"),
        ("hana is rate limited: nobody says until when", "   ⊘ hana     limited: nobody says until …  8m"),
    ],
)
def test_a_limit_says_until_when_in_the_operators_own_time(subject: str, said: str) -> None:
    assert row_of("rate_limited", subject) == said


def test_what_no_longer_waits_does_not_say_its_name_twice() -> None:
    item = Waiting("1", "resume_choice", "ivo", "ivo cannot go on", ago(480), gone=True)
    said = plain(waiting_row(item, False, NOW, 60))
    assert said.startswith("   ↻ ivo      cannot go on"), said


def test_times_in_anything_else_are_left_as_they_are() -> None:
    assert "2026-11-20 15:10 UTC" in row_of("held_message", "queen: at 2026-11-20 15:10 UTC", 70)
