"""Paths of tools against globs: as given, without their dots, and behind their links."""

from pathlib import Path

import pytest

from hived.core import rule_paths
from hived.core.rule_drafts import MOST_ANY_FOLDERS
from tests.support.cost import costs_at_most

WORKSPACE = "/ws"


def allows(pattern: str, given: str, workspace: str | None = WORKSPACE) -> bool:
    return rule_paths.allows(pattern, given, workspace, links=False)


@pytest.mark.parametrize(
    ("pattern", "given"),
    [
        ("/ws/a.py", "/ws/a.py"), ("/ws/a.py", "a.py"), ("a.py", "/ws/a.py"), ("src/**", "src/a/b.py"), ("src/**", "/ws/src/a"),
        ("src/*.py", "src/a.py"), ("**/*.py", "a.py"), ("**/*.py", "a/b/c.py"), ("/**", "/etc/passwd"), ("**", "a/b"),
        ("./src/*", "./src//a"), ("app/[id]/page.tsx", "app/[id]/page.tsx"), (".github/**", ".github/x.yml"),
        (".git*", ".gitignore"), ("/ws/**/x/**/y", "/ws/x/y"), ("/ws/my docs/*", "/ws/my docs/a b"),
    ],
)  # fmt: skip
def test_a_path_that_the_pattern_names_is_allowed(pattern: str, given: str) -> None:
    assert allows(pattern, given)


@pytest.mark.parametrize(
    ("pattern", "given"),
    [
        ("src/**", "src/../secret"), ("/ws/**", "/ws/../etc/passwd"), ("/ws/**", "/ws/a/../../etc/passwd"), ("/ws/**", "/ws/.."),
        ("/ws/**", "/etc/passwd"), ("src/**", "/etc/src/a"), ("src/**", "/ws/srcs/a"), ("/ws/*", "/ws/a/b"), ("/ws/*.py", "/ws/.py"),
        ("/ws/**", "/ws/.git/hooks/x"), ("**", ".env"), ("**", "a/.ssh/id"), ("*", ".claude"), ("~/x", "~/x"), ("/ws/**", "~/x"),
        ("/ws/**", "/ws/~/x"), ("/ws/**", "/ws/$HOME"), ("/ws/**", "$HOME/x"), ("/ws/**", "/ws/a\\..\\b"), ("/ws/**", "/ws/a\nb"),
        ("/ws/**", "/ws/a\0b"), ("/ws/**", "/ws/\u202eb"), ("/ws/**", "/ws/*"), ("/ws/**", "/ws/`x`"), ("/ws/**", ""),
        ("/ws/**", "a.py, ../../etc/passwd"), ("../x", "../x"), ("/ws/../etc/*", "/etc/passwd"), ("/ws/**", "/WS/a"),
        ("/ws/**", "/ws/" + "a/" * 4096),
    ],
)  # fmt: skip
def test_any_other_way_to_say_one_is_not(pattern: str, given: str) -> None:
    assert not allows(pattern, given)


def test_a_relative_path_of_an_agent_without_a_workspace_is_not_allowed() -> None:
    assert not allows("**", "a.py", None)
    assert not allows("/**", "a.py", None)
    assert allows("/x/*", "/x/a.py", None)


def test_a_workspace_with_a_star_in_its_name_is_no_wildcard() -> None:
    assert not allows("a.py", "/home/b/a.py", "/home/*")
    assert rule_paths.denies("a.py", ["/home/*/a.py"], "/home/*")


def test_a_link_that_leads_out_is_not_allowed(tmp_path: Path) -> None:
    workspace, outside = tmp_path / "ws", tmp_path / "outside"
    (workspace / "src").mkdir(parents=True)
    outside.mkdir()
    (workspace / "src" / "out").symlink_to(outside)
    (workspace / "src" / "passwd").symlink_to("/etc/passwd")
    (workspace / "src" / "round").symlink_to("round")
    (workspace / "src" / "in").symlink_to(workspace / "src")

    def real(given: str) -> bool:
        return rule_paths.allows("src/**", given, str(workspace), links=True)

    assert real("src/new.py")
    assert real("src/in/new.py")
    assert not real("src/out/new.py")
    assert not real("src/out/../new.py")
    assert not real("src/passwd")
    assert not real("src/missing/../out/x")
    assert not rule_paths.allows(f"{workspace}/src/**", "src/out/x", str(workspace), links=True)


def test_a_workspace_behind_a_link_is_still_its_own(tmp_path: Path) -> None:
    (tmp_path / "real" / "src").mkdir(parents=True)
    (tmp_path / "ws").symlink_to(tmp_path / "real")
    assert rule_paths.allows("src/*", "src/a", str(tmp_path / "ws"), links=True)
    assert not rule_paths.allows(f"{tmp_path}/ws/src/*", "src/a", str(tmp_path / "ws"), links=True)


@pytest.mark.parametrize(
    ("pattern", "given"),
    [
        ("/etc/**", "/etc/passwd"), ("/etc/**", "/ws/../etc/passwd"), ("/etc/**", "../etc/passwd"), ("/etc/**", "/ETC/Passwd"),
        ("**/.env", "a/.env"), (".env", "/ws/a/.env"), (".env", "/ws/.ENV"), ("*.pem", "/x/y.pem"), ("~/.ssh/*", "~/.ssh/id"),
        ("/ws/**", "/ws/.git/config"), ("/etc/*", "//etc/./passwd"),
    ],
)  # fmt: skip
def test_a_deny_fits_every_way_to_say_it(pattern: str, given: str) -> None:
    assert rule_paths.denies(pattern, rule_paths.forms(given, WORKSPACE, links=False), WORKSPACE)


def test_a_deny_fits_what_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    assert rule_paths.denies("/etc/**", rule_paths.forms("link/passwd", str(tmp_path), links=True), str(tmp_path))


def test_no_pattern_takes_long_over_a_long_path() -> None:
    with costs_at_most(1):
        assert not allows("/" + "**/a/a/a/a/" * MOST_ANY_FOLDERS + "a/" * 60 + "b", "/" + "a/" * 2000)
