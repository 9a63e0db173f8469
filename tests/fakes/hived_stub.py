"""A small stand-in for hived on one agent's socket: real HTTP on a real Unix socket, books in memory, faults on demand.

It keeps the contract's fine print, so that a harness can be tested alone: the cursor, the lease, the ack by turn_end.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hived.wire.ids import new_id
from hived.wire.protocol import BUILD, GENERATION_HEADER, JOURNAL_HEADER, OLDEST_HEADER, PROTOCOL
from hived.wire.times import utc_now

Answer = tuple[int, dict[str, Any]]


@dataclass
class Books:
    """What survives a restart of the stub, as hive.sqlite survives hived's."""

    cursors: dict[str, int] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    """Stored ones, each once, in the order they were taken."""
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    """message_out, by message id: made once however often it comes."""
    outbox: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """By kind, all that came through the journal as an outbox, by its own id: made once however often it comes."""
    approvals: dict[str, dict[str, Any]] = field(default_factory=dict)
    questions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Asked of the agent, and pending."""


class HivedStub:
    def __init__(self, socket: Path, books: Books | None = None, generation: int = 1) -> None:
        self.socket = socket
        self.books = books or Books()
        self.generation = generation
        self.live: list[dict[str, Any]] = []
        """Deltas."""
        self.statuses: list[dict[str, Any]] = []
        self.claims: list[dict[str, Any]] = []
        self.waiting = 0
        """Claims that wait for something to come."""
        self.batches: list[int] = []
        """How many lines each batch had."""
        self.refuse_to: set[str] = set()
        self.refuse_kinds: set[str] = set()
        """Of the outbox: refused as `invalid_request`."""
        self.over_budget: str | None = None
        self.decided: dict[str, Any] = {}
        """What an ask is answered with at once: `status`, and maybe `note`, `rule`, `grant`, `updated_input`."""
        self.fault: Callable[[str, str], Answer | None] = lambda method, path: None
        """Asked before each call: an answer in place of the real one."""
        self.connections = 0
        self._control: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Condition()

    async def start(self) -> None:
        self.socket.parent.mkdir(parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(self.socket), limit=1 << 22)

    async def stop(self) -> None:
        """As a killed hived: every connection breaks."""
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None
        self.socket.unlink(missing_ok=True)
        self._control = None

    # What a test does and sees ------------------------------------------------------------------------------

    async def ask(self, text: str, sender: str = "bob", **given: Any) -> str:
        """A question to the agent; its id."""
        id = new_id()
        question = {"id": id, "kind": "question", "asker": sender, "recipient": "ann", "text": text, "thread": id}
        self.books.questions[id] = {**question, "created_at": utc_now(), **given}
        await self.send(text, sender, kind="question", about=id)
        return id

    async def send(self, body: str, sender: str = "operator", when: str = "next_turn", **more: Any) -> str:
        id = new_id()
        self.books.messages[id] = {
            "id": id, "sender": sender, "recipient": "ann", "body": body, "reply_to": None, "thread": id,
            "sent_at": utc_now(), "when": when, "status": "queued", "deliveries": 0, "redelivered": False,
            "turn_id": None, **more,
        }  # fmt: skip
        async with self._changed:
            self._changed.notify_all()
        await self.ring("steer" if when == "now" else "wake", {"unread": 1})
        return id

    async def ring(self, event: str, data: dict[str, Any]) -> None:
        if self._control is not None:
            self._control.write(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())
            with contextlib.suppress(ConnectionError):
                await self._control.drain()

    async def until(self, condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
        """What `condition` gives once it is true, looked at after each call of the harness."""
        found: Any = None

        def holds() -> bool:
            nonlocal found
            found = condition()
            return bool(found)

        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(holds)
        except TimeoutError:
            raise AssertionError(f"{what} did not happen within {seconds:g} s; events: {self.kinds()[-30:]}") from None
        return found

    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.books.events]

    def payloads(self, kind: str) -> list[dict[str, Any]]:
        return [event["payload"] for event in self.books.events if event["kind"] == kind]

    async def turn_ends(self, count: int = 1, seconds: float = 60.0) -> list[dict[str, Any]]:
        """The turn_ends so far, at least that many."""
        await self.until(lambda: len(self.payloads("turn_end")) >= count, f"{count} turn_end", seconds)
        return self.payloads("turn_end")

    async def until_connected(self) -> None:
        await self.until(lambda: self._control is not None and self.statuses, "the harness connecting")

    def next_generation(self) -> None:
        """Leases of the dead generation go back, marked."""
        self.generation += 1
        for message in self.books.messages.values():
            if message["status"] == "leased":
                message |= {"status": "queued", "redelivered": True, "turn_id": None}

    # The server ---------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.split("\r\n")
                method, path, _ = first.split(" ")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                await self._respond(writer, method, path, headers, body)
                async with self._changed:
                    self._changed.notify_all()
                if path == "/v1/control":
                    await reader.read()
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._writers.discard(writer)
            if self._control is writer:
                self._control = None
            writer.close()

    async def _respond(
        self, writer: asyncio.StreamWriter, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> None:
        fault = self.fault(method, path)
        given = int(headers[GENERATION_HEADER])
        if fault is None and given != self.generation:
            fault = 409, _error("stale_generation", given=given, current=self.generation, name="ann")
        if fault is None and path == "/v1/control":
            await self._open_control(writer, headers)
            return
        if fault is None and path == "/v1/inbox/claim" and (wait := json.loads(body).get("wait")):
            await self._something_comes(wait)
        status, answer = fault or self._handle(method, path, headers, body)
        data = json.dumps(answer).encode()
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(data)) + data)
        await writer.drain()

    async def _open_control(self, writer: asyncio.StreamWriter, headers: dict[str, str]) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        self._control = writer
        hello = {
            "protocol": PROTOCOL, "build": BUILD, "agent_id": "1", "name": "ann", "generation": self.generation,
            "cursor": self.books.cursors.get(headers[JOURNAL_HEADER], 0), "model": "haiku", "unread": 0,
        }  # fmt: skip
        await self.ring("hello", hello)

    def _handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        match path:
            case "/v1/events":
                return self._take(headers, body)
            case "/v1/status":
                self.statuses.append(json.loads(body))
                return 200, {}
            case "/v1/inbox/claim":
                return self._claim(json.loads(body))
            case "/v1/turns/start":
                reason = self.over_budget or ""
                return 200, {"allowed": not reason, "reason": reason}
            case "/v1/open-threads":
                lists: dict[str, list[Any]] = {"to_answer": list(self.books.questions.values())}
                return 200, lists | {name: [] for name in ("unanswered", "undelivered", "approvals", "reminders")}
            case "/v1/receipts":
                return 200, {"receipts": [_receipt(out) for out in self.books.sent.values()]}
            case "/v1/inbox/release":
                for message in self._leased(json.loads(body)["turn_id"]):
                    message |= {"status": "queued", "turn_id": None, "deliveries": message["deliveries"] - 1}
                return 200, {}
            case "/v1/inbox":
                return 200, {"messages": [_shown(m) for m in self.books.messages.values() if m["status"] == "queued"]}
            case "/v1/whoami":
                return 200, {"id": "1", "name": "ann", "role": "worker", "model": "haiku", "engine": "scripted"}
            case "/v1/peers":
                peer = {"name": "bob", "role": "worker", "lifecycle": "running", "turn": "idle", "online": True}
                return 200, {"peers": [{**peer, "can_message": False}]}
            case "/v1/approvals":
                return self._approval(json.loads(body))
        return 404, _error("unknown_route", method=method, path=path)

    def _take(self, headers: dict[str, str], body: bytes) -> Answer:
        events = [json.loads(line) for line in body.splitlines()]
        self.batches.append(len(events))
        journal = headers[JOURNAL_HEADER]
        at = self.books.cursors.get(journal, 0)
        refused = []
        for event in events:
            if event["id"] is None:
                self.live.append(event)
                continue
            if event["id"] <= at:
                continue
            if event["id"] != at + 1 and headers.get(OLDEST_HEADER) != str(event["id"]):
                return 409, _error("event_gap", first=event["id"], expected=at + 1)
            at = event["id"]
            self.books.events.append(event)
            refused += self._take_out(event["kind"], event["payload"])
            if event["kind"] == "turn_end":
                self._settle(event["payload"])
            elif event["kind"] == "status_changed":
                self._send_again(event["payload"])
            elif event["kind"] == "message_out":
                if event["payload"]["to"] in self.refuse_to:
                    reason = {"code": "agent_not_found", "message": "There is no such agent."}
                    refused.append({"message_id": event["payload"]["message_id"], **reason})
                else:
                    self.books.sent[event["payload"]["message_id"]] = event["payload"]
        self.books.cursors[journal] = at
        return 200, {"cursor": at, "refused": refused}

    def _take_out(self, kind: str, payload: dict[str, Any]) -> list[dict[str, Any]]:
        id = payload.get(_OUTBOX_IDS.get(kind, ""))
        if id is None:
            return []
        if kind in self.refuse_kinds:
            return [{"message_id": id, "code": "invalid_request", "message": "It makes no sense."}]
        self.books.outbox.setdefault(kind, {})[id] = payload
        if kind == "answer_out":
            self.books.questions.pop(payload["question_id"], None)
        return []

    async def _something_comes(self, seconds: float) -> None:
        self.waiting += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                self._changed.notify_all()
                await self._changed.wait_for(lambda: any(m["status"] == "queued" for m in self.books.messages.values()))

    def _settle(self, end: dict[str, Any]) -> None:
        for id in end["message_ids"]:
            message = self.books.messages[id]
            if end["outcome"] in ("ok", "cancelled"):
                message |= {"status": "acked", "acks": message.get("acks", 0) + 1}
            elif message["status"] != "acked":
                message |= {"status": "queued" if end["retryable"] else "held", "turn_id": None, "redelivered": True}
                message["held_outcome"] = end["outcome"]
        for message in self._leased(end["turn_id"]):
            message |= {"status": "queued", "turn_id": None}

    def _send_again(self, change: dict[str, Any]) -> None:
        """What was held for a login or a limit comes again once that is over."""
        for message in self.books.messages.values():
            if not change["on"] and message["status"] == "held" and message["held_outcome"] == change["condition"]:
                message |= {"status": "queued", "turn_id": None}

    def _claim(self, claim: dict[str, Any]) -> Answer:
        self.claims.append(claim)
        if self.over_budget is not None:
            answer = {"turn_id": claim["turn_id"], "messages": [], "unread": 1, "over_budget": self.over_budget}
            return 200, answer
        for message in self.books.messages.values():
            if message["status"] == "leased" and message["turn_id"] != claim["turn_id"]:
                message |= {"status": "queued", "turn_id": None, "redelivered": True}
        had = self._leased(claim["turn_id"])
        for message in self.books.messages.values():
            wanted = message["when"] == "now" if claim["only_now"] else claim["more"] or not had
            if message["status"] == "queued" and wanted:
                message |= {"status": "leased", "turn_id": claim["turn_id"], "deliveries": message["deliveries"] + 1}
        leased = [_shown(message) for message in self._leased(claim["turn_id"])]
        open = {"open_threads": len(self.books.questions), "open_reminders": 0}
        return 200, {"turn_id": claim["turn_id"], "messages": leased, "unread": 0, **open}

    def _leased(self, turn_id: str) -> list[dict[str, Any]]:
        return [m for m in self.books.messages.values() if m["status"] == "leased" and m["turn_id"] == turn_id]

    def _approval(self, ask: dict[str, Any]) -> Answer:
        self.books.approvals[ask["id"]] = ask
        shown = {"id": ask["id"], "kind": ask["kind"], "status": "pending", "requester": "ann", "subject": "s"}
        return 200, {**shown, "payload": ask.get("spawn") or {}, "created_at": utc_now(), **self.decided}


@contextlib.asynccontextmanager
async def serving(stub: HivedStub) -> AsyncIterator[HivedStub]:
    await stub.start()
    try:
        yield stub
    finally:
        await stub.stop()


_OUTBOX_IDS = {
    "message_out": "message_id", "question_out": "question_id", "answer_out": "answer_id", "reminder_out": "reminder_id",
    "reminder_cancelled": "cancel_id",
}  # fmt: skip


def _receipt(out: dict[str, Any]) -> dict[str, Any]:
    return {"message_id": out["message_id"], "to": out["to"], "status": "queued", "sent_at": utc_now()}


def _shown(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key not in ("turn_id", "acks", "held_outcome")}


def _error(code: str, **detail: Any) -> dict[str, Any]:
    return {"code": code, "message": code, "detail": detail}
