"""`hivetui` in a real terminal of 80 by 24, driven as a person would."""

import asyncio
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pexpect
import pytest

from tests.fakes.hived_api import FakeHived
from tests.hivetui import scene
from tests.hivetui.conditions import SECONDS, until


def opened(home: Path, **extra: str) -> "pexpect.spawn[str]":
    env = {**os.environ, "HIVE_HOME": str(home), "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", **extra}
    env.pop("NO_COLOR", None) if "NO_COLOR" not in extra else None
    return pexpect.spawn(
        sys.executable, ["-m", "hivetui"], env=env, dimensions=(24, 80), encoding="utf-8", timeout=SECONDS
    )


async def expect(child: "pexpect.spawn[str]", text: str) -> None:
    await asyncio.to_thread(child.expect_exact, text)


@pytest.mark.parametrize("colour", [{}, {"NO_COLOR": "1"}], ids=["colour", "no colour"])
async def test_it_shows_who_works_and_who_waits_and_leaves_when_told(colour: dict[str, str]) -> None:
    hived = FakeHived(scene.snapshot())
    (hived.home / "run").mkdir()
    hived.socket = hived.home / "run" / "host.sock"
    hived.journals.update(scene.journals())
    async with hived:
        child = opened(hived.home, **colour)
        try:
            await expect(child, "waiting on you · 3")
            await expect(child, "Plan for the afternoon")
            child.send("w")
            await expect(child, "asks")
            child.send("q")
            await asyncio.to_thread(child.expect, pexpect.EOF)
        finally:
            child.close()
    assert child.exitstatus == 0
    assert hived.asked == []


@pytest.mark.parametrize("colour", [{}, {"NO_COLOR": "1"}], ids=["colour", "no colour"])
async def test_a_login_and_another_model_by_keyboard_alone(colour: dict[str, str]) -> None:
    hived = FakeHived(scene.troubles())
    (hived.home / "run").mkdir()
    hived.socket = hived.home / "run" / "host.sock"
    hived.models["gus"] = scene.models()
    hived.login_url = scene.LOGIN_URL
    async with hived:
        child = opened(hived.home, **colour)
        try:
            await expect(child, "waiting on you · 3")
            child.send("w")
            await expect(child, "log in")
            child.send("a")
            await expect(child, "Paste the code that it gives")
            child.send("\x19")
            await expect(child, f"\x1b]52;c;{b64encode(scene.LOGIN_URL.encode()).decode()}")
            child.send("right\r")
            await expect(child, "gus is logged in")
            child.send("\r")
            await expect(child, "waiting on you · 2")
            child.send("\x1b")
            await expect(child, "w decide")
            child.send("3m")
            await expect(child, "sonnet[1m]")
            child.send("1m\r")
            await until(lambda: hived.asked[-1][1].endswith("/model"), "the model")
            child.send("\x11")
            await asyncio.to_thread(child.expect, pexpect.EOF)
        finally:
            child.close()
    assert [(method, path, body) for method, path, body in hived.asked] == [
        ("POST", "/v1/agents/gus/login", None),
        ("POST", "/v1/agents/gus/login/code", {"code": "right"}),
        ("PUT", "/v1/agents/gus/model", {"model": "sonnet[1m]"}),
    ]


def test_without_a_terminal_it_says_so_in_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hivetui"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error[usage]:")
