"""Words for the engine that wait for a prompt: handed out until a turn with them has come to a good end."""

from agentd.notices import MOST, Notices
from tests.support.claude import MemoryFacts


def test_what_was_told_is_not_told_again() -> None:
    notices = Notices(MemoryFacts())
    notices.add("one")
    assert notices.untold
    assert notices.hand_out() == ["one"]
    assert not notices.untold
    notices.settle(told=True)
    assert notices.hand_out() == []


def test_a_turn_that_failed_leaves_them_for_the_next() -> None:
    notices = Notices(MemoryFacts())
    notices.add("one")
    notices.hand_out()
    notices.settle(told=False)
    assert notices.hand_out() == ["one"]


def test_what_comes_while_the_engine_works_is_told_after_it() -> None:
    notices = Notices(MemoryFacts())
    notices.add("one")
    notices.hand_out()
    notices.add("two")
    assert notices.untold
    notices.settle(told=True)
    assert notices.hand_out() == ["two"]


def test_they_outlast_the_harness() -> None:
    facts = MemoryFacts()
    before = Notices(facts)
    before.add("one")
    before.hand_out()
    assert Notices(facts).hand_out() == ["one"]
    before.settle(told=True)
    assert Notices(facts).hand_out() == []


def test_of_very_many_the_newest_are_kept() -> None:
    notices = Notices(MemoryFacts())
    for number in range(MOST + 10):
        notices.add(str(number))
    assert notices.hand_out() == [str(number) for number in range(10, MOST + 10)]


def test_a_fact_that_cannot_be_read_is_none() -> None:
    facts = MemoryFacts()
    facts.set("notices", "{]")
    assert Notices(facts).hand_out() == []
