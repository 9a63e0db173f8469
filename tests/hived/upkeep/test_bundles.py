"""A last bundle: what is in it, what never is, and when it goes."""

import os
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hived.upkeep.bundles import Made, make_bundle, remove_old, until_of
from hived.wire.approvals import Actor
from hived.wire.tombstones import Tombstone
from tests.support.repositories import Desk, git, make_desk

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(days=30)
TOMBSTONE = Tombstone(
    id="01a1ff48-145e-70ba-9788-9e123f690bb2",
    name="ada",
    role="worker",
    engine="scripted",
    model="default",
    runtime="process",
    created_at="2026-11-20T12:00:00.000Z",
    buried_at="2026-11-21T12:00:00.000Z",
    buried_by=Actor(who="operator"),
    cause="it was destroyed",
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = make_desk(tmp_path)
    for folder in (made.paths.state, made.paths.home, made.paths.harness):
        folder.mkdir(exist_ok=True)
    return made


def bundle(desk: Desk, repo: str | None) -> Made:
    return make_bundle(
        desk.paths.root.parents[1] / "bundles", desk.paths, TOMBSTONE, 'engine = "scripted"\n', repo, UNTIL
    )


def files(made: Made) -> dict[str, bytes]:
    with tarfile.open(made.file) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]


def test_it_holds_the_spec_the_notes_and_the_tombstone_and_only_its_owner_may_read_it(desk: Desk) -> None:
    (desk.paths.state / "sub").mkdir()
    (desk.paths.state / "sub" / "notes.md").write_text("remember")
    made = bundle(desk, desk.repo)
    found = files(made)
    assert made.file.stat().st_mode & 0o777 == 0o600
    assert found["ada/agent.toml"] == b'engine = "scripted"\n'
    assert found["ada/state/sub/notes.md"] == b"remember"
    assert b'"name": "ada"' in found["ada/tombstone.json"]
    assert until_of(made.file) == UNTIL


def test_nothing_of_its_home_and_nothing_that_a_link_leads_to_is_in_it(desk: Desk, tmp_path: Path) -> None:
    (desk.paths.home / ".credentials.json").write_text("sk-secret-of-home")
    (tmp_path / "secrets.toml").write_text("sk-secret-of-hive")
    (desk.paths.state / "login").symlink_to(desk.paths.home / ".credentials.json")
    (desk.paths.state / "homes").symlink_to(desk.paths.home)
    (desk.paths.state / "secrets").symlink_to(tmp_path / "secrets.toml")
    os.mkfifo(desk.paths.state / "fifo")
    made = bundle(desk, desk.repo)
    assert not any(b"sk-secret" in content for content in files(made).values())
    assert sorted(line.partition(":")[0] for line in made.left_out) == [
        "state/fifo", "state/homes", "state/login", "state/secrets",
    ]  # fmt: skip


def test_its_commits_come_back_from_it_and_its_changes_as_a_patch(desk: Desk, tmp_path: Path) -> None:
    sha = desk.commit(text="my work\n")
    (desk.work / "new.txt").write_text("not committed\n")
    found = files(bundle(desk, desk.repo))
    packed = tmp_path / "work.bundle"
    packed.write_bytes(found["ada/work.bundle"])
    git(desk.origin, "bundle", "verify", str(packed))
    git(desk.origin, "fetch", "-q", str(packed), "refs/heads/hive/ada:refs/heads/back")
    assert git(desk.origin, "rev-parse", "back") == sha
    assert b"+not committed" in found["ada/work.patch"]
    assert b"+my work" in found["ada/work.patch"]


def test_work_without_a_repository_is_in_it_as_files(desk: Desk) -> None:
    (desk.work / "plan.md").write_text("a plan")
    assert files(bundle(desk, None))["ada/work/plan.md"] == b"a plan"


def test_a_repository_that_cannot_be_read_is_said_and_hinders_nothing(desk: Desk) -> None:
    (desk.dot_git / "HEAD").unlink()
    made = bundle(desk, desk.repo)
    assert "ada/agent.toml" in files(made)
    assert made.left_out[0].startswith("work.bundle: ")


def test_made_again_there_is_one(desk: Desk) -> None:
    first = bundle(desk, desk.repo)
    second = make_bundle(first.file.parent, desk.paths, TOMBSTONE, "", desk.repo, UNTIL + timedelta(hours=1))
    assert [file.name for file in first.file.parent.iterdir()] == [second.file.name]


def test_only_bundles_whose_days_are_over_are_removed_and_nothing_else(desk: Desk) -> None:
    made = bundle(desk, desk.repo)
    folder = made.file.parent
    half = folder / f"{made.file.name}.part"
    others = [
        folder / name for name in ("notes.txt", "ada-until-20200101T000000Z.tar.gz", "ada-0123456789ab-until-x.tar.gz")
    ]
    for file in (half, *others):
        file.write_text("x")
    assert remove_old(folder, NOW) == [half.name]
    assert made.file.exists()
    assert remove_old(folder, UNTIL) == [made.file.name]
    assert sorted(folder.iterdir()) == sorted(others)
    assert remove_old(folder / "nowhere", UNTIL) == []
