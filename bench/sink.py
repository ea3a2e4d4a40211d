"""`python -m bench.sink [WORD ...]`: a mail server that takes everything, forgets it, and counts.

The words are what EHLO offers, such as PIPELINING. It says its port in a line, and ends with its input. It is
a process of its own, so that it takes nothing of the time of what is measured.

    with a_sink("PIPELINING") as sink:
        ...  # send to 127.0.0.1, sink.port
        assert sink.count() == 20_000
"""

from __future__ import annotations

import asyncio
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvloop

HOST = "127.0.0.1"
_END = b"\r\n.\r\n"


@dataclass(frozen=True)
class Sink:
    port: int

    def count(self) -> int:
        """Messages that were taken since the last time somebody asked."""
        with smtplib.SMTP(HOST, self.port) as client:
            return int(client.docmd("XCOUNT")[1])

    def journal(self) -> list[tuple[float, str]]:
        """When each message was taken, in seconds since 1970, and for whom; where the words hold XJOURNAL."""
        with smtplib.SMTP(HOST, self.port) as client:
            lines = client.docmd("XJOURNAL")[1].decode().splitlines()
        return [(float(line.split()[0]), line.split()[1]) for line in lines[:-1]]


@contextmanager
def a_sink(*offers: str) -> Iterator[Sink]:
    """It ends with the block."""
    command = [sys.executable, "-m", "bench.sink", *offers]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdin is not None  # noqa: S101 - as asked for
        assert process.stdout is not None  # noqa: S101 - as asked for
        try:
            yield Sink(int(process.stdout.readline()))
        finally:
            process.stdin.close()


class _Counting:
    taken = 0

    def __init__(self, offers: tuple[str, ...]) -> None:
        self.journal: list[bytes] | None = [] if "XJOURNAL" in offers else None


class _Talk(asyncio.Protocol):
    """Replies to all that came in one go with one write, as good servers do."""

    def __init__(self, offers: tuple[str, ...], counting: _Counting) -> None:
        lines = ["sink.example", *offers]
        hello = [f"250-{line}\r\n" for line in lines[:-1]] + [f"250 {lines[-1]}\r\n"]
        self._hello, self._counting = "".join(hello).encode(), counting
        self._heard = self._recipient = b""
        self._is_in_message = False
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's say nothing of what they can
        self._say(b"220 sink.example\r\n")

    def data_received(self, data: bytes) -> None:
        self._heard += data
        replies = []
        while reply := self._in_message() if self._is_in_message else self._command():
            replies.append(reply)
        if replies:
            self._say(b"".join(replies))

    def _in_message(self) -> bytes:
        # the dot comes last, nearly always; a message of nothing but a dot has no line before it
        if self._heard.endswith(_END):
            self._heard = b""
        elif self._heard.startswith(_END[2:]):
            self._heard = self._heard[3:]
        elif (end := self._heard.find(_END)) >= 0:
            self._heard = self._heard[end + len(_END) :]
        else:
            return b""
        self._is_in_message = False
        self._counting.taken += 1
        if self._counting.journal is not None:
            self._counting.journal.append(b"%.3f %b" % (time.time(), self._recipient))
        return b"250 2.0.0 queued as 4b7Xq31TzYz9sRk\r\n"

    def _command(self) -> bytes:
        end = self._heard.find(b"\n")
        if end < 0:
            return b""
        line, self._heard = self._heard[: end + 1], self._heard[end + 1 :]
        match line[:4]:
            case b"EHLO":
                return self._hello
            case b"MAIL":
                return b"250 2.1.0 Ok\r\n"
            case b"RCPT":
                self._recipient = line[line.find(b"<") + 1 : line.find(b">")]
                return b"250 2.1.5 Ok\r\n"
            case b"DATA":
                self._is_in_message = True
                return b"354 End data with <CR><LF>.<CR><LF>\r\n"
            case b"XCOU":
                taken, self._counting.taken = self._counting.taken, 0
                return b"250 %d\r\n" % taken
            case b"XJOU":
                lines = [*(self._counting.journal or ()), b"end"]
                return b"\r\n".join([*(b"250-" + one for one in lines[:-1]), b"250 end\r\n"])
            case b"QUIT":
                return b"221 2.0.0 Bye\r\n"
        return b"250 2.0.0 Ok\r\n"

    def _say(self, octets: bytes) -> None:
        assert self._transport is not None  # noqa: S101 - it was made before anything came
        self._transport.write(octets)


async def _serve(offers: tuple[str, ...]) -> None:
    counting = _Counting(offers)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Talk(offers, counting), HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(tuple(sys.argv[1:])))
