"""The player of a scripted agent: a process of its own, so that a runtime can wrap it. Standard library only.

JSON lines both ways. In: turn, interrupt, steer, model, tool_answer, permission_answer. Out: text, text_delta, thinking,
thinking_delta, tool_use, tool_result, hive_tool, permission, usage, model, note, and `done` at the end of each turn.
"""

import argparse
import itertools
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentd.engines.scenario import Scenario, Step, load_scenario
from agentd.engines.scripted_deeds import Deeds, Refused, Result
from hived.wire.errors import InvalidScenario

LOOK_SECONDS = 0.05
"""How often an awaited file is looked for."""

Message = dict[str, Any]


class Interrupted(Exception):
    """The turn is to end now."""


class Failed(Exception):
    """The scenario says how the turn ends."""

    def __init__(self, how: Message) -> None:
        super().__init__()
        self.how = how


class Memory:
    """Which turns of the scenario this session has played, in the agent's home."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.played = {int(key): int(value) for key, value in json.loads(path.read_text())["played"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.played = {}

    def keep(self, index: int) -> None:
        self.played[index] = self.played.get(index, 0) + 1
        scratch = self._path.with_suffix(".new")
        scratch.write_text(json.dumps({"played": self.played}))
        os.replace(scratch, self._path)


class Player:
    """Plays turns until its stdin ends."""

    def __init__(self, scenario: Scenario, memory: Memory, deeds: Deeds, model: str) -> None:
        self._scenario = scenario
        self._memory = memory
        self._deeds = deeds
        self._model = model
        self._incoming: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._ids = itertools.count(1)
        self._words: dict[str, str] = {}
        self._steps: dict[str, Callable[[Step, Any], None]] = {
            "say": lambda step, text: self._speak(step, text, "text"),
            "think": self._think,
            "note": lambda step, text: self._put(type="note", text=text, level=step.options.get("level", "info")),
            "shell": lambda step, command: self._deed(
                "Bash", {"command": command}, lambda: self._deeds.shell(command, self._limit(step), self._check)
            ),
            "write": lambda _, value: self._deed(
                "Write",
                {"file_path": value["path"], "content": value["text"]},
                lambda: self._deeds.write(value["path"], value["text"]),
            ),
            "edit": lambda _, value: self._deed(
                "Edit",
                {"file_path": value["path"], "old_string": value["find"], "new_string": value["replace"]},
                lambda: self._deeds.edit(value["path"], value["find"], value["replace"]),
            ),
            "read": lambda _, value: self._deed(
                "Read", {"file_path": value["path"]}, lambda: self._deeds.read(value["path"])
            ),
            "send": lambda _, value: self._hive_tool("send", value),
            "spawn": lambda _, value: self._hive_tool("request_spawn", value),
            "inbox": lambda _, __: self._hive_tool("inbox", {}),
            "peers": lambda _, __: self._hive_tool("peers", {}),
            "whoami": lambda _, __: self._hive_tool("whoami", {}),
            "ask_permission": lambda _, value: self._ask(value["tool"], value["input"]),
            "wait_seconds": lambda _, seconds: self._sleep(seconds),
            "wait_for_file": lambda step, path: self._wait_for(path, self._limit(step)),
            "usage": lambda _, figures: self._put(type="usage", usage=figures),
            "model": lambda _, model: self._put(type="model", model=model),
            "fail": self._fail,
            "exit": self._exit,
        }

    def run(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        while (message := self._incoming.get()) is not None:
            if message["type"] == "turn":
                self._turn(message)
            elif message["type"] == "model":
                self._model = message["model"]

    def _listen(self) -> None:
        for line in sys.stdin.buffer:
            self._incoming.put(json.loads(line))
        self._incoming.put(None)

    def _turn(self, message: Message) -> None:
        self._words = {
            "{from}": next(iter(message["senders"]), "operator"),
            "{message_id}": next(iter(message["message_ids"]), ""),
            "{agent}": os.environ.get("HIVE_AGENT", ""),
            "{model}": self._model,
        }
        self._index = self._scenario.choose("\n\n".join(message["bodies"]), message["senders"], self._memory.played)
        how: Message = {"outcome": "ok"}
        try:
            if self._index is None:
                self._put(type="text", text="There is nothing to do.")
            else:
                for step in self._scenario.turns[self._index].steps:
                    for number in range(step.times):
                        self._check()
                        self._steps[step.verb](step, self._filled(step.value, number))
        except Interrupted:
            how = {"outcome": "cancelled"}
        except Failed as failed:
            how = failed.how
        if self._index is not None:
            self._memory.keep(self._index)
        self._put(type="done", **how)

    # Steps ---------------------------------------------------------------------------------------------------

    def _think(self, step: Step, text: str) -> None:
        if step.options.get("hidden"):
            self._put(type="thinking", text="", hidden=True)
        else:
            self._speak(step, text, "thinking")

    def _speak(self, step: Step, text: str, kind: str) -> None:
        """Word by word where there is a pace, and then the whole."""
        pace = step.options.get("pace", self._scenario.pace)
        if pace:
            for word in text.split(" "):
                self._put(type=f"{kind}_delta", text=word + " ")
                self._sleep(pace)
        self._put(type=kind, text=text)

    def _deed(self, tool: str, given: Message, do: Callable[[], Result]) -> None:
        use = self._tool_use(tool, given)
        try:
            result = do()
        except (Refused, OSError) as error:
            result = Result(str(error), is_error=True)
        self._tool_result(use, tool, result.is_error, result.text)

    def _hive_tool(self, name: str, arguments: Message) -> None:
        use = self._tool_use(name, arguments)
        self._put(type="hive_tool", id=use, name=name, arguments=arguments)
        answer = self._answer("tool_answer", use)
        self._tool_result(use, name, answer["is_error"], answer["text"])

    def _ask(self, tool: str, given: Message) -> None:
        use = self._tool_use(tool, given)
        self._put(type="permission", id=use, tool=tool, input=given)
        answer = self._answer("permission_answer", use)
        note = f": {answer['note']}" if answer.get("note") else ""
        self._tool_result(use, tool, not answer["allowed"], ("allowed" if answer["allowed"] else "denied") + note)

    def _wait_for(self, path: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._deeds.is_there(path):
            if time.monotonic() > deadline:
                raise Failed({"outcome": "failed", "error": f"{path} was not there within {seconds:g} s"})
            self._sleep(LOOK_SECONDS)

    def _fail(self, _: Step, value: Message) -> None:
        raise Failed(value)

    def _exit(self, _: Step, code: int) -> None:
        """The player dies in mid-turn, as an engine may."""
        if self._index is not None:
            self._memory.keep(self._index)
        print(f"the scenario says: exit {code}", file=sys.stderr, flush=True)
        os._exit(code)

    # The wire ------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        """Take what came in meanwhile. Raises Interrupted."""
        while not self._incoming.empty():
            self._heed(self._incoming.get())

    def _sleep(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                self._heed(self._incoming.get(timeout=left))
            except queue.Empty:
                return

    def _answer(self, kind: str, id: str) -> Message:
        while True:
            message = self._incoming.get()
            if message is not None and message["type"] == kind and message["id"] == id:
                return message
            self._heed(message)

    def _heed(self, message: Message | None) -> None:
        if message is None:
            sys.exit(0)  # the harness is gone, and nobody hears the rest
        if message["type"] == "interrupt":
            raise Interrupted
        if message["type"] == "steer":
            self._put(type="text", text=f"Meanwhile I was told:\n{message['text']}")
        elif message["type"] == "model":
            self._model = message["model"]

    def _tool_use(self, tool: str, given: Message) -> str:
        use = f"use-{os.getpid()}-{next(self._ids)}"
        self._put(type="tool_use", id=use, tool=tool, input=given)
        return use

    def _tool_result(self, use: str, tool: str, is_error: bool, text: str) -> None:
        self._put(type="tool_result", id=use, tool=tool, is_error=is_error, text=text)

    def _put(self, **message: Any) -> None:
        sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
        sys.stdout.buffer.flush()

    def _limit(self, step: Step) -> float:
        limit: float = step.options.get("timeout_seconds", self._scenario.timeout_seconds)
        return limit

    def _filled(self, value: Any, number: int) -> Any:
        """The value with {from}, {agent}, {model} and {n} filled in, and every other brace as it is."""
        if isinstance(value, str):
            for word, meaning in self._words.items():
                value = value.replace(word, meaning)
            return value.replace("{n}", str(number + 1))
        if isinstance(value, dict):
            return {key: self._filled(item, number) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, number) for item in value]
        return value


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripted_player")
    for name in ("--scenario", "--memory", "--workspace", "--state"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--model", default="")
    options = parser.parse_args()
    try:
        scenario = load_scenario(options.scenario)
    except InvalidScenario as error:
        print(error.message, file=sys.stderr)
        return 2
    deeds = Deeds(options.workspace, options.state)
    Player(scenario, Memory(options.memory), deeds, options.model).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
