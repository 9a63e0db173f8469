"""The hive's state kept up to date from its feed, for commands that wait for something: pushed, never polled."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import AgentNotFound, StartFailed, TookTooLong

RUNNING = ("starting", "running", "paused", "stopping", "crashed", "requested")
"""Lifecycle states from which an agent may still come online by itself."""


class Watch:
    """What the snapshot said, and every change since. Messages are those of the snapshot and newer ones."""

    def __init__(self) -> None:
        self.agents: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        self.approvals: dict[str, dict[str, Any]] = {}
        self._seq = 0
        self._attach()

    def changes(self, deadline: float | None) -> Iterator[tuple[str, dict[str, Any]]]:
        """(kind, payload) of each change, applied already. TimeoutError when the deadline (monotonic) passes."""
        while True:
            for event in oneshot.stream(routes.FEED, last_event_id=self._seq, deadline=deadline):
                if event.event == "resync":
                    self._attach()
                    yield "resync", {}
                    break
                row = json.loads(event.data)
                if row["seq"] <= self._seq:
                    continue
                self._seq = row["seq"]
                self._apply(row["kind"], row["payload"])
                yield row["kind"], row["payload"]

    def until(self, condition: Callable[["Watch"], bool], timeout: float | None, what: str) -> None:
        """Return once `condition` holds; TookTooLong after `timeout` seconds (None: never)."""
        if condition(self):
            return
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            for _ in self.changes(deadline):
                if condition(self):
                    return
        except TimeoutError:
            raise TookTooLong(what=what, seconds=f"{timeout:g}") from None

    def agent(self, name: str) -> dict[str, Any]:
        """Raises AgentNotFound."""
        if name not in self.agents:
            raise AgentNotFound(name=name)
        return self.agents[name]

    def is_online(self, name: str) -> bool:
        """Raises StartFailed where it will not come online by itself any more."""
        agent = self.agent(name)
        state = agent["lifecycle"]["state"]
        if state not in RUNNING:
            raise StartFailed(name=name, cause=f"it is {state}: {agent['lifecycle']['cause']}")
        return bool(agent["online"]) and state in ("running", "paused")

    def is_idle(self, name: str) -> bool:
        """Online, between turns, and with nothing left to begin one. Raises StartFailed as `is_online`."""
        agent = self.agent(name)
        return (
            self.is_online(name)
            and agent["lifecycle"]["state"] == "running"
            and agent["turn"]["state"] in ("idle", "napping")
            and not agent["unread"]
            and not any(
                message["recipient"] == name and message["status"] in ("queued", "leased")
                for message in self.messages.values()
            )
        )

    def is_paused(self, name: str) -> bool:
        """Raises StartFailed as `is_online`."""
        self.is_online(name)
        return bool(self.agent(name)["lifecycle"]["state"] == "paused")

    def is_stopped(self, name: str) -> bool:
        return self.agent(name)["lifecycle"]["state"] in ("stopped", "parked", "buried")

    def _attach(self) -> None:
        snapshot = oneshot.call("GET", routes.SNAPSHOT)
        self._seq = snapshot["seq"]
        self.agents = {agent["name"]: agent for agent in snapshot["agents"]}
        self.messages = {message["id"]: message for message in snapshot["messages"]}
        self.approvals = {approval["id"]: approval for approval in snapshot["approvals"]}

    def _apply(self, kind: str, payload: dict[str, Any]) -> None:
        if kind == "agent":
            self.agents[payload["name"]] = payload
        elif kind == "agent_removed":
            self.agents.pop(payload["name"], None)
        elif kind == "message":
            self.messages[payload["id"]] = payload
        elif kind == "receipts":
            for receipt in payload["receipts"]:
                message = self.messages.get(receipt["message_id"])
                if message is not None:
                    message.update((key, value) for key, value in receipt.items() if key in message)
        elif kind == "approval":
            self.approvals[payload["id"]] = payload
