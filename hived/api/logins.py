"""An agent's login, carried: the link to the operator, the code back. The code goes to the harness and is kept nowhere."""

from fastapi import APIRouter, Request

from hived.api.answers import until, until_reported
from hived.api.callers import actor_of, hive_of
from hived.core import logins
from hived.core.agents import find_agent
from hived.core.hive import Hive
from hived.core.logins import UNFINISHED, login_of
from hived.store.database import Row, Tx
from hived.wire import routes
from hived.wire.agents import AgentView, LoginCode
from hived.wire.errors import InvalidRequest, LoginFailed, TookTooLong

LINK_SECONDS = 125.0
"""The harness gives the engine 120 s to come up with its link, and as long to check the code."""
CHECK_SECONDS = 125.0
CANCEL_SECONDS = 15.0

host_router = APIRouter(tags=["agents"])


@host_router.post(routes.AGENT_LOGIN)
async def post_login(request: Request, name: str) -> AgentView:
    """Begin to log its engine in; answered when `login.url` is there to be opened. 409 `login_failed` where none comes."""
    hive, actor = hive_of(request), actor_of(request)
    await until_reported(hive, name)
    login_id = await hive.database.write(lambda tx: logins.start_login(tx, name, actor))
    try:
        return await _until(hive, name, login_id, ("open", "checking", "done"), LINK_SECONDS, "link for the login")
    except TookTooLong:
        await hive.database.write(lambda tx: _give_up(tx, name, login_id))
        raise


@host_router.post(routes.AGENT_LOGIN_CODE)
async def post_login_code(request: Request, name: str, given: LoginCode) -> AgentView:
    """Hand over the code that the link gave; answered when it worked. 409 `login_failed` where it did not."""
    hive, actor = hive_of(request), actor_of(request)
    code = given.code.strip()
    if not code or not code.isprintable():
        raise InvalidRequest(reason="code: one line of printable text.")
    login_id = await hive.database.write(lambda tx: logins.give_code(tx, name, code, actor))
    return await _until(hive, name, login_id, ("done",), CHECK_SECONDS, "login")


@host_router.delete(routes.AGENT_LOGIN)
async def delete_login(request: Request, name: str) -> AgentView:
    """Give the login up; answered when it has ended. 409 `no_login` where none is under way."""
    hive, actor = hive_of(request), actor_of(request)
    login_id = await hive.database.write(lambda tx: logins.cancel_login(tx, name, actor))

    def ended(row: Row) -> bool:
        login = login_of(row)
        return login is None or login.login_id != login_id or login.state not in UNFINISHED

    try:
        return await until(hive, name, ended, CANCEL_SECONDS, "end of the login")
    except TookTooLong:
        await hive.database.write(lambda tx: _give_up(tx, name, login_id))
        raise


async def _until(hive: Hive, name: str, login_id: str, states: tuple[str, ...], seconds: float, what: str) -> AgentView:
    """Its view once that login is in one of the states. Raises LoginFailed where it will not be."""

    def reached(row: Row) -> bool:
        login = login_of(row)
        if login is None or login.login_id != login_id:
            raise LoginFailed(name=name, reason="another login was begun meanwhile.")
        if login.state in ("failed", "cancelled") and login.state not in states:
            raise LoginFailed(name=name, reason=login.detail or f"it was {login.state}.")
        return login.state in states

    return await until(hive, name, reached, seconds, what)


def _give_up(tx: Tx, name: str, login_id: str) -> None:
    """No harness has said a word of it: it never heard of it, as when hived is killed before it could ring."""
    row = find_agent(tx.connection, name)
    login = login_of(row)
    if login is not None and login.state == "starting":
        logins.fail_unfinished(tx, row, "The harness said nothing of it in time.", login_id)
