"""Handing mail over to a mail server, one recipient a transaction, over a few kept connections.

aiosmtplib opens a connection, upgrades it and logs in; then the line is ours (`line.py`), for what a broken
line means depends on the step it broke at, and its `sendmail` tells neither that nor knows PIPELINING.
The library is never given a time limit: it waits with `wait_for`, which before Python 3.12 swallows a
cancellation that comes in the same instant as a reply, and then goes on.
"""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar, cast

import aiosmtplib

from scheduler.errors import MessageRefused, RelayAway
from scheduler.mail.line import BROKEN, Line, Patience, unexpected, why_broken
from scheduler.mail.pace import Pace
from scheduler.mail.paths import Paths
from scheduler.mail.post import Belt, Fate, Outcome, Outgoing, not_begun
from scheduler.mail.relay_address import RelayAddress, Tls
from scheduler.mail.replies import Phase, goes_on, judge, may_mean_slower, one_line
from scheduler.mail.wire import Wire
from scheduler.model.network import Network

_NO_SMTPUTF8 = (
    "the part before the @ has letters that this mail server does not take (it does not offer SMTPUTF8)"
)
_SENDER_NEEDS_SMTPUTF8 = (
    "the sender's address has letters before the @ that this mail server does not take (it does not offer"
    " SMTPUTF8)"
)
#: RFC 4954, section 4: the method is not known, so nothing was tried and the next one may be.
_UNKNOWN_METHOD = 504
#: The server takes no more connections, or hangs up on this one; where it works on another one of ours, that
#: is no outage.
_NO_MORE = 421
#: Seconds between two tries to get a further line, at the most.
_LONGEST_REST = 8.0

T = TypeVar("T")


@dataclass(eq=False)
class _Worker:
    """Hands over one message after the other."""

    #: False: it waits so long for a 250 that another one talks in its place
    has_place: bool = True
    #: taken, and neither done nor put back
    message: Outgoing | None = None


@dataclass(eq=False)
class _Run:
    """What the workers of one call share."""

    belt: Belt
    #: nothing is begun any more: the belt or the server is at its end, or somebody wants us to stop
    is_over: bool = False
    away: RelayAway | None = None
    #: the call has returned: what is on a line still ends, and nothing is put back any more
    is_left: bool = False
    #: workers that are on no line
    loose: int = 0
    #: no new line is tried: one has failed just now, and the others go on
    is_resting: bool = False
    #: lines that failed since the server took notice of a mail, and since when
    failures: int = 0
    doubted_at: float = 0.0
    #: rests since a new line got a mail through
    in_vain: int = 0
    #: mails of which the server took notice, and at which of them a message lost its line
    answers: int = 0
    lost_at: dict[int, int] = field(default_factory=dict)
    _waits: set[asyncio.Timeout] = field(default_factory=set)

    def end(self, away: RelayAway | None = None) -> None:
        """The first reason counts."""
        self.is_over = True
        self.away = self.away or away
        waits, self._waits = self._waits, set()
        for wait in waits:
            wait.reschedule(0)  # long ago

    async def unless_over(self, what: Coroutine[object, object, T]) -> T | None:
        """What it gives; None: the run ended meanwhile, and it was cancelled."""
        try:
            async with asyncio.timeout(None) as wait:
                self._waits.add(wait)
                try:
                    return await what
                finally:
                    self._waits.discard(wait)
        except TimeoutError:
            if not wait.expired():
                raise
        return None


@dataclass
class Relay:
    """A mail server. One call of `work` at a time; `log_in` may come at any time."""

    address: RelayAddress
    patience: Patience = field(default_factory=Patience)
    #: at most so many talk at once; they are kept from one message to the next
    connections: int = 4
    #: with those that wait long for their 250, so many at the most (S05)
    connections_in_all: int = 10
    messages_per_connection: int = 100
    pace: Pace = field(default_factory=Pace)
    #: with an operator's own CA; it must verify. None: the CAs of the system, read once
    tls_context: ssl.SSLContext | None = field(default=None, repr=False)
    #: what EHLO says; best is the host of the base URL. Empty: uid_domain of network.yaml
    name: str = ""
    _kept: list[Line] = field(default_factory=list, init=False, repr=False)
    #: lines with a message on them
    _in_use: set[Line] = field(default_factory=set, init=False, repr=False)
    _farewells: set[asyncio.Task[None]] = field(default_factory=set, init=False, repr=False)
    #: closes what is kept and not needed
    _sweeper: asyncio.TimerHandle | None = field(default=None, init=False, repr=False)
    #: one connection is opened at a time: the first refusal decides for all
    _opening: asyncio.Task[None] | None = field(default=None, init=False, repr=False)
    #: who wants a line stands here, so that nobody is passed over
    _queue: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    #: where the pace is limited, one worker at a time waits and takes: none holds a message meanwhile
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    _run: _Run | None = field(default=None, init=False, repr=False)
    #: of this call of `work` and of those before it; and how many have a place
    _workers: set[asyncio.Task[None]] = field(default_factory=set, init=False, repr=False)
    _talking: int = field(default=0, init=False, repr=False)
    #: of the belt itself: those on their way end before it is raised
    _broken: Exception | None = field(default=None, init=False, repr=False)
    #: rung where a line is free or cannot be had, a worker has ended, or a run
    _news: asyncio.Event = field(default_factory=asyncio.Event, init=False, repr=False)
    _is_draining: bool = field(default=False, init=False, repr=False)

    async def work(self, belt: Belt) -> RelayAway | None:
        """Hands over what it takes from the belt (`Post`).

        One line that fails is no outage while others go on. Where no line can be had the server is away, as
        it is when it refuses the sender, for it would refuse every other message alike. Then this returns at
        once: a message that is on a line still ends, and waits for its 250 while the next call is at work.
        Who cancels this loses the outcomes and cuts the lines in use: call `drain` first, and wait.
        """
        self._run = run = _Run(belt, is_over=self._is_draining or self._broken is not None)
        try:
            self._hire()
            while run.loose or (self._workers and (run.away is None or self._broken is not None)):
                await self._hear()
        except asyncio.CancelledError:
            await self._cut_off()
            raise
        finally:
            run.is_left, self._run = True, None
            self.pace.forget()
        if self._broken is not None:
            broken, self._broken = self._broken, None
            raise broken
        return run.away

    def drain(self) -> None:
        """From now on no message is begun; those on their way end with their reply."""
        self._is_draining = True
        if self._run is not None:
            self._stop(self._run)

    async def close(self) -> None:
        """Says farewell on the kept lines; to be called when `work` has ended. What is still on its way gets
        its reply before."""
        while self._workers:
            await self._hear()
        self._hang_up()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        kept, self._kept = self._kept, []
        for line in kept:
            self._say_farewell(line)
        await asyncio.gather(*self._farewells, return_exceptions=True)

    async def log_in(self) -> str:
        """What was found, in one sentence, for `scheduler doctor`; sends nothing. Raises RelayAway."""
        line = await self._open(self.name or "localhost")
        tls = line.wire.transport.get_extra_info("ssl_object")
        try:
            reply = await line.ask(b"NOOP\r\n")
        except BROKEN as error:
            raise RelayAway(f"{self.address.place}: {why_broken(error)}") from None
        finally:
            await line.quit()
        if not goes_on(Phase.GREETING, reply.code):
            raise RelayAway(judge(0, Phase.GREETING, *reply).said, reply.code)
        spoken = tls.version().replace("v", " ") if tls else "no TLS, on this machine,"
        found = "accepts the log-in" if self.address.user else "takes mail without a log-in"
        return f"{self.address.place} speaks {spoken} and {found}"

    # the workers

    def _hire(self) -> None:
        """One for each free place."""
        run, most = self._run, max(self.connections, self.connections_in_all)
        if run is None or run.is_over:
            return
        while self._talking < self.connections and len(self._workers) < most:
            worker = _Worker()
            self._talking += 1
            run.loose += 1
            task = asyncio.create_task(self._work(run, worker))
            self._workers.add(task)
            task.add_done_callback(partial(self._let_go, run, worker))

    def _let_go(self, run: _Run, worker: _Worker, task: asyncio.Task[None]) -> None:
        self._workers.discard(task)
        self._talking -= worker.has_place
        run.loose -= 1
        if run.is_left:
            self._hire()  # its place and its line are free for those who work now
        self._news.set()

    def _step_aside(self, worker: _Worker) -> None:
        worker.has_place = False
        self._talking -= 1
        self._hire()

    def _stop(self, run: _Run, away: RelayAway | None = None) -> None:
        run.end(away)
        if run is self._run:
            self._hang_up()
        self._news.set()

    async def _cut_off(self) -> None:
        self._hang_up()
        for task in self._workers:
            task.cancel()
        if self._workers:
            await asyncio.wait(self._workers)

    async def _hear(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def _work(self, run: _Run, worker: _Worker) -> None:
        try:
            while self._goes_on(run, worker) and (message := await self._next(run, worker)) is not None:
                await self._hand_over(run, worker, message)
        except Exception as error:  # of the belt
            self._broken = error
            self._stop(self._run or run)

    def _goes_on(self, run: _Run, worker: _Worker) -> bool:
        if run.is_over:
            return False
        if not worker.has_place and self._talking < self.connections:
            worker.has_place = True
            self._talking += 1
        return worker.has_place

    async def _next(self, run: _Run, worker: _Worker) -> Outgoing | None:
        """The next message, when one may begin; None: there is none, or the run is over."""
        message = await run.unless_over(run.belt.take() if self.pace.is_free else self._in_turn(run.belt))
        if message is None:
            return None
        worker.message = message
        try:
            if not self.pace.is_free:
                await run.unless_over(self._wait_for_the_pace())
        except Exception:
            self._put_back(run, worker, message)
            raise
        if run.is_over:
            self._put_back(run, worker, message)
        return worker.message

    async def _in_turn(self, belt: Belt) -> Outgoing | None:
        async with self._turn:
            await self._until_one_may_begin()
            return await belt.take()

    async def _wait_for_the_pace(self) -> None:
        """Also for those that waited for a message when the server said "slower"."""
        await self._until_one_may_begin()
        self.pace.begin(_now())

    async def _until_one_may_begin(self) -> None:
        while (wait := self.pace.wait(_now())) > 0:  # noqa: ASYNC110 - it grows when the server says "slower"
            await asyncio.sleep(wait)

    async def _hand_over(self, run: _Run, worker: _Worker, message: Outgoing) -> None:
        try:
            await self._find_its_end(run, worker, message)
        except Exception as error:  # one delivery
            if worker.message is None:  # of the belt, which was told how it ended
                raise
            self._done(run, worker, unexpected(message.id, error, is_uncertain=False))

    async def _find_its_end(self, run: _Run, worker: _Worker, message: Outgoing) -> None:
        try:
            paths = Paths.of(message)
        except MessageRefused as refused:
            self._done(run, worker, Outcome(message.id, Fate.NEVER, str(refused)))
            return
        except RelayAway as away:
            self._done(run, worker, not_begun(message.id, away))
            self._stop(run, away)
            return
        while (line := await self._line(run, message.network)) is not None:
            if await self._try(run, worker, line, message, paths):
                return
        self._put_back(run, worker, message)

    async def _try(self, run: _Run, worker: _Worker, line: Line, message: Outgoing, paths: Paths) -> bool:
        """False: the server had closed the line while it was kept."""
        refused = None if paths.are_ascii else _unspeakable(message, paths, line)
        if refused is not None:
            self._keep(line)
            self._end(run, worker, message, refused)
            return True
        is_clean = False
        self._in_use.add(line)
        run.loose -= 1
        try:
            outcome = await line.carry(message, paths, run.belt.may_begin, partial(self._step_aside, worker))
            self._in_use.discard(line)
            if outcome is not None:
                self._end(run, worker, message, outcome)  # before the line is tidied, which can take its time
                run.in_vain = 0 if line.begun == 1 and outcome.fate is Fate.SENT else run.in_vain
                is_clean = await line.tidy()
        finally:  # also when cancelled: nobody knows what the server makes of this line then
            self._in_use.discard(line)
            run.loose += 1
            if not is_clean:
                line.wire.abort()
        if is_clean and line.begun < self.messages_per_connection:
            self._keep(line)
        elif is_clean:
            self._say_farewell(line)
        return outcome is not None

    def _end(self, run: _Run, worker: _Worker, message: Outgoing, outcome: Outcome) -> None:
        if outcome.fate is Fate.SENT:
            self._done(run, worker, outcome)
            self.pace.took(message.id, _now())
        elif may_mean_slower(outcome) and self.pace.refused(message.id, _now()):
            self._put_back(run, worker, message)
        elif outcome.fate is Fate.AWAY:
            self._end_away(run, worker, message, outcome)
            return
        else:
            self._done(run, worker, outcome)
        if outcome.code is not None:
            run.answers += 1
            run.failures = 0

    def _end_away(self, run: _Run, worker: _Worker, message: Outgoing, outcome: Outcome) -> None:
        """The server is away, or this line only: then another one carries the message, once. At which the
        server hangs up again, although it took notice of others meanwhile, that one goes up the ladder: it
        must not cost one line after the other."""
        away = RelayAway(outcome.said, outcome.code, needs_a_person=outcome.needs_a_person)
        if outcome.code not in (None, _NO_MORE):
            self._stop(run, away)
        else:
            self._doubt(run, away)
        answers = run.lost_at.setdefault(message.id, run.answers)
        if run.is_over:
            self._done(run, worker, outcome)
        elif run.answers > answers:
            del run.lost_at[message.id]
            self._done(run, worker, replace(outcome, fate=Fate.LATER))
        else:
            self._put_back(run, worker, message)

    def _done(self, run: _Run, worker: _Worker, outcome: Outcome) -> None:
        worker.message = None
        run.belt.done(outcome)

    def _put_back(self, run: _Run, worker: _Worker, message: Outgoing) -> None:
        worker.message = None
        if run.is_left and run.away is not None:
            # who takes next would begin it while the server is away
            run.belt.done(not_begun(message.id, run.away))
        else:
            run.belt.put_back(message)

    # the lines

    async def _line(self, run: _Run, network: Network) -> Line | None:
        """One that is free, or a new one, whichever comes first; None: the run has ended meanwhile."""
        if run.is_over:
            return None
        async with self._queue:
            while not run.is_over:
                line = self._kept_line()
                if line is not None:
                    return line
                if self._opening is None and not run.is_resting:
                    self._opening = asyncio.create_task(self._add_line(self.name or network.uid_domain))
                await self._hear()
        return None

    def _doubt(self, run: _Run, away: RelayAway) -> None:
        """A line failed before a message was begun on it. Others may go on, and a new one be had after a
        rest; but where that fails as well, and no line has said anything for a while, the server is away."""
        now = _now()
        if not run.failures:
            run.doubted_at = now
        elif any(line.wire.heard_at > run.doubted_at for line in self._in_use):
            run.failures, run.doubted_at = 1, now
        run.failures += not run.is_resting
        is_sure = run.failures > 1 and now - run.doubted_at >= self.patience.doubt
        if away.needs_a_person or not self._in_use or is_sure:
            self._stop(run, away)
        elif not run.is_resting:
            run.is_resting = True
            rest = min(self.patience.rest * 2**run.in_vain, _LONGEST_REST)
            run.in_vain = min(run.in_vain + 1, 30)
            asyncio.get_running_loop().call_later(rest, self._end_rest, run)

    def _end_rest(self, run: _Run) -> None:
        run.is_resting = False
        self._news.set()

    def _kept_line(self) -> Line | None:
        while self._kept:
            line = self._kept.pop()
            for other in self._kept:
                other.was_kept = True
            if line.is_good:
                return line
            line.wire.abort()
        return None

    async def _add_line(self, hello: str) -> None:
        away = None
        try:
            self._keep(await self._open(hello))
        except RelayAway as error:
            away = error
        except Exception as error:
            away = _away(error, self.address)
        self._opening = None
        if away is not None and self._run is not None:
            self._doubt(self._run, away)
        self._news.set()

    def _hang_up(self) -> None:
        """Nobody waits any more for the line that is being opened."""
        task, self._opening = self._opening, None
        if task is not None:
            task.cancel()
            self._farewells.add(task)
            task.add_done_callback(self._farewells.discard)

    def _keep(self, line: Line) -> None:
        line.kept_at, line.was_kept = _now(), line.begun > 0 or not self._queue.locked()
        self._kept.append(line)
        self._news.set()
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(self.patience.idle, self._sweep)

    def _sweep(self) -> None:
        """The last one kept is the first one used, so those that nobody needs lie at the bottom."""
        self._sweeper = None
        while self._kept and self._kept[0].kept_at + self.patience.idle <= _now():
            self._say_farewell(self._kept.pop(0))
        if self._kept:
            at = self._kept[0].kept_at + self.patience.idle
            self._sweeper = asyncio.get_running_loop().call_at(at, self._sweep)

    def _say_farewell(self, line: Line) -> None:
        """Nobody waits for the server's own (S04)."""
        task = asyncio.create_task(line.quit())
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    async def _open(self, hello: str) -> Line:
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


def _unspeakable(message: Outgoing, paths: Paths, line: Line) -> Outcome | None:
    """The end of a message that the server has no letters for."""
    if "smtputf8" in line.offers:
        return None
    if not paths.sender.isascii():
        return not_begun(message.id, RelayAway(_SENDER_NEEDS_SMTPUTF8, needs_a_person=True))
    return Outcome(message.id, Fate.NEVER, _NO_SMTPUTF8)


def _now() -> float:
    """Of a clock that nobody can set."""
    return asyncio.get_running_loop().time()


def _line_of(client: aiosmtplib.SMTP, patience: Patience) -> Line:
    if client.transport is None:
        raise ConnectionError("Connection lost")
    # uvloop's transports can do all of this, but do not say so by their class
    wire = Wire(cast(asyncio.WriteTransport, client.transport))
    return Line(wire, frozenset(client.esmtp_extensions), patience)


def _cut(client: aiosmtplib.SMTP) -> None:
    transport = client.transport
    client.close()
    if transport is not None:
        cast(asyncio.WriteTransport, transport).abort()


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
    if isinstance(error, BROKEN):
        return RelayAway(f"{place}: {why_broken(error)}")
    return RelayAway(f"{place}: unexpected {type(error).__name__} in the mail client")


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
