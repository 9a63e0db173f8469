"""Presence counts only while a feed of that client is open."""

from hived.core.presence import Presence


def test_what_a_client_without_a_feed_says_counts_for_nothing() -> None:
    presence = Presence()
    assert presence.say("a", focused=True) is False
    assert not presence.somebody


def test_focus_comes_with_the_feed_changes_meanwhile_and_ends_with_it() -> None:
    presence = Presence()
    with presence.attached("a", focused=True):
        assert presence.somebody
        assert presence.say("a", focused=False) is True
        assert not presence.somebody
        assert presence.say("a", focused=True) is True
    assert not presence.somebody
    assert not presence.is_focused("a")


def test_a_client_that_connects_anew_stays_until_its_last_feed_has_ended() -> None:
    presence = Presence()
    old, new = presence.attached("a", focused=True), presence.attached("a", focused=True)
    old.__enter__()
    new.__enter__()
    old.__exit__(None, None, None)
    assert presence.somebody
    new.__exit__(None, None, None)
    assert not presence.somebody


def test_one_of_several_screens_is_enough() -> None:
    presence = Presence()
    with presence.attached("a", focused=False), presence.attached("b", focused=True):
        assert presence.somebody
        presence.say("b", focused=False)
        assert not presence.somebody
