"""What one engine may touch, from its launch: what it asks for that is not its own is refused, wherever a link leads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.base import EngineFailed
from agentd.runtimes.base import Room
from agentd.runtimes.installs import install_of, own_install
from agentd.runtimes.mounts import Kind, Mounts, resolved
from agentd.runtimes.room import bare_room, room_for
from tests.support.walls import Quarters, quartered


@pytest.fixture
def quarters() -> Iterator[Quarters]:
    with quartered() as made:
        yield made


def room(quarters: Quarters, *command: str, **spec: Any) -> Room:
    return room_for(quarters.launch(**spec), command or ("/bin/true",), {"PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize("named", ["/", "/proc/1", "/dev", "/sys/kernel", "relative", "/usr/../proc"])
def test_a_path_that_is_nobodys_to_show_is_refused(quarters: Quarters, named: str) -> None:
    with pytest.raises(EngineFailed, match="read_paths") as failed:
        room(quarters, read_paths=[named])
    assert failed.value.code == "invalid_config"
    assert failed.value.retryable is False


def test_no_path_of_the_hive_is_shown_however_it_is_named(quarters: Quarters) -> None:
    link = quarters.operator / "innocent"
    link.symlink_to(quarters.secrets)
    folder = quarters.operator / "folder"
    folder.symlink_to(quarters.hive)
    for named in (quarters.secrets, quarters.other, link, folder / "agents", quarters.operator / "x" / ".." / "hive"):
        with pytest.raises(EngineFailed, match="the hive's own folders"):
            room(quarters, read_paths=[str(named)])


def test_what_a_command_names_is_shown_but_not_where_it_is_the_hives(quarters: Quarters) -> None:
    script = quarters.operator / "script.py"
    script.write_text("print(1)\n")
    found = room(
        quarters, "/usr/bin/env", str(script), str(quarters.secrets), str(quarters.operator), "/no/such"
    ).readable
    assert script in found
    assert quarters.secrets not in found
    assert quarters.operator not in found


def test_a_program_of_a_home_brings_its_packages_and_not_the_home(
    quarters: Quarters, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = quarters.operator / "me"
    package = home / "lib" / "node_modules" / "thing"
    (home / "bin").mkdir(parents=True)
    package.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    node = home / "bin" / "node"
    node.write_text("#!/bin/sh\n")
    node.chmod(0o755)
    (package / "cli.js").write_text("#!/usr/bin/env node\n")
    (package / "cli.js").chmod(0o755)
    program = home / "bin" / "thing"
    program.symlink_to("../lib/node_modules/thing/cli.js")
    found = install_of(program, {"PATH": f"{home}/bin:/usr/bin"})
    assert {program, node, home / "lib" / "node_modules"} <= found
    assert home not in found
    assert not [path for path in found if home.is_relative_to(path)]


@pytest.mark.parametrize("folder", ["workspace", "home", "state"])
def test_what_an_agent_puts_in_place_of_its_own_program_shows_it_nothing_more(quarters: Quarters, folder: str) -> None:
    """A link, a first line, a virtual environment: whatever it leads to is the operator's."""
    own = getattr(quarters, folder)
    theirs = quarters.operator / "project"
    (theirs / "node_modules" / "bin").mkdir(parents=True)
    (theirs / "bin").mkdir()
    (theirs / "lib").mkdir()
    (theirs / "pyvenv.cfg").touch()
    for program in (theirs / "node_modules" / "bin" / "tool", theirs / "bin" / "python"):
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    (own / "link").symlink_to(theirs / "node_modules" / "bin" / "tool")
    (own / "python3").symlink_to(theirs / "bin" / "python")
    (own / "script").write_text(f"#!{theirs / 'node_modules' / 'bin' / 'tool'}\n")
    (own / "script").chmod(0o755)
    outside = quarters.operator / "starts"
    outside.write_text("#!/usr/bin/env python3\n")
    outside.chmod(0o755)
    key = quarters.operator / "key"
    key.write_text("a key\n")
    (own / "named.py").symlink_to(key)
    environment = {"PATH": f"{own}:/usr/bin:/bin"}
    words = [
        (str(own / "link"),),
        (str(own / "script"),),
        ("python3",),
        (str(outside),),
        ("/usr/bin/env", str(own / "named.py")),
    ]
    for command in words:
        found = room_for(quarters.launch(), command, environment).readable
        mounts = Mounts()
        mounts.add(Kind.READ, found)
        assert not [path for path in mounts.kinds if path.is_relative_to(theirs) or path == key], command


def test_a_variable_of_certificates_shows_certificates_alone(quarters: Quarters) -> None:
    home = quarters.operator / "me"
    home.mkdir()
    certificate, key, link = home / "ca.pem", home / "id_rsa", home / "linked.pem"
    certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n")
    link.symlink_to(certificate)
    (home / "both.pem").write_text(certificate.read_text() + "-----BEGIN PRIVATE KEY-----\n")

    def shown(name: str, value: Path) -> bool:
        return value in room_for(quarters.launch(), ["/bin/true"], {name: str(value)}).readable

    assert shown("NODE_EXTRA_CA_CERTS", certificate)
    assert shown("SSL_CERT_FILE", link)
    for name, value in (("SSL_CERT_FILE", key), ("SSL_CERT_DIR", home), ("SSL_CERT_FILE", home / "both.pem")):
        assert not shown(name, value)
    assert not shown("SSL_CERT_DIR", Path("/proc"))


def test_our_own_workers_find_their_packages_and_their_interpreter() -> None:
    found = own_install()
    assert {"agentd", "hived"} <= {path.name for path in found}
    assert Path.home() not in found


def test_a_worker_sees_what_is_proposed_for_it_and_a_queen_writes_it_all(quarters: Quarters) -> None:
    config = quarters.hive / "config"
    (config / "ann").mkdir(parents=True)
    launch = quarters.launch().model_copy(update={"proposed": str(config / "ann"), "meta": str(quarters.hive / "meta")})
    worker = room_for(launch, ["/bin/true"], {})
    assert worker.proposed == config / "ann"
    assert (worker.writable, quarters.hive / "meta" in worker.readable) == ((), False)
    launch = quarters.launch(role="queen").model_copy(
        update={"proposed": str(config), "meta": str(quarters.hive / "meta")}
    )
    queen = room_for(launch, ["/bin/true"], {})
    assert (queen.proposed, queen.writable) == (None, (config,))
    assert quarters.hive / "meta" in queen.readable


def test_limits_that_say_nothing_are_refused_with_walls_and_without(quarters: Quarters) -> None:
    launch = quarters.launch(limits={"memory": "much"})
    for make in (bare_room, lambda given: room_for(given, ["/bin/true"], {})):
        with pytest.raises(EngineFailed, match="limits.memory"):
            make(launch)


# Mounts ------------------------------------------------------------------------------------------------------------------


def steps(mounts: Mounts) -> dict[str, "Kind | str | None"]:
    return {str(path): what for path, what in mounts.steps()}


def test_parents_come_before_what_lies_below_them(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    mounts = Mounts()
    mounts.add(Kind.WRITE, [tmp_path / "a" / "b"])
    mounts.add(Kind.HIDDEN, [tmp_path / "a"])
    mounts.add(Kind.READ, [tmp_path])
    found = list(steps(mounts).items())
    assert found[-3:] == [
        (str(tmp_path), Kind.READ), (str(tmp_path / "a"), Kind.HIDDEN), (str(tmp_path / "a" / "b"), Kind.WRITE),
    ]  # fmt: skip


def test_nothing_is_mounted_below_what_an_agent_writes(tmp_path: Path) -> None:
    (tmp_path / "work" / "config").mkdir(parents=True)
    mounts = Mounts()
    mounts.add(Kind.READ, [tmp_path / "work" / "config"])
    mounts.add(Kind.HIDDEN, [tmp_path / "work" / "hidden"])
    mounts.add(Kind.WRITE, [tmp_path / "work"])
    assert [path for path in steps(mounts) if path.startswith(str(tmp_path / "work" / ""))] == [str(tmp_path / "work")]


def test_what_is_missing_or_leads_in_circles_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    mounts = Mounts()
    to_the_top = tmp_path.joinpath(*[".."] * len(tmp_path.parts))
    mounts.add(Kind.READ, [tmp_path / "gone", tmp_path / "circle" / "x", Path("/"), to_the_top])
    assert not [what for what in steps(mounts).values() if isinstance(what, Kind)]


def test_links_on_the_way_are_there_inside_as_links(tmp_path: Path) -> None:
    (tmp_path / "real" / "bin").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    links, real = resolved(tmp_path / "link" / "bin")
    assert (links, real) == ([(tmp_path / "link", "real")], tmp_path / "real" / "bin")
    mounts = Mounts()
    mounts.add(Kind.READ, [tmp_path / "link" / "bin"])
    found = steps(mounts)
    assert found[str(tmp_path / "link")] == "real"
    assert found[str(tmp_path / "real" / "bin")] is Kind.READ
