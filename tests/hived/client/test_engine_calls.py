"""The client's calls for an agent's turn, settings and engine, on a real hived with a real harness."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hived.client.hive_client import HiveClient
from hived.wire.agents import AgentView, Rebuild
from hived.wire.errors import AgentNotConnected, NoLogin, UnknownEngine, Unsupported
from hived.wire.messages import MessageDraft
from tests.support.hive import LiveHive, live_hive, wait_until

SCENARIO = '[[turn]]\nsteps = [{ say = "done" }]\n'


@pytest.fixture(scope="module")
def hive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveHive]:
    """With agent `ada`, who echoes."""
    with live_hive() as living:
        living.spawn("ada", "command", engine_options={"command": ["cat"]})
        living.until_online("ada")
        yield living


@pytest.fixture
async def client(hive: LiveHive) -> AsyncIterator[HiveClient]:
    async with HiveClient(hive.paths.host_socket) as found:
        yield found


async def view(client: HiveClient) -> AgentView:
    return await client.show_agent("ada")


async def test_model_and_settings(client: HiveClient, hive: LiveHive) -> None:
    await client.set_model("ada", "large")
    assert (await view(client)).model == "large"
    assert (await client.list_models("ada")).current == "large"
    await client.set_effort("ada", None)
    await client.set_permission_mode("ada", None)
    with pytest.raises(Unsupported):
        await client.set_effort("ada", "high")
    with pytest.raises(Unsupported):
        await client.set_permission_mode("ada", "plan")


async def test_a_nap_and_its_end(client: HiveClient, hive: LiveHive) -> None:
    await client.nap("ada", 600)
    turn = (await view(client)).turn
    assert turn.state == "napping"
    assert turn.until is not None
    await client.resume("ada")
    assert (await view(client)).turn.until is None
    await client.nap("ada", 600)
    await client.nap("ada", 0)
    assert (await view(client)).turn.until is None


async def test_a_new_session_is_armed(client: HiveClient) -> None:
    await client.new_session("ada", primer=True)
    session = (await view(client)).session
    assert (session.state, session.primer) == ("armed", True)
    await client.new_session("ada", primer=False)
    assert (await view(client)).session.primer is False


async def test_what_its_engine_cannot_do_is_refused(client: HiveClient) -> None:
    with pytest.raises(Unsupported):
        await client.compact("ada")
    with pytest.raises(Unsupported):
        await client.start_login("ada")
    with pytest.raises(NoLogin):
        await client.give_login_code("ada", "x")
    with pytest.raises(NoLogin):
        await client.cancel_login("ada")


async def test_a_rebuild_moves_it_to_another_engine_where_it_works_on(
    client: HiveClient, hive: LiveHive, tmp_path: Path
) -> None:
    with pytest.raises(UnknownEngine):
        await client.rebuild("ada", Rebuild(engine="cheese"))
    scenario = tmp_path / "moved.toml"
    scenario.write_text(SCENARIO)
    moved = await client.rebuild("ada", Rebuild(engine="scripted", engine_options={"scenario": str(scenario)}))
    assert (moved.engine, moved.model, moved.online) == ("scripted", "default", True)
    before = moved.spend.turns
    await client.send_message(MessageDraft(to="ada", body="go on"))
    await asyncio.to_thread(wait_until, lambda: hive.agent("ada")["spend"]["turns"] > before, "its turn")
    after = await view(client)
    assert (after.last_outcome, after.last_error) == ("ok", None)


async def test_an_agent_that_is_stopped_cannot_be_told(client: HiveClient) -> None:
    await client.stop_agent("ada")
    for call in (
        client.nap("ada", 1),
        client.compact("ada"),
        client.new_session("ada", primer=False),
        client.resume("ada"),
        client.start_login("ada"),
    ):
        with pytest.raises(AgentNotConnected):
            await call
    await client.set_model("ada", "small")
    assert (await view(client)).model == "small"
