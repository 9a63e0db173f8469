"""Books with any number of open items: tool uses asked, questions to the operator and held messages, a third each."""

from hived.core import agents, approvals, delivery, messages, questions
from hived.core.event_payloads import QuestionOut, TurnEnd
from hived.store.agents import select_agent
from hived.store.database import Database, Row, Tx
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Actor, ApprovalAsk
from hived.wire.ids import new_id
from hived.wire.messages import Claim

ASKERS = 20
"""Agents that ask; none of them runs."""
AT_ONCE = 30
"""Messages of one turn."""
COMMAND = "git -C /srv/www/site log --oneline --since=yesterday -- src/pages | head -40"
WORDS = "The build of the site fails since this morning, and the log says that a page is missing. " * 4


async def fill(database: Database, count: int, *, characters: int = 0) -> None:
    """`count` items; each command, question and body has at least so many `characters` more."""
    more = "x" * characters
    names = [f"asker-{number}" for number in range(ASKERS)]

    def make(tx: Tx) -> None:
        for name in names:
            request = SpawnRequest(name=name, engine="scripted")
            agent_id = agents.create_agent(tx, request, runtime="process", cause="a test made it")
            agents.next_generation(tx, agent_id)
            agents.want(tx, name, "stopped", Actor(who="operator"))
            agents.set_lifecycle(tx, agent_id, "stopped", "it is to stay so", pid=None)

    def row_of(tx: Tx, name: str) -> Row:
        row = select_agent(tx.connection, agents.find_agent(tx.connection, name)["id"])
        assert row is not None
        return row

    def ask(tx: Tx, name: str, number: int) -> None:
        asker, wanted = row_of(tx, name), {"command": f"{COMMAND} # {number} {more}", "description": "what has changed"}
        approvals.ask_tool_use(tx, asker, 1, ApprovalAsk(id=new_id(), kind="tool_use", tool="Bash", input=wanted))

    def question(tx: Tx, name: str, number: int) -> None:
        out = QuestionOut(
            question_id=new_id(),
            to="operator",
            text=f"{number}: {WORDS} Shall I? {more}",
            options=["yes", "no", "later"],
        )
        questions.take_question(tx, row_of(tx, name), out)

    def hold(tx: Tx, name: str, held: int) -> None:
        agent = row_of(tx, name)
        sent = [
            messages.send(tx, sender="operator", to=name, body=f"{number}: {WORDS} {more}")[0].id
            for number in range(held)
        ]
        turn_id = new_id()
        delivery.claim(tx, agent["id"], 1, Claim(turn_id=turn_id))
        end = TurnEnd(turn_id=turn_id, outcome="failed", message_ids=sent, error="the server is away", retryable=False)
        delivery.settle_turn(tx, agent["id"], end)

    await database.write(make)
    third = count // 3
    for number in range(count - 2 * third):
        await database.write(lambda tx, number=number: ask(tx, names[number % ASKERS], number))  # type: ignore[misc]
    for number in range(third):
        await database.write(lambda tx, number=number: question(tx, names[number % ASKERS], number))  # type: ignore[misc]
    for name, begun in zip(names * (third // AT_ONCE + 1), range(0, third, AT_ONCE), strict=False):
        held = min(AT_ONCE, third - begun)
        await database.write(lambda tx, name=name, held=held: hold(tx, name, held))  # type: ignore[misc]
