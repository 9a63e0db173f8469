"""How an agent comes to be: what may be asked for, and the row that is made of it."""

import os
import re

from hived.core import audit, budgets, rules
from hived.core.agent_views import find_agent, publish
from hived.core.text import one_line
from hived.store import agents as store
from hived.store import approvals as approval_store
from hived.store.database import SUPERVISOR, Connection, Tx
from hived.wire.agents import SpawnRequest, default_model
from hived.wire.approvals import Actor
from hived.wire.errors import InvalidRepo, InvalidRequest, NameTaken, UnknownEngine, UnknownRuntime
from hived.wire.ids import new_id
from hived.wire.limits import limits_of
from hived.wire.names import HIVED, QUEEN, checked_name

ENGINES = ("claude", "acp", "api", "command", "scripted")
DEFAULT_RUNTIME = "process"
"""Of an agent that is made without anybody having settled it; what is asked for is settled before (doctor/runtimes.py)."""
RUNTIME_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
MAX_REASON_BYTES = 4096


def check_request(conn: Connection, request: SpawnRequest) -> None:
    """Refuse what could never become an agent.

    Raises InvalidName, UnknownEngine, UnknownRuntime, InvalidRepo, InvalidRequest, InvalidRule, AgentNotFound (`parent`),
    NameTaken.
    """
    checked_name(request.name)
    if request.name == QUEEN and request.role != "queen":
        raise InvalidRequest(reason="The name queen is kept for a queen; hive init makes her.")
    check_engine(request)
    budgets.check_spec(request)
    rules.check_spec(request)
    if request.runtime is not None and not RUNTIME_NAME.fullmatch(request.runtime):
        raise UnknownRuntime(runtime=request.runtime[:64], known="those that hive engines lists")
    if request.repo is not None and not request.repo.startswith("/"):
        raise InvalidRepo(repo=request.repo[:200], reason="its path must be absolute.")
    if request.reason is not None and len(request.reason.encode("utf-8", "replace")) > MAX_REASON_BYTES:
        raise InvalidRequest(reason=f"reason: at most {MAX_REASON_BYTES} bytes are taken.")
    if request.parent is not None:
        find_agent(conn, request.parent)
    if (
        store.select_agent_named(conn, request.name) is not None
        or approval_store.select_pending_spawn(conn, request.name) is not None
    ):
        raise NameTaken(name=request.name)


def check_engine(request: SpawnRequest) -> None:
    """Raises UnknownEngine; InvalidRequest for limits and paths that say nothing."""
    if request.engine not in ENGINES:
        raise UnknownEngine(engine=request.engine[:64], known=", ".join(ENGINES))
    if not isinstance(request.limits.get("rate_limit_resume", False), bool):
        raise InvalidRequest(reason="limits.rate_limit_resume: true or false.")
    limits_of(request.limits)
    for path in request.read_paths:
        if not path.startswith("/") or "\0" in path or os.path.normpath(path).strip("/") == "":
            raise InvalidRequest(reason=f"read_paths: {one_line(path, 200)!r} is no absolute path of a file or folder.")


def create_agent(tx: Tx, request: SpawnRequest, *, runtime: str = DEFAULT_RUNTIME, cause: str) -> str:
    """Make the agent, wanted running; its id. Raises InvalidName, NameTaken."""
    checked_name(request.name)
    if store.select_agent_named(tx.connection, request.name) is not None:
        raise NameTaken(name=request.name)
    agent_id = new_id()
    store.insert_agent(
        tx,
        {
            "id": agent_id,
            "name": request.name,
            "role": request.role,
            "engine": request.engine,
            "model": request.model or default_model(request.engine),
            "runtime": runtime,
            "parent": request.parent,
            "spec_json": request.model_dump_json(),
            "cause": cause,
        },
    )
    budgets.take_from_spec(tx, agent_id, request)
    rules.take_from_spec(tx, agent_id, request)
    audit.append(tx, "agent.created", Actor(who=HIVED), agent_id, {"name": request.name, "cause": cause})
    publish(tx, agent_id)
    tx.ring(SUPERVISOR, "look")
    return agent_id
