"""Model, effort and permission mode: file, books and harness say the same; what an engine could not take is refused."""

import json
from typing import Any

import pytest

from tests.hived.api.conftest import Calls
from tests.support.books import Books, event

ROUTES = {"effort": "effort", "permission_mode": "permission-mode"}


async def able(books: Books, models: list[str] | None = None, **abilities: Any) -> None:
    offered = json.dumps([{"name": name} for name in models or []])
    await books.do(
        lambda tx: tx.execute(
            "UPDATE agents SET abilities_json = ?, models_json = ?", (json.dumps({"steer": True, **abilities}), offered)
        )
    )


@pytest.mark.parametrize("setting", ROUTES)
async def test_a_setting_is_in_its_file_in_the_books_and_rung(host: Calls, books: Books, setting: str) -> None:
    ada = await books.agent("ada", online=False)
    path, file = f"/v1/agents/ada/{ROUTES[setting]}", books.hive.paths.agent("ada").harness / ROUTES[setting]
    books.rings.clear()
    status, view = await host("PUT", path, {setting: " plan "})
    assert (status, view[setting]) == (200, "plan")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("plan\n", 0o600)
    assert [(ring.to, ring.event, ring.payload) for ring in books.rings] == [
        (ada, "setting", {"setting": setting, "value": "plan"})
    ]
    assert await books.one("SELECT action FROM audit ORDER BY seq DESC") == f"agent.{setting}_set"
    status, view = await host("PUT", path, {setting: None})
    assert (status, view[setting], file.exists()) == (200, None, False)


@pytest.mark.parametrize("setting", ROUTES)
async def test_what_the_engine_does_not_take_is_refused_with_what_it_takes(
    host: Calls, books: Books, setting: str
) -> None:
    await books.agent("ada")
    path = f"/v1/agents/ada/{ROUTES[setting]}"
    assert (await host("PUT", path, {setting: "anything"}))[0] == 200, "nobody has said yet what it takes"
    await able(books, efforts=["low", "high"], permission_modes=["low", "high"])
    status, said = await host("PUT", path, {setting: "huge"})
    assert (status, said["code"]) == (400, "unsupported")
    assert "low, high" in said["message"]
    assert (await host("PUT", path, {setting: "low"}))[0] == 200
    await able(books)
    status, said = await host("PUT", path, {setting: "low"})
    assert (status, said["code"]) == (400, "unsupported")
    assert (await host("PUT", path, {setting: None}))[0] == 200


@pytest.mark.parametrize("setting", ROUTES)
@pytest.mark.parametrize("value", ["", " ", "a\nb", "\x1b[31m", "x" * 65, 7])
async def test_a_value_that_is_no_line_is_refused(host: Calls, books: Books, setting: str, value: Any) -> None:
    await books.agent("ada")
    status, said = await host("PUT", f"/v1/agents/ada/{ROUTES[setting]}", {setting: value})
    assert (status, said["code"]) == (400, "invalid_request")


async def test_models_are_listed_and_others_refused_only_where_there_are_none(host: Calls, books: Books) -> None:
    await books.agent("ada", model="small")
    assert (await host("GET", "/v1/agents/ada/models"))[1] == {"current": "small", "models": [], "closed": False}
    await able(books, ["small", "large"])
    assert (await host("PUT", "/v1/agents/ada/model", {"model": "exotic"}))[0] == 200
    await able(books, ["small", "large"], closed_models=True)
    status, said = await host("PUT", "/v1/agents/ada/model", {"model": "other"})
    assert (status, said["code"]) == (400, "unknown_model")
    assert "small, large" in said["message"]
    for model in ("large", "default"):
        assert (await host("PUT", "/v1/agents/ada/model", {"model": model}))[0] == 200
    _, known = await host("GET", "/v1/agents/ada/models")
    assert (known["current"], [model["name"] for model in known["models"]], known["closed"]) == (
        "default", ["small", "large"], True,
    )  # fmt: skip
    assert (await host("GET", "/v1/agents/eve/models"))[1]["code"] == "agent_not_found"


async def test_what_the_engine_calls_its_model_is_shown_and_what_was_set_stays_known(host: Calls, books: Books) -> None:
    ada = await books.agent("ada", model="haiku")
    await books.events(ada, event(1, "model_changed", model="claude-haiku-4-5"))
    _, known = await host("GET", "/v1/agents/ada/models")
    assert ((await books.view("ada")).model, known["current"]) == ("claude-haiku-4-5", "haiku")
    await host("PUT", "/v1/agents/ada/model", {"model": "haiku"})
    assert (await books.view("ada")).model == "claude-haiku-4-5", "nothing was changed"
    await host("PUT", "/v1/agents/ada/model", {"model": "opus"})
    assert (await books.view("ada")).model == "opus"


async def test_the_same_key_sets_once(host: Calls, books: Books) -> None:
    await books.agent("ada")
    key = {"idempotency-key": "k1"}
    first = await host("PUT", "/v1/agents/ada/effort", {"effort": "low"}, headers=key)
    await host("PUT", "/v1/agents/ada/effort", {"effort": "high"})
    assert await host("PUT", "/v1/agents/ada/effort", {"effort": "low"}, headers=key) == first
    assert (await books.view("ada")).effort == "high"


async def test_no_agent_sets_anything(harness: Calls) -> None:
    for path in ("model", "effort", "permission-mode"):
        assert (await harness("PUT", f"/v1/agents/ada/{path}", {}))[0] == 403
