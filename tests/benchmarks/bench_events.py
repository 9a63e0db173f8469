"""Events from engine to an SSE client through journal and hived, over 20 agents, beside a bare Unix socket with the same bytes.

Throughput: each agent's program prints as fast as it can; the rate is all events over the time from the first to the last
that the client saw. Delay: the programs print 2,000 lines a second in all, each with its time; the client subtracts. They
begin when all twenty are up, and half a second at either end is left out: two cores that start or end twenty interpreters
at one instant are not what is measured.
"""

import multiprocessing
import os
import re
import selectors
import socket
import sys
import time
from pathlib import Path

from tests.benchmarks.measure import ROUNDS, Finding, percentile
from tests.verified.shell import Shell, temporary_hive, wait_until

AGENTS = 20
BURST = 5_000
"""Lines an agent prints in one throughput round."""
RATE = 2_000
SECONDS = 5
EDGE_SECONDS = 0.5
RATE_MARK = 10_000
P99_MARK_MS = 50.0

PROGRAM = """import sys, time
mode, count, pause = sys.stdin.read().rsplit("go ", 1)[1].split()[:3]
if mode == "steady":
    time.sleep(2)
began = time.monotonic()
for number in range(int(count)):
    if mode == "steady":
        left = began + number * float(pause) - time.monotonic()
        if left > 0:
            time.sleep(left)
        print(f"at {time.time():.6f} line {number}", flush=True)
    else:
        print(f"line {number} of a burst, about as long as a line of output is")
"""
STAMP = re.compile(rb"at (\d+\.\d+) line")


def open_stream(path: Path, agent: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    connection.sendall(f"GET /v1/agents/{agent}/transcript/stream HTTP/1.1\r\nhost: hive\r\n\r\n".encode())
    return connection


def follow(path: str, agents: list[str], ends: int, ready: "multiprocessing.Queue[object]") -> None:
    """Read all streams until `ends` turns have ended; put the figures: events, bytes, seconds, delays."""
    selector = selectors.DefaultSelector()
    for agent in agents:
        connection = open_stream(Path(path), agent)
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ)
    ready.put("ready")
    seen = ended = size = 0
    first = last = 0.0
    delays: list[tuple[float, float]] = []
    unfinished: dict[int, bytes] = {}
    deadline = time.monotonic() + 120
    while ended < ends and time.monotonic() < deadline:
        for key, _ in selector.select(1):
            assert isinstance(key.fileobj, socket.socket)
            received = key.fileobj.recv(1 << 20)
            now = time.time()
            whole, _, rest = (unfinished.get(key.fd, b"") + received).rpartition(b"\n\n")
            unfinished[key.fd] = rest
            chunk = whole + b"\n"
            texts = chunk.count(b"event: text\n")
            if texts:
                first = first or now
                last = now
                seen += texts
                size += len(chunk)
                delays.extend((float(stamp), now - float(stamp)) for stamp in STAMP.findall(chunk))
            ended += chunk.count(b"event: turn_end\n")
            if not received:
                selector.unregister(key.fileobj)
    ready.put((seen, size, last - first, inner(delays)))


def inner(delays: list[tuple[float, float]]) -> list[float]:
    """The delays of what was printed between the two edges."""
    printed = [moment for moment, _ in delays] or [0.0]
    begin, end = min(printed) + EDGE_SECONDS, max(printed) - EDGE_SECONDS
    return [delay for moment, delay in delays if begin <= moment <= end]


def one_round(shell: Shell, agents: list[str], order: str) -> tuple[int, int, float, list[float]]:
    queue: multiprocessing.Queue[object] = multiprocessing.get_context("spawn").Queue()
    socket_path = shell.json("paths")["host-socket"]
    reader = multiprocessing.get_context("spawn").Process(
        target=follow, args=(socket_path, agents, len(agents), queue), daemon=True
    )
    reader.start()
    assert queue.get(timeout=30) == "ready"
    shell.hive("send", "*", order)
    figures = queue.get(timeout=150)
    reader.join(10)
    assert isinstance(figures, tuple)
    return figures


def bare_socket_rate(size: int, events: int) -> float:
    """Events a second when a process of its own writes those bytes to a bare Unix socket and this one reads them."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    line = b"x" * max(1, size // max(1, events))
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        ours.close()
        for _ in range(events):
            theirs.sendall(line)
        os._exit(0)
    theirs.close()
    while ours.recv(1 << 20):
        pass
    took = time.perf_counter() - began
    os.waitpid(child, 0)
    ours.close()
    return events / took


def run() -> list[Finding]:
    agents = [f"agent-{number}" for number in range(AGENTS)]
    rates, bares, p99s = [], [], []
    with temporary_hive() as shell:
        program = shell.home / "printer.py"
        program.write_text(PROGRAM)
        for name in agents:
            shell.hive("spawn", name, "--engine", "command", "--command", f"{sys.executable} {program}", "--yes")
        for _ in range(ROUNDS):
            wait_until(
                lambda: all(agent["turn"]["state"] == "idle" for agent in shell.json("ls")["agents"]), "all agents idle"
            )
            seen, size, took, _delays = one_round(shell, agents, f"go burst {BURST} 0")
            assert seen == AGENTS * BURST, f"{seen} of {AGENTS * BURST} events came"
            rates.append(seen / took)
            bares.append(bare_socket_rate(size, seen))
        for _ in range(ROUNDS):
            wait_until(
                lambda: all(agent["turn"]["state"] == "idle" for agent in shell.json("ls")["agents"]), "all agents idle"
            )
            each = round(RATE * (SECONDS + 2 * EDGE_SECONDS)) // AGENTS
            _seen, _size, _took, delays = one_round(shell, agents, f"go steady {each} {AGENTS / RATE}")
            p99s.append(percentile(delays, 0.99) * 1000)
    rate, bare, p99 = sorted(rates)[ROUNDS // 2], sorted(bares)[ROUNDS // 2], sorted(p99s)[ROUNDS // 2]
    return [
        Finding(
            f"events, engine to SSE client, {AGENTS} agents", f"{rate:,.0f}/s", f"bare socket {bare:,.0f}/s", rate / bare,
            f"at least {RATE_MARK:,}/s", rate >= RATE_MARK,
        ),
        Finding(f"delay p99 at {RATE:,} events/s", f"{p99:.1f} ms", "", None, f"under {P99_MARK_MS:g} ms", p99 < P99_MARK_MS),
    ]  # fmt: skip
