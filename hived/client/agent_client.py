"""What a harness says to hived, over its own socket. The socket says who is calling; every call carries the generation.

Raises the HiveError that hived answered with (StaleGeneration, EventGap, …), NotRunning where nobody answers.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from hived.client.errors import error_from_wire
from hived.client.sse import SseParser
from hived.client.unix_http import HttpAnswer, KeptConnection, streamed
from hived.wire import routes
from hived.wire.approvals import Approval, ApprovalAsk
from hived.wire.base import Answer
from hived.wire.budgets import TurnAllowed, TurnAsked
from hived.wire.control import CONTROL_EVENTS, PeerList, StatusReport, Whoami
from hived.wire.errors import ProtocolMismatch
from hived.wire.events import EventsTaken
from hived.wire.messages import Claim, Claimed, MessageList, ReceiptList, Release
from hived.wire.protocol import (
    BUILD,
    BUILD_HEADER,
    CLIENT_HEADER,
    GENERATION_HEADER,
    JOURNAL_HEADER,
    OLDEST_HEADER,
    PROTOCOL,
    PROTOCOL_HEADER,
)
from hived.wire.questions import OpenThreads

if TYPE_CHECKING:
    from hived.wire.deployments import Proposal

M = TypeVar("M", bound=BaseModel)

CALL_SECONDS = 30.0
"""hived answers in milliseconds; one that does not within this is taken for away."""
PROPOSAL_SECONDS = 180.0
"""What it brings along is copied and checked first."""


class AgentClient:
    """Calls share one kept connection, event batches have another, claims that wait a third; each control stream its own."""

    def __init__(self, socket: Path, generation: int) -> None:
        self._socket = socket
        self._headers = {
            GENERATION_HEADER: str(generation),
            CLIENT_HEADER: "agentd",
            PROTOCOL_HEADER: str(PROTOCOL),
            BUILD_HEADER: BUILD,
        }
        self._calls = KeptConnection(socket)
        self._events = KeptConnection(socket)
        self._waiting = KeptConnection(socket)

    async def close(self) -> None:
        await self._calls.close()
        await self._waiting.close()
        await self._events.close()

    async def post_events(self, lines: bytes, *, journal_uuid: str, oldest: int | None) -> EventsTaken:
        """Send a batch of events, one line of JSON each. `oldest` is the first id that the journal still has."""
        headers = {**self._headers, JOURNAL_HEADER: journal_uuid, "content-type": "application/x-ndjson"}
        if oldest is not None:
            headers[OLDEST_HEADER] = str(oldest)
        answer = await self._events.request("POST", routes.EVENTS, headers, lines, seconds=CALL_SECONDS)
        return EventsTaken.model_validate_json(_checked(answer).body)

    async def claim(self, claim: Claim) -> Claimed:
        return await self._call("POST", routes.CLAIM, claim, Claimed)

    async def claim_more(self, claim: Claim) -> Claimed:
        """Claim into the turn that runs, for as long as `claim.wait` says; meanwhile other calls go on."""
        return await self._call(
            "POST", routes.CLAIM, claim, Claimed, over=self._waiting, seconds=CALL_SECONDS + claim.wait
        )

    async def may_start(self, turn_id: str, kind: str) -> TurnAllowed:
        """Whether the budgets allow a turn that claims nothing."""
        return await self._call("POST", routes.TURN_START, TurnAsked(turn_id=turn_id, kind=kind), TurnAllowed)

    async def release(self, turn_id: str) -> None:
        await self._send("POST", routes.RELEASE, Release(turn_id=turn_id))

    async def report_status(self, report: StatusReport) -> None:
        await self._send("POST", routes.STATUS, report)

    async def ask_approval(self, ask: ApprovalAsk) -> Approval:
        return await self._call("POST", routes.APPROVALS, ask, Approval)

    async def propose(self, proposal: "Proposal") -> Approval:
        """A queen's: the approval of that commit, new or known."""
        return await self._call("POST", routes.PROPOSALS, proposal, Approval, seconds=PROPOSAL_SECONDS)

    async def list_inbox(self) -> MessageList:
        """What waits, without leasing it."""
        return await self._call("GET", routes.INBOX, None, MessageList)

    async def list_receipts(self, message_id: str | None = None) -> ReceiptList:
        """Of what the agent has sent, newest first; of one message alone."""
        query = "" if message_id is None else f"?message_id={quote(message_id, safe='')}"
        return await self._call("GET", routes.RECEIPTS + query, None, ReceiptList)

    async def open_threads(self) -> OpenThreads:
        """What the agent still owes and is owed."""
        return await self._call("GET", routes.OPEN_THREADS, None, OpenThreads)

    async def whoami(self) -> Whoami:
        return await self._call("GET", routes.WHOAMI, None, Whoami)

    async def list_peers(self) -> PeerList:
        return await self._call("GET", routes.PEERS, None, PeerList)

    @contextlib.asynccontextmanager
    async def control(self, journal_uuid: str) -> AsyncIterator[AsyncIterator[Answer]]:
        """The control stream: its events as wire.control's models, Hello first. One of a newer hived is passed over."""
        headers = {**self._headers, JOURNAL_HEADER: journal_uuid, "accept": "text/event-stream"}
        async with streamed(self._socket, routes.CONTROL, headers) as (answer, chunks):
            _checked(answer)
            yield _control_events(chunks)

    async def _call(
        self,
        method: str,
        path: str,
        body: BaseModel | None,
        model: type[M],
        *,
        over: KeptConnection | None = None,
        seconds: float = CALL_SECONDS,
    ) -> M:
        return model.model_validate_json((await self._send(method, path, body, over=over, seconds=seconds)).body)

    async def _send(
        self,
        method: str,
        path: str,
        body: BaseModel | None,
        *,
        over: KeptConnection | None = None,
        seconds: float = CALL_SECONDS,
    ) -> HttpAnswer:
        headers = self._headers
        data = b""
        if body is not None:
            headers = {**headers, "content-type": "application/json"}
            data = body.model_dump_json().encode()
        return _checked(await (over or self._calls).request(method, path, headers, data, seconds=seconds))


async def _control_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[Answer]:
    parser = SseParser()
    async for chunk in chunks:
        for event in parser.feed(chunk):
            model = CONTROL_EVENTS.get(event.event)
            if model is not None:
                yield model.model_validate_json(event.data)


def _checked(answer: HttpAnswer) -> HttpAnswer:
    theirs = answer.headers.get(PROTOCOL_HEADER)
    if theirs is not None and theirs != str(PROTOCOL):
        raise ProtocolMismatch(theirs=theirs, build=answer.headers.get(BUILD_HEADER, "?"), ours=PROTOCOL)
    if answer.status >= 400:
        raise error_from_wire(answer.status, answer.body)
    return answer
