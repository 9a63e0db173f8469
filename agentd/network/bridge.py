"""Ports of the loopback inside a sandbox that has no network, each leading to a Unix socket outside of it.

    python -I -S bridge.py PORT=SOCKET [PORT@HOST:PORT=SOCKET …] -- COMMAND [WORD …]

With a HOST, SOCKET is an HTTP proxy, and whoever connects is at that host at once. It listens, leaves a relay behind and becomes
COMMAND. The relay is nobody's child but the sandbox's init's, and ends with COMMAND. Run as a file, by its path: it loads
nothing but what the interpreter has at hand, and of that the least, for it stands before every start of an engine.
"""

import os
import select
import signal
import socket
import sys

READ_BYTES = 256 * 1024
MOST_WAITING = 256 * 1024
"""Bytes of one direction that the other side has not taken: then no more are read."""
MOST_PAIRS = 256
NAME = b"hive-bridge"
Listener = tuple[socket.socket, str, bytes]
"""With the socket's path, and the host behind it; empty: none."""


class Pipe:
    """One direction of one connection: what was read from `source` and `sink` has yet to take."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source = source
        self.sink = sink
        self.held = bytearray()
        self.ended = False
        """`source` has said its last."""
        self.shut = False
        """… and `sink` has been told so."""


class Pair:
    def __init__(self, near: socket.socket, far: socket.socket, target: bytes) -> None:
        self.near = near
        self.far = far
        self.out = Pipe(near, far)
        self.back = Pipe(far, near)
        self.asked = bool(target)
        """The proxy has still to say that it is there."""
        if target:
            self.out.held += b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, target)

    def pump(self, pipe: Pipe) -> bool:
        """Move what can be moved now. False: this connection is over."""
        try:
            if not pipe.ended and len(pipe.held) < MOST_WAITING:
                data = _received(pipe.source)
                if data is not None:
                    pipe.held += data
                    pipe.ended = not data
            if self.asked and pipe is self.back:
                return self._answered()
            if pipe.held:
                del pipe.held[: _sent(pipe.sink, pipe.held)]
            if pipe.ended and not pipe.held and not pipe.shut:
                pipe.shut = True
                pipe.sink.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return not (self.out.shut and self.back.shut)

    def _answered(self) -> bool:
        end = self.back.held.find(b"\r\n\r\n")
        if end < 0:
            return not self.back.ended and len(self.back.held) < MOST_WAITING
        there = self.back.held.startswith(b"HTTP/1.1 200 ")
        del self.back.held[: end + 4]
        self.asked = False
        return there and self.pump(self.back)


class Relay:
    def __init__(self, listeners: "list[Listener]", watched: int) -> None:
        self._listeners = {listener[0].fileno(): listener for listener in listeners}
        self._watched = watched
        self._pairs: dict[int, Pair] = {}
        self._wanted: dict[int, int] = {}
        self._poll = select.epoll()

    def run(self) -> None:
        """Until the command has ended."""
        for number in self._listeners:
            self._poll.register(number, select.EPOLLIN)
        if self._watched >= 0:
            self._poll.register(self._watched, select.EPOLLIN)
        while True:
            for number, _ in self._poll.poll():
                if number == self._watched:
                    return
                if number in self._listeners:
                    self._accept(*self._listeners[number])
                elif number in self._pairs:
                    self._serve(self._pairs[number])

    def _accept(self, listener: socket.socket, path: str, target: bytes) -> None:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if len(self._pairs) >= 2 * MOST_PAIRS:
                raise OSError
            far.connect(path)
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            near.close()
            far.close()
            return
        pair = Pair(near, far, target)
        for side in (near, far):
            side.setblocking(False)
            self._pairs[side.fileno()] = pair
        self._serve(pair)

    def _serve(self, pair: Pair) -> None:
        goes_on = pair.pump(pair.out)
        if goes_on and pair.pump(pair.back):
            self._want(pair.near, events(pair.out, pair.back))
            self._want(pair.far, events(pair.back, pair.out))
            return
        for side in (pair.near, pair.far):
            self._want(side, 0)
            self._pairs.pop(side.fileno(), None)
            side.close()

    def _want(self, side: socket.socket, wanted: int) -> None:
        """A side that has nothing to say or to take is not polled at all: a closed one would answer without end."""
        number = side.fileno()
        before = self._wanted.pop(number, 0)
        if wanted:
            self._wanted[number] = wanted
        if wanted and before:
            self._poll.modify(number, wanted)
        elif wanted:
            self._poll.register(number, wanted)
        elif before:
            self._poll.unregister(number)


def _received(source: socket.socket) -> "bytes | None":
    """None: nothing has come."""
    try:
        return source.recv(READ_BYTES)
    except BlockingIOError:
        return None


def _sent(sink: socket.socket, data: bytearray) -> int:
    try:
        return sink.send(data)
    except BlockingIOError:
        return 0


def events(reading: Pipe, writing: Pipe) -> int:
    """What a side is polled for."""
    wanted = select.EPOLLIN if not reading.ended and len(reading.held) < MOST_WAITING else 0
    return wanted | (select.EPOLLOUT if writing.held else 0)


def main(words: "list[str]") -> int:
    """Never returns where all is well."""
    at = words.index("--")
    command = words[at + 1 :]
    listeners: list[Listener] = []
    for pair in words[:at]:
        where, _, path = pair.partition("=")
        port, _, target = where.partition("@")
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", int(port)))
        except OSError as error:
            listener.close()
            if target:
                continue  # below 1024, or the engine's own: it is reached by the proxy all the same
            sys.stderr.write(f"The bridge to {path} has no port {port}: {error.strerror or error}\n")
            return 125
        listener.listen(128)
        listener.setblocking(False)
        listeners.append((listener, path, target.encode()))
    _leave_behind(listeners)
    for listener, _, _ in listeners:
        listener.close()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and an ignored signal is inherited
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror or error}\n")
        return 126 if isinstance(error, PermissionError) else 127


def _leave_behind(listeners: "list[Listener]") -> None:
    me = os.getpid()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    if os.fork():
        os._exit(0)
    try:
        stay(listeners, me)
    finally:
        os._exit(0)


def stay(listeners: "list[Listener]", command: int) -> None:
    """Relay until the process `command` has ended. Where no process can be watched, until the sandbox ends."""
    try:
        watched = os.pidfd_open(command) if hasattr(os, "pidfd_open") else -1
    except ProcessLookupError:
        return
    except OSError:
        watched = -1
    _detach()
    Relay(listeners, watched).run()


def _detach() -> None:
    """Of the command's pipes and terminal it holds nothing, and `pkill python` is not meant for it."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        with open("/proc/self/comm", "wb") as name:
            name.write(NAME)
    except OSError:
        return  # nothing but a name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
