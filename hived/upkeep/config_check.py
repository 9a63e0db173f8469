"""`hive check` of what lies beside the books: what each agent runs is built, named by `main`, tagged, and in hive.lock; and it is
what its agent.toml says. Nothing is changed. Everything blocks."""

from hived.core.agent_views import spec_of
from hived.core.check import check_file
from hived.deploy import applied, meta, worktree
from hived.deploy.agent_toml import BadAgentToml, applied_to
from hived.deploy.meta import Lock
from hived.deploy.repository import MAIN
from hived.paths import AgentPaths, HivePaths
from hived.store import check as store
from hived.store import look
from hived.store.database import Row
from hived.wire.audit import CheckReport, Finding
from hived.wire.errors import HiveError

NAME = "builds"
PROMISE = "What each agent runs is built, tagged, named by main and hive.lock, and is what its agent.toml says."
SHOWN = 12


def check_home(paths: HivePaths) -> CheckReport:
    """Books and configs where no hived has them open. Raises DatabaseUnreadable."""
    report = check_file(paths.database)
    with look.opened(paths.database) as connection:
        rows = store.select_recorded(connection)
    return with_configs(report, check_configs(paths, rows))


def check_configs(paths: HivePaths, rows: list[Row]) -> list[str]:
    """What is wrong, a sentence each. `rows`: of store.check.select_recorded."""
    lock = meta.read(paths.meta)
    if rows and lock is None:
        return ["There is no hive.lock to be read in meta/."]
    return [f"{row['name']}: {words}" for row in rows for words in _wrong(paths, row, lock or Lock(""))]


def with_configs(report: CheckReport, wrong: list[str]) -> CheckReport:
    """The report of the books, with what `check_configs` has found."""
    found = [Finding(name=NAME, ok=False, words=words) for words in wrong]
    more = found or [Finding(name=NAME, ok=True, words=PROMISE)]
    return CheckReport(ok=report.ok and not wrong, findings=[*report.findings, *more])


def _wrong(paths: HivePaths, row: Row, lock: Lock) -> list[str]:
    agent, commit = paths.agent(row["name"]), row["commit_sha"]
    repo, found = applied.repository(agent), []
    if commit is not None and not worktree.is_built(agent.builds, commit):
        found.append(f"its config {commit[:SHOWN]} is not built.")
    if commit is not None and commit != row["deployed"]:
        found.append(f"it runs config {commit[:SHOWN]}, and {row['deployed'][:SHOWN]} was deployed last.")
    try:
        if repo.ref(MAIN) != row["deployed"]:
            found.append(
                f"main of applied/{row['name']} is not config {row['deployed'][:SHOWN]}, which was deployed last."
            )
        if repo.tagged(f"deployed/{row['deployment']}") != row["deployed"]:
            found.append(f"no tag says that deployment {row['deployment']} was deployed.")
        if commit is not None and row["kind"] != "migrate" and not _as_said(agent, row):
            found.append(f"it is not what the agent.toml of config {commit[:SHOWN]} says.")
    except (OSError, HiveError, BadAgentToml, KeyError) as error:
        found.append(f"applied/{row['name']} cannot be read: {error}.")
    if commit is None:  # nothing of it runs
        return found
    named = (lock.buried if row["lifecycle"] == "buried" else lock.agents).get(row["name"])
    if named is None or (named.id, named.commit, named.deployment) != (row["id"], row["deployed"], row["deployment"]):
        found.append(f"hive.lock does not name deployment {row['deployment']}.")
    return found


def _as_said(agent: AgentPaths, row: Row) -> bool:
    spec = applied.spec_of(row["commit_sha"], applied.files_of(agent, row["commit_sha"]))
    return applied_to(spec_of(row), spec, row["runtime"]) == spec_of(row)
