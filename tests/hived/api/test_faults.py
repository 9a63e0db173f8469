"""Every wrong call gets one sentence, a stable code and the right status; no traceback, and the headers on every answer."""

import asyncio
import json
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hived.api.agent import create_agent_app
from hived.api.host import create_host_app
from hived.api.listeners import Listeners
from hived.core.hive import Hive
from hived.wire.protocol import BUILD, MAX_REQUEST_BYTES, PROTOCOL
from tests.hived.api.conftest import Calls
from tests.support.books import Books
from tests.support.hive import short_home

ADA = {"name": "ada", "engine": "scripted"}


def assert_one_sentence(answer: dict[str, Any]) -> None:
    assert set(answer) == {"code", "message", "detail"}
    assert answer["message"].endswith(".") or "; " in answer["message"]
    assert "\n" not in answer["message"]
    assert "Traceback" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/v1/agents/nobody", None, 404, "agent_not_found"),
        ("GET", "/v1/agents/%2e%2e", None, 400, "invalid_name"),
        ("GET", "/v1/agents/%2e%2e%2fetc", None, 404, "unknown_route"),
        ("GET", "/v1/agents/" + "a" * 33, None, 400, "invalid_name"),
        ("GET", "/v1/agents/A", None, 400, "invalid_name"),
        ("GET", "/v1/agents/a%00", None, 400, "invalid_name"),
        ("GET", "/v1/agents/", None, 404, "unknown_route"),
        ("POST", "/v1/agents/nobody/start", None, 404, "agent_not_found"),
        ("POST", "/v1/agents/../start", None, 404, "unknown_route"),
        ("POST", "/v1/agents/nobody/stop", None, 404, "agent_not_found"),
        ("POST", "/v1/agents/nobody/restart", None, 404, "agent_not_found"),
        ("POST", "/v1/agents/nobody/cancel-turn", None, 404, "agent_not_found"),
        ("POST", "/v1/agents/nobody/dance", None, 404, "unknown_route"),
        ("PUT", "/v1/agents/nobody/model", {"model": "x"}, 404, "agent_not_found"),
        ("PUT", "/v1/agents/nobody/model", {"model": ""}, 400, "invalid_request"),
        ("PUT", "/v1/agents/nobody/model", {"model": "a\nb"}, 400, "invalid_request"),
        ("PUT", "/v1/agents/nobody/model", {"model": "x" * 201}, 400, "invalid_request"),
        ("GET", "/v1/agents/nobody/turns", None, 404, "agent_not_found"),
        ("POST", "/v1/agents", {**ADA, "name": ".."}, 400, "invalid_name"),
        ("POST", "/v1/agents", {**ADA, "name": ""}, 400, "invalid_name"),
        ("POST", "/v1/agents", {**ADA, "name": "a/b"}, 400, "invalid_name"),
        ("POST", "/v1/agents", {**ADA, "name": "a" * 33}, 400, "invalid_name"),
        ("POST", "/v1/agents", {**ADA, "name": 7}, 400, "invalid_request"),
        ("POST", "/v1/agents", {**ADA, "engine": "gpt"}, 400, "unknown_engine"),
        ("POST", "/v1/agents", {**ADA, "runtime": "bubble"}, 400, "unknown_runtime"),
        ("POST", "/v1/agents", {**ADA, "repo": "/nowhere/at/all"}, 400, "invalid_repo"),
        ("POST", "/v1/agents", {**ADA, "repo": "relative"}, 400, "invalid_repo"),
        ("POST", "/v1/agents", {**ADA, "parent": "nobody"}, 404, "agent_not_found"),
        ("POST", "/v1/agents", {**ADA, "colour": "red"}, 400, "invalid_request"),
        ("POST", "/v1/agents", [ADA], 400, "invalid_request"),
        ("POST", "/v1/agents", "ada", 400, "invalid_request"),
        ("POST", "/v1/agents", None, 400, "invalid_request"),
        ("POST", "/v1/messages", {"to": "nobody", "body": "x"}, 404, "agent_not_found"),
        ("POST", "/v1/messages", {"to": "..", "body": "x"}, 400, "invalid_name"),
        ("POST", "/v1/messages", {"to": "nobody", "body": ""}, 400, "invalid_request"),
        ("POST", "/v1/messages", {"to": "nobody", "body": "x", "sender": "queen"}, 400, "invalid_request"),
        ("POST", "/v1/messages", {"to": "*", "body": "x" * (256 * 1024 + 1)}, 413, "too_large"),
        ("POST", "/v1/messages/none/read", None, 404, "message_not_found"),
        ("GET", "/v1/messages?limit=0", None, 400, "invalid_request"),
        ("GET", "/v1/messages?limit=many", None, 400, "invalid_request"),
        ("GET", "/v1/messages?before=none", None, 404, "message_not_found"),
        ("GET", "/v1/messages?agent=nobody", None, 404, "agent_not_found"),
        ("GET", "/v1/approvals/none", None, 404, "approval_not_found"),
        ("POST", "/v1/approvals/none/approve", None, 404, "approval_not_found"),
        ("POST", "/v1/approvals/none/deny", {"note": "x"}, 404, "approval_not_found"),
        ("POST", "/v1/approvals/none/deny", {"note": "x" * 4097}, 400, "invalid_request"),
        ("POST", "/v1/approvals/none/deny", {"verdict": "x"}, 400, "invalid_request"),
        ("GET", "/v1/approvals?kind=wish", None, 400, "invalid_request"),
        ("GET", "/nowhere", None, 404, "unknown_route"),
        ("GET", "/v1", None, 404, "unknown_route"),
        ("DELETE", "/v1/messages", None, 405, "unknown_route"),
        ("POST", "/v1/snapshot", None, 405, "unknown_route"),
    ],
)
async def test_a_wrong_call_is_told_so(host: Calls, method: str, path: str, body: Any, status: int, code: str) -> None:
    found, answer = await host(method, path, body)
    assert (found, answer["code"]) == (status, code), answer
    assert_one_sentence(answer)


@pytest.mark.parametrize("body", [b"nope", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"to":"ada",}', b"a=b"])
async def test_a_body_that_is_no_json_is_told_so(host: Calls, body: bytes) -> None:
    for headers in ({}, {"content-type": "application/json"}, {"content-type": "application/x-www-form-urlencoded"}):
        status, answer = await host("POST", "/v1/messages", content=body, headers=headers)
        assert (status, answer["code"]) == (400, "not_json")
        assert_one_sentence(answer)


async def test_json_is_taken_whatever_its_type_is_called(host: Calls, books: Books) -> None:
    """As `curl -d` sends it."""
    await books.agent("ada")
    form = {"content-type": "application/x-www-form-urlencoded"}
    status, _ = await host("POST", "/v1/messages", content=b'{"to": "ada", "body": "x"}', headers=form)
    assert status == 201


async def test_the_sentence_names_the_field(host: Calls) -> None:
    for body, field in (
        ({"to": "ada", "body": 7}, "body"),
        ({"body": "x"}, "to"),
        ({"to": "ada", "body": "x", "when": "soon"}, "when"),
        ({"to": "ada", "body": "x", "colour": 1}, "colour"),
    ):
        _, answer = await host("POST", "/v1/messages", body)
        assert answer["message"].startswith(f"{field}: ")
        assert answer["detail"]["field"] == field


async def test_text_that_is_no_unicode_is_refused(host: Calls, books: Books) -> None:
    await books.agent("ada")
    for path, body in (
        ("/v1/messages", b'{"to": "ada", "body": "\\ud800"}'),
        ("/v1/agents", b'{"name": "bob", "engine": "scripted", "engine_options": {"x": ["\\uDFFF"]}}'),
        ("/v1/approvals/x/approve", b'{"updated_input": {"\\udbff": 1}}'),
    ):
        status, answer = await host("POST", path, content=body)
        assert (status, answer["code"]) == (400, "invalid_request")
    status, _ = await host("POST", "/v1/messages", content=b'{"to": "ada", "body": "\\ud83d\\udc1d"}')
    assert status == 201


async def test_every_answer_says_protocol_and_build(host: Calls, harness: Calls) -> None:
    for calls in (host, harness):
        for method, path in (("GET", "/v1/version"), ("GET", "/nowhere"), ("POST", "/v1/messages")):
            answer = await calls.http.request(method, path)
            assert (answer.headers["hive-protocol"], answer.headers["hive-build"]) == (str(PROTOCOL), BUILD)


async def test_a_fault_of_ours_is_logged_whole_and_told_in_one_sentence(
    books: Books, host: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    await books.do(lambda tx: tx.execute("DROP TABLE waiting"))
    with caplog.at_level(logging.ERROR):
        status, answer = await host("GET", "/v1/waiting")
    assert (status, answer["code"]) == (500, "internal")
    assert_one_sentence(answer)
    assert "no such table: waiting" in caplog.text
    assert "no such table" not in json.dumps(answer)


async def test_a_full_disk_is_said_and_nothing_is_done(books: Books, host: Calls) -> None:
    await books.agent("ada")
    await books.do(lambda tx: tx.execute("PRAGMA max_page_count = 1"))  # as large as it is now
    status, answer = await host("POST", "/v1/messages", {"to": "ada", "body": "x" * 200_000})
    assert (status, answer["code"]) == (500, "disk_full")
    assert "free some" in answer["message"]
    await books.do(lambda tx: tx.execute("PRAGMA max_page_count = 1000000"))
    assert (await host("GET", "/v1/messages"))[1]["messages"] == []
    assert (await host("POST", "/v1/messages", {"to": "ada", "body": "x"}))[0] == 201


async def test_an_agents_socket_says_no_to_everything_that_is_not_its_own(harness: Calls) -> None:
    for method, path in (
        ("GET", "/v1/agents"), ("GET", "/v1/snapshot"), ("GET", "/v1/feed"), ("POST", "/v1/messages"),
        ("POST", "/v1/agents"), ("POST", "/v1/agents/ada/stop"), ("GET", "/v1/approvals"), ("POST", "/v1/shutdown"),
        ("POST", "/v1/approvals/x/approve"), ("GET", "/openapi.json"), ("GET", "/docs"), ("DELETE", "/v1/inbox"),
    ):  # fmt: skip
        status, answer = await harness(method, path)
        assert (status, answer["code"]) == (403, "forbidden_role"), (method, path)
        assert_one_sentence(answer)


async def test_the_interface_describes_itself(host: Calls) -> None:
    status, described = await host("GET", "/openapi.json")
    assert status == 200
    assert {"/v1/agents/{name}", "/v1/messages", "/v1/feed", "/v1/approvals/{id}/approve"} <= set(described["paths"])
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation.get("summary"), (method, path)
            assert operation.get("description"), (method, path)
            assert "4XX" in operation["responses"], (method, path)
    assert "ErrorAnswer" in described["components"]["schemas"]


# Over a real socket ----------------------------------------------------------------------------------------


@pytest.fixture
async def socket(books: Books) -> AsyncIterator[Path]:
    """The operator's real socket."""
    home = short_home()
    hive: Hive = books.hive
    listeners = Listeners(create_host_app(hive), create_agent_app(hive), dict)
    await listeners.open_host(home / "host.sock")
    yield home / "host.sock"
    await listeners.close()
    shutil.rmtree(home)


async def test_a_body_over_the_limit_is_answered_however_it_is_sent(socket: Path) -> None:
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(socket)), base_url="http://hive") as http:

        async def chunks(count: int) -> AsyncIterator[bytes]:
            for _ in range(count):
                yield b"x" * 65_536

        for content in (b"x" * (MAX_REQUEST_BYTES + 1), b"x" * 20_000_000, chunks(17), chunks(320)):
            answer = await http.post("/v1/messages", content=content)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
            assert answer.json()["detail"]["limit"] == MAX_REQUEST_BYTES
        assert (await http.post("/v1/messages", content=b" " * MAX_REQUEST_BYTES)).json()["code"] == "not_json"
        assert (await http.get("/v1/version")).status_code == 200


async def test_what_is_no_http_is_told_so_and_the_next_caller_is_served(socket: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(b"\x00\x01\x02 nonsense\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 60)
    assert answer.startswith(b"HTTP/1.1 400")
    writer.close()
    await writer.wait_closed()
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(socket)), base_url="http://hive") as http:
        assert (await http.get("/v1/version")).status_code == 200
