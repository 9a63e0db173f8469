"""hived.client.oneshot against a small server on a real Unix socket that answers as told."""

import contextlib
import re
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hived.client import oneshot
from hived.wire.errors import AgentNotFound, Internal, NotRunning, PathTooLong, ProtocolMismatch, TookTooLong
from hived.wire.protocol import PROTOCOL

JSON = b"content-type: application/json\r\nhive-protocol: %d\r\n" % PROTOCOL


def answer(body: bytes, status: bytes = b"200 OK", head: bytes = JSON) -> bytes:
    return b"HTTP/1.1 %s\r\n%scontent-length: %d\r\n\r\n%s" % (status, head, len(body), body)


def sse(*events: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nhive-protocol: %d\r\nconnection: close\r\n\r\n"
    return head % PROTOCOL + b"".join(event + b"\n\n" for event in events)


class FakeServer:
    """Gives each connection the next of its answers and closes it; an empty one closes at once. Keeps the requests."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "host.sock"
        self.requests: list[str] = []
        self._answers: list[bytes] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def answers(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self._thread.start()

    def _serve(self) -> None:
        for given in self._answers:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # `close` was called
                return
            with connection:
                self.requests.append(self._request(connection))
                connection.sendall(given)
        self._listener.close()
        self.path.unlink()

    def _request(self, connection: socket.socket) -> str:
        """All of it, body included: to close with something unread would be a reset."""
        received = ""
        while True:
            head, end, body = received.partition("\r\n\r\n")
            length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            if end and len(body) >= (int(length[1]) if length else 0):
                return received
            received += connection.recv(65536).decode()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        if self._thread.ident is not None:
            self._thread.join(60)
        self._listener.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="hv", dir="/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def server(folder: Path) -> Iterator[FakeServer]:
    made = FakeServer(folder)
    yield made
    made.close()


def test_a_call_gives_the_answers_json(server: FakeServer) -> None:
    server.answers(answer(b'{"a": 1}'))
    given = oneshot.call("GET", "/v1/x", query={"limit": 2, "all": True, "none": None}, socket_path=server.path)
    assert given == {"a": 1}
    assert server.requests[0].startswith("GET /v1/x?limit=2&all=true HTTP/1.1\r\n")
    assert "hive-client: hive" in server.requests[0]


def test_an_error_comes_back_as_its_type(server: FakeServer) -> None:
    server.answers(
        answer(b'{"code": "agent_not_found", "message": "No x.", "detail": {"name": "x"}}', b"404 Not Found")
    )
    with pytest.raises(AgentNotFound, match=r"^No x\.$") as raised:
        oneshot.call("GET", "/v1/agents/x", socket_path=server.path)
    assert raised.value.detail == {"name": "x"}


def test_an_answer_that_is_no_json_is_internal(server: FakeServer) -> None:
    server.answers(answer(b"{"))
    with pytest.raises(Internal):
        oneshot.call("GET", "/v1/x", socket_path=server.path)


def test_without_a_socket_hived_is_not_running(folder: Path) -> None:
    with pytest.raises(NotRunning) as raised:
        oneshot.call("GET", "/v1/x", socket_path=folder / "none.sock")
    assert raised.value.exit_code == 3


def test_a_socket_that_nobody_listens_on_is_not_running(folder: Path) -> None:
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(folder / "host.sock"))
    stale.close()
    with pytest.raises(NotRunning):
        oneshot.call("GET", "/v1/x", socket_path=folder / "host.sock")


def test_a_path_over_107_bytes_is_named(folder: Path) -> None:
    with pytest.raises(PathTooLong, match="HIVE_HOME"):
        oneshot.call("GET", "/v1/x", socket_path=folder / ("x" * 110))


def test_another_protocol_is_one_sentence(server: FakeServer) -> None:
    server.answers(answer(b"{}", head=b"hive-protocol: 99\r\nhive-build: hivetui 9\r\n"))
    with pytest.raises(ProtocolMismatch, match="hivetui 9"):
        oneshot.call("GET", "/v1/x", socket_path=server.path)


def test_a_call_without_an_answer_took_too_long(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(folder / "host.sock"))
        silent.listen()
        with pytest.raises(TookTooLong):
            oneshot.call("GET", "/v1/x", timeout=0.05, socket_path=folder / "host.sock")


def test_a_lost_answer_is_asked_for_again_with_the_same_key(server: FakeServer) -> None:
    server.answers(b"", answer(b'{"id": 7}'))
    assert oneshot.call("POST", "/v1/x", {}, idempotency_key="k1", socket_path=server.path) == {"id": 7}
    assert [request.count("idempotency-key: k1") for request in server.requests] == [1, 1]


def test_a_call_without_a_key_is_never_repeated(server: FakeServer) -> None:
    server.answers(b"", answer(b"{}"))
    with pytest.raises(NotRunning):
        oneshot.call("POST", "/v1/x", {}, socket_path=server.path)
    assert len(server.requests) == 1


def test_a_stream_goes_on_behind_the_last_id_it_saw(server: FakeServer) -> None:
    server.answers(
        sse(b"id: 1\ndata: a", b"id: 2\ndata: b", b"data: live"),
        sse(b": hello", b"id: 3\nevent: agent\ndata: c"),
    )
    events = oneshot.stream("/v1/feed", socket_path=server.path)
    seen = [(event.event, event.id, event.data) for event in (next(events) for _ in range(4))]
    assert seen == [("message", "1", "a"), ("message", "2", "b"), ("message", None, "live"), ("agent", "3", "c")]
    assert "last-event-id" not in server.requests[0]
    assert "last-event-id: 2\r\n" in server.requests[1]


def test_a_stream_that_begins_behind_an_id_says_so(server: FakeServer) -> None:
    server.answers(sse(b"id: 9\ndata: x"))
    assert next(oneshot.stream("/v1/feed", last_event_id=8, socket_path=server.path)).id == "9"
    assert "last-event-id: 8\r\n" in server.requests[0]


def test_a_stream_ends_at_its_deadline(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(folder / "host.sock"))
        silent.listen()
        events = oneshot.stream("/v1/feed", deadline=time.monotonic() + 0.05, socket_path=folder / "host.sock")
        with pytest.raises(TimeoutError):
            next(events)


def test_a_stream_of_no_hived_is_not_running(folder: Path) -> None:
    with pytest.raises(NotRunning):
        next(oneshot.stream("/v1/feed", last_event_id=3, socket_path=folder / "none.sock"))


def test_a_stream_gives_up_on_a_hived_that_stays_away(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oneshot, "AWAY_SECONDS", 0.05)
    server.answers(sse(b"id: 1\ndata: a"))
    events = oneshot.stream("/v1/feed", socket_path=server.path)
    assert next(events).id == "1"
    with pytest.raises(NotRunning):
        next(events)


def test_parts_of_a_path_are_quoted() -> None:
    assert oneshot.path_of("/v1/agents/{name}", name="../a b") == "/v1/agents/..%2Fa%20b"
