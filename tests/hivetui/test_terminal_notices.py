"""Bell and OSC in a real terminal: the bytes come while nobody looks, once, and agent text stays inside them."""

import asyncio
import re

import pexpect
import pytest

from hived.wire.approvals import WaitingItem
from hivetui.notify import BY_VARIABLE
from tests.fakes.hived_api import FakeHived
from tests.hivetui import scene
from tests.hivetui.conditions import until
from tests.hivetui.test_terminal import expect, opened

BLURRED, FOCUSED = "\x1b[O", "\x1b[I"
PLAIN = dict.fromkeys(("TMUX", "STY", "TERM_PROGRAM", *(name for name, _ in BY_VARIABLE)), "")


def fake() -> FakeHived:
    hived = FakeHived(scene.snapshot())
    (hived.home / "run").mkdir()
    hived.socket = hived.home / "run" / "host.sock"
    hived.journals.update(scene.journals())
    return hived


def comes(hived: FakeHived, number: int, subject: str) -> None:
    item = WaitingItem(id=scene.ident(number), kind="tool_use", agent="bob", subject=subject, since=scene.ago(1))
    hived.snapshot.waiting.append(item)
    hived.say("waiting", item)


def goes(hived: FakeHived, number: int) -> None:
    hived.snapshot.waiting[:] = [item for item in hived.snapshot.waiting if item.id != scene.ident(number)]
    hived.say("waiting_removed", {"id": scene.ident(number), "kind": "tool_use"})


async def leave(child: "pexpect.spawn[str]") -> str:
    """Focus, leave; all that it wrote since what was last expected."""
    child.send(FOCUSED)
    child.send("\x11")
    await asyncio.to_thread(child.expect, pexpect.EOF)
    return str(child.before)


@pytest.mark.parametrize(
    ("env", "begin", "end"),
    [
        ({"TERM_PROGRAM": "iTerm.app"}, "\a\x1b]9;hive: bob asks: may it run ", "?\a"),
        ({"TERM_PROGRAM": "WezTerm"}, "\a\x1b]777;notify;hive;bob asks: may it run ", "?\a"),
        ({"TMUX": "/tmp/tmux-0/default,1,0"}, "\a\x1bPtmux;\x1b\x1b]9;hive: bob asks: may it run ", "?\a\x1b\\"),
        ({"HIVE_TUI_NOTIFY": "bell,9,777"}, "\a\x1b]9;hive: bob asks: may it run ", "?\a\x1b]777;notify;hive;"),
    ],
    ids=["OSC 9", "OSC 777", "tmux", "told"],
)
async def test_what_comes_while_nobody_looks_is_told_in_the_terminals_own_way(
    env: dict[str, str], begin: str, end: str
) -> None:
    async with fake() as hived:
        child = opened(hived.home, **{**PLAIN, **env})
        try:
            await expect(child, "waiting on you · 3")
            child.send(BLURRED)
            await until(lambda: hived.presence[-1:] == [False], "hived hearing that nobody looks")
            comes(hived, 201, "make \x1b]0;owned\x07 \x9b31m ; \x1b\\ clean")
            await expect(child, begin)
            await expect(child, end)
            said = str(child.before)
            assert "clean" in said
            assert not re.search("[\x00-\x1f\x7f-\x9f]", said)
            rest = await leave(child)
        finally:
            child.close()
    assert begin not in rest
    assert "owned\x07" not in rest


async def test_nothing_is_told_while_somebody_looks_nor_what_was_decided_within_a_second() -> None:
    async with fake() as hived:
        child = opened(hived.home, **(PLAIN | {"TERM_PROGRAM": "iTerm.app"}))
        try:
            await expect(child, "waiting on you · 3")
            child.send(FOCUSED)
            comes(hived, 201, "seen")
            await expect(child, "waiting on you · 4")
            child.send(BLURRED)
            await until(lambda: hived.presence[-1:] == [False], "hived hearing that nobody looks")
            comes(hived, 202, "gone at once")
            goes(hived, 202)
            comes(hived, 203, "first")
            comes(hived, 204, "second")
            await expect(child, "\a\x1b]9;hive: 2 things wait: 2 tool uses\a")
            before = str(child.before)
            rest = await leave(child)
        finally:
            child.close()
    assert "\x1b]9;" not in before + rest


async def test_hived_hears_who_looks_again_whenever_it_is_back() -> None:
    hived = fake()
    async with hived:
        child = opened(hived.home, **PLAIN)
        try:
            await expect(child, "waiting on you · 3")
            assert hived.presence == [True]
            child.send(BLURRED)
            await until(lambda: hived.presence == [True, False], "hived hearing that nobody looks")
            await hived.stop()
            await expect(child, "hived is away")
            await hived.start()
            await until(lambda: hived.presence == [True, False, False], "hived hearing it again")
            await leave(child)
        finally:
            child.close()
    assert hived.asked == []
