"""Harnesses start a few at a time, in the order in which they asked; those that still run are looked for first."""

from hived.supervision.starts import Starts


class Desk:
    def __init__(self, *to_look: str, at_once: int = 2) -> None:
        self.starts = Starts(to_look, at_once)
        self.rung: list[str] = []

    def take(self, who: str) -> bool:
        return self.starts.take(who, lambda: self.rung.append(who))


def test_a_few_at_a_time_and_the_next_is_rung_when_one_is_up() -> None:
    desk = Desk()
    assert [desk.take(who) for who in ("a", "b", "c", "d")] == [True, True, False, False]
    desk.starts.give("a")
    assert desk.rung == ["c"]
    assert not desk.take("d"), "it is not its turn"
    assert desk.take("c")
    assert desk.take("c"), "asked again it is the same turn"


def test_nobody_starts_before_all_have_been_looked_for() -> None:
    desk = Desk("a", "b")
    desk.starts.looked("a")
    assert not desk.take("a")
    assert desk.rung == []
    desk.starts.looked("b")
    assert desk.rung == ["a"]
    assert desk.take("a")


def test_one_that_is_stopped_while_it_waits_holds_up_nobody() -> None:
    desk = Desk(at_once=1)
    assert desk.take("a")
    assert not desk.take("b")
    assert not desk.take("c")
    desk.starts.forget("b")
    desk.starts.forget("a")
    assert desk.rung[-1] == "c"
    assert desk.take("c")


def test_a_turn_given_back_twice_is_one_turn() -> None:
    desk = Desk(at_once=1)
    assert desk.take("a")
    desk.starts.give("a")
    desk.starts.give("a")
    assert desk.take("b")
    assert not desk.take("c")
