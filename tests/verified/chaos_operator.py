"""The operator of a hive under fire: sends, decides whatever waits, two at once now and then, and kills what he may."""

import contextlib
import http.client
import os
import random
import signal
import threading
import time
from collections import Counter
from typing import Any
from uuid import uuid4

import psutil

from tests.support.hive import LiveHive, call
from tests.verified.shell import Failed, expect

RETRY_SECONDS = 40.0
ASK_SECONDS = 3.0
NOT_THERE = (OSError, http.client.HTTPException)


class Operator:
    """Every act is repeated under its idempotency key until hived has answered it."""

    def __init__(self, hive: LiveHive, seed: int) -> None:
        self.hive = hive
        self.random = random.Random(seed)
        self.did: Counter[str] = Counter()
        self.duels: dict[str, str] = {}
        """Approval → the verdict of the one client of two that won."""

    def get(self, target: str) -> Any:
        status, answer = self._until_answered("GET", target, None)
        expect(status == 200, f"GET {target} was answered {status}: {answer}")
        return answer

    def post(self, target: str, body: Any = None) -> tuple[int, Any]:
        return self._until_answered("POST", target, body)

    def put(self, target: str, body: Any) -> None:
        status, answer = self._until_answered("PUT", target, body)
        expect(status == 200, f"PUT {target} was answered {status}: {answer}")

    def send(self, to: str, body: str) -> None:
        status, answer = self.post("/v1/messages", {"to": to, "body": body})
        expect(status == 201, f"the operator's message to {to} must be taken: {answer}")
        self.did["sent"] += len(answer["messages"])

    def decide_one(self, *, at_rest: bool = False) -> bool:
        """Decide something that waits, if anything does; `at_rest`: what ends it rather than what keeps it going."""
        items = self.get("/v1/waiting")["waiting"]
        if not items:
            return False
        self.decide(self.random.choice(items), at_rest=at_rest)
        return True

    def decide(self, item: dict[str, Any], *, at_rest: bool = False) -> None:
        id, kind = item["id"], item["kind"]
        match kind:
            case "tool_use" | "spawn":
                self._approval(id, kind)
            case "question":
                self._question(id)
            case "held_message":
                again = not at_rest and self.random.random() < 0.7
                self._settled(kind, self.post(f"/v1/messages/{id}/{'retry' if again else 'drop'}"))
            case "pair":
                word = "drop" if at_rest or self.random.random() < 0.5 else "release"
                self._settled(f"{kind} {word}", self.post(f"/v1/pairs/{id}/{word}"))
            case "budget":
                self._settled(kind, self.post(f"/v1/budgets/{id}/raise", {}))
            case "parked":
                self._settled(kind, self.post(f"/v1/agents/{item['agent']}/start"))
            case "resume_choice":
                self._settled(kind, self.post(f"/v1/agents/{item['agent']}/new-session", {"primer": True}))
            case _:
                raise Failed(f"nobody foresaw that this would wait: {item}")

    def kill(self, names: list[str]) -> None:
        """hived, a harness or an engine, with SIGKILL; hived is started again at once."""
        what = self.random.choices(("hived", "harness", "engine", "asker"), (3, 4, 2, 3))[0]
        if what == "hived":
            self.hive.kill()
            self.hive.start()
        elif what == "asker":
            self._kill_asker()
            return
        else:
            agent = self.get(f"/v1/agents/{self.random.choice(names)}")
            if not agent.get("pid"):
                return
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                harness = psutil.Process(agent["pid"])
                engines = harness.children(recursive=True)
                if what == "engine" and not engines:
                    return
                os.kill(self.random.choice(engines).pid if what == "engine" else harness.pid, signal.SIGKILL)
        self.did[f"killed {what}"] += 1

    def _kill_asker(self) -> None:
        """The harness of one that waits for a yes is killed, and it is said while nobody is there to hear it."""
        deadline = time.monotonic() + ASK_SECONDS
        while not (asks := [item for item in self.get("/v1/waiting")["waiting"] if item["kind"] == "tool_use"]):
            if time.monotonic() > deadline:
                return
            time.sleep(0.05)
        ask = self.random.choice(asks)
        agent = self.get(f"/v1/agents/{ask['agent']}")
        if agent.get("pid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(agent["pid"], signal.SIGKILL)
                self.did["killed asker"] += 1
        self._settled("tool_use approve", self.post(f"/v1/approvals/{ask['id']}/approve", {}))

    def _approval(self, id: str, kind: str) -> None:
        verdict = "approve" if self.random.random() < 0.75 else "deny"
        if self.random.random() < 0.25:
            self._duel(id)
            return
        body: dict[str, Any] = {"note": "seen"} if self.random.random() < 0.3 else {}
        self._settled(f"{kind} {verdict}", self.post(f"/v1/approvals/{id}/{verdict}", body))

    def _duel(self, id: str) -> None:
        """Two clients at the same instant, of two minds: one wins, and the other is told who did."""
        answers: dict[str, int] = {}
        gate = threading.Barrier(2)

        def client(verdict: str) -> None:
            gate.wait()
            with contextlib.suppress(*NOT_THERE):
                answers[verdict] = call(self.hive.paths.host_socket, "POST", f"/v1/approvals/{id}/{verdict}", {})[0]

        clients = [threading.Thread(target=client, args=(verdict,)) for verdict in ("approve", "deny")]
        for one in clients:
            one.start()
        for one in clients:
            one.join(RETRY_SECONDS)
        won = [verdict for verdict, status in answers.items() if status == 200]
        if sorted(answers.values()) == [200, 409]:
            self.duels[id] = {"approve": "approved", "deny": "denied"}[won[0]]
            self.did["duels of two clients"] += 1
        else:
            expect(list(answers.values()) == [409, 409], f"two at once on {id} were answered {answers}")

    def _question(self, id: str) -> None:
        status, question = self._until_answered("GET", f"/v1/questions/{id}", None)
        if status != 200 or question["status"] != "pending":
            return
        answer: dict[str, Any] = {"text": "as you think best"}
        if question["options"]:
            answer = {"options": [self.random.randrange(len(question["options"]))]}
        self._settled("question", self.post(f"/v1/questions/{id}/answer", answer))

    def _settled(self, what: str, answered: tuple[int, Any]) -> None:
        """Done, or decided meanwhile: by the other side of it, by its turn's end, by its deadline."""
        status, answer = answered
        if status == 200:
            self.did[what] += 1
        else:
            expect(status == 409, f"{what} was answered {status}: {answer}")

    def _until_answered(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        deadline = time.monotonic() + RETRY_SECONDS
        headers = {"hive-client": "chaos", **({"idempotency-key": str(uuid4())} if method == "POST" else {})}
        while True:
            try:
                return call(self.hive.paths.host_socket, method, target, body, headers, timeout=RETRY_SECONDS)
            except NOT_THERE as error:
                expect(time.monotonic() < deadline, f"hived gave no answer to {method} {target}: {error!r}")
                time.sleep(0.05)
