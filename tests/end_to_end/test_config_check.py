"""`hive check` of a home: what runs is built, tagged, named by main and hive.lock, and is what its agent.toml says."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from hived.deploy import applied, worktree
from hived.upkeep.config_check import check_home
from tests.support.deploying import HELLO, QUICK, change, deploy, rollback, until_settled
from tests.support.hive import LiveHive, call
from tests.support.living import WORKER, living, scripted


@pytest.fixture
def hive() -> Iterator[LiveHive]:
    with living(HELLO, config=QUICK) as hive:
        until_settled(hive)
        yield hive


def wrong(hive: LiveHive) -> list[str]:
    report = hive.get("/v1/check")[1]
    return [f"{finding['name']}: {finding['words']}" for finding in report["findings"] if not finding["ok"]]


def test_all_agrees_after_each_kind_of_deployment_and_what_does_not_is_found(hive: LiveHive) -> None:
    scripted(hive, HELLO, "other", env={"A": "1"}, limits={"usd_per_day": 2.0}, can_message=["queen"])
    until_settled(hive, "other")
    assert wrong(hive) == []
    assert (
        deploy(hive, change(hive, setup=["true"], model="fast", rules=[{"tool": "Bash", "pattern": "ls"}]))["status"]
        == "deployed"
    )
    assert deploy(hive, change(hive, setup=["false"]))["status"] == "failed"
    assert wrong(hive) == []
    assert rollback(hive)[0] == 200
    assert hive.post(f"/v1/agents/{WORKER}/rebuild", {"env": {"B": "2"}})[0] == 200
    assert hive.put("/v1/agents/other/model", {"model": "slow"})[0] == 200
    until_settled(hive)
    assert wrong(hive) == []
    assert call(hive.paths.host_socket, "DELETE", "/v1/agents/other")[0] == 200
    assert wrong(hive) == []
    approval = hive.post("/v1/tombstones/other/revive", {})[1]["id"]
    assert hive.post(f"/v1/approvals/{approval}/approve", {})[0] == 200
    until_settled(hive, "other")
    assert wrong(hive) == []
    hive.stop()
    assert check_home(hive.paths).ok
    commit = hive_commit(hive)
    worktree.remove(hive.paths.agent(WORKER).builds / commit)
    assert said(hive) == [f"{WORKER}: its config {commit[:12]} is not built."]
    repo = applied.repository(hive.paths.agent("other"))
    first = repo.ref(applied.FIRST)
    assert first is not None
    repo.set_ref("refs/heads/main", repo.write_commit({}, [first], "somebody else's", "2026-01-01T00:00:00.000Z"))
    assert said(hive)[0].startswith("other: main of applied/other is not config")
    books(hive, "UPDATE agents SET spec_json = json_set(spec_json, '$.network', json('true')) WHERE name = 'other'")
    assert any("is not what the agent.toml" in words for words in said(hive))
    shutil.rmtree(hive.paths.meta)
    assert said(hive) == ["There is no hive.lock to be read in meta/."]


def said(hive: LiveHive) -> list[str]:
    return [finding.words for finding in check_home(hive.paths).findings if not finding.ok]


def books(hive: LiveHive, sql: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(hive.paths.database)) as database, database:
        return database.execute(sql).fetchall()


def hive_commit(hive: LiveHive) -> str:
    return books(hive, f"SELECT commit_sha FROM agents WHERE name = '{WORKER}'")[0][0]  # noqa: S608 (fixed)
