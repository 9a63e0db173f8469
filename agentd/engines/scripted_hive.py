"""What a scripted agent does with the hive's tools, and what it remembers of a turn for it: who wrote and asked what.

Standard library only: the player loads it.
"""

import subprocess
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]
Call = Callable[[str, Message], Message]
"""(tool, arguments) -> its answer: text, is_error, made, messages."""
Fill = Callable[[Any, Message | None], Any]
"""(value, the message that it is about; None: the turn's first) -> the value with its words filled in."""

PER_MESSAGE = ("answer_all", "reply_all")
"""Steps whose words are filled in anew for each message."""


class HiveSteps:
    """One per player; `begin` with each turn."""

    def __init__(self, call: Call, fill: Fill) -> None:
        self._call = call
        self._fill = fill
        self._mail: list[Message] = []
        self._answered: set[str] = set()
        self._replied: set[str] = set()
        self._made: dict[str, str] = {}
        """By tool: the id of what was made last."""
        self.steps: dict[str, Callable[[Any], None]] = {
            "send": lambda value: self._do("send", value),
            "reply_all": self._reply_all,
            "ask": lambda value: self._ask(value),
            "escalate": lambda value: self._ask({**value, "escalate": True}),
            "answer": lambda value: self._answer("answer", "question_id", value),
            "reply_escalation": lambda value: self._answer("reply_escalation", "request_id", value),
            "answer_all": self._answer_all,
            "remind": self._remind,
            "cancel_reminder": lambda id: self._do("cancel_reminder", {"reminder_id": id}),
            "open_threads": lambda _: self._do("open_threads", {}),
            "receipts": lambda value: self._do("receipts", _table(value)),
            "inbox": lambda value: self._do("inbox", _table(value)),
            "spawn": lambda value: self._do("request_spawn", value),
            "propose": self._propose,
            "peers": lambda _: self._do("peers", {}),
            "whoami": lambda _: self._do("whoami", {}),
        }

    def begin(self, messages: list[Message]) -> None:
        """A turn begins with these: each with id, sender, kind, about."""
        self._mail = list(messages)
        self._answered, self._replied = set(), set()

    def words(self) -> dict[str, str]:
        """What stands for the ids of this turn's things."""
        return {
            "{question_id}": next((_about(message) for message in self._questions()), ""),
            "{asked_id}": self._made.get("ask", ""),
            "{reminder_id}": self._made.get("remind", ""),
            "{sent_id}": self._made.get("send", ""),
        }

    def _do(self, tool: str, arguments: Message) -> None:
        answer = self._call(tool, arguments)
        if answer.get("made"):
            self._made[tool] = answer["made"]
        self._mail += answer.get("messages") or []

    def _ask(self, value: Message) -> None:
        arguments: Message = {key: item for key, item in value.items() if not key.startswith("deadline")}
        deadline = value.get("deadline_seconds", value.get("deadline"))
        self._do("ask", arguments if deadline is None else {**arguments, "deadline": deadline})

    def _answer(self, tool: str, name: str, value: Message) -> None:
        id = value.get(name) or self.words()["{question_id}"]
        self._answered.add(id)
        self._do(tool, {**value, name: id})

    def _answer_all(self, value: Message) -> None:
        """Every question that the turn has, once."""
        while (question := next(iter(self._questions()), None)) is not None:
            self._answer("answer", "question_id", {**self._fill(value, question), "question_id": _about(question)})

    def _reply_all(self, body: str) -> None:
        """Every plain message that the turn has, once, to who wrote it."""
        for message in self._mail:
            if message["kind"] == "message" and message["sender"] != "hived" and message["id"] not in self._replied:
                self._replied.add(message["id"])
                filled = self._fill(body, message)
                self._do("send", {"to": message["sender"], "body": filled, "reply_to": message["id"]})

    def _remind(self, value: Message) -> None:
        self._do("remind", value if "at" in value or "delay_seconds" in value else {**value, "delay_seconds": 1})

    def _propose(self, value: Message) -> None:
        """The commit that is named, or that HEAD of `repo` names now."""
        arguments = {key: item for key, item in value.items() if key != "repo"}
        if "repo" in value:
            words = ["git", "-C", value["repo"], "rev-parse", "HEAD"]
            arguments["commit"] = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
        self._do("propose_config", arguments)

    def _questions(self) -> list[Message]:
        """Those of the turn that it has not answered in it."""
        return [m for m in self._mail if m["kind"] == "question" and _about(m) not in self._answered]


def _about(message: Message) -> str:
    return message.get("about") or str(message["id"])


def _table(value: Any) -> Message:
    return value if isinstance(value, dict) else {}
