"""Claude Code through agentd beside the bare CLI on the same loopback model, and its stream parsed beside json.loads alone.

A first turn starts the CLI: beside it stands a CLI that is started, asked one thing and ended. A later turn finds it running:
beside it a CLI that is kept and asked again. The bare CLI has the same options but for the hive's tools. Pairs alternate, so
that what else the machine does falls on both; the overhead is the median of the pairs' differences.
"""

import contextlib
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from agentd.engines.claude_events import ProtocolEvent
from agentd.engines.claude_protocol import parse_line, user_message
from agentd.engines.claude_turn import Known, TurnBook
from agentd.runtimes.line_splitter import LineSplitter
from hived.wire.times import from_text
from tests.benchmarks.measure import ROUNDS, Finding, median_of
from tests.support.claude import GENERATIONS, find_claude, find_newest_claude
from tests.verified.shell import ROOT, Shell, temporary_hive, wait_until

PAIRS = 5
LATER_TURNS = 3
MARK_SHARE = 0.05
MARK_SECONDS = 0.030
"""The larger of the two is the mark."""
MARK_MB_PER_SECOND = 50.0
MEGABYTES = 20
READ_BYTES = 256 * 1024
"""As the runtime reads."""


@dataclass
class Times:
    """Seconds of each turn, in the order of the pairs."""

    first: list[float] = field(default_factory=list)
    later: list[float] = field(default_factory=list)


def run() -> list[Finding]:
    findings: list[Finding] = []
    for generation, program in zip(GENERATIONS, (find_claude(), find_newest_claude()), strict=True):
        if program is None:
            print(
                f"claude, {generation}: not on this machine (HIVE_TEST_CLAUDE, HIVE_TEST_CLAUDE_NEWEST)",
                file=sys.stderr,
            )
            continue
        findings += turns(program)
    return [*findings, parsing()]


# Turns ------------------------------------------------------------------------------------------------------


def turns(program: str) -> list[Finding]:
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    ours, bare = Times(), Times()
    with model() as url, temporary_hive() as shell, tempfile.TemporaryDirectory(prefix="hv", dir="/tmp") as folder:
        for number in range(PAIRS):
            for which in ("bare", "ours") if number % 2 else ("ours", "bare"):
                if which == "ours":
                    agent_turns(shell, f"bee-{number}", program, url, ours)
                else:
                    bare_turns(Path(folder, str(number)), program, url, bare)
    name = f"claude {version.split()[0]}"
    return [
        overhead(f"{name}, first turn, over the bare CLI", ours.first, bare.first),
        overhead(f"{name}, later turn, over the bare CLI", ours.later, bare.later),
    ]


def overhead(what: str, ours: list[float], bare: list[float]) -> Finding:
    floor = statistics.median(bare)
    more = statistics.median(mine - its for mine, its in zip(ours, bare, strict=True))
    mark = max(MARK_SHARE * floor, MARK_SECONDS)
    return Finding(
        what, f"{more * 1000:+.0f} ms", f"bare {floor * 1000:.0f} ms", (floor + more) / floor,
        f"at most +{mark * 1000:.0f} ms", more <= mark,
    )  # fmt: skip


@contextlib.contextmanager
def model() -> Iterator[str]:
    """The stand-in for the model, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="hv", dir="/tmp") as folder:
        port = Path(folder, "port")
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.messages_api", "--port-file", str(port)], cwd=ROOT
        )
        try:
            wait_until(port.exists, "the stand-in for the model")
            yield f"http://127.0.0.1:{port.read_text().strip()}"
        finally:
            server.terminate()
            server.wait(10)


def agent_turns(shell: Shell, name: str, program: str, url: str, times: Times) -> None:
    """A fresh agent's first turn and those after it, from the message's coming in to its being settled in the journal."""
    settings = [f"ANTHROPIC_BASE_URL={url}", "ANTHROPIC_API_KEY=dummy"]
    words = [word for setting in settings for word in ("--env", setting)]
    shell.hive(
        "spawn", name, "--engine", "claude", "--model", "claude-haiku-4-5", "--option", f"command={program}", *words, "--yes"
    )  # fmt: skip
    for count in range(1, LATER_TURNS + 2):
        shell.hive("send", name, "@@text")
        wait_until(partial(has_ended, shell, name, count), "the turn's end")
    first, *later = spans(shell, name)
    times.first.append(first)
    times.later.append(statistics.median(later))
    shell.hive("stop", name)


def has_ended(shell: Shell, name: str, count: int) -> bool:
    return len(spans(shell, name)) == count


def spans(shell: Shell, name: str) -> list[float]:
    """Seconds of each turn that has ended, out of its journal: a `hive` command would take the time that is measured."""
    journal = shell.home / "agents" / name / "harness" / "events.sqlite"
    found, began = [], 0.0
    with contextlib.closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT ts, kind, payload_json FROM events WHERE kind IN ('message_in', 'turn_end') ORDER BY id"
        ).fetchall()
    for moment, kind, payload in rows:
        if kind == "message_in":
            began = from_text(moment).timestamp()
        else:
            assert json.loads(payload)["outcome"] == "ok", payload
            found.append(from_text(moment).timestamp() - began)
    return found


def bare_turns(folder: Path, program: str, url: str, times: Times) -> None:
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "CLAUDE_CONFIG_DIR": str(folder / ".claude"),
        "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "dummy", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }  # fmt: skip
    command = [
        program, "-p", "--output-format", "stream-json", "--input-format", "stream-json", "--verbose",
        "--include-partial-messages", "--replay-user-messages", "--setting-sources", "", "--strict-mcp-config",
        "--model", "claude-haiku-4-5",
    ]  # fmt: skip
    folder.mkdir()
    began = time.perf_counter()
    with subprocess.Popen(command, env=env, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cli:
        ask(cli)
        cli.communicate()
    times.first.append(time.perf_counter() - began)
    with subprocess.Popen(command, env=env, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cli:
        ask(cli)
        read_result(cli)
        later = []
        for _ in range(LATER_TURNS):
            began = time.perf_counter()
            ask(cli)
            read_result(cli)
            later.append(time.perf_counter() - began)
        cli.communicate()
    times.later.append(statistics.median(later))


def ask(cli: "subprocess.Popen[bytes]") -> None:
    assert cli.stdin is not None
    cli.stdin.write(user_message("@@text", str(uuid.uuid4())))
    cli.stdin.flush()


def read_result(cli: "subprocess.Popen[bytes]") -> None:
    assert cli.stdout is not None
    for line in cli.stdout:
        if b'"type":"result"' in line:
            return
    raise AssertionError("the CLI ended without a result")


# Parsing ----------------------------------------------------------------------------------------------------


def parsing() -> Finding:
    stream = b"".join(realistic_lines(random.Random(7)))
    size = len(stream) / 1e6
    chunks = [stream[begin : begin + READ_BYTES] for begin in range(0, len(stream), READ_BYTES)]
    lines = stream.splitlines()
    events = len(read_all(chunks))
    assert events > len(lines) / 2, "most lines say something"
    floor = size / median_of(lambda: timed(lambda: [json.loads(line) for line in lines]), ROUNDS)
    ours = size / median_of(lambda: timed(lambda: read_all(chunks)), ROUNDS)
    return Finding(
        f"{size:.0f} MB of stream-json, {len(lines):,} lines", f"{ours:.0f} MB/s", f"json.loads alone {floor:.0f} MB/s",
        ours / floor, f"at least {MARK_MB_PER_SECOND:g} MB/s", ours >= MARK_MB_PER_SECOND,
    )  # fmt: skip


def timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def read_all(chunks: list[bytes]) -> list[Any]:
    """From the bytes as they come to the engine's events, as a running turn does."""
    splitter, book = LineSplitter(), TurnBook(Known())
    told: list[Any] = []
    for chunk in chunks:
        for line in splitter.feed(chunk):
            events: list[ProtocolEvent] = parse_line(line)
            for event in events:
                told += book.take(event)
    return told


WORDS = ["the", "tokenizer", "moved", "out", "behind", "the", "same", "names,", "and", "its", '"tests"', "moved", "with\nit", "—", "so", "that", "nothing", "else", "changed"]  # fmt: skip


def realistic_lines(chance: random.Random) -> Iterator[bytes]:
    """Inferences as the newest CLI tells them: words one by one, a tool's input in pieces, and its result, short or long."""
    session = str(uuid.UUID(int=chance.getrandbits(128)))
    size = number = 0
    while size < MEGABYTES * 1_000_000:
        number += 1
        for message in inference(f"msg_{number:022d}", chance):
            whole = {
                **message,
                "session_id": session,
                "parent_tool_use_id": None,
                "uuid": str(uuid.UUID(int=chance.getrandbits(128))),
            }
            line = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            size += len(line)
            yield line


def inference(message_id: str, chance: random.Random) -> Iterator[dict[str, Any]]:
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 512,
        "cache_read_input_tokens": 48_000,
        "output_tokens": 1,
    }
    message = {"id": message_id, "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "usage": usage}
    tool = {"type": "tool_use", "id": f"toolu_{message_id}", "name": "Bash"}
    words = [" ".join(chance.choices(WORDS, k=chance.randint(1, 6))) + " " for _ in range(60)]

    def streamed(**event: Any) -> dict[str, Any]:
        return {"type": "stream_event", "event": event}

    yield streamed(type="message_start", message={**message, "content": []})
    yield streamed(type="content_block_start", index=0, content_block={"type": "text", "text": ""})
    for word in words:
        yield streamed(type="content_block_delta", index=0, delta={"type": "text_delta", "text": word})
    yield {"type": "assistant", "message": {**message, "content": [{"type": "text", "text": "".join(words)}]}}
    yield streamed(type="content_block_stop", index=0)
    yield streamed(type="content_block_start", index=1, content_block={**tool, "input": {}})
    for _ in range(12):
        yield streamed(
            type="content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": '{"command": "gi'}
        )
    yield {"type": "assistant", "message": {**message, "content": [{**tool, "input": {"command": "git status"}}]}}
    yield streamed(type="content_block_stop", index=1)
    yield streamed(type="message_delta", delta={"stop_reason": "tool_use"}, usage={**usage, "output_tokens": 90})
    yield streamed(type="message_stop")
    output = "\n".join(" ".join(chance.choices(WORDS, k=12)) for _ in range(chance.choice((3, 30, 300, 1000))))
    result = {"tool_use_id": tool["id"], "type": "tool_result", "content": output, "is_error": False}
    yield {
        "type": "user",
        "message": {"role": "user", "content": [result]},
        "tool_use_result": {"stdout": output, "stderr": "", "interrupted": False},
    }
