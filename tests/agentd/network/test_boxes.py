"""A real sandbox without a network: what programs inside it reach, and what they do not."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agentd.network.plan import SETUP
from hived.wire.agents import SpawnRequest
from tests.support.boxes import Box, served
from tests.support.raw_sockets import raw_server
from tests.support.tools import missing


@asynccontextmanager
async def boxed(process: str = "engine", **asked: object) -> AsyncIterator[Box]:
    values = {"name": "bee", "engine": "command", "engine_options": {"command": "true"}, **asked}
    with tempfile.TemporaryDirectory(prefix="hv", dir="/tmp", ignore_cleanup_errors=True) as root:
        async with served(Path(root), SpawnRequest.model_validate(values), process) as box:
            yield box


@asynccontextmanager
async def files(folder: Path) -> AsyncIterator[int]:
    """That folder over HTTP, on this machine's loopback."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = await process.stdout.readline()
        yield int(line.split(b" port ")[1].split()[0])
    finally:
        process.kill()
        await process.communicate()


REACH = """
import socket
for family, place in ((socket.AF_INET, ("1.1.1.1", 53)), (socket.AF_INET6, ("2606:4700:4700::1111", 53))):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            with socket.socket(family, kind) as out:
                out.settimeout(5)
                out.connect(place)
                out.send(b"x")
            print("out", place, kind)
        except OSError:
            print("no")
try:
    socket.getaddrinfo("pypi.org", 443)
    print("a name")
except OSError:
    print("no")
try:
    socket.create_connection(("127.0.0.1", PORT), 5)
    print("the loopback outside")
except OSError:
    print("no")
try:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    print("packets")
except OSError:
    print("no")
"""


async def test_there_is_no_way_out_but_the_proxy() -> None:
    async with raw_server() as server, boxed() as box:
        said = (await box.python(REACH.replace("PORT", str(server.port))))[1]
    assert said.split() == ["no"] * 7
    assert server.count == 0


async def test_with_network_true_there_is_one_and_no_proxy() -> None:
    async with raw_server() as server, boxed(network=True) as box:
        script = f"import socket; socket.create_connection(('127.0.0.1', {server.port}), 5); print('there')"
        assert (await box.python(script)) == (0, "there")
        assert "20080" not in (await box.run(["env"]))[1]
        assert not Path(box.launch.proxy_socket).exists()  # noqa: ASYNC240


async def test_curl_reaches_what_is_allowed_and_is_told_what_is_not(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        missing("curl is not on this machine")
    (tmp_path / "a.txt").write_text("from outside")
    async with files(tmp_path) as port, boxed(allow_hosts=[f"localhost:{port}"]) as box:
        # Once as an address of the loopback inside, which the bridge leads out; once by the proxy itself.
        assert await box.run(["curl", "-sS", f"http://localhost:{port}/a.txt"]) == (0, "from outside")
        by_proxy = ["curl", "-sS", "--noproxy", "", f"http://localhost:{port}/a.txt"]
        assert await box.run(by_proxy) == (0, "from outside")
        code, said = await box.run(["curl", "-sS", "https://pypi.org/simple/"])
        assert code != 0
        assert "403" in said
        assert (await box.run(["curl", "-sS", "http://pypi.org/simple/"]))[1] == (
            "There is no network here, and pypi.org:80 is refused: allow_hosts does not name it."
        )
        assert box.notes == ["No network: a connection to pypi.org:443 was refused: allow_hosts does not name it."]


def make_origin(folder: Path) -> None:
    """`origin.git` below it, with one commit, as a plain web server can give it."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    name = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (
        ["init", "-q", "w"],
        ["-C", "w", *name, "commit", "-q", "--allow-empty", "-m", "first words"],
        ["clone", "-q", "--bare", "w", "origin.git"],
        ["-C", "origin.git", "update-server-info"],
    ):
        subprocess.run(["git", *words], cwd=folder, env=env, check=True, capture_output=True, timeout=60)


async def test_git_clones_over_http_through_the_proxy(tmp_path: Path) -> None:
    await asyncio.to_thread(make_origin, tmp_path)
    async with files(tmp_path) as port, boxed(allow_hosts=[f"localhost:{port}"]) as box:
        git = ["git", "-c", "http.proxy=http://127.0.0.1:20080"]
        code, said = await box.run(
            [*git, "clone", "-q", f"http://localhost:{port}/origin.git", "copy"], {"NO_PROXY": ""}
        )
        assert code == 0, said
        assert "first words" in (await box.run(["git", "-C", "copy", "log", "--format=%s"]))[1]
        code, said = await box.run(["git", "clone", "-q", "https://github.com/octocat/Hello-World", "other"])
        assert code != 0
        assert "403" in said


async def test_pip_installs_from_an_index_that_is_allowed(tmp_path: Path) -> None:
    python = shutil.which("python3", path="/usr/bin") or ""
    if not python or subprocess.run([python, "-m", "pip", "--version"], capture_output=True, timeout=60).returncode:  # noqa: ASYNC221
        missing("the system's Python has no pip (Debian: python3-pip)")
    make_index(tmp_path)
    async with files(tmp_path) as port, boxed(allow_hosts=[f"localhost:{port}"]) as box:
        pip = [python, "-m", "pip", "--disable-pip-version-check", "download", "--retries", "0", "--no-deps"]
        proxied = ["--index-url", f"http://localhost:{port}/simple", "--proxy", "http://127.0.0.1:20080"]
        code, said = await box.run([*pip, *proxied, "tiny"])
        assert code == 0, said
        code, said = await box.run([*pip, "other"])
        assert code != 0
        assert box.notes[-1].startswith("No network: a connection to "), said


def make_index(folder: Path) -> None:
    """A package index with one package."""
    below = folder / "simple/tiny"
    below.mkdir(parents=True)
    about = "tiny-1.0.dist-info"
    with zipfile.ZipFile(below / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    (below / "index.html").write_text('<a href="tiny-1.0-py3-none-any.whl">tiny-1.0-py3-none-any.whl</a>')


async def test_a_port_of_the_loopback_that_cannot_be_opened_inside_keeps_no_engine_from_its_start() -> None:
    async with boxed(allow_hosts=["localhost:1", "localhost:20080"]) as box:
        assert await box.run(["echo", "here"]) == (0, "here")


async def test_a_setup_has_the_proxy_and_no_model() -> None:
    key = {"ANTHROPIC_API_KEY": "sk-real"}
    async with raw_server() as server:
        place = f"localhost:{server.port}"
        async with boxed(SETUP, engine="claude", env=key, allow_hosts=[place]) as box:
            said = (await box.run(["env"], process=SETUP))[1]
            assert "ANTHROPIC_UNIX_SOCKET" not in said
            # It waits for the answer: what has ended takes its bridge with it, and a byte that is still on its way.
            script = f"import socket; s = socket.create_connection(('127.0.0.1', {server.port}), 5); s.send(b'x'); print(s.recv(1))"
            asked = asyncio.ensure_future(box.python(script, process=SETUP))
            connection = await server.next()
            assert await connection.exactly(1) == b"x"
            await connection.send(b"y")
            assert await asked == (0, "b'y'")


async def test_the_sockets_cannot_be_taken_away_from_inside() -> None:
    async with boxed() as box:
        proxy = box.launch.proxy_socket
        code, _ = await box.run(["/bin/sh", "-c", f"rm -f {proxy} || mv {proxy} {proxy}.old || : > {box.launch.io}/x"])
        assert code != 0
        code, said = await box.run(["curl", "-sS", "http://pypi.org/"])
        assert "There is no network here" in said, code


async def test_a_stray_pkill_leaves_the_way_to_the_model_alone() -> None:
    if shutil.which("pkill") is None:
        missing("pkill is not on this machine (Debian: procps)")
    async with boxed() as box:
        said = (await box.run(["/bin/sh", "-c", "pkill python; curl -sS http://pypi.org/"]))[1]
        assert "There is no network here" in said
