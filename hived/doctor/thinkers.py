"""What agentd found of engines, as checks. It only presents: what is found is the engines' own to say."""

from hived.wire.agents import EngineAbilities, EngineFound
from hived.wire.doctor import Check

THINKING = ("claude", "acp", "api")
"""Engines with a model behind them; command and scripted need none."""
BUILT_IN = "api"
"""It is always there; what may be missing is a model server."""
LOGINS = {
    "in": "logged in",
    "out": "not logged in",
    "key": "an API key",
    "not_needed": "no login needed",
    "unknown": "",
}
LOGIN_REMEDIES = {
    "claude": "Log in once for yourself with: claude auth login. An agent has a login of its own: hive login NAME, or one "
    "token for all by --env-from CLAUDE_CODE_OAUTH_TOKEN and secrets.toml.",
}
LOGIN_REMEDY = (
    "Put its key into secrets.toml and give its name to the agent with --env-from, or log in with its own program."
)
_CAN = {
    "steer": "takes messages into a running turn",
    "interrupt": "can be interrupted",
    "set_model": "switches models at once",
    "resume": "resumes",
    "compact": "compacts",
    "login": "logs in through the hive",
}


def engine_name(engine: EngineFound) -> str:
    return f"{engine.kind} {engine.preset}" if engine.preset else engine.kind


def engines(found: list[EngineFound]) -> list[Check]:
    """One check for each that is there, after one for whether anything here can think."""
    there = [engine for engine in found if engine.found]
    return [_any(found), *(_engine(engine) for engine in there)]


def _any(found: list[EngineFound]) -> Check:
    thinking = [
        engine_name(engine) for engine in found if engine.found and engine.kind in THINKING and not _idle(engine)
    ]
    if thinking:
        return Check(name="engines", state="ok", detail=", ".join(thinking))
    ways = [
        f"{engine_name(engine)}: {engine.install}" for engine in found if engine.kind in THINKING and engine.install
    ]
    return Check(
        name="engines",
        state="warning",
        detail="nothing with a model behind it was found; agents can be programs (command) and scenarios (scripted)",
        remedy=f"Install one, for instance {ways[0]}" if ways else "Install one: docs/ENGINES.md says how.",
    )


def _idle(engine: EngineFound) -> bool:
    """It is part of this build, and has nothing to think with. That is no trouble where another engine has."""
    return engine.kind == BUILT_IN and engine.login == "out"


def _engine(engine: EngineFound) -> Check:
    logged_out = engine.login == "out" and not _idle(engine)
    login = "" if _idle(engine) else LOGINS.get(engine.login, engine.login)
    facts = [engine.version or "", engine.path or "", login, "" if logged_out else engine.login_detail]
    facts += [engine.detail, can(engine.abilities)]
    if engine.models:
        facts.append(f"models: {', '.join(engine.models[:8])}{' …' if len(engine.models) > 8 else ''}")
    remedy = LOGIN_REMEDIES.get(engine.kind) or engine.login_detail or LOGIN_REMEDY
    return Check(
        name=f"engine {engine_name(engine)}",
        state="warning" if logged_out else "ok",
        detail="; ".join(" ".join(fact.split()).rstrip(".") for fact in facts if fact),
        remedy=remedy if logged_out else engine.install if _idle(engine) else "",
    )


def can(abilities: EngineAbilities) -> str:
    """What it can do, in words; empty where it says nothing."""
    words = [text for ability, text in _CAN.items() if getattr(abilities, ability)]
    if abilities.efforts:
        words.append(f"effort {'/'.join(abilities.efforts)}")
    if abilities.permission_modes:
        words.append(f"permission modes {'/'.join(abilities.permission_modes)}")
    return ", ".join(words)
