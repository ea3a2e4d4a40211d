"""Mail servers in the test's own event loop: one that records and obeys a script, and some that misbehave.

async with a_relay() as relay:
    relay.answers("RCPT", "550 5.1.1 no such user", to="gone@melton.example")
    ...
    assert [mail.to for mail in relay.messages] == [...]
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import cast

import trustme
from aiosmtpd.smtp import MISSING, SMTP, Envelope, Session

HOST = "127.0.0.1"
#: Seconds after which a test gives up.
_PATIENCE = 60
#: Instead of a reply: the line is cut; the server falls silent for good. The message is not taken.
CUT, HANG = "cut", "hang"
#: After a message, instead of its 250: it is taken, but nobody hears of it.
TAKEN_CUT, TAKEN_HANG = "taken, cut", "taken, hang"
#: At DATA: 354, and the line is cut while the message is on its way.
CUT_INSIDE = "cut inside"
#: Behind a reply: then the line is cut.
AND_CUT = " (and cut)"


@dataclass(frozen=True)
class Received:
    """A message that was taken: 250 was said, or should have been."""

    sender: str
    to: str
    octets: bytes
    #: the connection it came over, counted from 1
    connection: int


@dataclass
class RecordingRelay:
    """What a server saw, and what it shall say."""

    port: int = 0
    host: str = HOST
    messages: list[Received] = field(default_factory=list)
    #: every command of every connection but AUTH, in order
    commands: list[str] = field(default_factory=list)
    #: (user, password) of every try
    log_ins: list[tuple[str, str]] = field(default_factory=list)
    #: connections that were made, and how many were open at once at most
    connections: int = 0
    most_at_once: int = 0
    #: what came before TLS, on all connections
    heard_in_clear: bytearray = field(default_factory=bytearray)
    #: set while a message waits for its 250; the 250 is said once `let_go` is set
    holds: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    protocols: list[_Protocol] = field(default_factory=list)
    _script: dict[tuple[str, str], deque[str]] = field(default_factory=dict)
    _is_holding: bool = False
    _held_for: str = ""
    #: held back at present
    held: int = 0
    #: what EHLO offers besides what aiosmtpd does
    offers: tuple[str, ...] = ()
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def answers(self, phase: str, *replies: str, to: str = "") -> None:
        """At MAIL, RCPT, DATA (the command), CONTENT, RSET or QUIT these replies, one a time, then the usual
        one; `to`: only in transactions for this address (from RCPT on)."""
        self._script.setdefault((phase, to), deque()).extend(replies)

    def answered_as_usual(self) -> None:
        """From now on."""
        self._script.clear()

    def hold(self, to: str = "") -> None:
        """From now on the 250 after a message (for this address) is held back until `let_go` is set."""
        self._is_holding, self._held_for = True, to

    def cut_all(self) -> None:
        """Closes all connections, as a server does with those that are idle for long."""
        for protocol in self.protocols:
            if protocol.transport is not None:
                protocol.transport.close()

    def say_to_all(self, words: str) -> None:
        """Says what nobody asked for, on all connections."""
        for protocol in self.protocols:
            if protocol.transport is not None:
                cast(asyncio.WriteTransport, protocol.transport).write(f"{words}\r\n".encode())

    async def until(self, claim: Callable[[], bool]) -> None:
        """Comes back when the claim is true; it is looked at again with each connection, command, message."""
        async with asyncio.timeout(_PATIENCE):
            while not claim():
                self._news.clear()
                await self._news.wait()

    def note_connection(self) -> None:
        self.connections += 1
        self._news.set()

    def note(self, *words: str) -> None:
        self.commands.append(" ".join(words))
        self._news.set()

    def note_message(self) -> None:
        self._news.set()

    def next_reply(self, phase: str, usual: str, to: str = "") -> str:
        for key in ((phase, to), (phase, "")):
            if self._script.get(key):
                return self._script[key].popleft()
        return usual

    async def wait_its_turn(self, to: str) -> None:
        if self._is_holding and self._held_for in ("", to):
            self.held += 1
            self.holds.set()
            self._news.set()
            await self.let_go.wait()
            self.held -= 1


class _Protocol(SMTP):
    """One connection of aiosmtpd, with the script in its ear."""

    def __init__(self, relay: RecordingRelay, **options: object) -> None:
        super().__init__(_Handler(relay), loop=asyncio.get_running_loop(), **options)  # type: ignore[arg-type]
        self.relay = relay
        relay.note_connection()
        self.number = relay.connections
        relay.protocols.append(self)
        relay.most_at_once = max(
            relay.most_at_once, sum(p.transport is not None for p in relay.protocols) + 1
        )

    def data_received(self, data: bytes) -> None:
        if self._tls_protocol is None:
            self.relay.heard_in_clear.extend(data)
        super().data_received(data)

    async def obey(self, reply: str) -> str:
        """The reply to give; does not come back where the line is cut or the server silent."""
        spoken, is_cut = reply.removesuffix(AND_CUT), reply.endswith(("cut", AND_CUT))
        if not is_cut and not reply.endswith("hang"):
            return reply
        if spoken[:3].isdigit():
            await self.push(spoken)
        if is_cut and self.transport is not None:
            self.transport.close()
        await asyncio.Event().wait()  # aiosmtpd cancels this when the line is gone
        raise AssertionError

    async def smtp_DATA(self, arg: str) -> None:
        to = self.envelope.rcpt_tos[0] if self.envelope and self.envelope.rcpt_tos else ""
        reply = self.relay.next_reply("DATA", "", to)
        if not reply:
            await super().smtp_DATA(arg)
        elif reply == CUT_INSIDE:
            await self.push("354 go on")
            await self._reader.readline()
            await self.obey(CUT)
        else:
            await self.push(await self.obey(reply))

    async def hang_up(self) -> None:
        if self.transport is not None:
            cast(asyncio.WriteTransport, self.transport).abort()
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
            await asyncio.gather(self._handler_coroutine, return_exceptions=True)

    async def push(self, status: str | bytes) -> None:
        # aiosmtpd would encode as ASCII what a hostile script says
        await super().push(status.encode("utf-8", "surrogateescape") if isinstance(status, str) else status)


class _Handler:
    def __init__(self, relay: RecordingRelay) -> None:
        self.relay = relay

    async def handle_EHLO(
        self, _server: _Protocol, session: Session, _envelope: Envelope, name: str, responses: list[str]
    ) -> list[str]:
        session.host_name = name
        return [responses[0], *(f"250-{offer}" for offer in self.relay.offers), *responses[1:]]

    async def handle_MAIL(
        self, server: _Protocol, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.relay.note("MAIL", address, *options)
        reply = await server.obey(self.relay.next_reply("MAIL", "250 2.1.0 sender ok"))
        if reply.startswith("2"):
            envelope.mail_from = address
        return reply

    async def handle_RCPT(
        self, server: _Protocol, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.relay.note("RCPT", address)
        reply = await server.obey(self.relay.next_reply("RCPT", "250 2.1.5 recipient ok", address))
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: _Protocol, _session: Session, envelope: Envelope) -> str:
        assert envelope.mail_from is not None
        assert envelope.original_content is not None
        to = envelope.rcpt_tos[0]
        self.relay.note("DATA")
        await self.relay.wait_its_turn(to)
        reply = self.relay.next_reply("CONTENT", f"250 2.0.0 queued as {len(self.relay.messages) + 1}", to)
        if reply.startswith(("2", "taken")):
            received = Received(envelope.mail_from, to, envelope.original_content, server.number)
            self.relay.messages.append(received)
            self.relay.note_message()
        return await server.obey(reply)

    async def handle_RSET(self, server: _Protocol, _session: Session, _envelope: Envelope) -> str:
        self.relay.note("RSET")
        return await server.obey(self.relay.next_reply("RSET", "250 2.0.0 reset"))

    async def handle_NOOP(
        self, server: _Protocol, _session: Session, _envelope: Envelope, _arg: str | None
    ) -> str:
        return await server.obey(self.relay.next_reply("NOOP", "250 2.0.0 ok"))

    async def handle_QUIT(self, server: _Protocol, _session: Session, _envelope: Envelope) -> str:
        self.relay.note("QUIT")
        return await server.obey(self.relay.next_reply("QUIT", "221 2.0.0 bye"))

    async def handle_AUTH(
        self, server: _Protocol, _session: Session, _envelope: Envelope, _args: list[str]
    ) -> object:
        reply = self.relay.next_reply("AUTH", "")
        return await server.obey(reply) if reply else MISSING


@lru_cache(maxsize=1)
def authority() -> trustme.CA:
    """The CA that the certificates of these servers come from."""
    return trustme.CA()


def trusting() -> ssl.SSLContext:
    """How a client sees the world that trusts our authority."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


def certified(*names: str, ca: trustme.CA | None = None, not_after: datetime | None = None) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for these names, or for where the servers here are."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = (ca or authority()).issue_cert(*(names or (HOST, "localhost")), not_after=not_after)
    issued.configure_cert(context)
    return context


@asynccontextmanager
async def a_relay(
    *,
    starttls: ssl.SSLContext | None = None,
    implicit: ssl.SSLContext | None = None,
    log_in: str | None = None,
    smtputf8: bool = False,
    methods: tuple[str, ...] = ("LOGIN", "PLAIN"),
    offers: tuple[str, ...] = (),
) -> AsyncIterator[RecordingRelay]:
    """A server that takes all mail and writes it down.

    log_in: the password that everybody must log in with; without TLS this is offered in clear.
    """
    relay = RecordingRelay(offers=offers)

    def knows(_mechanism: str, user: bytes, given: bytes) -> bool:
        relay.log_ins.append((user.decode(), given.decode()))
        return given.decode() == log_in

    def make() -> _Protocol:
        with warnings.catch_warnings():
            # aiosmtpd does not count TLS from the first byte as TLS, and warns of a log-in in clear
            warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS", UserWarning)
            return _Protocol(
                relay,
                hostname="relay.example",
                enable_SMTPUTF8=smtputf8,
                tls_context=starttls,
                require_starttls=starttls is not None,
                auth_required=log_in is not None,
                auth_require_tls=log_in is None or starttls is not None,
                auth_callback=knows,
                auth_exclude_mechanism={"LOGIN", "PLAIN"} - set(methods),
            )

    server = await asyncio.get_running_loop().create_server(make, HOST, 0, ssl=implicit)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        relay.let_go.set()
        server.close()
        await asyncio.gather(*(protocol.hang_up() for protocol in relay.protocols))
        await server.wait_closed()


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def a_raw_relay(talk: Talk, *, implicit: ssl.SSLContext | None = None) -> AsyncIterator[RecordingRelay]:
    """A server that says what `talk` says, which need not be SMTP; the line closes when it ends."""
    relay = RecordingRelay()
    talks: set[asyncio.Task[None]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay.note_connection()
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(meet, HOST, 0, ssl=implicit)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await server.wait_closed()


def greets_with(octets: bytes) -> Talk:
    """Says this, and nothing more until the client goes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        await reader.read()

    return talk


def replies_with(*replies: bytes, ends: bool = False) -> Talk:
    """Says the first at once, and each other one after a line of the client; then nothing more, or it cuts
    the line once it has heard all."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(replies[0])
        for reply in replies[1:]:
            await reader.readuntil(b"\r\n")
            writer.write(reply)
        if not ends:
            await reader.read()
        await writer.drain()

    return talk


def listens(heard: list[bytes], *offers: str, **replies: str) -> Talk:
    """Takes all mail but where `replies` has something else for a command, by its first four letters, or for
    the DOT that ends a message. Writes down what it heard, as it came: what came together is one."""
    hello = "".join(f"250-{offer}\r\n" for offer in ("x", *offers)) + "250 HELP"
    usual = {"EHLO": hello, "DATA": "354 go on", "DOT": "250 taken", "QUIT": "221 bye"}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        is_in_message = False
        while octets := await reader.read(65536):
            heard.append(octets)
            for line in octets.decode().split("\r\n")[:-1]:
                word = "DOT" if line == "." else line[:4]
                if is_in_message and word != "DOT":
                    continue
                reply = replies.get(word) or usual.get(word) or "250 ok"
                is_in_message = reply.startswith("354")
                writer.write(f"{reply}\r\n".encode())

    return talk


def never_ends(*replies: bytes) -> Talk:
    """As `replies_with`, but then it says an octet after the other of a reply that has no end."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(replies[0])
        for reply in replies[1:]:
            await reader.readuntil(b"\r\n")
            writer.write(reply)
        await reader.readuntil(b"\r\n")
        while True:
            writer.write(b"2")
            await writer.drain()
            await asyncio.sleep(0.01)

    return talk
