"""Every database of a released schema opens here whole: one file for each schema, in tests/fixtures/databases."""

import json
import os
import shutil
from pathlib import Path

import pytest

from hived.core import agents, approvals, audit, messages, waiting
from hived.core.settings import list_models
from hived.store import migrate
from hived.store.database import Database

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "databases"
FIXTURES = sorted(FOLDER.glob("schema-*.sqlite"))


def test_every_schema_before_this_one_has_its_fixture() -> None:
    newest = migrate.migrations()[-1][0]
    assert {f"schema-{number:04d}.sqlite" for number in range(1, newest)} <= {path.name for path in FIXTURES}


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.stem)
async def test_what_it_holds_is_there_after_the_migration(fixture: Path, tmp_path: Path) -> None:
    path = tmp_path / "hive.sqlite"
    shutil.copy(fixture, path)
    path.chmod(0o600)
    schema = int(fixture.stem.removeprefix("schema-"))
    database = await Database.open(path)
    try:
        (scout,) = await database.read(agents.list_views)
        assert (scout.name, scout.engine, scout.model, scout.lifecycle.state) == (
            "scout", "claude", "haiku", "requested",
        )  # fmt: skip
        assert (scout.session.state, scout.login, scout.effort, scout.permission_mode) == ("none", None, None, None)
        (known,) = await database.read(agents.supervised)
        assert (known.model, known.request.name, known.effort) == ("haiku", "scout", None)
        assert (await database.read(lambda conn: list_models(conn, "scout"))).current == "haiku"
        (message,) = await database.read(messages.list_messages)
        assert (message.body, message.recipient, message.status) == ("look at the build", "scout", "queued")
        asked = await database.read(lambda conn: approvals.list_approvals(conn, undecided=False))
        assert {approval.status for approval in asked} == {"approved", "pending"}
        assert [item.kind for item in await database.read(waiting.list_items)] == ["spawn"]
        assert await database.read(audit.verify) is None
        await database.write(lambda tx: agents.next_generation(tx, scout.id))
        claimed = await database.read(lambda conn: messages.list_queued(conn, scout.id))
        assert [queued.id for queued in claimed] == [message.id]
    finally:
        await database.close()
    kept = sorted(name for name in os.listdir(tmp_path) if ".before-" in name)
    newest = migrate.migrations()[-1][0]
    assert kept == [f"hive.sqlite.before-{number:04d}" for number in range(schema + 1, newest + 1)]
    assert json.loads(scout.model_dump_json())["session"]["state"] == "none"
