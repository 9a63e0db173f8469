"""`hive up --install`: the files that systemd and launchd are given, and what is done to one that somebody has edited."""

import json
import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hived.cli.service_files import Service, home_in, is_as_made, service
from tests.hived.cli.conftest import Said
from tests.support.tools import missing

COMMAND = [sys.executable, "-m", "hived.cli.hived"]
TOOL = """#!/bin/sh
echo "$(basename "$0") $*" >> "{log}"
{more}
"""


class Desk:
    """An ordinary user with a home of his own; `hive up …` on it."""

    def __init__(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = tmp_path / "home"
        self.hive_home = tmp_path / "hive"
        self.log = tmp_path / "tools.log"
        self.tools = tmp_path / "bin"
        for folder in (self.home, self.hive_home, self.tools):
            folder.mkdir()
        self._capsys = capsys
        self._patch = monkeypatch
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        monkeypatch.setenv("HOME", str(self.home))
        monkeypatch.setenv("HIVE_HOME", str(self.hive_home))
        monkeypatch.setenv("PATH", str(self.tools))
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-not-to-be-written")
        monkeypatch.setenv("USER", "ada")
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)

    @property
    def unit(self) -> Path:
        return self.home / ".config" / "systemd" / "user" / "hived.service"

    def tool(self, name: str, more: str = "") -> None:
        """A program of that name, which writes down how it was called."""
        file = self.tools / name
        file.write_text(TOOL.format(log=self.log, more=more))
        file.chmod(0o755)
        for word in ("basename", "sh"):
            if not (self.tools / word).exists():
                (self.tools / word).symlink_to(f"/bin/{word}" if Path(f"/bin/{word}").exists() else f"/usr/bin/{word}")

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def up(self, *words: str) -> Said:
        from hived.cli.hive import main

        code = main(["up", *words])
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    if sys.platform != "linux":
        missing("systemd is Linux's")
    return Desk(tmp_path, capsys, monkeypatch)


def made(environment: dict[str, str], *, root: bool = False, platform: str = "linux") -> Service:
    return service(COMMAND, environment, root=root, platform=platform)


def test_its_stop_ends_hived_alone_and_no_agents_end_is_its_own() -> None:
    lines = made({"HOME": "/home/ada", "PATH": "/bin"}).text.decode().splitlines()
    for wanted in ("KillMode=process", "OOMPolicy=continue", "Restart=on-failure", "WantedBy=default.target", "UMask=0077",
                   f'ExecStart="{sys.executable}" "-m" "hived.cli.hived"', 'Environment="PATH=/bin"'):  # fmt: skip
        assert wanted in lines
    assert Path(sys.executable).is_absolute()


def test_only_where_things_are_is_carried_and_no_secret() -> None:
    text = made(
        {"HOME": "/home/ada", "HIVE_HOME": "/srv/hive", "OPENAI_API_KEY": "sk-secret", "SSH_AUTH_SOCK": "/x"}
    ).text
    assert b"sk-secret" not in text
    assert b"SSH_AUTH_SOCK" not in text
    assert b'Environment="HIVE_HOME=/srv/hive"' in text


@pytest.mark.parametrize(
    "home", ["/srv/plain", "/srv/with blank", "/srv/100%", '/srv/"quoted"', "/srv/back\\slash", "/srv/$HOME"]
)
def test_any_path_is_read_back_as_it_was(home: str) -> None:
    for platform in ("linux", "darwin"):
        found = made({"HOME": "/home/ada", "HIVE_HOME": home}, platform=platform)
        assert home_in(found.text) == home
        assert is_as_made(found.text)


def test_what_no_service_file_can_say_is_refused() -> None:
    with pytest.raises(Exception, match="cannot be written"):
        made({"HOME": "/home/ada", "HIVE_HOME": "/srv/a\nExecStart=/bin/evil"})


def test_as_root_it_is_a_service_of_the_machine_and_needs_a_home_of_its_own() -> None:
    found = made({"HOME": "/root", "HIVE_HOME": "/srv/hive"}, root=True)
    assert found.file == Path("/etc/systemd/system/hived.service")
    assert b"WantedBy=multi-user.target" in found.text
    assert b'Environment="HOME=/root"' in found.text
    with pytest.raises(Exception, match="set HIVE_HOME first"):
        made({"HOME": "/root"}, root=True)


def test_xdg_config_home_says_where_the_unit_is() -> None:
    found = made({"HOME": "/home/ada", "XDG_CONFIG_HOME": "/cfg"})
    assert found.file == Path("/cfg/systemd/user/hived.service")


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze") or missing(
        "systemd-analyze is not on this machine (Debian's package systemd)"
    )
    for root, words in ((False, ["--user"]), (True, [])):
        home = tmp_path / ("a hive" if root else "100% hive")
        file = tmp_path / str(root) / "hived.service"
        file.parent.mkdir()
        file.write_bytes(made({"HOME": "/root", "HIVE_HOME": str(home), "PATH": os.environ["PATH"]}, root=root).text)
        done = subprocess.run(
            [analyze, "verify", *words, str(file)],
            env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_launchd_restarts_it_after_a_failure_and_leaves_its_agents_alone() -> None:
    found = made(
        {"HOME": "/Users/ada", "HIVE_HOME": "/srv/hive", "PATH": "/bin", "KEY": "sk-secret"}, platform="darwin"
    )
    assert found.file == Path("/Users/ada/Library/LaunchAgents/hive.hived.plist")
    keys = plistlib.loads(found.text)
    assert keys["Label"] == "hive.hived"
    assert keys["ProgramArguments"] == COMMAND
    assert keys["EnvironmentVariables"] == {"HIVE_HOME": "/srv/hive", "PATH": "/bin"}
    assert (keys["RunAtLoad"], keys["AbandonProcessGroup"], keys["KeepAlive"]) == (
        True,
        True,
        {"SuccessfulExit": False},
    )
    assert made({"HOME": "/x", "HIVE_HOME": "/y"}, root=True, platform="darwin").file.parent == Path(
        "/Library/LaunchDaemons"
    )


def test_installed_it_is_written_switched_on_and_lingering_is_explained(desk: Desk) -> None:
    desk.tool("systemctl")
    desk.tool("loginctl", "echo Linger=no")
    said = desk.up("--install")
    assert said.code == 0
    assert desk.unit.stat().st_mode & 0o777 == 0o644
    assert b"sk-not-to-be-written" not in desk.unit.read_bytes()
    assert desk.calls() == [
        "systemctl --user daemon-reload", "systemctl --user enable --now hived.service",
        "loginctl show-user ada --property=Linger",
    ]  # fmt: skip
    assert f"{desk.unit} is written." in said.out
    assert "and runs now" in said.out
    assert "loginctl enable-linger ada" in said.err
    assert "secrets.toml" in said.err
    again = desk.up("--install", "--json")
    assert json.loads(again.out)["lingering"] is False
    assert "is as it should be" in json.loads(again.out)["done"][0]


def test_with_lingering_on_nothing_is_advised(desk: Desk) -> None:
    desk.tool("systemctl")
    desk.tool("loginctl", "echo Linger=yes")
    said = desk.up("--install")
    assert "Lingering is on" in said.out
    assert "enable-linger" not in said.err


def test_where_no_systemd_runs_the_unit_is_written_and_it_is_said_how_to_switch_it_on(desk: Desk) -> None:
    said = desk.up("--install")
    assert (said.code, desk.unit.exists()) == (0, True)
    assert "there is no systemctl here" in said.err
    assert "systemctl --user enable --now hived.service" in said.err


def test_an_edited_unit_is_left_alone_until_the_operator_says_so(desk: Desk) -> None:
    desk.tool("systemctl")
    desk.up("--install")
    desk.unit.write_text(desk.unit.read_text() + "Nice=5\n")
    desk.up("--install").fails(5, "service_edited")
    assert "Nice=5" in desk.unit.read_text()
    desk.up("--uninstall").fails(5, "service_edited")
    said = desk.up("--install", "--yes")
    assert said.code == 0
    assert "Nice=5" not in desk.unit.read_text()
    assert "Nice=5" in desk.unit.with_name("hived.service.old").read_text()
    assert "hived.service.old" in said.err


def test_another_hives_service_is_not_replaced_unasked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desk.tool("systemctl")
    desk.up("--install")
    monkeypatch.setenv("HIVE_HOME", str(tmp_path / "other"))
    said = desk.up("--install")
    said.fails(5, "service_edited")
    assert f"is of another hive, {desk.hive_home}" in said.err


def test_uninstalled_it_is_stopped_and_gone(desk: Desk) -> None:
    desk.tool("systemctl")
    desk.up("--uninstall").fails(4, "no_service")
    desk.up("--install")
    said = desk.up("--uninstall")
    assert said.code == 0
    assert not desk.unit.exists()
    assert "systemctl --user disable --now hived.service" in desk.calls()
    assert "hive up adopts them" in said.out


def test_install_and_uninstall_together_are_refused(desk: Desk) -> None:
    desk.up("--install", "--uninstall").fails(2, "usage")
