"""A conversation on disk: it survives whatever ends the harness, and is never resumed for another."""

import asyncio
import errno
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.api_conversation import CUT_OFF, MOST_KEPT, Conversation
from agentd.engines.base import EngineFailed, Prompt, ToolResult
from tests.fakes.openai_api import OpenAiApi
from tests.support.api import ApiSetting, played
from tests.support.claude import done_of, until

ROOT = Path(__file__).resolve().parents[3]
USER = {"kind": "user", "text": "Do it."}
CALLS = {
    "kind": "assistant",
    "model": "m",
    "blocks": [{"type": "call", "id": name, "tool": "bash", "input": {}} for name in ("one", "two")],
}
ANSWER = {"kind": "assistant", "model": "m", "blocks": [{"type": "text", "text": "Done."}]}


def kept(conversation: Conversation, folder: Path) -> list[dict[str, Any]]:
    """What the next harness finds."""
    return Conversation.resume(folder, conversation.session_id).records


def test_what_is_appended_is_what_is_resumed(tmp_path: Path) -> None:
    begun = Conversation.begin(tmp_path)
    assert begun.session_id[14] == "7"
    begun.append(USER, ANSWER)
    begun.sync()
    assert kept(begun, tmp_path) == [USER, ANSWER]
    path = tmp_path / f"{begun.session_id}.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600


def full_disk_for(words: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What holds those words gets half onto the disk."""
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        if words not in data:
            return write(descriptor, data)
        write(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", half)


def test_a_full_disk_leaves_no_half_line_for_the_next_to_go_on_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Conversation.begin(tmp_path)
    begun.append(USER)
    with monkeypatch.context() as full:
        full_disk_for(b"Done.", full)
        with pytest.raises(OSError, match="No space"):
            begun.append(ANSWER)
    assert begun.records == [USER]
    begun.append(CALLS)
    begun.mend("cut")
    assert kept(begun, tmp_path) == begun.records


async def test_a_disk_that_was_full_costs_a_turn_and_not_the_conversation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with OpenAiApi() as api, ApiSetting(tmp_path, options={"base_url": api.url}).engine() as engine:
        steps = json.dumps([{"tool": "glob", "input": {"pattern": "*"}}, {"text": "Done."}])
        with monkeypatch.context() as full:
            full_disk_for(b'"kind":"results"', full)
            with pytest.raises(OSError, match="No space"):
                await played(engine, f"@@script {steps}")
        assert done_of(await played(engine, "@@text")).outcome == "ok"
        roles = [message["role"] for message in api.requests[-1].body["messages"]]
        assert roles == ["system", "user", "assistant", "tool", "user"], "a call without its result is refused for ever"


def test_a_kill_at_any_byte_leaves_a_conversation(tmp_path: Path) -> None:
    begun = Conversation.begin(tmp_path)
    begun.append(USER, CALLS)
    begun.mend("cut")
    begun.append(ANSWER, {"kind": "user", "text": "Größe \U0001f41d"})
    path = tmp_path / f"{begun.session_id}.jsonl"
    whole = path.read_bytes()
    head = whole.index(b"\n") + 1
    for length in range(head, len(whole) + 1):
        path.write_bytes(whole[:length])
        found = Conversation.resume(tmp_path, begun.session_id)
        complete = whole[:length].count(b"\n") - 1
        assert found.records[:complete] == begun.records[:complete]
        assert not found.open_calls
        found.append(USER)
        assert kept(begun, tmp_path) == found.records, "what follows is whole, whatever was cut"


def test_a_call_without_its_result_gets_one_that_says_so(tmp_path: Path) -> None:
    begun = Conversation.begin(tmp_path)
    begun.append(USER, CALLS)
    results = kept(begun, tmp_path)[-1]["results"]
    assert [(result["id"], result["text"], result["is_error"]) for result in results] == [
        ("one", CUT_OFF, True),
        ("two", CUT_OFF, True),
    ]
    assert len(kept(begun, tmp_path)) == 3, "once"


def test_a_replacement_is_whole_or_not_at_all(tmp_path: Path) -> None:
    begun = Conversation.begin(tmp_path)
    begun.append(USER, ANSWER)
    begun.replace([{"kind": "summary", "text": "All of it."}])
    assert kept(begun, tmp_path) == begun.records == [{"kind": "summary", "text": "All of it."}]
    (tmp_path / f"{begun.session_id}.new").write_bytes(b'{"half')
    assert kept(begun, tmp_path) == begun.records
    begun._folder = begun._path = tmp_path / "gone" / "x"
    with pytest.raises(OSError, match="No such"):
        begun.replace([])
    assert begun.records == [{"kind": "summary", "text": "All of it."}]


@pytest.mark.parametrize(
    "session_id",
    [
        "",
        "../../etc/passwd",
        "019aa5d4-0000-7000-8000-000000000000",
        "x" * 5000,
        "019aa5d4-0000-7000-8000-00000000000/",
    ],
)
def test_an_unknown_id_is_refused_and_never_a_path(session_id: str, tmp_path: Path) -> None:
    with pytest.raises(EngineFailed) as refused:
        Conversation.resume(tmp_path, session_id)
    assert refused.value.code == EngineFailed.RESUME_REFUSED
    assert len(refused.value.message) < 300


@pytest.mark.parametrize("data", [b"", b"\n", b"garbage\n", b"[]\n", b'{"kind":"user"}\n', b'{"kind":"session"}\n'])
def test_a_file_that_is_none_of_ours_is_refused(data: bytes, tmp_path: Path) -> None:
    begun = Conversation.begin(tmp_path)
    (tmp_path / f"{begun.session_id}.jsonl").write_bytes(data)
    with pytest.raises(EngineFailed) as refused:
        Conversation.resume(tmp_path, begun.session_id)
    assert refused.value.code == EngineFailed.RESUME_REFUSED


def test_old_conversations_go_when_another_begins(tmp_path: Path) -> None:
    ids = [Conversation.begin(tmp_path).session_id for _ in range(MOST_KEPT + 5)]
    assert sorted(path.stem for path in tmp_path.glob("*.jsonl")) == sorted(ids[-MOST_KEPT:])


async def test_the_next_harness_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    async with OpenAiApi() as api:
        setting = ApiSetting(tmp_path, options={"base_url": api.url})
        async with setting.engine() as engine:
            await played(engine, "My name is Ada. @@text")
            session_id = engine.session_id
        async with setting.engine(session_id) as engine:
            assert engine.session_id == session_id
            assert done_of(await played(engine, "Who am I? @@text")).outcome == "ok"
        said = [message["content"] for message in api.requests[-1].body["messages"][1:]]
    assert said[0] == "My name is Ada. @@text"
    assert said[2] == "Who am I? @@text"


async def test_a_harness_killed_in_a_tool_resumes_its_conversation_mended(tmp_path: Path) -> None:
    """The real thing: another process plays the turn, and is killed while its tool runs."""
    steps = [
        {"text": "A step.", "tool": "bash", "input": {"command": "echo begun"}},
        {"tool": "bash", "input": {"command": "touch reached; sleep 600"}},
        {"text": "Never."},
    ]
    async with OpenAiApi() as api, asyncio.timeout(60):
        player = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.agentd.engines.api_player", str(tmp_path), api.url,
            f"@@script {json.dumps(steps)}", cwd=ROOT,
        )  # fmt: skip
        try:
            await until(lambda: (tmp_path / "workspace/reached").exists())
        finally:
            os.kill(player.pid, signal.SIGKILL)
            await player.wait()
        session_id = next((tmp_path / "harness/api").glob("*.jsonl")).stem
        setting = ApiSetting(tmp_path, options={"base_url": api.url})
        async with setting.engine(session_id) as engine:
            assert done_of(await played(engine, "Again. @@text")).outcome == "ok"
        said = api.requests[-1].body["messages"]
    assert [message["role"] for message in said] == ["system", "user", "assistant", "tool", "assistant", "tool", "user"]
    assert said[3]["content"] == "begun"
    assert CUT_OFF in said[5]["content"]
    assert said[5]["tool_call_id"] == said[4]["tool_calls"][0]["id"]


async def test_a_turn_that_nobody_reads_to_its_end_leaves_no_open_call(tmp_path: Path) -> None:
    steps = [{"tools": [{"tool": "whoami", "input": {}}, {"tool": "whoami", "input": {}}]}, {"text": "."}]
    async with OpenAiApi() as api:
        setting = ApiSetting(tmp_path, options={"base_url": api.url})
        async with setting.engine() as engine:
            stream = engine.turn(Prompt(f"@@script {json.dumps(steps)}", "turn"))
            async for event in stream:
                if isinstance(event, ToolResult):
                    break
            await stream.aclose()
            assert done_of(await played(engine, "@@text")).outcome == "ok"
        said = api.requests[-1].body["messages"]
    assert [message["role"] for message in said] == ["system", "user", "assistant", "tool", "tool", "user"]
