"""The queen's tool `propose_config`, against a real hived: what it takes, what it answers, and that a repeat asks once."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from agentd.tools.arguments import WrongArguments
from agentd.tools.propose import propose_config
from hived.client.agent_client import AgentClient
from tests.support.configs import Config
from tests.support.hive import LiveHive, live_hive, wait_until


@pytest.fixture(scope="module")
def hive() -> Iterator[LiveHive]:
    """A queen and bee, whose processes never connect; each has its config."""
    with live_hive(start=False, module="tests.support.fake_hived") as made:
        (made.home / "hive.toml").write_text("start_seconds = 300\nstop_seconds = 2\n")
        made.start()
        for name, role in (("queen", "queen"), ("bee", "worker")):
            made.spawn(name, "command", engine_options={"command": ["cat"], "fake": "deaf"}, role=role)
            wait_until(lambda name=name: made.agent(name)["pid"], f"the start of {name}")  # type: ignore[misc]
        yield made


@pytest.fixture
async def client(hive: LiveHive) -> AsyncIterator[AgentClient]:
    made = AgentClient(hive.paths.agent("queen").socket, hive.agent("queen")["generation"])
    yield made
    await made.close()


def commit(hive: LiveHive, words: str) -> str:
    """Of bee's config."""
    return Config(hive.paths, "bee").commit({"notes.md": words}, words)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"agent": "bee"}, "`commit` is missing"),
        ({"agent": "bee", "commit": "main"}, "`commit` is 40 hex digits"),
        ({"agent": "bee", "commit": "A" * 40}, "`commit` is 40 hex digits"),
        ({"agent": "", "commit": "0" * 40}, "`agent` is missing"),
        ({"agent": "bee", "commit": "0" * 40, "reason": 3}, "`reason` is a text"),
        ({"agent": "bee", "commit": "0" * 40, "reason": "x" * 5000}, "`reason` is at most 4096"),
    ],
)
async def test_a_call_that_is_wrong_is_one_sentence(
    client: AgentClient, arguments: dict[str, object], sentence: str
) -> None:
    with pytest.raises(WrongArguments, match=sentence):
        await propose_config(client, arguments)


async def test_what_is_asked_waits_for_the_operator_in_her_name(hive: LiveHive, client: AgentClient) -> None:
    sha = commit(hive, "first")
    answer = await propose_config(client, {"agent": "bee", "commit": sha, "reason": "it helps"})
    assert not answer.is_error
    [asked] = hive.get("/v1/approvals?all=false&kind=apply_commit")[1]["approvals"]
    assert answer.text == f"proposed: approval {asked['id']} is pending; you are told by a message what becomes of it"
    assert (asked["requester"], asked["payload"]["commit"], asked["payload"]["reason"]) == ("queen", sha, "it helps")
    assert hive.post(f"/v1/approvals/{asked['id']}/deny")[0] == 200


async def test_what_the_operator_asked_before_is_said(hive: LiveHive, client: AgentClient) -> None:
    sha = commit(hive, "second")
    status, asked = hive.post("/v1/proposals", {"agent": "bee", "commit": sha})
    assert status == 202
    answer = await propose_config(client, {"agent": "bee", "commit": sha})
    assert f"approval {asked['id']} is pending (asked before, by operator)" in answer.text
    assert hive.post(f"/v1/approvals/{asked['id']}/deny")[0] == 200


@pytest.mark.parametrize(
    ("agent", "code"), [("nobody", "agent_not_found"), ("../bee", "invalid_name"), ("bee", "commit_not_found")]
)
async def test_what_hived_refuses_is_its_sentence(client: AgentClient, agent: str, code: str) -> None:
    answer = await propose_config(client, {"agent": agent, "commit": "0" * 40})
    assert answer.is_error
    assert answer.text.startswith(f"not proposed ({code}): ")


async def test_an_ask_into_a_restart_of_hived_is_asked_once(hive: LiveHive, client: AgentClient) -> None:
    sha = commit(hive, "third")
    await asyncio.to_thread(hive.kill)
    asking = asyncio.create_task(propose_config(client, {"agent": "bee", "commit": sha}))
    await asyncio.to_thread(hive.start)
    answer = await asyncio.wait_for(asking, 60)
    assert answer.text.startswith("proposed: "), answer
    asked = hive.get("/v1/approvals?all=false&kind=apply_commit")[1]["approvals"]
    assert [one["payload"]["commit"] for one in asked] == [sha]
