"""`hive propose`, `diff`, `deployments`, `rollback` and `templates`: what is shown to a person, and what is refused."""

import json
from collections.abc import Iterator

import pytest

from hived.wire.ids import new_id
from tests.hived.cli.conftest import HOSTILE, Shell
from tests.support.configs import Config, git
from tests.support.deploying import HELLO, QUICK, change, deploy, until_settled
from tests.support.hive import LiveHive, wait_until
from tests.support.living import WORKER, living, send


@pytest.fixture(scope="module")
def hive() -> Iterator[LiveHive]:
    """With a worker whose first commit is deployed."""
    with living(HELLO, QUICK) as made:
        until_settled(made)
        yield made


@pytest.fixture
def config(hive: LiveHive) -> Config:
    return Config(hive.paths, WORKER)


def test_what_a_commit_says_cannot_act_on_the_terminal_nor_hide(shell: Shell, config: Config) -> None:
    files: dict[str, str | None] = {"we\nird\u202e.md": f"tab\there\n{HOSTILE}\u200b\u202e\n\x1b[2Jend\n"}
    commit = config.commit(files, f"Words {HOSTILE}")
    shell("propose", WORKER, commit).fails(1, "invalid_proposal")
    git(config.folder, "reset", "-q", "--hard", "HEAD~1")
    commit = config.commit({"notes.md": files.popitem()[1]}, f"Words {HOSTILE}")
    said = shell("propose", WORKER, commit, "--reason", f"because {HOSTILE}")
    approval = shell("propose", WORKER, commit, "--json").json()
    diff = shell("diff", approval["id"])
    for text in (said.out, diff.out, shell("approvals", approval["id"]).out, shell("waiting").out):
        assert all(char.isprintable() or char in "\n\t" for char in text), text
    assert "+tab\there" in diff.out
    assert "+\\u001b[31mred\\u001b]0;title\\u0007 \\u009b2J\\u202eevil\\u000d\\u200b\\u202e" in diff.out
    assert shell("deny", approval["id"], "--note", "never").code == 0


def test_a_diff_is_plain_without_a_terminal_and_one_document_with_json(shell: Shell, hive: LiveHive) -> None:
    approval = shell("propose", WORKER, change(hive, setup=["make"]), "--json").json()
    plain = shell("diff", approval["id"][:20])
    assert "\x1b" not in plain.out
    found = shell("diff", approval["id"], "--base", "queued", "--json").json()
    assert (found["base"], found["commit"]) == ("queued", approval["payload"]["commit"])
    assert shell("diff", approval["id"], "--stat").out.splitlines()[1].split() == ["WHAT", "LINES", "FILE"]
    assert shell("deny", approval["id"]).code == 0


def test_what_there_is_no_diff_of_is_said(shell: Shell, hive: LiveHive) -> None:
    shell("diff", new_id()).fails(4, "approval_not_found")
    shell("diff", "../x").fails(4, "approval_not_found")
    shell("diff", "a", "--base", "main").fails(2, "usage")
    deployed = shell("deployments", "--json").json()["deployments"][-1]["id"]
    shell("diff", deployed, "--base", "queued").fails(2, "usage")
    asked = shell("spawn", "wasp", "--engine", "command", "--command", "true", "--json").json()["id"]
    shell("diff", asked).fails(1, "invalid_request")
    assert shell("deny", asked).code == 0


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("nobody",), 4, "agent_not_found"),
        (("../x",), 2, "invalid_name"),
        ((WORKER, "main"), 2, "not_a_commit"),
        ((WORKER, "HEAD~1"), 2, "not_a_commit"),
        ((WORKER, "0" * 40), 4, "commit_not_found"),
        ((WORKER, "0" * 39), 2, "not_a_commit"),
        ((WORKER, "--from", "/nowhere"), 4, "commit_not_found"),
        ((WORKER, "0" * 40, "--from", "/etc"), 4, "commit_not_found"),
        ((), 2, "usage"),
    ],
)
def test_what_cannot_be_proposed_is_one_sentence(shell: Shell, words: tuple[str, ...], code: int, error: str) -> None:
    shell("propose", *words).fails(code, error)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('engine = "scripted"\ncolour = "red"\n', "colour"),
        ("engine = 3\n", "engine"),
        ('engine = "gpt"\n', "gpt"),
        ('engine = "scripted"\nruntime = "docker"\n', "docker"),
        ("not toml", "agent.toml is no TOML"),
    ],
)
def test_a_wrong_agent_toml_is_refused_before_anybody_is_asked(
    shell: Shell, config: Config, text: str, named: str
) -> None:
    before = config.head()
    config.commit({"agent.toml": text}, "wrong")
    said = shell("propose", WORKER)
    said.fails(1, "invalid_proposal")
    assert named in said.err
    git(config.folder, "reset", "-q", "--hard", before)
    assert [item["kind"] for item in shell("waiting", "--json").json()["waiting"]] == []


def test_deployments_are_listed_shown_and_paged(shell: Shell, hive: LiveHive) -> None:
    done = deploy(hive, change(hive, files={"a": "1"}, setup=["printf 'loud\\033[31m\\n'"], words="Be loud"))
    table = shell("deployments", WORKER).out.splitlines()
    assert table[0].split() == ["ID", "AGENT", "KIND", "STATUS", "COMMIT", "BY", "AGE", "WHY"]
    assert table[1].split()[1:5] == [WORKER, "apply", "deployed", done["commit"][:12]]
    assert table[1].endswith("Be loud")
    one = shell("deployments", done["id"][:20]).out
    assert "Its setup printed:" in one
    assert "loud\\u001b[31m" in one
    assert len(shell("deployments", "--limit", "1", "--json").json()["deployments"]) == 1
    shell("deployments", "nobody-there").fails(4, "agent_not_found")
    shell("deployments", new_id()).fails(4, "deployment_not_found")
    shell("deployments", "--limit", "0").fails(2, "usage")
    shell("deployments", "--log", "--json").fails(2, "usage")
    shell("deployments", "--log", "--all; rm").fails(2, "invalid_name")


def test_the_audit_trail_is_metas_history_with_hived_or_without(shell: Shell, hive: LiveHive) -> None:
    until_settled(hive)
    trail = shell("deployments", "--log")
    assert f"    {WORKER}: spawn of " in trail.out
    assert shell("deployments", WORKER, "--log").out
    assert f"{WORKER}: " not in shell("deployments", "other", "--log").out


def test_a_rollback_that_breaks_off_a_turn_says_so_and_asks_and_never_without_a_terminal(
    shell: Shell, hive: LiveHive
) -> None:
    hive.spawn("busy", "command", engine_options={"command": ["sleep", "600"]})
    first = until_settled(hive, "busy")["commit"]
    second = deploy(hive, change(hive, "busy", files={"b": "1"}), "busy")["commit"]
    send(hive, "go", "busy")
    wait_until(lambda: hive.agent("busy")["turn"]["state"] == "thinking", "its turn")
    said = shell("rollback", "busy")
    assert (said.code, "error[confirmation_needed]" in said.err) == (2, True)
    assert f"busy goes back to {first[:12]}, deployed " in said.err
    assert "It is in a turn, which is broken off; the messages of that come again." in said.err
    assert hive.agent("busy")["commit"] == second
    done = shell("rollback", "busy", "--yes")
    assert (done.code, done.out) == (0, f"busy: runs {first[:12]}.\n")
    assert "is broken off" in done.err


def test_a_rollback_shows_where_it_goes_and_asks_nothing_where_nothing_is_lost(shell: Shell, hive: LiveHive) -> None:
    first = hive.agent(WORKER)["commit"]
    deploy(hive, change(hive, files={"b": "1"}))
    done = shell("rollback", WORKER, "--json", "--note", "no")
    assert f"{WORKER} goes back to {first[:12]}, deployed " in done.err
    assert "broken off" not in done.err
    answer = json.loads(done.out)
    assert (answer["kind"], answer["status"], answer["commit"], answer["note"]) == ("rollback", "deployed", first, "no")
    shell("rollback", "nobody", "--yes").fails(4, "agent_not_found")
    shell("rollback", WORKER, "--to", new_id(), "--yes").fails(4, "deployment_not_found")
    shell("rollback", WORKER, "--to", "../x", "--yes").fails(4, "deployment_not_found")
    failed = shell("rollback", WORKER, "--to", answer["id"], "--yes")
    failed.fails(5, "nothing_to_roll_back")


def test_templates_are_listed_and_a_new_agent_begins_as_one(shell: Shell, hive: LiveHive) -> None:
    listed = shell("templates").out
    assert "worker  A worker for one task" in listed
    folder = hive.paths.templates / "reader"
    folder.mkdir()
    scenario = hive.home / f"{WORKER}.toml"
    (folder / "agent.toml").write_text(
        f'# Reads.\nengine = "scripted"\nprompt = "prompt.md"\n[engine_options]\nscenario = "{scenario}"\n'
    )
    (folder / "prompt.md").write_text("Read all of it.\n")
    (hive.paths.templates / "torn").mkdir()
    assert "unusable: it has no agent.toml." in shell("templates").out
    asked = shell("spawn", "rita", "--template", "reader", "--json").json()
    assert (asked["payload"]["engine"], asked["payload"]["files"]) == ("scripted", {"prompt.md": "Read all of it.\n"})
    assert "Read all of it." in shell("approvals", asked["id"]).out
    (folder / "prompt.md").write_text("Changed after it was asked.\n")
    assert shell("approve", asked["id"]).code == 0
    until_settled(hive, "rita")
    rita = Config(hive.paths, "rita")
    assert rita.read("prompt.md") == "Read all of it.\n"
    assert "prompt.md" in rita.read("agent.toml")
    build = hive.paths.agent("rita").builds / hive.agent("rita")["commit"]
    assert (build / "prompt.md").read_text() == "Read all of it.\n"


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("--template", "gone"), 4, "template_not_found"),
        (("--template", "../../agents"), 4, "template_not_found"),
        (("--template", "bent"), 1, "invalid_template"),
        ((), 2, "usage"),
        (("--engine", "scripted", "--runtime", "docker"), 1, "unknown_runtime"),
        (("--engine", "gpt"), 1, "unknown_engine"),
    ],
)
def test_a_spawn_that_could_never_be_is_refused_at_once(
    shell: Shell, hive: LiveHive, words: tuple[str, ...], code: int, error: str
) -> None:
    bent = hive.paths.templates / "bent"
    bent.mkdir(exist_ok=True)
    (bent / "agent.toml").write_text('engine = "scripted"\ncolour = 1\n')
    shell("spawn", "eve", *words).fails(code, error)


def test_a_request_cannot_say_what_files_its_config_begins_with(hive: LiveHive) -> None:
    body = {"name": "eve", "engine": "command", "engine_options": {"command": ["cat"]}, "files": {"a": "b"}}
    status, answer = hive.post("/v1/agents", body)
    assert (status, answer["code"]) == (400, "invalid_request")


def test_the_words_of_a_spawn_reach_its_request(shell: Shell, hive: LiveHive) -> None:
    scenario = str(hive.home / f"{WORKER}.toml")
    words = ("--engine", "scripted", "--scenario", scenario, "--allow-host", "pypi.org", "--read-path", "/usr/share")
    asked = shell("spawn", "net", *words, "--no-network", "--json").json()
    payload = asked["payload"]
    assert (payload["allow_hosts"], payload["read_paths"], payload["network"]) == (["pypi.org"], ["/usr/share"], False)
    shell("spawn", "net", *words).fails(5, "name_taken")
    assert shell("deny", asked["id"]).code == 0
