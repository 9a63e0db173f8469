"""Who looks, and what is news: each thing once, not what was there, nothing of what was decided by then."""

from collections.abc import Callable

from hivetui.attention import KEY_SECONDS, Attention, Focus, News
from hivetui.state.waiting import Waiting


def waits(*ids: str) -> tuple[Waiting, ...]:
    return tuple(Waiting(id, "tool_use", "scout", f"Bash make {id}", "2026-11-20T14:32:00.000Z") for id in ids)


def test_without_reports_somebody_looks_for_a_while_after_a_key() -> None:
    focus = Focus(0.0)
    assert focus.held(KEY_SECONDS - 1)
    assert focus.lapses_in(10.0) == KEY_SECONDS - 10
    assert not focus.held(KEY_SECONDS)
    assert focus.lapses_in(KEY_SECONDS) is None
    focus.touched(100.0)
    assert focus.held(100.0 + KEY_SECONDS - 1)


def test_a_terminal_that_reports_its_focus_is_believed_and_a_key_is_stronger() -> None:
    focus = Focus(0.0)
    focus.reported(focused=False)
    assert not focus.held(1.0)
    focus.reported(focused=True)
    assert focus.held(10_000.0)
    assert focus.lapses_in(10_000.0) is None
    focus.reported(focused=False)
    focus.touched(2.0)
    assert focus.held(3.0)


def test_what_was_there_at_the_beginning_is_one_bell_and_no_news() -> None:
    news = News()
    assert news.look(waits("a", "b"), seen=False)
    assert news.rings
    assert news.take(waits("a", "b")) == ()
    assert not news.look(waits("a", "b"), seen=False)


def test_what_comes_is_told_once_and_what_is_decided_by_then_is_not() -> None:
    news = News()
    assert not news.look((), seen=False)
    assert news.look(waits("a", "b"), seen=False)
    assert news.look(waits("b"), seen=False)
    assert news.take(waits("b")) == waits("b")
    assert not news.look(waits("b"), seen=False)
    assert news.look(waits("b", "c"), seen=False)


def test_what_comes_while_somebody_looks_is_no_news_nor_is_it_afterwards() -> None:
    news = News()
    news.look((), seen=True)
    assert not news.look(waits("a"), seen=True)
    assert not news.look(waits("a"), seen=False)
    assert news.look(waits("a", "b"), seen=False)
    assert not news.look(waits("a", "b"), seen=True)
    assert news.take(waits("a", "b")) == ()


def test_a_thing_that_comes_again_is_another() -> None:
    news = News()
    news.look(waits("a"), seen=False)
    news.take(waits("a"))
    news.look((), seen=False)
    assert news.look(waits("a"), seen=False)


class Timers:
    """Set, and run by hand."""

    def __init__(self) -> None:
        self.set: list[tuple[float, Callable[[], None]]] = []

    def __call__(self, seconds: float, run: Callable[[], None]) -> "Timers":
        self.set.append((seconds, run))
        return self

    def stop(self) -> None: ...


def test_what_waits_is_written_once_after_it_was_gathered_and_hived_hears_who_looks() -> None:
    timers, written, said = Timers(), list[str](), list[bool]()
    attention = Attention(timers, written.append, said.append, is_web=lambda: False)
    attention.waits(())
    attention.reported(focused=False)
    assert said == [False]
    before = len(timers.set)
    attention.waits(waits("a"))
    attention.waits(waits("a", "b"))
    assert len(timers.set) == before + 1
    timers.set[-1][1]()
    assert len(written) == 1
    assert written[0].startswith("\a")
    attention.touched()
    attention.waits(waits("a", "b", "c"))
    assert said == [False, True]
    assert len(written) == 1
