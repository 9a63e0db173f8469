"""A database with the rules on it and nothing else: for tests of hived's store, core and routes."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

from hived.config import Config
from hived.core import agents, approvals, delivery, events, messages
from hived.core.heard import HEARD
from hived.core.hive import Hive
from hived.paths import HivePaths
from hived.store.database import Connection, Database, Fed, Ring, Tx
from hived.wire.agents import AgentView, SpawnRequest
from hived.wire.approvals import Actor, WaitingItem
from hived.wire.events import EventsTaken
from hived.wire.messages import Claim, Claimed, Message
from hived.wire.snapshot import HiveInfo
from hived.wire.times import utc_now

T = TypeVar("T")
OPERATOR = Actor(who="operator", uid=1000, pid=4242, client="test", socket="host")


class Books:
    """Everything that is written, and all that was told of it: `feed` and `rings`, oldest first."""

    def __init__(self, hive: Hive) -> None:
        self.hive = hive
        self.database = hive.database
        self.config = hive.config
        self.feed: list[Fed] = []
        self.rings: list[Ring] = []
        self.database.on_feed(self.feed.extend)
        self.database.on_ring(lambda ring: None if ring.event == HEARD else self.rings.append(ring))

    async def do(self, change: Callable[[Tx], T]) -> T:
        return await self.database.write(change)

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read(query)

    async def one(self, sql: str, *parameters: Any) -> Any:
        """The first column of the first row."""

        def query(conn: Connection) -> Any:
            row = conn.execute(sql, parameters).fetchone()
            return None if row is None else row[0]

        return await self.read(query)

    async def agent(self, name: str, *, online: bool = True, **spec: Any) -> str:
        """Make an agent of generation 1 that runs; its id."""
        request = SpawnRequest.model_validate({"name": name, "engine": "scripted", **spec})

        def change(tx: Tx) -> str:
            agent_id = agents.create_agent(tx, request, runtime="process", cause="a test made it")
            generation = agents.next_generation(tx, agent_id)
            if online:
                agents.set_online(tx, agent_id, generation, True)
                agents.set_lifecycle(tx, agent_id, "running", "its harness is connected", pid=77)
            return agent_id

        return await self.do(change)

    async def view(self, name: str) -> AgentView:
        return await self.read(lambda conn: agents.view(conn, agents.find_agent(conn, name)["id"]))

    async def send(self, to: str, body: str = "work", **fields: Any) -> Message:
        """From the operator, unless `sender` says otherwise."""
        fields = {"sender": "operator", **fields}
        return (await self.do(lambda tx: messages.send(tx, to=to, body=body, **fields)))[0]

    async def message(self, message_id: str) -> Message:
        return await self.read(lambda conn: messages.to_message(messages.find_message(conn, message_id)))

    async def claim(self, agent_id: str, turn_id: str, *, generation: int = 1, **claim: Any) -> Claimed:
        wanted = Claim(turn_id=turn_id, **claim)
        given = await self.do(lambda tx: delivery.claim(tx, agent_id, generation, wanted, self.config.max_deliveries))
        return given.claimed()

    async def events(self, agent_id: str, *batch: dict[str, Any], generation: int = 1, **where: Any) -> EventsTaken:
        journal, oldest = where.get("journal", "journal-1"), where.get("oldest", 1)
        return await self.do(
            lambda tx: events.take_batch(tx, agent_id, generation, journal, oldest, list(batch), self.config)
        )

    async def end_turn(
        self, agent_id: str, turn_id: str, outcome: str, *message_ids: str, **payload: Any
    ) -> EventsTaken:
        """The next event of the agent's journal: its turn has ended."""
        cursor = await self.read(lambda conn: events.cursor(conn, agent_id, "journal-1"))
        generation = await self.one("SELECT generation FROM agents WHERE id = ?", agent_id)
        end = {"turn_id": turn_id, "outcome": outcome, "message_ids": list(message_ids), **payload}
        return await self.events(agent_id, event(cursor + 1, "turn_end", **end), generation=generation)

    async def come_due(self) -> None:
        """Let the back-off of every message be over."""
        await self.do(lambda tx: tx.execute("UPDATE messages SET not_before = '2000' WHERE not_before IS NOT NULL"))

    async def waiting(self) -> list[WaitingItem]:
        from hived.core import waiting

        return await self.read(waiting.list_items)

    async def ask(self, name: str, **fields: Any) -> str:
        """The operator asks for a spawn; the approval's id."""
        request = SpawnRequest.model_validate({"name": name, "engine": "scripted", **fields})
        return (await self.do(lambda tx: approvals.ask_spawn(tx, request, "operator"))).id


def event(number: int, kind: str, **payload: Any) -> dict[str, Any]:
    return {"id": number, "ts": utc_now(), "kind": kind, "payload": payload}


@contextlib.asynccontextmanager
async def open_books(**config: Any) -> AsyncIterator[Books]:
    """Fresh ones, in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="hv", dir="/tmp") as folder:
        home = Path(folder)
        database = await Database.open(home / "hive.sqlite")
        info = HiveInfo(host="here", home=folder, pid=1, protocol=1, build="test", started_at=utc_now())
        try:
            yield Books(Hive(HivePaths(home, home, home / "run"), Config(**config), database, info))
        finally:
            await database.close()
