"""The part of `FakeHived` that is asked about questions, pairs, budgets and rules, and for what a snapshot has cut."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hived.wire import routes
from hived.wire.base import Answer
from hived.wire.errors import InvalidRule, QuestionClosed
from hived.wire.rules import RuleProposal
from hived.wire.snapshot import Snapshot

WHEN = "2026-11-20T14:32:00.000Z"


class DecisionsApi:
    snapshot: Snapshot
    proposals: dict[str, RuleProposal]
    """By scope."""
    whole: dict[str, Answer]
    """Of what the snapshot has cut."""

    def say(self, kind: Any, thing: Answer | dict[str, Any]) -> None:
        raise NotImplementedError

    def _json(self, body: Any, status: int = 200) -> Response:
        raise NotImplementedError

    async def _remember(self, request: Request) -> Any:
        raise NotImplementedError

    def _decision_routes(self) -> list[Route]:
        return [
            Route(routes.APPROVAL, self._get_approval),
            Route(routes.APPROVAL_RULE, self._get_rule),
            Route(routes.QUESTION, self._get_whole),
            Route(routes.MESSAGE, self._get_whole),
            Route(routes.QUESTION_ANSWER, self._post_answer, methods=["POST"]),
            Route(routes.PAIR_RELEASE, self._post_pair, methods=["POST"]),
            Route(routes.PAIR_DROP, self._post_pair, methods=["POST"]),
            Route(routes.BUDGET_RAISE, self._post_raise, methods=["POST"]),
        ]

    async def _get_approval(self, request: Request) -> Response:
        """All of it, where the snapshot holds less."""
        id = request.path_params["id"]
        return self._json(self.whole.get(id) or next(held for held in self.snapshot.approvals if held.id == id))

    async def _get_whole(self, request: Request) -> Response:
        return self._json(self.whole[request.path_params["id"]])

    async def _get_rule(self, request: Request) -> Response:
        scope = request.query_params["scope"]
        if scope not in self.proposals:
            raise InvalidRule(reason="No rule is narrow enough for this.")
        return self._json(self.proposals[scope])

    async def _post_answer(self, request: Request) -> Response:
        body = await self._remember(request)
        held = next(one for one in self.snapshot.questions if one.id == request.path_params["id"])
        if held.status != "pending":
            raise QuestionClosed(id=held.id, status=held.status, by="queen", at=WHEN)
        found = held.model_dump() | {"status": "answered", "answered_at": WHEN}
        found |= {"answer_text": body.get("text"), "answer_options": body.get("options")}
        found["answered_by"] = {"who": "operator", "client": "hivetui"}
        answered = type(held).model_validate(found)
        self.snapshot.questions[self.snapshot.questions.index(held)] = answered
        self.say("question", answered)
        self._no_longer(held.id, "question")
        return self._json(answered)

    async def _post_pair(self, request: Request) -> Response:
        await self._remember(request)
        held = next(pair for pair in self.snapshot.pairs if pair.id == request.path_params["id"])
        status = "released" if request.url.path.endswith("/release") else "dropped"
        pair = held.model_copy(update={"status": status})
        self.say("pair", pair)
        self._no_longer(pair.id, "pair")
        return self._json(pair)

    async def _post_raise(self, request: Request) -> Response:
        await self._remember(request)
        held = next(budget for budget in self.snapshot.budgets if budget.id == request.path_params["id"])
        budget = held.model_copy(update={"over": False, "words": ""})
        self.say("budget", budget)
        self._no_longer(budget.id, "budget")
        return self._json(budget)

    def _no_longer(self, id: str, kind: str) -> None:
        self.snapshot.waiting[:] = [item for item in self.snapshot.waiting if item.id != id]
        self.say("waiting_removed", {"id": id, "kind": kind})
