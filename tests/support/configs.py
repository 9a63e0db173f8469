"""The proposed repository of an agent's config, as an operator or a queen works in it: with git, by hand.

config = Config(hive.paths, "worker")
sha = config.commit({"agent.toml": config.read("agent.toml") + 'setup = ["true"]\\n'})
"""

import os
import subprocess
from pathlib import Path

from hived.paths import HivePaths

AS_OPERATOR = ("-c", "user.name=op", "-c", "user.email=op@here", "-c", "commit.gpgSign=false")


def git(folder: Path, *words: str) -> str:
    """What `git WORDS` prints there; it must succeed."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    done = subprocess.run(
        ["git", *AS_OPERATOR, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout.strip()


class Config:
    """`folder` is the working tree that it is changed in: the repository itself, or a clone of it."""

    def __init__(self, hive: HivePaths, name: str, folder: Path | None = None) -> None:
        self.name = name
        self.hive = hive
        self.paths = hive.agent(name)
        self.folder = folder or self.paths.proposed

    def clone(self, folder: Path) -> "Config":
        """An operator's own, of what runs."""
        git(folder.parent, "clone", "-q", str(self.paths.applied), str(folder))
        return Config(self.hive, self.name, folder)

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def commit(self, files: dict[str, str | None], words: str = "another config") -> str:
        """Write these (None: remove) and commit; its SHA."""
        for path, text in files.items():
            file = self.folder / path
            if text is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", words)
        return self.head()

    def head(self) -> str:
        return git(self.folder, "rev-parse", "HEAD")

    def applied_tags(self) -> set[str]:
        """Of hived's own repository, which nothing but hived writes."""
        return set(git(self.paths.applied, "tag", "--list").splitlines())
