"""One attempt at a time to log an agent's engine in. Its state is the harness's to say; its code is never seen here."""

import json

from hived.core.agent_views import find_connected, known_abilities, publish
from hived.core.audit import append
from hived.core.event_payloads import LoginChanged, checked_url
from hived.core.text import one_line
from hived.store import agents as store
from hived.store.database import Row, Tx
from hived.wire.agents import LoginView
from hived.wire.approvals import Actor
from hived.wire.errors import NoLogin, Unsupported
from hived.wire.ids import new_id

UNFINISHED = ("starting", "open", "checking")
MOST_DETAIL_CHARACTERS = 500
NO_LOGIN = "be logged in through the hive: log in on its machine, or give it a key: hive rebuild {name} --env-from NAME"


def login_of(agent: Row) -> LoginView | None:
    return None if agent["login_json"] is None else LoginView(**json.loads(agent["login_json"]))


def start_login(tx: Tx, name: str, actor: Actor) -> str:
    """Begin an attempt, instead of one that is open; its id. Raises InvalidName, AgentNotFound, AgentNotConnected, Unsupported."""
    row = find_connected(tx.connection, name)
    abilities = known_abilities(row)
    if abilities is not None and not abilities.login:
        raise Unsupported(name=name, engine=row["engine"], what=NO_LOGIN.format(name=name))
    login = LoginView(login_id=new_id(), state="starting", since=tx.now)
    _set(tx, row["id"], login)
    append(tx, "agent.login_started", actor, row["id"], {"name": name, "login_id": login.login_id})
    tx.ring(row["id"], "login_start", {"login_id": login.login_id})
    return login.login_id


def give_code(tx: Tx, name: str, code: str, actor: Actor) -> str:
    """Hand the code to the harness and to nobody else; the login's id.

    Raises InvalidName, AgentNotFound, AgentNotConnected, NoLogin where none waits for a code.
    """
    row = find_connected(tx.connection, name)
    login = login_of(row)
    if login is None or login.state != "open":
        raise NoLogin(name=name)
    append(tx, "agent.login_code_given", actor, row["id"], {"name": name, "login_id": login.login_id})
    tx.ring(row["id"], "login_code", {"login_id": login.login_id, "code": code})
    return login.login_id


def cancel_login(tx: Tx, name: str, actor: Actor) -> str:
    """Give the attempt up; its id. Raises InvalidName, AgentNotFound, AgentNotConnected, NoLogin."""
    row = find_connected(tx.connection, name)
    login = login_of(row)
    if login is None or login.state not in UNFINISHED:
        raise NoLogin(name=name)
    append(tx, "agent.login_cancelled", actor, row["id"], {"name": name, "login_id": login.login_id})
    tx.ring(row["id"], "login_cancel", {"login_id": login.login_id})
    return login.login_id


def take_change(tx: Tx, agent: Row, change: LoginChanged, since: str) -> None:
    """What the harness says of an attempt; nothing of one that another has taken the place of. The caller publishes."""
    known = login_of(agent)
    if known is not None and known.login_id != change.login_id and known.state in UNFINISHED:
        return
    url = checked_url(change.url) if change.state == "open" else None
    detail = one_line(change.detail, MOST_DETAIL_CHARACTERS)
    if change.state == "open" and url is None:
        detail = "The engine gave no link that could be shown."
    login = LoginView(login_id=change.login_id, state=change.state, since=since, url=url, detail=detail)
    store.update_login(tx, agent["id"], login.model_dump_json())


def fail_unfinished(tx: Tx, agent: Row, detail: str, login_id: str | None = None) -> None:
    """An attempt (only that one, where it is named) that nobody goes on with. Publishes the agent."""
    login = login_of(agent)
    if login is not None and login.state in UNFINISHED and login_id in (None, login.login_id):
        _set(tx, agent["id"], LoginView(login_id=login.login_id, state="failed", since=tx.now, detail=detail))


def _set(tx: Tx, agent_id: str, login: LoginView) -> None:
    store.update_login(tx, agent_id, login.model_dump_json())
    publish(tx, agent_id)
