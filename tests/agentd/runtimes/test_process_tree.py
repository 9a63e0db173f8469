"""Ending trees: what is waited for keeps its exit code for whoever started it."""

import subprocess
import threading

import psutil

from agentd.runtimes.process_tree import _wait


def test_waiting_for_a_child_leaves_its_exit_code_to_its_parent() -> None:
    child = subprocess.Popen(["sh", "-c", "read line; exit 7"], stdin=subprocess.PIPE)
    assert child.stdin is not None
    let_go = threading.Timer(0.2, child.stdin.close)  # it is being waited for when it ends
    let_go.start()
    assert _wait([psutil.Process(child.pid)], 10.0) == []
    let_go.join()
    assert child.wait() == 7
