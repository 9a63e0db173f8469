"""What is proposed is taken in by its id alone, checked, and kept whatever becomes of the repository that it came from."""

import os
import resource
import subprocess
from pathlib import Path

import pytest

from hived.deploy import applied, worktree
from hived.deploy.repository import File
from hived.paths import AgentPaths, HivePaths
from hived.wire.errors import CommitNotFound, InvalidProposal, NotACommit
from tests.support.configs import Config, git

AT = "2026-01-02T03:04:05.000Z"
TOML = b'engine = "scripted"\n'


@pytest.fixture
def paths(tmp_path: Path) -> AgentPaths:
    return HivePaths(tmp_path, tmp_path, tmp_path / "run").agent("bee")


@pytest.fixture
def config(paths: AgentPaths, tmp_path: Path) -> Config:
    first = applied.make(paths, {"agent.toml": File(TOML)}, "bee", AT)
    applied.make_proposed(paths, first)
    return Config(HivePaths(tmp_path, tmp_path, tmp_path / "run"), "bee")


def refused(paths: AgentPaths, commit: str) -> str:
    with pytest.raises(InvalidProposal) as error:
        applied.fetch_proposal(paths, commit, "p")
    assert "proposal/p" not in applied.tags(paths)
    return str(error.value.detail["reason"])


def test_a_later_force_push_changes_nothing(paths: AgentPaths, config: Config) -> None:
    commit = config.commit(
        {"agent.toml": TOML.decode() + 'setup = ["true"]\n', "bin/x": "#!/bin/sh\n"}, "Set it up\n\nWhy."
    )
    os.chmod(config.folder / "bin/x", 0o755)
    commit = config.commit({}, "And run it")
    taken = applied.fetch_proposal(paths, commit, "p1")
    assert (taken.commit, taken.summary, taken.spec.setup) == (commit, "And run it", ["true"])
    assert taken.files["bin/x"].program
    git(config.folder, "reset", "-q", "--hard", "HEAD~2")
    git(config.folder, "reflog", "expire", "--expire=now", "--all")
    git(config.folder, "gc", "-q", "--prune=now")
    assert applied.tags(paths) == {"proposal/p1": commit}
    assert applied.files_of(paths, commit) == taken.files
    assert applied.fetch_proposal(paths, commit, "p2").commit == commit, "hived has it already"


def test_a_build_that_the_disk_is_too_full_for_leaves_nothing(paths: AgentPaths) -> None:
    files = {"a": File(b"x" * 100), "large": File(b"x" * 5000)}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            worktree.build(paths.builds, "c" * 40, files)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(paths.builds.iterdir()) == []
    assert worktree.build(paths.builds, "c" * 40, files).is_dir()


def test_what_git_has_packed_is_taken_too(paths: AgentPaths, config: Config) -> None:
    for number in range(5):
        commit = config.commit({f"file-{number}": "x" * number})
    git(config.folder, "gc", "-q")
    assert len(applied.fetch_proposal(paths, commit, "p").files) == 6


@pytest.mark.parametrize(
    "given", ["main", "HEAD", "v1", "a" * 39, "a" * 41, "A" * 40, "g" * 40, "-" * 40, "../../x", ""]
)
def test_only_whole_ids_are_taken(paths: AgentPaths, config: Config, given: str) -> None:
    with pytest.raises(NotACommit):
        applied.fetch_proposal(paths, given, "p")


def test_a_commit_that_is_nowhere_or_no_commit_is_not_found(paths: AgentPaths, config: Config) -> None:
    tree = git(config.folder, "rev-parse", "HEAD^{tree}")
    for sha in ("b" * 40, tree):
        with pytest.raises(CommitNotFound):
            applied.fetch_proposal(paths, sha, "p")


def test_a_commit_of_another_repository_is_refused(paths: AgentPaths, config: Config) -> None:
    git(config.folder, "checkout", "-q", "--orphan", "other")
    commit = config.commit({"agent.toml": 'engine = "claude"\n'}, "Not yours")
    assert "has nothing to do with bee's config" in refused(paths, commit)


def test_objects_that_lie_elsewhere_are_not_read(paths: AgentPaths, config: Config, tmp_path: Path) -> None:
    elsewhere = config.clone(tmp_path / "elsewhere")
    commit = elsewhere.commit({"stolen": "x"})
    (config.folder / ".git/objects/info/alternates").write_text(f"{tmp_path}/elsewhere/.git/objects\n")
    with pytest.raises((CommitNotFound, InvalidProposal)):
        applied.fetch_proposal(paths, commit, "p")
    (config.folder / ".git/objects/info/alternates").unlink()
    os.rename(config.folder / ".git", tmp_path / "moved")
    os.symlink(tmp_path / "elsewhere/.git", config.folder / ".git")
    with pytest.raises((CommitNotFound, InvalidProposal)):
        applied.fetch_proposal(paths, commit, "p")


def test_nothing_in_the_repository_of_an_agent_is_run(paths: AgentPaths, config: Config, tmp_path: Path) -> None:
    commit = config.commit({"n": "1", ".gitattributes": "* filter=evil diff=evil\n"})
    marker = tmp_path / "ran"
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {marker}\n")
    evil.chmod(0o755)
    for key in ("core.fsmonitor", "filter.evil.smudge", "filter.evil.clean", "diff.evil.textconv", "diff.external",
                "uploadpack.packObjectsHook", "core.sshCommand", "core.pager"):  # fmt: skip
        git(config.folder, "config", key, str(evil))
    for hook in ("post-checkout", "pre-upload", "reference-transaction", "post-index-change"):
        (config.folder / ".git/hooks").mkdir(exist_ok=True)
        os.symlink(evil, config.folder / ".git/hooks" / hook)
    marker.unlink(missing_ok=True)
    applied.fetch_proposal(paths, commit, "p")
    assert applied.head_of_proposed(paths) == commit
    applied.end_well(paths, "d", commit, "it runs", AT)
    assert not marker.exists()
    assert (paths.applied / "n").read_text() == "1"


@pytest.mark.parametrize(
    ("agent_toml", "reason"),
    [(None, "it has no agent.toml"), ('engine = "a"\nx = 1\n', "there is no key 'x'"), ("engine", "is no TOML")],
)
def test_one_without_a_sound_agent_toml_is_refused(
    paths: AgentPaths, config: Config, agent_toml: str | None, reason: str
) -> None:
    assert reason in refused(paths, config.commit({"agent.toml": agent_toml, "x": "y"}))


def tree_with(config: Config, *lines: str) -> str:
    """A commit with these entries beside agent.toml, as `git mktree` takes them."""
    blob = git(config.folder, "rev-parse", "HEAD:agent.toml")
    entries = "".join(f"{line}\n" for line in (f"100644 blob {blob}\tagent.toml", *lines))
    tree = subprocess.run(
        ["git", "mktree", "--missing"], cwd=config.folder, input=entries, capture_output=True, text=True, check=True
    ).stdout.strip()
    return git(config.folder, "commit-tree", "-p", "HEAD", "-m", "x", tree)


def test_links_submodules_and_absurd_names_are_refused(paths: AgentPaths, config: Config) -> None:
    blob = git(config.folder, "rev-parse", "HEAD:agent.toml")
    head = git(config.folder, "rev-parse", "HEAD")
    assert "x is a link" in refused(paths, tree_with(config, f"120000 blob {blob}\tx"))
    assert "submodule" in refused(paths, tree_with(config, f"160000 commit {head}\tx"))
    for name in (".git", ".GIT", "git~1", "..", "a\\b", "x" * 300):
        assert refused(paths, tree_with(config, f"100644 blob {blob}\t{name}"))


def test_too_many_files_or_bytes_are_refused(paths: AgentPaths, config: Config) -> None:
    commit = config.commit({f"d/{number}": "" for number in range(1001)})
    assert "more than 1000 files" in refused(paths, commit)
    git(config.folder, "reset", "-q", "--hard", "HEAD~1")
    commit = config.commit({f"big{number}": "x" * (6 * 1024 * 1024) for number in range(3)})
    assert "more than 16 MiB together" in refused(paths, commit)
    git(config.folder, "reset", "-q", "--hard", "HEAD~1")
    commit = config.commit({"bomb": "\0" * (64 * 1024 * 1024)})
    assert "bomb cannot be read, or has more than 16 MiB" in refused(paths, commit)


def test_a_history_without_end_is_refused_before_it_is_unpacked(
    paths: AgentPaths, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applied, "MOST_OBJECTS", 20)
    commit = [config.commit({"note": str(number)}) for number in range(7)][-1]
    assert "it brings 21 objects along" in refused(paths, commit)
    assert not applied.repository(paths).has(commit)


def test_a_folder_that_a_queen_put_in_the_way_is_left_alone(paths: AgentPaths, tmp_path: Path) -> None:
    first = applied.make(paths, {"agent.toml": File(TOML)}, "bee", AT)
    target = tmp_path / "target"
    target.mkdir()
    paths.proposed.parent.mkdir(parents=True)
    paths.proposed.symlink_to(target)
    applied.make_proposed(paths, first)
    assert list(target.iterdir()) == []
