"""A real llama.cpp server with a tiny model made here: whole turns of the api engine through it, and a prompt that it cannot hold.

Its Python (with llama-cpp-python's server and gguf) is HIVE_TEST_LLAMA, else where the project's own machines have it.
"""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentd.engines.api import ApiEngine
from agentd.engines.base import ModelChanged, Text, TextDelta
from tests.support.api import ApiSetting, compacted, played
from tests.support.claude import done_of
from tests.support.hive import wait_until

HERE = Path(__file__).resolve().parent
HIVE_TOOLS_LLAMA = Path("/opt/hive-tools/llama/bin/python")
WINDOW = 8192
"""Tokens, and so bytes: the model's vocabulary is the bytes."""

pytestmark = pytest.mark.slow


def find_llama() -> str | None:
    named = os.environ.get("HIVE_TEST_LLAMA")
    if named:
        return named
    return str(HIVE_TOOLS_LLAMA) if os.access(HIVE_TOOLS_LLAMA, os.X_OK) else None


def require_llama() -> str:
    """A Python that can serve; the test is skipped with the reason where there is none, and fails if HIVE_REQUIRE_TOOLS=1."""
    found = find_llama()
    tried = subprocess.run([found, "-c", "import llama_cpp.server, gguf"], capture_output=True) if found else None
    if found is None or tried is None or tried.returncode:
        reason = "no llama.cpp server (pip install 'llama-cpp-python[server]' gguf, and HIVE_TEST_LLAMA=its python)"
        if os.environ.get("HIVE_REQUIRE_TOOLS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that runs."""
    python = require_llama()
    folder = tmp_path_factory.mktemp("llama")
    model = folder / "tiny.gguf"
    subprocess.run([python, str(HERE / "make_gguf.py"), str(model)], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open(folder / "log", "wb") as log:
        command = [
            python, "-m", "llama_cpp.server", "--model", str(model), "--model_alias", "tiny", "--host", "127.0.0.1",
            "--port", str(port), "--n_ctx", str(WINDOW), "--n_threads", "1",
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=log, stderr=log)

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(answers, "the server", 60)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def setting(server: str, tmp_path: Path) -> ApiSetting:
    options = {"provider": "llamacpp", "base_url": server, "max_tokens": 24, "temperature": 0}
    return ApiSetting(tmp_path, options=options, model="default")


async def test_a_turn_streams_and_the_conversation_goes_on(setting: ApiSetting) -> None:
    async with setting.engine() as engine:
        assert [model.name for model in engine.models] == ["tiny"]
        assert engine.abilities.closed_models
        for words in ("Hello?", "And again."):
            events = await played(engine, words)
            assert done_of(events).outcome == "ok"
            assert events[0] == ModelChanged("tiny")
            told = "".join(event.text for event in events if isinstance(event, TextDelta))
            assert told
            assert told == "".join(event.text for event in events if isinstance(event, Text))
        session_id = engine.session_id
    async with setting.engine(session_id) as engine:
        assert done_of(await played(engine, "Still there?")).outcome == "ok"
    assert setting.heard > 10


async def test_a_prompt_that_it_cannot_hold_is_too_long_and_names_the_window(setting: ApiSetting) -> None:
    async with setting.engine() as engine:
        done = done_of(await played(engine, "word " * WINDOW))
        assert done.outcome == "prompt_too_long", done.error
        after = done_of(await played(engine, "Short."))
        assert after.outcome == "ok"
        assert after.usage.window == WINDOW


async def test_a_conversation_that_it_cannot_hold_is_compacted_and_goes_on(setting: ApiSetting) -> None:
    async with setting.engine() as engine:
        await _fill(engine)
        events = await compacted(engine)
        assert done_of(events).outcome == "ok", done_of(events).error
        assert done_of(await played(engine, "Go on.")).outcome == "ok"


async def _fill(engine: ApiEngine) -> None:
    """Until it is too long."""
    for number in range(20):
        done = done_of(await played(engine, f"Part {number}: " + "word " * 250))
        if done.outcome == "prompt_too_long":
            return
        assert done.outcome == "ok", done.error
    raise AssertionError("it never was too long")
