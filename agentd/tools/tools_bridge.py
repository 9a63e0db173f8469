"""A pipe between stdio and tools.sock: started by an engine as an MCP server on stdio, it reaches the hive's tools by it.

    python -I -S tools_bridge.py SOCKET

It is run as a file, by its path, and loads nothing but what the interpreter has at hand: one runs beside each engine. It
copies bytes and understands none of them, and ends when the socket does.
"""

import os
import select
import socket
import sys

READ_BYTES = 65536


def main(path: str) -> int:
    """Copies both ways until the socket ends, or until stdin has ended and all that was asked is answered."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(path)
    except OSError as error:
        sys.stderr.write(f"The hive's tools are not there: {path}: {error.strerror or error}\n")
        return 1
    sources = [0, connection.fileno()]
    try:
        while True:
            ready, _, _ = select.select(sources, [], [])
            if 0 in ready:
                data = os.read(0, READ_BYTES)
                if data:
                    connection.sendall(data)
                else:
                    connection.shutdown(socket.SHUT_WR)
                    sources.remove(0)
            if connection.fileno() in ready:
                data = connection.recv(READ_BYTES)
                if not data:
                    return 0
                while data:
                    data = data[os.write(1, data) :]
    except OSError:
        return 0  # one of the two sides is gone: there is nobody left to copy for


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
