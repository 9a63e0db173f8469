"""An agent's end and the way back: destroyed, brought back with its conversation, and gone for good, on real agents."""

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hived.wire.process_identity import ProcessIdentity
from tests.support.hive import LiveHive, call, live_hive, wait_until
from tests.support.living import SECONDS, WORKER, command, done, events, living, scripted, send, texts, until_idle
from tests.support.repositories import commit, git, make_origin

SCENARIO = """
[[turn]]
match = "write"
steps = [ { shell = "echo mine > mine.txt && git add mine.txt && git -c user.name=w -c user.email=w@w commit -qm mine" }, { say = "written" } ]

[[turn]]
match = "long"
steps = [ { say = "I begin" }, { shell = "sleep 300" }, { say = "never" } ]

[[turn]]
repeat = true
steps = [ { say = "heard you, {from}" } ]
"""
TOMBSTONE = f"/v1/tombstones/{WORKER}"


@pytest.fixture
def hive(tmp_path: Path) -> Iterator[LiveHive]:
    """A hive with one worker in a clone of a repository."""
    with live_hive(start=False) as made:
        (made.home / "hive.toml").write_text("healthy_seconds = 0\n")
        made.start()
        scripted(made, SCENARIO, repo=str(make_origin(tmp_path / "origin")))
        yield made


def delete(hive: LiveHive, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
    headers = {} if key is None else {"idempotency-key": key}
    return call(hive.paths.host_socket, "DELETE", path, body, headers, timeout=90)


def destroy(hive: LiveHive, name: str = WORKER, **wish: Any) -> Any:
    status, answer = delete(hive, f"/v1/agents/{name}", wish or None)
    assert status == 200, answer
    return answer


def revive(hive: LiveHive) -> Any:
    """Asked for, approved and online; the approval."""
    status, asked = hive.post(f"{TOMBSTONE}/revive", {})
    assert status == 202, asked
    status, approval = hive.post(f"/v1/approvals/{asked['id']}/approve", {})
    assert (status, approval["status"]) == (200, "approved"), approval
    hive.until_online(WORKER, SECONDS)
    return asked


def folders(hive: LiveHive) -> list[Path]:
    paths = hive.paths.agent(WORKER)
    return [
        folder for folder in (paths.root, paths.proposed, paths.applied, paths.builds, paths.run) if folder.exists()
    ]


def test_destroyed_it_is_read_as_before_and_revived_it_goes_on_with_its_conversation(
    hive: LiveHive, tmp_path: Path
) -> None:
    done(hive, "hello")
    before, journal = hive.agent(WORKER), events(hive)
    tombstone = destroy(hive, note="for now")
    assert (tombstone["name"], tombstone["note"], tombstone["turns"]) == (WORKER, "for now", 1)
    assert tombstone["last_words"].startswith("heard")
    assert tombstone["session_id"] == before["session_id"]
    assert tombstone["bytes"] > 100_000
    assert hive.get("/v1/agents")[1]["agents"] == []
    assert hive.get(f"/v1/agents/{WORKER}")[1]["code"] == "agent_buried"
    assert hive.get("/v1/snapshot")[1]["tombstones"][0]["name"] == WORKER
    assert events(hive)[: len(journal)] == journal
    for view in ("turns", "log", "work"):
        assert hive.get(f"/v1/agents/{WORKER}/{view}")[0] == 200
    commit(tmp_path / "origin", text="more\n", message="more")

    asked = revive(hive)
    assert asked["payload"]["changed"] == [f"repo: 1 commit on main of {tmp_path}/origin"]
    after = hive.agent(WORKER)
    assert (after["id"], after["session_id"]) == (before["id"], before["session_id"])
    assert after["generation"] == before["generation"] + 1
    done(hive, "again")
    assert len(texts(hive)) == 2
    assert hive.get("/v1/tombstones")[1]["tombstones"] == []
    assert hive.get("/v1/check")[1]["ok"]


def test_destroyed_in_the_middle_of_a_turn_nothing_of_it_runs_and_its_message_waits(hive: LiveHive) -> None:
    message = send(hive, "long")
    wait_until(lambda: "I begin" in texts(hive), "its turn", SECONDS)
    pid = hive.agent(WORKER)["pid"]
    tombstone = destroy(hive)
    identity = ProcessIdentity.of(pid, 1)
    assert identity is None or not identity.alive
    assert not [line for line in _commands() if "sleep 300" in line and str(hive.home) in line]
    assert tombstone["open"]["messages"] == 1
    assert hive.post("/v1/messages", {"to": WORKER, "body": "more"})[1]["code"] == "agent_buried"
    assert hive.get(f"/v1/messages/{message}")[1]["status"] == "queued"


def _commands() -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append(f"{words} {os.readlink(folder / 'cwd')}")
            except OSError:
                continue
    return found


def test_destroying_twice_is_told_and_the_queen_is_protected(hive: LiveHive) -> None:
    destroy(hive)
    assert delete(hive, f"/v1/agents/{WORKER}")[1]["code"] == "agent_buried"
    assert delete(hive, "/v1/agents/nobody")[1]["code"] == "agent_not_found"
    assert hive.post(f"{TOMBSTONE}/revive", {})[0] == 202
    scripted(hive, SCENARIO, "queen", role="queen")
    assert delete(hive, "/v1/agents/queen")[1]["code"] == "protected_agent"
    assert delete(hive, "/v1/agents/queen", {"purge": True})[1]["code"] == "protected_agent"


def test_who_lives_is_no_tombstone(hive: LiveHive) -> None:
    for method, path in (
        ("GET", TOMBSTONE),
        ("GET", f"{TOMBSTONE}/purge"),
        ("POST", f"{TOMBSTONE}/revive"),
        ("DELETE", TOMBSTONE),
    ):
        status, answer = call(hive.paths.host_socket, method, path)
        assert (status, answer["code"]) == (409, "still_alive"), path
    assert hive.get("/v1/tombstones/eve")[1]["code"] == "tombstone_not_found"
    assert hive.get("/v1/tombstones/..%2Fworker")[0] in (400, 404)


def test_no_agent_can_end_another_or_itself(hive: LiveHive) -> None:
    socket = hive.paths.agent(WORKER).socket
    for method, path in (("DELETE", f"/v1/agents/{WORKER}"), ("DELETE", TOMBSTONE), ("POST", f"{TOMBSTONE}/revive")):
        status, answer = call(socket, method, path)
        assert (status, answer["code"]) == (403, "forbidden_role")
    assert hive.agent(WORKER)["online"]


def test_work_that_is_nowhere_else_stops_a_purge_until_it_has_come_home(hive: LiveHive, tmp_path: Path) -> None:
    done(hive, "write")
    status, refused = delete(hive, f"/v1/agents/{WORKER}", {"purge": True})
    assert (status, refused["code"]) == (409, "work_unmerged")
    assert "1 commit" in refused["message"]
    assert hive.agent(WORKER)["online"], "a purge that is refused has ended it"
    tombstone = destroy(hive)
    assert tombstone["work"]["commits"] == 1
    assert hive.get(f"{TOMBSTONE}/purge")[1]["stopped_by"] == "work that is nowhere else: 1 commit"
    assert delete(hive, TOMBSTONE)[1]["code"] == "work_unmerged"
    assert len(folders(hive)) == 5
    status, fetched = hive.post(f"/v1/agents/{WORKER}/work/fetch", {})
    assert status == 200, fetched
    assert hive.get(TOMBSTONE)[1]["work"]["commits"] == 0
    status, purged = delete(hive, TOMBSTONE)
    assert (status, purged["name"]) == (200, WORKER), purged
    assert folders(hive) == []
    assert "mine" in git(tmp_path / "origin", "log", "--format=%s", "hive/worker")


def test_purged_its_name_is_free_and_the_next_one_begins_with_nothing(hive: LiveHive, tmp_path: Path) -> None:
    done(hive, "hello")
    first = hive.agent(WORKER)
    destroy(hive)
    plan = hive.get(f"{TOMBSTONE}/purge")[1]
    assert plan["stopped_by"] == ""
    assert str(hive.paths.agent(WORKER).root) in plan["goes"]
    status, purged = delete(hive, TOMBSTONE, key="once")
    assert (status, purged["id"], purged["bundle"]) == (200, first["id"], None)
    assert purged["bytes"] > 0
    assert delete(hive, TOMBSTONE, key="once") == (200, purged)
    assert delete(hive, TOMBSTONE)[1]["code"] == "tombstone_not_found"
    assert hive.get(f"/v1/agents/{WORKER}")[1]["code"] == "agent_not_found"
    scripted(hive, SCENARIO, repo=str(tmp_path / "origin"))
    second = hive.agent(WORKER)
    assert second["id"] != first["id"]
    assert (second["spend"]["turns"], second["generation"]) == (0, 1)
    assert texts(hive) == []
    assert hive.get("/v1/check")[1]["ok"]


def test_destroy_with_purge_does_both_in_one_call(hive: LiveHive) -> None:
    (hive.paths.agent(WORKER).workspace / "scratch.txt").write_text("x")
    assert delete(hive, f"/v1/agents/{WORKER}", {"purge": True})[1]["code"] == "work_unmerged"
    status, purged = delete(hive, f"/v1/agents/{WORKER}", {"purge": True, "discard_work": True})
    assert (status, purged["name"]) == (200, WORKER)
    assert folders(hive) == []


def test_a_purge_that_cannot_go_on_says_so_and_goes_on_when_it_is_asked_again(hive: LiveHive) -> None:
    destroy(hive)
    harness = hive.paths.agent(WORKER).harness
    mine = ProcessIdentity.of(os.getpid(), 1)
    assert mine is not None
    mine.write(harness / "agentd.pid")
    status, stuck = delete(hive, TOMBSTONE)
    assert (status, stuck["code"]) == (409, "purge_stuck")
    assert f"its harness, pid {os.getpid()}" in stuck["message"]
    found = hive.get("/v1/tombstones")[1]["tombstones"][0]
    assert found["purging"]
    assert "still runs" in found["problem"]
    assert hive.post(f"{TOMBSTONE}/revive", {})[1]["code"] == "being_purged"
    assert len(folders(hive)) == 5
    (harness / "agentd.pid").unlink()
    assert delete(hive, TOMBSTONE)[0] == 200
    assert folders(hive) == []


def test_a_last_bundle_is_kept_as_long_as_hive_toml_says(hive: LiveHive) -> None:
    hive.stop()
    (hive.home / "hive.toml").write_text("healthy_seconds = 0\nbundle_days = 30\n")
    hive.start()
    hive.until_online(WORKER)
    done(hive, "write")
    destroy(hive)
    status, purged = delete(hive, TOMBSTONE, {"discard_work": True})
    assert status == 200, purged
    bundle = Path(purged["bundle"])
    assert bundle.parent == hive.paths.bundles
    assert bundle.stat().st_mode & 0o777 == 0o600
    past = bundle.with_name(bundle.name.replace(bundle.name[-23:-7], "20200101T000000Z"))
    bundle.rename(past)
    hive.stop()
    hive.start()
    wait_until(lambda: not past.exists(), "the old bundle's removal")


def test_what_is_gone_leaves_no_word_of_what_was_asked_in_the_books(hive: LiveHive) -> None:
    destroy(hive)
    assert delete(hive, TOMBSTONE)[0] == 200
    hive.stop()
    with sqlite3.connect(hive.paths.database) as books:
        payloads = [json.loads(row[0]) for row in books.execute("SELECT payload_json FROM approvals")]
    books.close()
    assert payloads == [{}]


def test_from_the_shell(hive: LiveHive) -> None:
    done(hive, "write")
    asked = command(hive, "destroy", WORKER)
    assert (asked.returncode, asked.stderr.partition("]")[0]) == (2, "error[confirmation_needed")
    gone = command(hive, "destroy", WORKER, "--yes", "--note", "enough")
    assert "worker is destroyed; its state is kept" in gone.stdout, gone.stderr
    assert "1 commit" in gone.stdout
    listed = command(hive, "tombstones").stdout.splitlines()
    assert len(listed) == 2
    assert "1 commit" in listed[1]
    assert listed[1].rstrip().endswith("written")
    assert "enough" in command(hive, "tombstones", WORKER).stdout
    assert "written" in command(hive, "transcript", WORKER).stdout
    plan = command(hive, "purge", WORKER, "--dry-run")
    assert "stopped by work that is nowhere else: 1 commit" in plan.stdout
    refused = command(hive, "purge", WORKER, "--yes")
    assert (refused.returncode, refused.stderr.partition("]")[0]) == (5, "error[work_unmerged")
    back = command(hive, "revive", WORKER, "--yes")
    assert "worker is online." in back.stdout, back.stderr
    ended = command(hive, "destroy", WORKER, "--purge", "--discard-work", "--yes", "--json")
    assert json.loads(ended.stdout)["name"] == WORKER, ended.stderr
    assert command(hive, "tombstones").stdout == "There are no tombstones.\n"
    nobody = command(hive, "revive", WORKER)
    assert (nobody.returncode, nobody.stderr.partition("]")[0]) == (4, "error[tombstone_not_found")


def test_an_agent_that_never_came_up_can_be_destroyed_and_purged(tmp_path: Path) -> None:
    with living(SCENARIO) as hive:
        until_idle(hive)
        hive.spawn(
            "broken",
            "command",
            engine_options={"command": ["sh", "-c", "exit 3"]},
            repo=str(make_origin(tmp_path / "o")),
        )
        tombstone = destroy(hive, "broken")
        assert tombstone["name"] == "broken"
        status, purged = delete(hive, "/v1/tombstones/broken")
        assert status == 200, purged
        assert not hive.paths.agent("broken").root.exists()
