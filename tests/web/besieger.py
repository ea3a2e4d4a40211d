"""`python -m tests.web.besieger HOST PORT NUMBER`: so many half-sent heads, in a process of their own: who is
served meanwhile is not slowed down by them. Says how many seconds the longest was left open."""

from __future__ import annotations

import resource
import selectors
import socket
import sys
import time


def besiege(host: str, port: int, number: int) -> float:
    """Trickles until the last one is closed."""
    opened: dict[socket.socket, float] = {}
    longest = 0.0
    with selectors.DefaultSelector() as waiting:
        for _ in range(number):
            line = socket.create_connection((host, port))
            line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
            line.setblocking(False)
            opened[line] = time.monotonic()
            waiting.register(line, selectors.EVENT_READ)
        while opened:
            closed = [key.fileobj for key, _ in waiting.select(0.5) if has_ended(key.fileobj)]  # type: ignore[arg-type]
            for line in [one for one in opened if one in closed or not trickled(one)]:
                longest = max(longest, time.monotonic() - opened.pop(line))
                waiting.unregister(line)
                line.close()
    return longest


def has_ended(line: socket.socket) -> bool:
    try:
        return line.recv(65536) == b""
    except OSError:
        return True


def trickled(line: socket.socket) -> bool:
    try:
        line.send(b"x")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(besiege(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
