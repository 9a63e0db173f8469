"""`model.sock`: a key that the engine never sees comes back to it by no way that the model's host opens, and leads nowhere else."""

import gzip

import pytest

from agentd.network.credentials import placeholder
from tests.agentd.network.test_model_forwarder import Scene, headers_of, request, scene
from tests.support.raw_sockets import connected

__all__ = ["scene"]
KEY = "sk-real-and-long"
STAND_IN = placeholder("ANTHROPIC_API_KEY").encode()


def refusal(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 401 Unauthorized", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("packed", [False, True])
async def test_a_key_that_the_model_complains_of_is_not_told_to_the_engine(scene: Scene, packed: bool) -> None:
    scene.keys = {"ANTHROPIC_API_KEY": KEY}
    body = f"Incorrect API key provided: {KEY}.".encode()
    packing = ["Content-Encoding: gzip"] if packed else []
    async with scene.asked(request("Connection: close")) as (engine, model, head):
        assert headers_of(head)["x-api-key"] == KEY
        await model.send(refusal(gzip.compress(body) if packed else body, f"X-Key: {KEY}", *packing))
        answer = await engine.all()
    assert KEY.encode() not in answer
    assert b"Incorrect API key provided: " + STAND_IN in answer
    assert b"X-Key: " + STAND_IN in answer
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "PROPFIND"])
async def test_no_method_that_says_back_what_it_was_asked_goes_out(scene: Scene, method: str) -> None:
    assert (await scene.refused(f"{method} / HTTP/1.1\r\nHost: model\r\n\r\n".encode()))[0] == 405


async def test_a_key_of_the_agents_own_does_not_go_out_in_the_address(scene: Scene) -> None:
    async with scene.asked(request(target="/v1/models?alt=sse&key=thief&%6bey=thief&API_KEY=thief")) as (_, _, head):
        assert b"thief" not in head
        assert head.startswith(b"POST /v1/models?alt=sse HTTP/1.1\r\n")


async def test_where_a_model_sends_one_elsewhere_nobody_goes_with_the_key(scene: Scene) -> None:
    moved = (
        f"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{scene.server.port}/elsewhere\r\nContent-Length: 0\r\n\r\n"
    )
    async with scene.asked(request("Connection: close")) as (engine, model, _):
        await model.send(moved.encode())
        assert (await engine.all()).startswith(b"HTTP/1.1 307 ")
    assert scene.server.count == 1


async def test_what_a_model_would_have_remembered_is_the_engines_own_to_keep(scene: Scene) -> None:
    async with connected(scene.path) as engine:
        for _ in range(2):
            await engine.send(request())
            if scene.server.count == 0:
                model = await scene.server.next()
            assert b"cookie" not in (await model.until(b"\r\n\r\n")).lower()
            await model.send(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
            assert b"a=b" in await engine.until(b"\r\n\r\n")
