"""A login that is gone is seen, carried to the operator and back, and the agent goes on by itself.

The turns are the real Claude Code's. Its own login needs Anthropic's servers, so `claude auth login` is a stand-in that
takes one code and from then on gives the real CLI its key.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.test_limits import Kill, both, none
from tests.support.claude import require_claude
from tests.support.hive import LiveHive, call, live_hive, wait_until
from tests.support.kept import kept
from tests.support.living import (
    WORKER,
    command,
    condition,
    kill_harness,
    kill_hived,
    loopback_model,
    outcomes,
    send,
    texts,
    until_idle,
    waiting,
)

pytestmark = pytest.mark.claude
LINK = "https://claude.example/oauth?code=true&state=x"
CODE = "honey#comb"
STAND_IN = """#!{python}
import json, os, sys, time
token = os.path.join(os.environ["CLAUDE_CONFIG_DIR"], "stand-in")
words = sys.argv[1:]
if words[:2] == ["auth", "login"]:
    print("Opening browser to sign in…")
    print("If the browser didn't open, visit: {link}", flush=True)
    print("Paste code here if prompted > ", end="", flush=True)
    code = sys.stdin.readline().strip()
    if code != {code!r}:
        print("Login failed: Invalid code")
        sys.exit(1)
    os.makedirs(os.path.dirname(token), exist_ok=True)
    open(token, "w").write("in")
    print("Login successful.")
elif words[:2] == ["auth", "status"]:
    print(json.dumps({{"loggedIn": os.path.exists(token), "authMethod": "claude.ai"}}))
    sys.exit(0 if os.path.exists(token) else 1)
else:
    if os.path.exists(token):
        os.environ["ANTHROPIC_API_KEY"] = "dummy"
    else:
        here = os.path.dirname(sys.argv[0])
        open(os.path.join(here, "started-without"), "w").close()
        while os.path.exists(os.path.join(here, "slow")):
            time.sleep(0.01)
    os.execv({cli!r}, [{cli!r}, *words])
"""


@pytest.fixture
def hive() -> Iterator[LiveHive]:
    """One agent, on a Claude Code that is not logged in."""
    cli = require_claude()
    with loopback_model() as url, live_hive() as hive:
        program = hive.home / "claude"
        program.write_text(STAND_IN.format(python=sys.executable, link=LINK, code=CODE, cli=cli))
        program.chmod(0o755)
        env = {
            "ANTHROPIC_BASE_URL": url, "CLAUDE_CODE_MAX_RETRIES": "1", "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }  # fmt: skip
        hive.spawn(WORKER, "claude", model="claude-haiku-4-5", env=env, engine_options={"command": [str(program)]})
        hive.until_online(WORKER)
        yield hive


def login(hive: LiveHive, method: str = "POST", path: str = "login", body: Any = None) -> tuple[int, Any]:
    return call(hive.paths.host_socket, method, f"/v1/agents/{WORKER}/{path}", body, timeout=60)


def until_out(hive: LiveHive) -> dict[str, Any]:
    wait_until(lambda: condition(hive, "needs_login"), "the missing login", 40)
    wait_until(lambda: waiting(hive, "needs_login"), "it in the list", 40)
    (item,) = waiting(hive, "needs_login")
    return item


@pytest.mark.parametrize("kill", [none, kill_harness, kill_hived, both])
def test_a_missing_login_is_carried_and_the_agent_goes_on_by_itself(hive: LiveHive, kill: Kill) -> None:
    send(hive, "@@text")
    item = until_out(hive)
    assert (item["id"], item["agent"]) == (hive.agent(WORKER)["id"], WORKER)
    wait_until(lambda: outcomes(hive) == ["needs_login"], "the turn that failed for it", 40)
    kill(hive)
    assert until_out(hive)["id"] == item["id"]
    assert texts(hive) == []

    status, agent = login(hive)
    assert status == 200, agent
    assert (agent["login"]["state"], agent["login"]["url"]) == ("open", LINK)
    status, agent = login(hive, path="login/code", body={"code": CODE})
    assert status == 200, agent
    assert agent["login"]["state"] == "done"
    wait_until(lambda: texts(hive), "the agent going on by itself", 40)
    until_idle(hive)
    assert condition(hive, "needs_login") is None
    assert waiting(hive) == []
    assert outcomes(hive)[-1] == "ok"


def test_a_login_that_comes_while_a_turn_still_fails_for_want_of_it_is_not_undone_by_that_turn(hive: LiveHive) -> None:
    until_out(hive)
    slow = hive.home / "slow"
    slow.touch()
    send(hive, "@@text")
    wait_until((hive.home / "started-without").exists, "the engine of the turn that will fail")
    login(hive)
    assert login(hive, path="login/code", body={"code": CODE})[0] == 200
    slow.unlink()
    wait_until(lambda: "ok" in outcomes(hive), "the message taken up again", 40)
    until_idle(hive)
    assert outcomes(hive) == ["failed", "ok"]
    assert condition(hive, "needs_login") is None
    assert waiting(hive) == []


def test_a_wrong_code_is_said_and_another_attempt_may_follow(hive: LiveHive) -> None:
    until_out(hive)
    login(hive)
    status, answer = login(hive, path="login/code", body={"code": "wrong#code"})
    assert (status, answer["code"]) == (409, "login_failed")
    assert hive.agent(WORKER)["login"]["state"] == "failed"
    assert login(hive, path="login/code", body={"code": CODE})[1]["code"] == "no_login"
    shown = command(hive, "login", WORKER)
    assert (shown.returncode, LINK in shown.stdout) == (0, True)
    assert command(hive, "login", WORKER, "--code", CODE).returncode == 0
    wait_until(lambda: condition(hive, "needs_login") is None, "the login")


def test_a_login_is_cancelled(hive: LiveHive) -> None:
    until_out(hive)
    login(hive)
    status, agent = login(hive, "DELETE")
    assert (status, agent["login"]["state"]) == (200, "cancelled")
    assert login(hive, path="login/code", body={"code": CODE})[1]["code"] == "no_login"
    assert condition(hive, "needs_login")


@pytest.mark.parametrize("kill", [kill_harness, kill_hived])
def test_a_login_that_is_cut_off_can_be_begun_again(hive: LiveHive, kill: Kill) -> None:
    until_out(hive)
    login(hive)
    kill(hive)
    if kill is kill_harness:
        wait_until(lambda: hive.agent(WORKER)["login"]["state"] == "failed", "the attempt's end")
    status, agent = login(hive)
    assert (status, agent["login"]["state"]) == (200, "open")
    assert login(hive, path="login/code", body={"code": CODE})[0] == 200
    wait_until(lambda: condition(hive, "needs_login") is None, "the login")


def test_the_code_is_kept_nowhere(hive: LiveHive) -> None:
    until_out(hive)
    login(hive)
    secret = "secret-honey#secret-comb"
    login(hive, path="login/code", body={"code": secret})
    hive.stop()
    parts = [part.encode() for part in (secret, secret.split("#")[0])]
    assert [path for path, found in kept(hive.home).items() if any(part in found for part in parts)] == []
    assert secret not in json.dumps(hive.output())
