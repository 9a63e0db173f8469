"""A harness without an engine, for tests of the supervision: behaves as `engine_options.fake` says.

good: connects and obeys. dies: says so and exits 3. deaf: never connects. stubborn: connects, hears neither stop nor TERM.
once: dies the first time, good afterwards. orphan: good, and its grandchild has no parent any more. Each starts a child and a detached grandchild whose pids it writes down.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

DETACHED = (
    "import os, sys, time\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    open(sys.argv[1], 'w').write(str(os.getpid()))\n"
    "    time.sleep(300)\n"
    "if sys.argv[2] == 'stays':\n"
    "    time.sleep(300)\n"
)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("hive")
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


def main() -> int:
    launch = json.loads(Path(sys.argv[1]).read_text())
    fake = launch["spec"]["engine_options"]["fake"]
    harness = Path(launch["harness"])
    with open(harness / "starts", "a") as starts:
        starts.write(f"{launch['generation']} {os.getpid()}\n")
    (harness / "environment").write_text(json.dumps(dict(os.environ)))
    if fake == "dies" or (fake == "once" and launch["generation"] == 1):
        print("the engine is made of cheese", flush=True)
        return 3
    if fake == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    mark = f"{launch['generation']}.{uuid.uuid4()}"
    (harness / "engine.mark").write_text(mark)
    subprocess.Popen(
        [sys.executable, "-c", DETACHED, str(harness / "grandchild"), "goes" if fake == "orphan" else "stays"],
        env={**os.environ, "HIVE_ENGINE_RUN": mark},
    )
    if fake == "deaf":
        time.sleep(300)
    while True:
        try:
            if follow(launch, obey=fake != "stubborn"):
                return 0
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)


def follow(launch: dict[str, str], *, obey: bool) -> bool:
    """Whether it was told to stop."""
    connection = UnixConnection(launch["agent_socket"])
    connection.request(
        "GET", "/v1/control", headers={"hive-generation": str(launch["generation"]), "hive-journal": "journal-1"}
    )
    answer = connection.getresponse()
    if answer.status == 409:
        return True
    event = ""
    for line in answer:
        text = line.decode().strip()
        if text.startswith("event: "):
            event = text.removeprefix("event: ")
        elif text.startswith("data: ") and obey:
            told = json.loads(text.removeprefix("data: "))
            if event == "stop" or (event == "hello" and told["stop"]):
                return True
    return False


if __name__ == "__main__":
    sys.exit(main())
