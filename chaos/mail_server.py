"""An SMTP server that can do everything wrong, in a thread of its own, and writes down what it took.

    with MailServer(seed=7).running() as server:
        server.manners = Manners(faults=(replace(TAKEN_UNSAID, share=0.1),))
        ...
        server.journal.taken

A small implementation of our own on raw streams, because a library would hold back the very faults that
are wanted here. `manners` may be changed at any moment by whoever holds the server.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from base64 import b64decode
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from time import monotonic

from chaos.faults import End, Fault, Manners, Step
from chaos.journal import Journal

HOST = "127.0.0.1"
#: Seconds for the thread to come up or to end.
_PATIENCE = 10.0

_USUAL = {
    Step.GREETING: "220 relay.example ESMTP",
    Step.STARTTLS: "220 2.0.0 go on",
    Step.AUTH: "235 2.7.0 welcome",
    Step.MAIL: "250 2.1.0 sender ok",
    Step.RCPT: "250 2.1.5 recipient ok",
    Step.DATA: "354 go on",
    Step.QUIT: "221 2.0.0 bye",
}


class _Gone(Exception):
    """The line is cut, by whichever side."""


@dataclass
class MailServer:
    seed: int = 0
    manners: Manners = field(default_factory=Manners)
    journal: Journal = field(default_factory=Journal)
    #: what the service connects to; 0.0.0.0 is this machine too, but a service demands STARTTLS of it
    host: str = HOST
    #: offered after STARTTLS, or spoken from the first byte; may be changed
    starttls: ssl.SSLContext | None = None
    implicit: ssl.SSLContext | None = None
    #: told of each step and address before the reply, and of "said" after a 250; it may kill somebody
    watcher: Callable[[str, str], None] | None = None
    port: int = 0
    _random: Random = field(init=False)
    _loop: asyncio.AbstractEventLoop = field(init=False)
    _server: asyncio.Server | None = None
    _talks: set[asyncio.Task[None]] = field(default_factory=set)
    _used: Counter[Fault] = field(default_factory=Counter)
    _begun: deque[float] = field(default_factory=deque)
    _first_seen: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - it must be possible to play it again

    @property
    def url(self) -> str:
        scheme = "smtps" if self.implicit else "smtp"
        return f"{scheme}://{self.host}:{self.port}"

    @contextmanager
    def running(self) -> Iterator[MailServer]:
        """Up at once; at the end all lines are cut and the journal is written."""
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever, name="mail server", daemon=True)
        thread.start()
        try:
            self.open()
            yield self
        finally:
            self.close()
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(_PATIENCE)
            self._loop.close()
            self.journal.close()

    def open(self) -> None:
        """Lets people in; on the port that it had."""
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(_PATIENCE)

    def close(self) -> None:
        """Refuses connections, and cuts all that are there."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_PATIENCE)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._meet, self.host, self.port, ssl=self.implicit)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        talks = list(self._talks)
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a callback of a server runs in one
        self._talks.add(task)
        self.journal.counts["connections"] += 1
        self.journal.connected.append(monotonic())
        try:
            with suppress(_Gone, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await _Talk(self, reader, writer, self.journal.counts["connections"]).run()
        finally:
            self._talks.discard(task)
            writer.transport.abort()

    def fault(self, step: Step, to: str) -> Fault | None:
        """The first that strikes now."""
        for one in self.manners.faults:
            if one.at is not step or (one.to and to not in one.to):
                continue
            if (one.times and self._used[one] >= one.times) or self._random.random() >= one.share:
                continue
            self._used[one] += 1
            return one
        return None

    def is_too_fast(self) -> bool:
        """Counts a message that begins, unless there were too many within the last second."""
        now = monotonic()
        while self._begun and self._begun[0] <= now - 1:
            self._begun.popleft()
        if len(self._begun) >= self.manners.most_per_second:
            return True
        self._begun.append(now)
        return False

    def is_grey(self, to: str) -> bool:
        since = self._first_seen.setdefault(to, monotonic())
        return monotonic() - since < self.manners.grey_seconds


@dataclass
class _Talk:
    """One connection."""

    server: MailServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    is_inside_tls: bool = False
    is_logged_in: bool = False
    sender: str = ""
    to: str = ""
    _heard: bytearray = field(default_factory=bytearray)

    async def run(self) -> None:
        self.is_inside_tls = self.server.implicit is not None
        await self.reply(Step.GREETING)
        while True:
            line = (await self.until(b"\r\n")).decode("utf-8", "surrogateescape")
            word, _, rest = line.partition(" ")
            self.server.journal.counts[word.upper()] += 1
            if self._heard and "PIPELINING" not in self.server.manners.extensions:
                self.server.journal.counts["pipelined unasked"] += 1
            await self.answer(word.upper(), rest.strip())

    async def answer(self, word: str, rest: str) -> None:
        match word:
            case "EHLO" | "HELO":
                await self.reply(Step.EHLO)
            case "STARTTLS" if self.server.starttls and not self.is_inside_tls:
                await self.start_tls()
            case "AUTH":
                await self.log_in(rest)
            case "MAIL":
                await self.begin(rest)
            case "RCPT" if self.sender:
                await self.recipient(rest)
            case "DATA" if self.to:
                await self.data()
            case "RSET":
                self.sender = self.to = ""
                await self.say("250 2.0.0 reset")
            case "NOOP":
                await self.say("250 2.0.0 ok")
            case "QUIT":
                await self.reply(Step.QUIT)
                raise _Gone
            case _:
                await self.say("503 5.5.1 not now")

    async def begin(self, rest: str) -> None:
        if self.server.manners.password and not self.is_logged_in:
            await self.refuse(Step.MAIL, "530 5.7.0 log in first")
        elif "SMTPUTF8" in rest.upper() and "SMTPUTF8" not in self.server.manners.extensions:
            await self.refuse(Step.MAIL, "555 5.5.4 what is SMTPUTF8")
        elif self.server.is_too_fast():
            await self.refuse(Step.MAIL, self.server.manners.limit_says)
        elif await self.reply(Step.MAIL):
            self.sender = _path(rest) or "<>"

    async def recipient(self, rest: str) -> None:
        to = _path(rest)
        self.server.journal.tries.append((monotonic(), to))
        if self.server.is_grey(to):
            await self.refuse(Step.RCPT, "451 4.7.1 greylisted, try again later", to)
        elif await self.reply(Step.RCPT, to):
            self.to = to

    async def data(self) -> None:
        if not await self.reply(Step.DATA, self.to):
            return
        began = monotonic()
        fault = self.server.fault(Step.INSIDE, self.to)
        if fault:
            await self.until(b"\r\n")
            await self.end(fault)
        octets = await self.until(b"\r\n.\r\n")
        await self.dot(octets.replace(b"\r\n..", b"\r\n.").removeprefix(b".") + b"\r\n", began)
        self.sender = self.to = ""

    async def dot(self, octets: bytes, began: float) -> None:
        """The message is whole: taken or not, said or not."""
        self.watch(Step.DOT, self.to)
        fault = self.server.fault(Step.DOT, self.to) or Fault(Step.DOT)
        await asyncio.sleep(self.server.manners.seconds_per_message)
        usual = f"250 2.0.0 queued as {len(self.server.journal.taken) + 1}"
        words = usual if fault.says is None else fault.says
        taken = None
        if fault.takes or words.startswith("2"):
            taken = self.server.journal.take(self.sender, self.to, octets, self.number, began)
        if fault.wait:
            await asyncio.sleep(fault.wait)
        if words:
            await self.say(words)
        if taken and words.startswith("2"):
            taken.is_said = True
            self.watch("said", self.to)
        if not words.startswith("2"):
            self.server.journal.note(Step.DOT, self.to, words or fault.ends)
        await self.end(fault)

    async def reply(self, step: Step, to: str = "") -> bool:
        """Says the usual thing or what a fault says; True: the talk may go on to the next step."""
        self.watch(step, to)
        fault = self.server.fault(step, to)
        usual = self.offer() if step is Step.EHLO else _USUAL[step]
        if fault is None:
            await self.say(usual)
            return True
        await asyncio.sleep(fault.wait)
        words = usual if fault.says is None else fault.says
        if fault.says is not None or fault.ends is not End.GOES_ON:
            self.server.journal.note(step, to, fault.says or fault.ends)
        if words:
            await self.say(words)
        await self.end(fault)
        return words[:1] in ("2", "3")

    async def refuse(self, step: Step, words: str, to: str = "") -> None:
        self.server.journal.note(step, to, words)
        await self.say(words)

    def offer(self) -> str:
        offered = ["relay.example", *self.server.manners.extensions]
        if self.server.starttls and not self.is_inside_tls:
            offered.append("STARTTLS")
        if self.server.manners.password:
            offered.append("AUTH PLAIN LOGIN")
        lines = [f"250-{word}" for word in offered[:-1]]
        return "\r\n".join([*lines, f"250 {offered[-1]}"])

    async def start_tls(self) -> None:
        await self.reply(Step.STARTTLS)
        self._heard.clear()  # what came in clear behind the command is not believed
        await self.writer.start_tls(self.server.starttls)  # type: ignore[arg-type]
        self.is_inside_tls = True

    async def log_in(self, rest: str) -> None:
        """PLAIN and LOGIN; counts every try."""
        method, _, first = rest.partition(" ")
        if method.upper() == "LOGIN":
            await self.say("334 VXNlcm5hbWU6")
            await self.until(b"\r\n")
            await self.say("334 UGFzc3dvcmQ6")
            first = (await self.until(b"\r\n")).decode()
        elif not first:
            await self.say("334 ")
            first = (await self.until(b"\r\n")).decode()
        given = b64decode(first).split(b"\0")[-1].decode()
        if given != self.server.manners.password:
            await self.refuse(Step.AUTH, "535 5.7.8 wrong password")
        elif await self.reply(Step.AUTH):
            self.is_logged_in = True

    async def end(self, fault: Fault) -> None:
        if fault.ends is End.CUT:
            with suppress(OSError):
                await self.writer.drain()
            raise _Gone
        if fault.ends is End.HANGS:
            await asyncio.Event().wait()

    def watch(self, step: str, to: str) -> None:
        if self.server.watcher:
            self.server.watcher(step, to)

    async def until(self, mark: bytes) -> bytes:
        """What was heard before the mark, which is taken away."""
        while mark not in self._heard:
            octets = await self.reader.read(65536)
            if not octets:
                raise _Gone
            self._heard += octets
        heard, _, rest = bytes(self._heard).partition(mark)
        self._heard = bytearray(rest)
        return heard

    async def say(self, words: str) -> None:
        octets = words.encode("utf-8", "surrogateescape") + b"\r\n"
        seconds = self.server.manners.octet_seconds
        for part in (octets[n : n + 1] for n in range(len(octets))) if seconds else (octets,):
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(seconds)


def _path(rest: str) -> str:
    """Gives "a@b.example" of "TO:<a@b.example> SMTPUTF8"."""
    return rest.partition("<")[2].partition(">")[0]
