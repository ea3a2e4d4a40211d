"""Handing mail over to a mail server, one recipient a transaction, over a few kept connections.

The library opens the connection, upgrades it and pairs commands with replies. The steps of a transaction
are taken here one by one, because what a broken line means depends on the step it broke at (`replies.py`).
The library is never given a time limit: it waits with `wait_for`, which before Python 3.12 swallows a
cancellation that comes in the same instant as a reply, and then goes on.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from base64 import b64encode
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol
from email_validator import EmailNotValidError, validate_email

from scheduler.errors import MessageRefused, RelayAway
from scheduler.mail.post import NOT_ALLOWED, Fate, Outcome, Outgoing
from scheduler.mail.relay_address import RelayAddress, Tls
from scheduler.mail.replies import Phase, goes_on, judge, lost, one_line
from scheduler.model.network import Network

_STOPPING = "the service is stopping"
_NO_SMTPUTF8 = (
    "the part before the @ has letters that this mail server does not take (it does not offer SMTPUTF8)"
)
_NO_ADDRESS = "this is no address that can be written to"
_CALLED_BACK = "called back before it was begun"
#: What the server said to the recipient before that: the line is good.
_TAKEN = 250
_LINE_ENDS = (
    "the message has a line end that is not CRLF; nothing was sent, for it could hide a second message"
)
#: What may stand between < and > on the wire: no blank, no control, nothing that ends one path or begins
#: another.
_PATH = re.compile(r'[^\s\x00-\x20\x7f<>()\[\]\\,;:@"]{1,64}@[A-Za-z0-9.-]{1,253}')
_STRAY_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")
#: The line broke, or the server fell silent.
_BROKEN = (ConnectionError, TimeoutError)
#: RFC 4954, section 4: the method is not known, so nothing was tried and the next one may be.
_UNKNOWN_METHOD = 504


@dataclass(frozen=True)
class Patience:
    """How long the server may take, in seconds."""

    #: to be reached, and to greet
    connect: float = 30
    #: for each command
    command: float = 60
    #: for the 250 after the message. RFC 5321, section 4.5.3.2.6, says ten minutes; a shorter wait makes
    #: duplicates of what a slow server took
    final_dot: float = 300
    #: for the farewell, which decides nothing
    quit: float = 2


@dataclass(eq=False)
class _Line:
    """One open connection."""

    client: aiosmtplib.SMTP
    protocol: SMTPProtocol
    #: kept here because the library forgets it when it closes, before it can be aborted
    transport: asyncio.WriteTransport
    patience: Patience
    #: what was said last
    phase: Phase = Phase.GREETING
    #: transactions begun
    begun: int = 0

    async def carry(self, message: Outgoing, sender: str, recipient: str) -> Outcome | None:
        """One transaction; None: the server had closed the line while it was kept, and nothing was begun."""
        self.begun += 1
        self.phase = Phase.MAIL
        try:
            return await self._transaction(message, sender, recipient)
        except aiosmtplib.SMTPResponseException as error:
            return judge(message.id, self.phase, error.code, error.message)
        except _BROKEN as error:
            is_stale = self.phase is Phase.MAIL and self.begun > 1
            return None if is_stale else lost(message.id, self.phase, _why_broken(error))
        except Exception as error:  # one delivery; only the name, for its text may hold the address
            said = f"unexpected {type(error).__name__} in the mail client"
            return Outcome(message.id, Fate.LATER, said, is_uncertain=self.phase is Phase.CONTENT)

    async def _transaction(self, message: Outgoing, sender: str, recipient: str) -> Outcome:
        """DATA and the message are two steps here and one in the library's `data`, which cannot tell a
        line that broke before the message from one that broke behind it, and has one patience for both.
        """
        steps = {
            Phase.MAIL: f"MAIL FROM:<{sender}>{'' if recipient.isascii() else ' SMTPUTF8'}",
            Phase.RCPT: f"RCPT TO:<{recipient}>",
            Phase.DATA: "DATA",
        }
        for phase, command in steps.items():
            if phase is Phase.DATA and message.is_recalled:
                return Outcome(message.id, Fate.RECALLED, _CALLED_BACK, _TAKEN)
            self.phase = phase
            reply = await self.ask(command)
            if not goes_on(phase, reply.code):
                return judge(message.id, phase, *reply)
        self.protocol.write(_with_dots_doubled(message.octets))
        self.phase = Phase.CONTENT
        async with asyncio.timeout(self.patience.final_dot):
            reply = await self.protocol.read_response()
        return judge(message.id, Phase.CONTENT, *reply)

    async def ask(self, command: str) -> aiosmtplib.SMTPResponse:
        async with asyncio.timeout(self.patience.command):
            return await self.client.execute_command(command.encode())

    async def tidy(self, outcome: Outcome) -> bool:
        """Makes ready for the next message; False: the line is of no more use."""
        if outcome.fate is Fate.AWAY or outcome.code is None:
            return False
        # what was refused at MAIL never began, and a reply to the message ends the transaction by itself
        if self.phase not in (Phase.RCPT, Phase.DATA):
            return True
        with suppress(aiosmtplib.SMTPException, OSError):
            return goes_on(Phase.MAIL, (await self.ask("RSET")).code)
        return False

    async def quit(self) -> None:
        with suppress(aiosmtplib.SMTPException, OSError):
            async with asyncio.timeout(self.patience.quit):
                await self.client.quit()
        self.abort()

    def abort(self) -> None:
        """Cuts the line: a mere close would go on handing over what still waits to be written."""
        self.client.close()
        self.transport.abort()


@dataclass
class _Run:
    """What the workers of one call share."""

    sender: str
    hello: str
    waiting: deque[tuple[Outgoing, str]] = field(default_factory=deque)
    outcomes: list[Outcome] = field(default_factory=list)
    #: set by the first worker that finds the server away; nothing is begun after that
    away: RelayAway | None = None


@dataclass
class Relay:
    """A mail server. One call of `deliver` at a time; `log_in` may come at any time."""

    address: RelayAddress
    patience: Patience = Patience()
    #: at most so many, kept from one call to the next
    connections: int = 4
    messages_per_connection: int = 100
    #: with an operator's own CA; it must verify. None: the CAs of the system, read once
    tls_context: ssl.SSLContext | None = field(default=None, repr=False)
    #: what EHLO says; best is the host of the base URL. Empty: uid_domain of network.yaml
    name: str = ""
    _kept: list[_Line] = field(default_factory=list, init=False, repr=False)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    _attempt: asyncio.Timeout | None = field(default=None, init=False, repr=False)
    _is_draining: bool = field(default=False, init=False, repr=False)

    async def deliver(
        self,
        messages: Sequence[Outgoing],
        network: Network,
        now: datetime,  # noqa: ARG002 - the mailbox dates its files with it
    ) -> list[Outcome]:
        """One outcome for each message, in any order (`Post`).

        Once a worker finds the server away, what was not begun comes back with the same words; so does it
        when the server refuses the sender, for it would refuse every other message alike. Who cancels
        this loses the outcomes and cuts the lines in use: call `drain` first, and wait.
        """
        run = _Run(network.sender.address, self.name or network.uid_domain)
        for message in messages:
            try:
                run.waiting.append((message, _recipient(message, network)))
            except MessageRefused as refused:
                run.outcomes.append(Outcome(message.id, Fate.NEVER, str(refused)))
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(self.connections, len(run.waiting))):
                workers.create_task(self._work(run))
        away = run.away or RelayAway(_STOPPING)
        return run.outcomes + [_not_begun(message, away) for message, _ in run.waiting]

    async def log_in(self) -> str:
        """What was found, in one sentence, for `scheduler doctor`; sends nothing. Raises RelayAway."""
        line = await self._open(self.name or "localhost")
        tls = line.transport.get_extra_info("ssl_object")
        try:
            reply = await line.ask("NOOP")
        except _BROKEN as error:
            raise RelayAway(f"{self.address.place}: {_why_broken(error)}") from None
        except aiosmtplib.SMTPResponseException as error:
            raise RelayAway(judge(0, Phase.GREETING, error.code, error.message).said) from None
        finally:
            await line.quit()
        if not goes_on(Phase.GREETING, reply.code):
            raise RelayAway(judge(0, Phase.GREETING, *reply).said, reply.code)
        spoken = tls.version().replace("v", " ") if tls else "no TLS, on this machine,"
        found = "accepts the log-in" if self.address.user else "takes mail without a log-in"
        return f"{self.address.place} speaks {spoken} and {found}"

    def drain(self) -> None:
        """From now on no message is begun; those on their way end with their reply."""
        self._is_draining = True
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.reschedule(0)  # long ago: whoever is still connecting gives up at once

    async def close(self) -> None:
        """Says farewell on the kept lines; to be called when `deliver` has ended."""
        kept, self._kept = self._kept, []
        await asyncio.gather(*(line.quit() for line in kept))

    async def _work(self, run: _Run) -> None:
        while self._may_begin(run):
            line = await self._line(run)
            if line is not None and self._may_begin(run):
                await self._hand_over(run, line, *run.waiting.popleft())
            elif line is not None:
                self._kept.append(line)

    def _may_begin(self, run: _Run) -> bool:
        is_stopped = run.away is not None or self._is_draining
        return bool(run.waiting) and not is_stopped and not run.waiting[0][0].is_recalled

    async def _line(self, run: _Run) -> _Line | None:
        """A kept line, or a new one; None where the run has ended meanwhile."""
        while self._kept:
            line = self._kept.pop()
            if line.client.is_connected:
                return line
        async with self._opening:  # one at a time: the first refusal decides for all
            if not self._may_begin(run):
                return None
            try:
                async with asyncio.timeout(None) as self._attempt:
                    return await self._open(run.hello)
            except RelayAway as away:
                run.away = away
            except TimeoutError:  # of `drain`
                run.away = RelayAway(_STOPPING)
            finally:
                self._attempt = None
        return None

    async def _hand_over(self, run: _Run, line: _Line, message: Outgoing, recipient: str) -> None:
        if not recipient.isascii() and not line.client.supports_extension("smtputf8"):
            run.outcomes.append(Outcome(message.id, Fate.NEVER, _NO_SMTPUTF8))
            self._kept.append(line)
            return
        is_clean = False
        try:
            outcome = await line.carry(message, run.sender, recipient)
            is_clean = outcome is not None and await line.tidy(outcome)
        finally:  # also when cancelled: nobody knows what the server makes of this line then
            if not is_clean:
                line.abort()
        if outcome is None:
            run.waiting.appendleft((message, recipient))
            return
        run.outcomes.append(outcome)
        if outcome.fate is Fate.AWAY and run.away is None:
            run.away = RelayAway(outcome.said, outcome.code, needs_a_person=outcome.needs_a_person)
        if is_clean and line.begun < self.messages_per_connection:
            self._kept.append(line)
        elif is_clean:
            await line.quit()

    async def _open(self, hello: str) -> _Line:
        """A line that is ready for mail: greeted, inside TLS, logged in. Raises RelayAway."""
        address, patience = self.address, self.patience
        if self.tls_context is None and address.tls is not Tls.NONE:
            # it reads some hundred certificates
            self.tls_context = await asyncio.to_thread(ssl.create_default_context)
        try:
            client = aiosmtplib.SMTP(
                hostname=address.host,
                port=address.port,
                local_hostname=hello,  # else the library asks DNS for our name
                timeout=None,
                use_tls=address.tls is Tls.IMPLICIT,
                start_tls=False,
                tls_context=self.tls_context,
            )
        except ValueError as error:
            raise RelayAway(one_line(str(error)), needs_a_person=True) from None
        try:
            async with asyncio.timeout(patience.connect):
                await client.connect()
            async with asyncio.timeout(patience.command):
                await client.ehlo()
            if address.tls is Tls.STARTTLS:
                async with asyncio.timeout(patience.command):
                    await _start_tls(client)
            if address.user:
                async with asyncio.timeout(patience.command):
                    await _log_in(client, address)
            return _line_of(client, patience)
        except BaseException as error:
            _cut(client)
            if isinstance(error, Exception):
                raise _away(error, address) from None
            raise


def _cut(client: aiosmtplib.SMTP) -> None:
    transport = client.transport
    client.close()
    if transport is not None:
        cast(asyncio.WriteTransport, transport).abort()


def _line_of(client: aiosmtplib.SMTP, patience: Patience) -> _Line:
    if client.protocol is None or client.transport is None:
        raise aiosmtplib.SMTPServerDisconnected("Connection lost")
    # uvloop's transports can do all of this, but do not say so by their class
    return _Line(client, client.protocol, cast(asyncio.WriteTransport, client.transport), patience)


async def _start_tls(client: aiosmtplib.SMTP) -> None:
    if not client.supports_extension("starttls"):
        raise RelayAway("does not offer STARTTLS, and nothing is sent in clear", needs_a_person=True)
    await client.starttls()
    await client.ehlo()


async def _log_in(client: aiosmtplib.SMTP, address: RelayAddress) -> None:
    """One try, with the best method that both know. The library's own `login` would try a wrong password
    once for each method, and three wrong ones lock many an account."""
    ways = {"plain": client.auth_plain, "login": client.auth_login, "cram-md5": client.auth_crammd5}
    for method, way in ways.items():
        if method not in client.server_auth_methods:
            continue
        try:
            await way(address.user, address.password)
        except aiosmtplib.SMTPAuthenticationError as error:
            if error.code == _UNKNOWN_METHOD:
                continue
            raise
        return
    raise RelayAway("offers no log-in that we know (PLAIN, LOGIN, CRAM-MD5)", needs_a_person=True)


def _away(error: Exception, address: RelayAddress) -> RelayAway:
    """Why no line could be had, in words that hold no secret."""
    place = address.place
    # the library wraps what happens below TLS, but not in STARTTLS
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    if isinstance(error, RelayAway):
        return RelayAway(f"{place} {error}", needs_a_person=error.needs_a_person)
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = one_line(cause.verify_message)
        return RelayAway(f"the certificate of {place} is not to be trusted: {why}", needs_a_person=True)
    if isinstance(cause, ssl.SSLError):
        # a line that breaks in the handshake is a passing thing; speaking something else is not
        is_cut = isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
        why = one_line(cause.reason or str(cause))
        return RelayAway(f"{place} and we find no common TLS: {why}", needs_a_person=not is_cut)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        said = judge(0, _phase_of(error), error.code, _without_secrets(error.message, address))
        return RelayAway(said.said, said.code, needs_a_person=said.needs_a_person)
    if isinstance(error, _BROKEN):
        return RelayAway(f"{place}: {_why_broken(error)}")
    return RelayAway(f"{place}: unexpected {type(error).__name__} in the mail client")


def _why_broken(error: Exception) -> str:
    return one_line(str(error)) or "no reply in time"


def _phase_of(error: aiosmtplib.SMTPResponseException) -> Phase:
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Phase.LOG_IN
    if isinstance(error, aiosmtplib.SMTPConnectResponseError | aiosmtplib.SMTPHeloError):
        return Phase.GREETING
    return Phase.TLS


def _without_secrets(text: str, address: RelayAddress) -> str:
    """The server's words without those that repeat what we said at AUTH, whole or cut short."""
    user, password = address.user.encode(), address.password.encode()
    said = (b"\0" + user + b"\0" + password, user, password)
    secrets = [address.password, *(b64encode(octets).decode() for octets in said)] if password else []
    return " ".join("…" if _repeats(word, secrets) else word for word in text.split())


def _repeats(word: str, secrets: Sequence[str]) -> bool:
    bare = word.strip("\"'<>()[],.;:")
    return any(secret in word or (len(bare) >= 4 and bare in secret) for secret in secrets)


def _not_begun(message: Outgoing, away: RelayAway) -> Outcome:
    if message.is_recalled:
        return Outcome(message.id, Fate.RECALLED, _CALLED_BACK)
    return Outcome(message.id, Fate.AWAY, str(away), away.code, needs_a_person=away.needs_a_person)


def _recipient(message: Outgoing, network: Network) -> str:
    """The address as it stands on the wire: a domain in other letters as its A-label.

    Raises MessageRefused for what is wrong for good, whoever is asked.
    """
    if _STRAY_LINE_END.search(message.octets):
        raise MessageRefused(_LINE_ENDS)
    written = message.address
    if not written.isascii():
        try:
            found = validate_email(written, check_deliverability=False)
        except EmailNotValidError:
            raise MessageRefused(_NO_ADDRESS) from None
        written = f"{found.local_part}@{found.ascii_domain}"
    if not _PATH.fullmatch(written):
        raise MessageRefused(_NO_ADDRESS)
    if not network.may_write_to(message.address) or not network.may_write_to(written):
        raise MessageRefused(NOT_ALLOWED)
    return written


def _with_dots_doubled(octets: bytes) -> bytes:
    """The message as DATA wants it (RFC 5321, section 4.5.2), with the dot that ends it."""
    end = b"" if octets.endswith(b"\r\n") else b"\r\n"
    dot = b"." if octets.startswith(b".") else b""
    return dot + octets.replace(b"\r\n.", b"\r\n..") + end + b".\r\n"
