"""Durable send → claim → ack cycles a second: 32 raw callers on 32 agents' sockets, beside Redis Streams in the same run.

Each caller writes to the next one and takes what the one before it wrote, 32 messages a batch, both sides in two round
trips: what is sent goes with the ack of what was taken before (hived: one POST of events with the turn's end and the
outbox; Redis: one pipeline of XACK and XADD), then the next are taken (a claim; XREADGROUP). hived commits with
synchronous=FULL, Redis runs with `appendfsync always`. Both servers are processes of their own, and so is each side's
client: 32 threads on blocking sockets. A last round of hived runs under cProfile and says what holds it back.
"""

import http.client
import json
import multiprocessing
import os
import pstats
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import redis

from tests.benchmarks.measure import ROUNDS, Finding
from tests.support.hive import LiveHive, UnixConnection, live_hive, wait_until

CALLERS = 32
BATCH = 32
BATCHES = 20
"""Each caller's, in one round."""
MARK = 0.5
BODY = "a message about as long as agents write to each other when they hand on a piece of work, " * 2
CONFIG = "start_seconds = 100000\nmax_queued = 100000\n"
IDS = re.compile(rb'"id":"([^"]+)","sender"')
MOST_SHOWN = 28

Report = tuple[float, int]
"""(seconds, messages that were acked)."""


# hived -----------------------------------------------------------------------------------------------------


class Caller:
    """One harness, as raw as can be: two kept connections' worth of requests on one."""

    def __init__(self, socket_path: str, number: int, to: str, tag: str) -> None:
        self.connection = UnixConnection(Path(socket_path), timeout=120)
        self.number, self.to, self.tag = number, to, tag
        self.journal = f"{tag}-{number}"
        self.event = 0
        self.turn = 0
        self.taken: list[str] = []

    def send(self, count: int) -> None:
        """What was taken is acked, and so many are sent, in one batch of events."""
        lines = []
        if self.taken:
            ids = ",".join(f'"{message_id}"' for message_id in self.taken)
            lines.append(
                self._line("turn_end", f'"turn_id":"{self.journal}-t{self.turn}","outcome":"ok","message_ids":[{ids}]')
            )
        for _ in range(count):
            message_id = f"{self.journal}-m{self.event + 1}"
            lines.append(self._line("message_out", f'"message_id":"{message_id}","to":"{self.to}","body":"{BODY}"'))
        self.taken = []
        if not lines:
            return
        headers = {"hive-journal": self.journal, "content-type": "application/x-ndjson"}
        answer = json.loads(self._post("/v1/events", "\n".join(lines).encode(), headers))
        assert answer["cursor"] == self.event, answer
        assert answer["refused"] == [], answer

    def take(self) -> int:
        self.turn += 1
        body = json.dumps({"turn_id": f"{self.journal}-t{self.turn}", "max": BATCH}).encode()
        answer = self._post("/v1/inbox/claim", body, {"content-type": "application/json"})
        self.taken = [found.decode() for found in IDS.findall(answer)]
        return len(self.taken)

    def _line(self, kind: str, payload: str) -> str:
        self.event += 1
        return f'{{"id":{self.event},"ts":"2026-11-21T12:00:00.000Z","kind":"{kind}","payload":{{{payload}}}}}'

    def _post(self, target: str, body: bytes, headers: dict[str, str]) -> bytes:
        self.connection.request("POST", target, body, {"hive-generation": "1", **headers})
        answer: http.client.HTTPResponse = self.connection.getresponse()
        data = answer.read()
        assert answer.status == 200, data[:500]
        return data


def hived_client(sockets: list[str], tag: str, queue: "multiprocessing.Queue[Report]") -> None:
    names = [f"agent-{number}" for number in range(CALLERS)]
    callers = [Caller(path, number, names[(number + 1) % CALLERS], tag) for number, path in enumerate(sockets)]
    queue.put(drive([(caller.send, caller.take) for caller in callers]))


# Redis -----------------------------------------------------------------------------------------------------


class StreamCaller:
    """One consumer and producer of Redis Streams through redis-py."""

    def __init__(self, socket_path: str, number: int, tag: str) -> None:
        self.redis = redis.Redis(unix_socket_path=socket_path, socket_timeout=120)
        self.own, self.to = f"{tag}-{number}", f"{tag}-{(number + 1) % CALLERS}"
        self.sender = f"agent-{number}"
        self.sent = 0
        self.taken: list[bytes] = []
        self.redis.xgroup_create(self.own, "group", id="0", mkstream=True)

    def send(self, count: int) -> None:
        pipeline = self.redis.pipeline(transaction=False)
        if self.taken:
            pipeline.xack(self.own, "group", *self.taken)
        for _ in range(count):
            self.sent += 1
            pipeline.xadd(self.to, {"id": f"{self.own}-{self.sent}", "from": self.sender, "body": BODY})
        self.taken = []
        pipeline.execute()

    def take(self) -> int:
        found: Any = self.redis.xreadgroup("group", "me", {self.own: ">"}, count=BATCH)
        self.taken = [entry for _, entries in found for entry, _ in entries]
        return len(self.taken)


def redis_client(socket_path: str, tag: str, queue: "multiprocessing.Queue[Report]") -> None:
    callers = [StreamCaller(socket_path, number, tag) for number in range(CALLERS)]
    queue.put(drive([(caller.send, caller.take) for caller in callers]))


@contextmanager
def redis_server() -> Iterator[str]:
    """The path of the socket of one that syncs every write to the same disk that hived writes to."""
    folder = tempfile.mkdtemp(prefix="hr", dir="/tmp")
    socket_path = f"{folder}/redis.sock"
    server = shutil.which("redis-server")
    assert server is not None, "redis-server is not installed: apt-get install redis-server"
    process = subprocess.Popen(
        [server, "--port", "0", "--unixsocket", socket_path, "--dir", folder, "--appendonly", "yes",
         "--appendfsync", "always", "--save", ""],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        client = redis.Redis(unix_socket_path=socket_path)
        wait_until(lambda: os.path.exists(socket_path) and client.ping(), "redis-server answering")
        assert client.config_get("appendfsync") == {"appendfsync": "always"}
        yield socket_path
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


# Both ------------------------------------------------------------------------------------------------------


def drive(callers: list[tuple[Callable[[int], None], Callable[[], int]]]) -> Report:
    """All at once: each sends its batches and takes as many, then what is left is taken and acked."""
    ready = threading.Barrier(len(callers) + 1)
    acked = [0] * len(callers)
    errors: list[BaseException] = []

    def run(number: int) -> None:
        send, take = callers[number]
        wanted = BATCHES * BATCH
        ready.wait()
        try:
            for _ in range(BATCHES):
                send(BATCH)
                acked[number] += take()
            while acked[number] < wanted:
                send(0)
                acked[number] += take()
            send(0)
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(callers))]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join(300)
    took = time.perf_counter() - began
    assert not errors, errors[0]
    return took, sum(acked)


def apart(target: Callable[..., None], *arguments: Any) -> Report:
    """Run a client in a process of its own."""
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[Report] = context.Queue()
    process = context.Process(target=target, args=(*arguments, queue), daemon=True)
    process.start()
    report = queue.get(timeout=400)
    process.join(30)
    return report


def with_agents(hive: LiveHive) -> list[str]:
    """Make the agents, whose harnesses are this benchmark; the paths of their sockets."""
    for number in range(CALLERS):
        hive.spawn(f"agent-{number}", "command", engine_options={"command": ["cat"], "fake": "deaf"})
    wait_until(
        lambda: all(agent["generation"] == 1 and agent["pid"] for agent in hive.get("/v1/agents")[1]["agents"]),
        "every agent's start",
        180,
    )
    return [str(hive.paths.agent(f"agent-{number}").socket) for number in range(CALLERS)]


@contextmanager
def own_hive(module: str) -> Iterator[tuple[LiveHive, list[str]]]:
    with live_hive(start=False, module=module) as hive:
        (hive.home / "hive.toml").write_text(CONFIG)
        hive.start()
        yield hive, with_agents(hive)


def profile() -> list[str]:
    """Where hived's time goes in one round: the writer's thread and the event loop's, the costliest functions of each."""
    with own_hive("tests.benchmarks.profiled_hived") as (hive, sockets):
        took, count = apart(hived_client, sockets, "profiled")
        hive.stop()
        lines = [f"  under cProfile: {count / took:,.0f} cycles/s"]
        for thread in ("writer", "loop"):
            stats = pstats.Stats(str(hive.home / f"{thread}.prof"))
            lines += [f"  {thread}: own time in µs a cycle"]
            rows = sorted(stats.stats.items(), key=lambda item: -item[1][2])  # type: ignore[attr-defined]
            for (file, line, name), (_, calls, own, total, _) in rows[:MOST_SHOWN]:
                where = f"{Path(file).parent.name}/{Path(file).name}:{line} " if line else ""
                lines.append(
                    f"    {own / count * 1e6:7.2f}  {total / count * 1e6:7.2f} with what it calls"
                    f"  {calls / count:6.2f} calls  {where}{name}"
                )
        return lines


def run() -> list[Finding]:
    ours, theirs, shares = [], [], []
    with ExitStack() as stack:
        socket_path = stack.enter_context(redis_server())
        hive, sockets = stack.enter_context(own_hive("tests.support.fake_hived"))
        process = psutil.Process(hive.pid)
        for number in range(ROUNDS):
            took, count = apart(redis_client, socket_path, f"r{number}")
            theirs.append(count / took)
            before = process.cpu_times()
            took, count = apart(hived_client, sockets, f"h{number}")
            after = process.cpu_times()
            ours.append(count / took)
            shares.append((after.user + after.system - before.user - before.system) / count * 1e6)
    if os.environ.get("PROFILE") == "1":
        print("\n".join(profile()))
    rate, floor, share = (sorted(values)[ROUNDS // 2] for values in (ours, theirs, shares))
    return [
        Finding(
            f"send → claim → ack, {CALLERS} callers", f"{rate:,.0f}/s", f"Redis Streams {floor:,.0f}/s", rate / floor,
            f"at least {MARK:g}x", rate >= MARK * floor,
        ),
        Finding("hived's CPU for one cycle", f"{share:,.0f} µs", "", None, "", None),
    ]  # fmt: skip
