"""The player of a scripted agent: a process of its own, so that a runtime can wrap it. Standard library only.

JSON lines both ways. In: hello (answered with alive), turn, interrupt, steer, setting, tool_answer, permission_answer. Out: text, text_delta, thinking,
thinking_delta, tool_use, tool_result, hive_tool, permission, usage, badges, model, condition, note, alive (for its bytes
alone), and `done` at the end of each turn.
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
from agentd.engines.scripted_hive import PER_MESSAGE, HiveSteps
from agentd.engines.scripted_memory import Memory
from agentd.engines.scripted_words import figures_of, moment_of
from hived.wire.errors import InvalidScenario

LOOK_SECONDS = 0.05
"""How often an awaited file is looked for."""
ALIVE_SECONDS = 0.2
"""How often something is heard of one that works without words."""
AS_WRITTEN = ("replay", *PER_MESSAGE)
"""Steps whose words are not filled in before they are done."""
COMPACTED = 10
"""A conversation is so many times shorter when it is compacted, unless the scenario says otherwise."""

Message = dict[str, Any]


class Interrupted(Exception):
    """The turn is to end now."""


class Ended(Exception):
    """The scenario says how the turn ends."""

    def __init__(self, how: Message) -> None:
        super().__init__()
        self.how = how


class Player:
    """Plays turns until its stdin ends."""

    def __init__(self, scenario: Scenario, memory: Memory, deeds: Deeds) -> None:
        self._scenario = scenario
        self._memory = memory
        self._deeds = deeds
        self._settings: dict[str, str | None] = {}
        """`model`, `effort`, `permission_mode`: given with each turn, and when one changes in it."""
        self._index: int | None = None
        self._incoming: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._ids = itertools.count(1)
        self._words: dict[str, str] = {}
        self._number = 0
        """Of the step's repetitions."""
        self._hive = HiveSteps(self._hive_tool, self._filled)
        self._steps: dict[str, Callable[[Step, Any], None]] = {
            "say": lambda step, text: self._speak(step, text, "text"),
            "say_settings": lambda step, _: self._speak(step, self._told_settings(), "text"),
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
            "ask_permission": self._ask,
            **{verb: self._with_hive(step) for verb, step in self._hive.steps.items()},
            "wait_seconds": lambda _, seconds: self._sleep(seconds),
            "work_seconds": lambda _, seconds: self._work(seconds),
            "wait_for_file": lambda step, path: self._wait_for(path, self._limit(step)),
            "usage": lambda _, figures: self._use(figures),
            "model": lambda _, model: self._put(type="model", model=model),
            "condition": lambda _, value: self._say_condition(value["kind"], value),
            "fail": self._fail,
            "limit": self._limit_reached,
            "needs_login": self._lack_login,
            "exit": self._exit,
            "replay": lambda step, value: self._replayed[value["kind"]](step, value),
        }
        self._replayed: dict[str, Callable[[Step, Message], None]] = {
            "text": lambda step, value: self._speak(step, value["text"], "text"),
            "thinking": self._think_again,
            "note": lambda _, value: self._put(type="note", text=value["text"], level=value.get("level", "info")),
            "tool_use": lambda _, value: self._put(
                type="tool_use", id=value["tool_use_id"], tool=value["tool"], input=value["input"]
            ),
            "tool_result": lambda _, value: self._tool_result(
                value["tool_use_id"], value["tool"], value["is_error"], value["text"]
            ),
            "token_usage_changed": self._show_badges,
            "model_changed": lambda _, value: self._put(type="model", model=value["model"]),
            "status_changed": lambda _, value: self._say_condition(value["condition"], value),
            "message_out": self._send_again,
            "turn_end": self._end_again,
        }

    def run(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        while (message := self._incoming.get()) is not None:
            if message["type"] == "turn":
                self._turn(message)
            elif message["type"] == "hello":
                self._put(type="alive")

    def _listen(self) -> None:
        for line in sys.stdin.buffer:
            self._incoming.put(json.loads(line))
        self._incoming.put(None)

    def _turn(self, message: Message) -> None:
        wake = message["wake"]
        self._settings = message["settings"]
        self._words = {
            "{from}": next(iter(message["senders"]), "operator"),
            "{message_id}": next(iter(message["message_ids"]), ""),
            "{agent}": os.environ.get("HIVE_AGENT", ""),
            "{model}": self._settings["model"] or "",
        }
        self._hive.begin(message["messages"])
        self._index = self._scenario.choose(
            "\n\n".join(message["bodies"]),
            message["senders"],
            self._memory.played,
            model=self._settings["model"] or "",
            wake=wake,
            kinds=[mail["kind"] for mail in message["messages"]],
        )
        how: Message = {"outcome": "ok"}
        try:
            if self._index is None:
                self._unwritten(wake)
            else:
                for step in self._scenario.turns[self._index].steps:
                    for number in range(step.times):
                        self._check()
                        self._number = number
                        value = step.value if step.verb in AS_WRITTEN else self._filled(step.value)
                        self._steps[step.verb](step, value)
        except Interrupted:
            how = {"outcome": "cancelled"}
        except Ended as ended:
            how = ended.how
        again = how.pop("again", False)
        self._memory.keep(None if again else self._index)
        if wake == "compact" and how["outcome"] == "ok":
            self._memory.compacted()
        self._put(type="done", **how)

    def _unwritten(self, wake: str) -> None:
        """What it does where the scenario says nothing."""
        if wake == "message":
            self._put(type="text", text="There is nothing to do.")
        elif wake == "checkpoint":
            self._put(type="text", text="There is nothing to write down.")
        elif self._memory.ctx is None:
            self._put(type="note", text="The conversation is compacted.", level="info")
        else:
            before = self._memory.ctx
            after = max(1, before // COMPACTED)
            self._put(type="note", text=f"The conversation is compacted: {before} tokens to {after}.", level="info")
            self._use({"ctx": after})

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

    def _with_hive(self, step: Callable[[Any], None]) -> Callable[[Step, Any], None]:
        return lambda _, value: step(value)

    def _hive_tool(self, name: str, arguments: Message) -> Message:
        use = self._tool_use(name, arguments)
        self._put(type="hive_tool", id=use, name=name, arguments=arguments)
        answer = self._answer("tool_answer", use)
        self._tool_result(use, name, answer["is_error"], answer["text"])
        return answer

    def _ask(self, step: Step, value: Message) -> None:
        tool, given = value["tool"], value["input"]
        use = self._tool_use(tool, given)
        self._put(type="permission", id=use, tool=tool, input=given)
        answer = self._answer("permission_answer", use)
        verdict = "allowed" if answer["allowed"] else "denied"
        note = f": {answer['note']}" if answer.get("note") else ""
        result = Result(verdict + note, is_error=not answer["allowed"])
        if answer["allowed"] and value.get("run"):
            command = (answer.get("updated_input") or given)["command"]
            result = self._deeds.shell(command, self._limit(step), self._check)
        self._tool_result(use, tool, result.is_error, result.text)
        if value.get("expect", verdict) != verdict:
            error = f"{tool} was {verdict}, and the scenario expects that it is {value['expect']}"
            raise Ended({"outcome": "failed", "error": error, "retryable": False})

    def _wait_for(self, path: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._deeds.is_there(path):
            if time.monotonic() > deadline:
                raise Ended({"outcome": "failed", "error": f"{path} was not there within {seconds:g} s"})
            self._sleep(LOOK_SECONDS)

    def _use(self, figures: Message) -> None:
        """Whatever the table holds: the engine says what is wrong with it."""
        ctx = figures.get("ctx")
        if isinstance(ctx, int):
            self._memory.ctx = ctx
        self._put(type="usage", usage=figures)

    def _fail(self, _: Step, value: Message) -> None:
        how = {"outcome": value["outcome"], "until": moment_of(value)}
        how |= {key: value[key] for key in ("error", "retryable") if key in value}
        if not value.get("until_compacted"):
            raise Ended(how)
        if self._index is not None and self._memory.overflows(self._index):
            raise Ended({**how, "again": True})

    def _limit_reached(self, _: Step, value: Message) -> None:
        detail = value.get("detail", "The usage limit is reached.")
        until = moment_of(value)
        self._say_condition("rate_limited", {"until": until, "detail": detail} if until else {"detail": detail})
        raise Ended({"outcome": "rate_limited", "error": detail, "until": until})

    def _lack_login(self, _: Step, detail: str) -> None:
        self._say_condition("needs_login", {"detail": detail})
        raise Ended({"outcome": "needs_login", "error": detail, "retryable": False})

    def _say_condition(self, kind: str, value: Message) -> None:
        said = {"on": value.get("on", True), "detail": value.get("detail", ""), "until": moment_of(value)}
        self._put(type="condition", condition=kind, **said)

    def _told_settings(self) -> str:
        told = [f"{name.replace('_', ' ')} {value or 'its own'}" for name, value in self._settings.items()]
        return ", ".join(told)

    def _work(self, seconds: float) -> None:
        """Without a word, but not without a byte."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._put(type="alive")
            self._sleep(min(ALIVE_SECONDS, left))

    # What was recorded ---------------------------------------------------------------------------------------

    def _think_again(self, step: Step, value: Message) -> None:
        if value.get("hidden"):
            self._put(type="thinking", text=value["text"], hidden=True)
        else:
            self._speak(step, value["text"], "thinking")

    def _show_badges(self, _: Step, value: Message) -> None:
        self._put(type="badges", **self._figures(value))

    def _send_again(self, _: Step, value: Message) -> None:
        """The deed alone: what was said of it is recorded beside it."""
        id = f"again-{os.getpid()}-{next(self._ids)}"
        self._put(type="hive_tool", id=id, name="send", arguments={"to": value["to"], "body": value["body"]})
        answer = self._answer("tool_answer", id)
        if answer["is_error"]:
            self._put(type="note", text=f"A message was not sent again: {answer['text']}", level="warning")

    def _end_again(self, _: Step, value: Message) -> None:
        how: Message = {key: value[key] for key in ("outcome", "error", "retryable") if key in value}
        raise Ended({**how, "until": moment_of(value), "usage": self._figures(value)})

    def _figures(self, value: Message) -> Message:
        if value.get("ctx") is not None:
            self._memory.ctx = value["ctx"]["tokens"]
        return figures_of(value)

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
        elif message["type"] == "setting":
            self._settings[message["name"]] = message["value"]

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

    def _filled(self, value: Any, about: Message | None = None) -> Any:
        """The value with {from}, {message_id}, {agent}, … filled in, and every other brace as it is."""
        if isinstance(value, str):
            words = {**self._words, **self._hive.words(), "{n}": str(self._number + 1)}
            if about is not None:
                words |= {"{from}": about["sender"], "{message_id}": about["id"]}
            for word, meaning in words.items():
                value = value.replace(word, meaning)
            return value
        if isinstance(value, dict):
            return {key: self._filled(item, about) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, about) for item in value]
        return value


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripted_player")
    for name in ("--scenario", "--memory", "--workspace", "--state"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()
    try:
        scenario = load_scenario(options.scenario)
    except InvalidScenario as error:
        print(error.message, file=sys.stderr)
        return 2
    deeds = Deeds(options.workspace, options.state)
    Player(scenario, Memory(options.memory), deeds).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
