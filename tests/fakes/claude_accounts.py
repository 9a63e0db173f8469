"""A loopback stand-in for the hosts that Claude Code logs in with: an HTTP proxy that answers in their place.

The CLI has no variable for another login host, so it is given a proxy (HTTPS_PROXY) that plays every host it asks for, with a
certificate made for the test and named in NODE_EXTRA_CA_CERTS. Nothing leaves the machine.

    async with ClaudeAccounts(folder) as accounts: env.update(accounts.environment)
"""

import asyncio
import contextlib
import json
import os
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any, Self

import pytest

HOSTS = ("platform.claude.com", "api.anthropic.com", "claude.ai", "claude.com", "console.anthropic.com")
CODE = "the-code#the-state"
_ACCOUNT = {"uuid": "11111111-1111-4111-8111-111111111111"}
_ORGANIZATION = {"uuid": "22222222-2222-4222-8222-222222222222"}


class ClaudeAccounts:
    """`exchanged` holds the bodies of what was asked to exchange a code. `refuses`: no code is taken. `messages_port`: of a
    MessagesApi that answers for api.anthropic.com's models."""

    def __init__(
        self, folder: Path, *, refuses: bool = False, login_seconds: int = 30 * 86400, messages_port: int | None = None
    ) -> None:
        self.exchanged: list[dict[str, Any]] = []
        self._folder = folder
        self._refuses = refuses
        self._login_seconds = login_seconds
        self._messages_port = messages_port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def environment(self) -> dict[str, str]:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{port}",
            "NODE_EXTRA_CA_CERTS": str(self._folder / "certificate.pem"),
            "NO_PROXY": "127.0.0.1",
        }

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(_make_certificate, self._folder)
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(self._folder / "certificate.pem", self._folder / "key.pem")
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await writer.drain()
            await writer.start_tls(self._tls)
            while True:
                await self._answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            return  # the CLI has what it wanted
        finally:
            self._open.discard(task)
            with contextlib.suppress(OSError):
                writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = [line.partition(":") for line in head.split("\r\n")[1:]]
        length = next((int(value) for name, _, value in lines if name.lower() == "content-length"), 0)
        body = await reader.readexactly(length)
        path = head.split(" ")[1]
        if self._messages_port is not None and path.startswith("/v1/messages"):
            await self._from_the_model(head, body, writer)
            raise ConnectionResetError("one request for each connection")
        status, answer = self._say(path, body)
        data = json.dumps(answer).encode()
        said = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        writer.write(said.encode() + data)
        await writer.drain()

    async def _from_the_model(self, head: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        reader, model = await asyncio.open_connection("127.0.0.1", self._messages_port)
        try:
            model.write(head.replace("keep-alive", "close").encode("latin-1") + body)
            model.write_eof()
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            model.close()

    def _say(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if path.startswith("/v1/oauth/token"):
            self.exchanged.append(json.loads(body))
            if self._refuses:
                return 400, {"error": "invalid_grant", "error_description": "Invalid code"}
            return 200, {
                "token_type": "Bearer",
                "access_token": "sk-ant-oat01-not-real",
                "refresh_token": "sk-ant-ort01-not-real",
                "expires_in": 28800,
                "refresh_token_expires_in": self._login_seconds,
                "scope": "user:inference user:profile",
                "account": _ACCOUNT | {"email_address": "bee@example.com"},
                "organization": _ORGANIZATION,
            }
        if path.startswith("/api/oauth/profile"):
            account = _ACCOUNT | {"email": "bee@example.com", "display_name": "Bee", "has_claude_max": True}
            return 200, {"account": account, "organization": _ORGANIZATION | {"organization_type": "claude_max"}}
        if path.startswith("/api/oauth/claude_cli/roles"):
            return 200, {"organization_role": "admin", "workspace_role": None, "organization_name": "Bees"}
        return 404, {}


def _make_certificate(folder: Path) -> None:
    """For those hosts, by the openssl program; the test is skipped where there is none, and fails if HIVE_REQUIRE_TOOLS=1."""
    program = shutil.which("openssl")
    if program is None:
        reason = "openssl is not on PATH (Debian: openssl)"
        if os.environ.get("HIVE_REQUIRE_TOOLS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    subprocess.run(
        [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=a test's own", "-addext", f"subjectAltName={names}", "-keyout", str(folder / "key.pem"),
         "-out", str(folder / "certificate.pem")],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
