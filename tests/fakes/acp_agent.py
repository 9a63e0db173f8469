"""An agent of the Agent Client Protocol that does as it is told: plays a recording, or a script of good and bad behaviour.

    python tests/fakes/acp_agent.py --replay FILE.jsonl
    python tests/fakes/acp_agent.py --script FILE.json

What it is sent it writes to `received.jsonl` in its working folder, one message a line. Standard library alone.

A script: {"initialize": RESULT, "new": RESULT | {"error": E}, "load": …, "set": …, "prompts": [[STEP, …], …]}; a prompt beyond the
last plays the last again. A step has one key: `update` (a session/update), `ask` (a permission: {"toolCall", "options"}),
`request` ({"method", "params"}), `raw` (a line as it is), `bytes` (hex, as they are), `half` (words without a line's end),
`big` (a message chunk of that many bytes), `stderr` (that many bytes), `stop` (the answer: a reason, or a whole result),
`error` (the answer: an error), `cancelled` (wait for session/cancel), `sleep` (seconds), `hang`, `exit` (a code),
`after` (updates sent once the prompt is answered).
"""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

Message = dict[str, Any]
SESSION = "session-1"


class Wire:
    """The two pipes."""

    def __init__(self) -> None:
        self._received = open("received.jsonl", "a", encoding="utf-8")  # noqa: SIM115 - open for its whole life
        self._numbers = 0
        self.put_back: list[Message] = []

    def read(self) -> Message:
        """The next message; the program ends with its stdin."""
        if self.put_back:
            return self.put_back.pop(0)
        line = sys.stdin.readline()
        if not line:
            sys.exit(0)
        self._received.write(line)
        self._received.flush()
        message: Message = json.loads(line)
        return message

    def write(self, message: Message) -> None:
        self.raw(json.dumps({"jsonrpc": "2.0", **message}) + "\n")

    def raw(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def request(self, method: str, params: Message) -> str:
        self._numbers += 1
        id = f"agent-{self._numbers}"
        self.write({"id": id, "method": method, "params": params})
        return id

    def until(self, wanted: Any) -> Message:
        """The first message for which `wanted` holds; what came before it waits."""
        others = []
        while not wanted(message := self.read()):
            others.append(message)
        self.put_back = others + self.put_back
        return message

    def until_cancelled(self) -> None:
        """Says in the file that it waits now."""
        self._received.write('{"waits_for": "session/cancel"}\n')
        self._received.flush()
        self.until(lambda message: message.get("method") == "session/cancel")


class Scripted:
    def __init__(self, script: Message) -> None:
        self.script = script
        self.prompts = 0
        self.wire = Wire()

    def run(self) -> None:
        while True:
            message = self.wire.read()
            method, id = message.get("method"), message.get("id")
            if method is None or id is None:
                continue
            if method == "session/prompt":
                self.prompt(id)
                continue
            result = self.result_of(str(method))
            if isinstance(result, list):  # one after the other
                result = result.pop(0) if len(result) > 1 else result[0]
            if result == "hang":
                continue
            if result == "exit":
                sys.exit(3)
            result = dict(result)
            for update in result.pop("before", []):
                self.update(update)
            late = result.pop("after", [])
            self.wire.write({"id": id, **result} if "error" in result else {"id": id, "result": result})
            for update in late:
                self.update(update)

    def result_of(self, method: str) -> Any:
        defaults: dict[str, tuple[str, Message]] = {
            "initialize": ("initialize", {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}}),
            "session/new": ("new", {"sessionId": SESSION}),
            "session/load": ("load", {}),
            "authenticate": ("authenticate", {}),
        }
        if method in defaults:
            name, default = defaults[method]
            return self.script.get(name, default)
        missing = {"error": {"code": -32601, "message": "Method not found"}}
        return self.script.get("set", {}).get(method, missing)

    def prompt(self, id: Any) -> None:
        scripts = self.script.get("prompts", [[{"update": chunk("echo")}, {"stop": "end_turn"}]])
        steps = scripts[min(self.prompts, len(scripts) - 1)]
        self.prompts += 1
        for step in steps:
            ((name, value),) = step.items()
            match name:
                case "update":
                    self.update(value)
                case "ask":
                    asked = self.wire.request("session/request_permission", {"sessionId": SESSION, **value})
                    self.wire.until(lambda message, asked=asked: message.get("id") == asked and "method" not in message)
                case "request":
                    asked = self.wire.request(value["method"], value["params"])
                    self.wire.until(lambda message, asked=asked: message.get("id") == asked and "method" not in message)
                case "raw":
                    self.wire.raw(value + "\n")
                case "bytes":
                    sys.stdout.buffer.write(bytes.fromhex(value))
                    sys.stdout.buffer.flush()
                case "half":
                    self.wire.raw(value)
                case "big":
                    self.update(chunk("x" * value))
                case "stderr":
                    sys.stderr.write("e" * 79 + "\n" if value < 80 else ("e" * 79 + "\n") * (value // 80))
                    sys.stderr.flush()
                case "stop":
                    self.wire.write({"id": id, "result": value if isinstance(value, dict) else {"stopReason": value}})
                case "error":
                    self.wire.write({"id": id, "error": value})
                case "cancelled":
                    self.wire.until_cancelled()
                case "sleep":
                    time.sleep(value)
                case "after":
                    for update in value:
                        self.update(update)
                case "ignore_term":
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                case "hang":
                    while True:
                        self.wire.read()
                case "exit":
                    os._exit(value)

    def update(self, update: Message) -> None:
        self.wire.write({"method": "session/update", "params": {"sessionId": SESSION, "update": update}})


class Replayed:
    """Answers each request as the recorded agent answered the next one of that method."""

    def __init__(self, file: Path) -> None:
        self.lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        self.at = 0
        self.wire = Wire()

    def run(self) -> None:
        while True:
            message = self.wire.read()
            method, id = message.get("method"), message.get("id")
            if method is None or id is None:
                continue
            if not self.skip_to(method, words_of(message)):
                self.wire.write({"id": id, "error": {"code": -32601, "message": "Method not found"}})
                continue
            self.answer(id)

    def skip_to(self, method: str, words: str) -> bool:
        """To the next recorded request of that method, a prompt by its words. Of what is skipped, only updates are played."""
        for at in range(self.at, len(self.lines)):
            line = self.lines[at]
            if line["dir"] == "c2a" and line["m"].get("method") == method and words.endswith(words_of(line["m"])):
                for skipped in self.lines[self.at : at]:
                    if skipped["dir"] == "a2c" and skipped["m"].get("method") == "session/update" and not words:
                        self.wire.write(skipped["m"])
                self.at = at
                return True
        return False

    def answer(self, id: Any) -> None:
        recorded, answered = self.lines[self.at]["m"]["id"], False
        for at in range(self.at + 1, len(self.lines)):
            direction, message = self.lines[at]["dir"], self.lines[at]["m"]
            self.at = at
            if direction == "a2c":
                ours = "method" not in message and message.get("id") == recorded
                self.wire.write({**message, "id": id} if ours else message)
                answered = answered or ours
            elif message.get("method") == "session/cancel":
                if answered:
                    continue  # it came too late then, and does not come now
                self.wire.until_cancelled()
            elif "method" in message:
                return  # the next request: it will be asked for
            else:
                wanted = message["id"]
                self.wire.until(lambda came, wanted=wanted: came.get("id") == wanted and "method" not in came)
        self.at = len(self.lines)


def words_of(request: Message) -> str:
    """A prompt's; empty for any other request."""
    return "".join(str(block.get("text", "")) for block in request.get("params", {}).get("prompt", []))


def chunk(text: str) -> Message:
    return {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}


def main() -> None:
    parser = argparse.ArgumentParser(description="An agent that does as it is told.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--replay", type=Path)
    what.add_argument("--script", type=Path)
    options = parser.parse_args()
    if options.replay is not None:
        Replayed(options.replay).run()
    else:
        Scripted(json.loads(options.script.read_text(encoding="utf-8"))).run()


if __name__ == "__main__":
    main()
