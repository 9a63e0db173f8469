"""The doctor on a hive's own folders and files: each check passes on a good one, fails on a bad one, and changes nothing."""

import os
import shutil
import sqlite3
from collections import namedtuple
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hived.doctor import home
from hived.paths import HivePaths
from hived.store.migrate import migrate, migrations
from tests.support.hive import paths_of, short_home

SECRET = "sk-ant-very-secret"
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def paths() -> Iterator[HivePaths]:
    made = short_home()
    (made / "run").mkdir(mode=0o700)
    (made / "agents").mkdir(mode=0o700)
    yield paths_of(made)
    shutil.rmtree(made)


def contents(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_folders_as_hived_makes_them_are_well_and_stay_as_they_are(paths: HivePaths) -> None:
    before = contents(paths.data)
    checks = home.folders(paths)
    assert [(check.name, check.state) for check in checks] == [
        ("folder data", "ok"), ("folder run", "ok"), ("folder agents", "ok"),
    ]  # fmt: skip
    assert contents(paths.data) == before


def test_folders_that_are_not_there_yet_are_well_and_are_not_made(paths: HivePaths) -> None:
    absent = paths_of(paths.data / "not" / "yet")
    assert {check.state for check in home.folders(absent)} == {"ok"}
    assert not (paths.data / "not").exists()


def test_a_folder_that_others_may_enter_is_a_warning_with_its_remedy(paths: HivePaths) -> None:
    paths.run.chmod(0o755)
    check = home.folder("run", paths.run)
    assert (check.state, check.remedy) == ("warning", f"chmod 700 {paths.run}")
    os.chmod(paths.run, 0o700)
    assert home.folder("run", paths.run).state == "ok"


def test_a_file_where_a_folder_should_be_fails(paths: HivePaths) -> None:
    (paths.data / "config").write_text("")
    assert home.folder("config", paths.data / "config").state == "failed"
    assert home.folder("config", paths.data / "config" / "below").state == "failed"


def test_a_folder_of_somebody_else_fails(paths: HivePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    check = home.folder("run", paths.run) if os.getuid() else home.folder("x", _owned_by_another(paths))
    assert check.state == "failed"
    assert "HIVE_HOME" in check.remedy


def _owned_by_another(paths: HivePaths) -> Path:
    os.chown(paths.run, 4141, -1)
    return paths.run


def test_a_folder_that_takes_no_file_fails() -> None:
    """/proc is ours to enter and nobody's to write in, root's neither."""
    check = home.folder("run", Path("/proc/self"))
    assert check.state == "failed"
    assert "nothing can be written" in check.detail


def test_short_socket_paths_are_well_and_long_ones_fail_before_they_are_made(paths: HivePaths) -> None:
    assert home.socket_paths(paths).state == "ok"
    host_fits = paths_of(Path("/" + "x" * (107 - len("//run/agents/a/io/tools.sock") - 5)))
    warned = home.socket_paths(host_fits)
    assert warned.state == "warning"
    assert "up to 6 letters" in warned.detail
    assert len(os.fsencode(host_fits.agent("a" * 6).tools_socket)) == 107
    assert home.socket_paths(paths_of(Path("/" + "x" * 120))).state == "failed"


@pytest.mark.parametrize(
    ("free", "state"), [(50 * home.MIB, "failed"), (500 * home.MIB, "warning"), (5000 * home.MIB, "ok")]
)
def test_a_full_disk_is_said_before_it_hurts(
    paths: HivePaths, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - free, free))
    check = home.disk(paths)
    assert check.state == state
    assert bool(check.remedy) is (state != "ok")


def test_a_database_that_is_closed_or_in_use_is_looked_at_and_not_touched(paths: HivePaths) -> None:
    assert home.database(paths).state == "ok"
    assert not paths.database.exists()
    migrate(paths.database)
    newest = migrations()[-1][0]
    before = {path: path.read_bytes() for path in contents(paths.data) if path.is_file()}
    assert home.database(paths).detail == f"{paths.database}, schema {newest}"
    assert {path: path.read_bytes() for path in contents(paths.data) if path.is_file()} == before
    with closing(sqlite3.connect(paths.database, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE busy (x)")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO busy VALUES (1)")
        assert home.database(paths).state == "ok"
        writer.execute("COMMIT")


def test_an_older_schema_is_no_trouble_and_a_newer_one_is(paths: HivePaths) -> None:
    migrate(paths.database)
    newest = migrations()[-1][0]
    _set_schema(paths.database, newest - 1)
    assert f"becomes {newest} when hived starts" in home.database(paths).detail
    _set_schema(paths.database, newest + 1)
    check = home.database(paths)
    assert check.state == "failed"
    assert "newer" in check.remedy


def _set_schema(path: Path, number: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={number}")


def test_a_spoiled_database_fails(paths: HivePaths) -> None:
    paths.database.write_bytes(b"this is no database" * 1000)
    assert home.database(paths).state == "failed"
    paths.database.unlink()
    migrate(paths.database)
    data = bytearray(paths.database.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    paths.database.write_bytes(data)
    check = home.database(paths)
    assert check.state == "failed"
    assert "before-" in check.remedy


def test_hive_toml_is_read_as_hived_reads_it(paths: HivePaths) -> None:
    assert home.settings(paths).state == "ok"
    paths.config_file.write_text("rate_limit_resume = true\n")
    assert home.settings(paths).state == "ok"
    paths.config_file.write_text("colour = 'red'\n")
    check = home.settings(paths)
    assert check.state == "failed"
    assert "colour" in check.detail
    assert "\n" not in check.detail


def test_secrets_are_named_and_never_shown(paths: HivePaths) -> None:
    assert home.secrets(paths).state == "ok"
    _write_secrets(paths, f'CLAUDE_CODE_OAUTH_TOKEN = "{SECRET}"\n')
    check = home.secrets(paths)
    assert check.state == "ok"
    assert "CLAUDE_CODE_OAUTH_TOKEN" in check.detail
    assert SECRET not in check.detail


def _write_secrets(paths: HivePaths, text: str, mode: int = 0o600) -> None:
    paths.secrets_file.write_text(text)
    paths.secrets_file.chmod(mode)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_secrets_that_others_may_read_fail(paths: HivePaths, mode: int) -> None:
    _write_secrets(paths, f'KEY = "{SECRET}"\n', mode)
    check = home.secrets(paths)
    assert check.state == "failed"
    assert f"chmod 600 {paths.secrets_file}" in check.remedy


@pytest.mark.parametrize(
    "text", [f"KEY = {SECRET}\n", f'KEY = "{SECRET}\n', f'KEY = "a"\nKEY = "{SECRET}"\n', f"{SECRET}"]
)
def test_secrets_that_cannot_be_parsed_fail_without_a_word_of_them(paths: HivePaths, text: str) -> None:
    _write_secrets(paths, text)
    check = home.secrets(paths)
    assert check.state == "failed"
    assert "very-secret" not in check.detail + check.remedy
    assert "line" in check.detail or "parsed" in check.detail or "end of document" in check.detail


def test_a_secret_that_is_a_table_is_a_warning(paths: HivePaths) -> None:
    _write_secrets(paths, '[KEY]\nvalue = "x"\n')
    assert home.secrets(paths).state == "warning"


def test_the_notify_command_is_looked_for_where_one_is_named(paths: HivePaths) -> None:
    assert home.notify(paths) is None
    paths.config_file.write_text('notify = ["sh", "-c", "a b"]\n')
    found = home.notify(paths)
    assert found is not None
    assert (found.state, found.detail) == ("ok", "sh -c 'a b'")
    paths.config_file.write_text('notify = ["/nowhere/notify-send"]\n')
    found = home.notify(paths)
    assert found is not None
    assert found.state == "warning"
    assert found.remedy
