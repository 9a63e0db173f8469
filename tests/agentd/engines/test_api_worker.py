"""The process that runs an api agent's tools: what they do, where they end, and what becomes of it when it dies."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.api_worker_client import WorkerClient
from agentd.engines.api_worker_shell import Shell
from agentd.engines.api_worker_tools import glob_pattern
from tests.support.api import ApiSetting, runs
from tests.support.claude import until


@pytest.fixture
def setting(tmp_path: Path) -> ApiSetting:
    return ApiSetting(tmp_path)


@pytest.fixture
async def worker(setting: ApiSetting) -> AsyncIterator[WorkerClient]:
    client = WorkerClient(setting.context(), lambda: setting.context().environment({}), [])
    yield client
    await client.close()


async def good(worker: WorkerClient, tool: str, **given: Any) -> str:
    answer = await worker.call(tool, given)
    assert not answer.is_error, answer.text
    return answer.text


async def bad(worker: WorkerClient, tool: str, **given: Any) -> str:
    answer = await worker.call(tool, given)
    assert answer.is_error, answer.text
    return answer.text


async def test_files_are_written_read_edited_and_found(worker: WorkerClient, setting: ApiSetting) -> None:
    await good(worker, "write", path="src/deep/a.py", content="one\ntwo\ntwo\n")
    assert await good(worker, "read", path="src/deep/a.py") == "     1\tone\n     2\ttwo\n     3\ttwo"
    await good(worker, "edit", path="src/deep/a.py", old_string="one", new_string="eins")
    assert "2 times" in await bad(worker, "edit", path="src/deep/a.py", old_string="two", new_string="zwei")
    await good(worker, "edit", path="src/deep/a.py", old_string="two", new_string="zwei", replace_all=True)
    assert (setting.workspace / "src/deep/a.py").read_text() == "eins\nzwei\nzwei\n"
    assert await good(worker, "glob", pattern="*.py") == "src/deep/a.py"
    assert await good(worker, "glob", pattern="src/*.py") == "(nothing fits)"
    assert await good(worker, "grep", pattern="z.ei$") == "src/deep/a.py:2:zwei\nsrc/deep/a.py:3:zwei"
    assert await good(worker, "grep", pattern="EINS", ignore_case=True, files_only=True) == "src/deep/a.py"
    assert await good(worker, "grep", pattern="eins", path="src/deep/a.py") == "src/deep/a.py:1:eins"


async def test_a_long_file_is_read_in_parts(worker: WorkerClient, setting: ApiSetting) -> None:
    (setting.workspace / "long").write_text("".join(f"line {number}\n" for number in range(1, 5001)))
    first = await good(worker, "read", path="long")
    assert first.endswith("(more follows: go on with offset 2001)")
    assert await good(worker, "read", path="long", offset=4999) == "  4999\tline 4999\n  5000\tline 5000"
    assert await good(worker, "read", path="long", offset=10, limit=1) == (
        "    10\tline 10\n(more follows: go on with offset 11)"
    )
    assert "no line 6000" in await good(worker, "read", path="long", offset=6000)


async def test_an_edit_wants_the_file_as_it_was_read(worker: WorkerClient, setting: ApiSetting) -> None:
    path = setting.workspace / "x"
    path.write_text("old")
    assert "Read x before" in await bad(worker, "edit", path="x", old_string="old", new_string="new")
    await good(worker, "read", path="x")
    path.write_text("older")
    assert "changed since" in await bad(worker, "edit", path="x", old_string="old", new_string="new")
    await good(worker, "read", path="x")
    assert "not in x" in await bad(worker, "edit", path="x", old_string="nothing", new_string="new")
    assert "same" in await bad(worker, "edit", path="x", old_string="old", new_string="old")
    await good(worker, "edit", path="x", old_string="older", new_string="new")
    await good(worker, "edit", path="x", old_string="new", new_string="newest")
    assert path.read_text() == "newest"


async def test_line_ends_bytes_and_the_mode_of_a_file_stay(worker: WorkerClient, setting: ApiSetting) -> None:
    path = setting.workspace / "run.sh"
    path.write_bytes(b"one\r\ntwo\r\n\xff\r\n")
    path.chmod(0o755)
    await good(worker, "read", path="run.sh")
    await good(worker, "edit", path="run.sh", old_string="one\ntwo", new_string="1\n2")
    assert path.read_bytes() == b"1\r\n2\r\n\xff\r\n"
    assert path.stat().st_mode & 0o777 == 0o755


async def test_what_is_no_text_file_is_refused(worker: WorkerClient, setting: ApiSetting) -> None:
    (setting.workspace / "binary").write_bytes(b"\x7fELF\0\0")
    os.mkfifo(setting.workspace / "pipe")
    (setting.workspace / "folder").mkdir()
    assert "binary" in await bad(worker, "read", path="binary")
    assert "not a plain file" in await bad(worker, "read", path="pipe")
    assert "not a plain file" in await bad(worker, "write", path="pipe", content="x")
    assert "a folder" in await bad(worker, "read", path="folder")
    assert "No such file" in await bad(worker, "read", path="nowhere")
    assert await good(worker, "grep", pattern="ELF") == "(nothing found)"
    (setting.workspace / "empty").touch()
    assert "empty" in await good(worker, "read", path="empty")


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("read", {}), ("read", {"path": 7}), ("read", {"path": "a\0b"}), ("read", {"path": "x" * 5000}),
        ("read", {"path": "x", "offset": -1}), ("read", {"path": "x", "limit": "all"}), ("write", {"path": "x"}),
        ("write", {"path": ".", "content": "x"}), ("write", {"path": "x", "content": None}), ("bash", {"command": ""}),
        ("bash", {"command": "a\0b"}), ("bash", {"command": "true", "timeout": 0}), ("grep", {"pattern": "("}),
        ("grep", {"pattern": "x", "limit": 0}), ("glob", {"pattern": ""}), ("glob", {"pattern": "*", "path": "no"}),
        ("edit", {"path": "x", "old_string": "", "new_string": "y"}), ("bash", {"command": "x", "timeout": True}),
    ],
)  # fmt: skip
async def test_wrong_input_is_one_sentence(tool: str, given: dict[str, Any], worker: WorkerClient) -> None:
    text = await bad(worker, tool, **given)
    assert text
    assert "Traceback" not in text
    assert await good(worker, "bash", command="echo on") == "on"


# No way out ------------------------------------------------------------------------------------------------


@pytest.fixture
def outside(setting: ApiSetting) -> Path:
    """A folder beside the workspace, with a secret in it and every kind of way to it laid out inside."""
    folder = setting.root / "outside"
    folder.mkdir()
    (folder / "secret").write_text("the secret")
    work = setting.workspace
    (work / "link").symlink_to(folder)
    (work / "file-link").symlink_to(folder / "secret")
    (work / "relative").symlink_to("../outside/secret")
    (work / "chain").symlink_to("link")
    (work / "new").symlink_to(folder / "made-through-a-link")
    (work / "sub").mkdir()
    return folder


ESCAPES = [
    "../outside/secret", "sub/../../outside/secret", "link/secret", "file-link", "relative", "chain/secret",
    "sub/../link/../outside/secret", "{outside}/secret", "/etc/passwd", "/proc/self/environ", "/dev/stdin", "..",
    "./../workspace-not/x", "~/secret", "{workspace}/../outside/secret", "link/../outside/secret",
]  # fmt: skip


@pytest.mark.parametrize("path", ESCAPES)
async def test_no_path_leads_out_of_the_workspace(
    path: str, worker: WorkerClient, setting: ApiSetting, outside: Path
) -> None:
    path = path.format(outside=outside, workspace=setting.workspace)
    for tool in ("read", "write", "grep", "glob", "edit"):
        given = {"path": path, "content": "changed", "pattern": "secret", "old_string": "secret", "new_string": "x"}
        answer = await worker.call(tool, given)
        assert "the secret" not in answer.text, tool
        if path != "~/secret":  # no shell's shorthand here: a file of that name in the workspace
            assert answer.is_error, tool
    assert (outside / "secret").read_text() == "the secret"
    assert sorted(os.listdir(outside)) == ["secret"]


async def test_nothing_is_made_through_a_link_that_leads_nowhere(
    worker: WorkerClient, outside: Path, setting: ApiSetting
) -> None:
    assert "outside" in await bad(worker, "write", path="new", content="x")
    assert sorted(os.listdir(outside)) == ["secret"]
    assert await good(worker, "grep", pattern="the secret") == "(nothing found)"
    assert "secret" not in await good(worker, "glob", pattern="**")


async def test_a_link_within_the_workspace_is_followed(worker: WorkerClient, setting: ApiSetting) -> None:
    (setting.workspace / "real").mkdir()
    (setting.workspace / "alias").symlink_to("real")
    await good(worker, "write", path="alias/x", content="here")
    assert (setting.workspace / "real/x").read_text() == "here"
    assert "here" in await good(worker, "read", path="alias/x")


async def test_the_state_folder_is_the_agents_too(worker: WorkerClient, setting: ApiSetting) -> None:
    await good(worker, "write", path=str(setting.root / "state/notes.md"), content="remember")
    assert "remember" in await good(worker, "read", path=str(setting.root / "state/notes.md"))
    assert "outside" in await bad(worker, "read", path=str(setting.root / "harness/engine.log"))


SWAP = """
import os, shutil
while True:
    try:
        os.rename("sub", "x")
        os.symlink("../outside", "sub")
        os.remove("sub")
        os.rename("x", "sub")
    except OSError:  # a tool made the folder anew in between
        shutil.rmtree("x", ignore_errors=True)
        if os.path.islink("sub"):
            os.remove("sub")
        os.makedirs("sub", exist_ok=True)
"""


async def test_a_folder_that_becomes_a_link_meanwhile_lets_nobody_out(
    worker: WorkerClient, outside: Path, setting: ApiSetting
) -> None:
    """One writer swaps a folder for a link as fast as it can, while the tools go through it."""
    swapper = await asyncio.create_subprocess_exec(sys.executable, "-c", SWAP, cwd=setting.workspace)
    try:
        for _ in range(150):
            answer = await worker.call("read", {"path": "sub/secret"})
            assert "the secret" not in answer.text
            await worker.call("write", {"path": "sub/planted", "content": "x"})
        assert swapper.returncode is None
    finally:
        swapper.kill()
        await swapper.wait()
    assert sorted(os.listdir(outside)) == ["secret"]
    assert (outside / "secret").read_text() == "the secret"


# bash ------------------------------------------------------------------------------------------------------


async def test_a_command_says_what_it_said_and_how_it_ended(worker: WorkerClient, setting: ApiSetting) -> None:
    assert await good(worker, "bash", command="pwd; echo oops >&2") == f"{setting.workspace}\noops"
    assert await good(worker, "bash", command="true") == "(no output)"
    assert await bad(worker, "bash", command="echo no; exit 3") == "exit code 3\nno"
    assert (await bad(worker, "bash", command="kill -9 $$")).startswith("signal 9")
    assert await good(worker, "bash", command="cat") == "(no output)", "nothing can be read from it"


async def test_a_command_that_takes_too_long_is_ended_with_its_children(
    worker: WorkerClient, setting: ApiSetting
) -> None:
    text = await bad(worker, "bash", command="echo begun; sleep 600 & echo $! > child; wait", timeout=3)
    assert text.startswith("It was ended after 3 s.\nbegun")
    child = int((setting.workspace / "child").read_text())
    await until(lambda: not runs(child))


async def test_a_cancelled_call_ends_its_command_and_no_other(worker: WorkerClient, setting: ApiSetting) -> None:
    other = asyncio.create_task(good(worker, "bash", command="until [ -e go ]; do sleep 0.02; done; echo survived"))
    long = asyncio.create_task(worker.call("bash", {"command": "echo $$ > pid; exec sleep 600"}))
    await until(lambda: (setting.workspace / "pid").exists() and (setting.workspace / "pid").read_text() != "")
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    await until(partial(has_ended, int((setting.workspace / "pid").read_text())))
    (setting.workspace / "go").touch()
    assert await other == "survived"


async def test_a_cancelled_call_ends_what_its_command_has_detached_too(
    worker: WorkerClient, setting: ApiSetting
) -> None:
    far = setting.workspace / "far"
    kept = await good(worker, "bash", command="setsid sleep 600 >/dev/null 2>&1 & echo $! > kept; echo ok")
    assert kept.startswith("ok")
    command = "setsid sh -c 'setsid sleep 600 & echo $! > far.new; mv far.new far; wait' & sleep 600"
    call = asyncio.create_task(worker.call("bash", {"command": command}))
    await until(far.exists)
    call.cancel()
    await asyncio.wait({call})
    await until(partial(has_ended, int(far.read_text())))
    assert runs(int((setting.workspace / "kept").read_text())), "another command's is not touched"


async def test_twenty_megabytes_of_output_are_bounded_and_marked(worker: WorkerClient) -> None:
    text = await good(worker, "bash", command="echo first; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo last")
    assert text.startswith("first\nxxx")
    assert text.endswith("xxx\nlast")
    assert "bytes left out" in text
    assert len(text) < 50_000


async def test_a_file_of_one_line_of_twenty_megabytes_is_read_in_bounded_memory(
    worker: WorkerClient, setting: ApiSetting
) -> None:
    (setting.workspace / "wide").write_text("x" * 20_000_000 + "\nshort\n")
    text = await good(worker, "read", path="wide")
    assert len(text) < 10_000
    assert "the line goes on" in text
    assert text.endswith("     2\tshort")
    assert len(await good(worker, "grep", pattern="x")) < 2000


async def test_bytes_that_are_no_text_come_through(worker: WorkerClient) -> None:
    assert await good(worker, "bash", command="printf 'a\\377\\000b\\033[31m'") == "a\ufffd\0b\x1b[31m"


async def test_what_is_left_in_the_background_ends_with_the_agent(setting: ApiSetting) -> None:
    worker = WorkerClient(setting.context(), lambda: setting.context().environment({}), [])
    text = await good(worker, "bash", command="(setsid sleep 600 & echo $! > far); sleep 600 & echo $! > near; echo ok")
    assert text.startswith("ok")
    assert "background" in text
    pids = [int((setting.workspace / name).read_text()) for name in ("far", "near")]
    assert all(runs(pid) for pid in pids)
    await worker.close()
    for pid in pids:
        await until(partial(has_ended, pid))


async def test_a_group_is_forgotten_once_nobody_is_in_it(setting: ApiSetting) -> None:
    """Its number may be another's by then, and that one must not be ended."""
    shell = Shell(str(setting.workspace))
    await shell.run({"command": "echo done"})
    assert shell._groups == set()
    await shell.run({"command": "(until [ -e go ]; do sleep 0.02; done) & echo left"})
    assert len(shell._groups) == 1
    (setting.workspace / "go").touch()
    async with asyncio.timeout(60):
        while shell._groups:
            await shell.run({"command": "sleep 0.1"})


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.py", "a.py", True), ("*.py", "deep/a.py", True), ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/deep/a.py", False), ("src/**/*.py", "src/deep/a.py", True), ("src/**/*.py", "src/a.py", True),
        ("**", "any/thing", True), ("a?c", "abc", True), ("a?c", "a/c", False), ("[x]", "x", False), ("[x]", "[x]", True),
    ],
)  # fmt: skip
def test_a_glob_means_what_shells_mean(pattern: str, path: str, fits: bool) -> None:
    assert glob_pattern(pattern)(path) is fits


def has_ended(pid: int) -> bool:
    return not runs(pid)
