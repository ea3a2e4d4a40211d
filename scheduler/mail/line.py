"""One open connection to a mail server, and one message after the other over it.

The steps of a transaction are taken one by one, or in one go where the server offers it (RFC 2920), but the
replies are always read one by one, because what a refusal or a broken line means depends on the step it came
at (`replies.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from scheduler.mail.paths import Paths
from scheduler.mail.post import CALLED_BACK, Fate, Outcome, Outgoing
from scheduler.mail.replies import Phase, goes_on, judge, lost, one_line
from scheduler.mail.wire import Reply, Wire

#: The line broke, or the server fell silent.
BROKEN = (ConnectionError, TimeoutError)
_GOING_DOWN = 421

MayBegin = Callable[[Outgoing], bool]


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
    #: where the way to the 354 took longer, the message is looked at once more (P09: nothing begins a second
    #: after it was called back)
    look_again: float = 0.5
    #: after so long without its 250 a message does not keep others from going over another line (S05)
    slow: float = 2
    #: on a line that was kept for so long a 421 is about that, not about the message
    rested: float = 1
    #: where a line fails and others go on, before a new one is tried; doubled each time it is in vain
    rest: float = 1
    #: after so long without a word on any line, and without a new one, the server is away
    doubt: float = 3
    #: a line that nobody needs for so long is closed, before the server does it
    idle: float = 30


@dataclass(eq=False)
class Line:
    """A connection that was greeted, is inside TLS and logged in."""

    wire: Wire
    #: what EHLO offered, in small letters
    offers: frozenset[str]
    patience: Patience
    #: transactions begun
    begun: int = 0
    #: since when it lies idle, by the loop's clock
    kept_at: float = inf
    #: it has lain idle since it was opened, so the server may have hung up for that
    was_kept: bool = False
    #: what was said last
    phase: Phase = Phase.GREETING
    #: nobody knows what the server makes of it, or it says that it hangs up
    is_broken: bool = False
    #: a sender is known to the server, so the transaction must be ended before the next
    _is_open: bool = False
    #: replies to what was said in one go that were not read
    _owed: int = 0
    _began_at: float = 0.0

    @property
    def is_good(self) -> bool:
        """False: the server has hung up, or said something unasked, which is mostly that it will."""
        return self.wire.is_open and self.wire.is_quiet

    async def carry(
        self,
        message: Outgoing,
        paths: Paths,
        may_begin: MayBegin,
        say_slow: Callable[[], None] | None = None,
    ) -> Outcome | None:
        """One transaction; None: the server had closed the line while it was kept, and nothing was begun."""
        self.begun += 1
        self.phase, self._owed, self._is_open = Phase.MAIL, 0, False
        self._began_at = self.wire.now()
        try:
            commands = self._commands(message, paths)
            begin = self._begin_in_one_go if "pipelining" in self.offers else self._begin_step_by_step
            ended = await begin(message, commands, may_begin)
            if ended is not None:
                return None if self._was_left_alone(ended) else ended
            return await self._content(message, may_begin, say_slow)
        except BROKEN as error:
            self.is_broken = True
            is_stale = self.phase is Phase.MAIL and self.was_kept
            return None if is_stale else lost(message.id, self.phase, why_broken(error))
        except Exception as error:  # one delivery; only the name, for its text may hold the address
            self.is_broken = True
            return unexpected(message.id, error, is_uncertain=self.phase is Phase.CONTENT)

    def _commands(self, message: Outgoing, paths: Paths) -> list[bytes]:
        """MAIL, RCPT and DATA with what the server offers for them."""
        sender, recipient = f"MAIL FROM:<{paths.sender}>", f"RCPT TO:<{paths.recipient}>"
        if not paths.are_ascii:
            # SMTPUTF8 goes with 8BITMIME (RFC 6531, section 3.6)
            sender += " SMTPUTF8 BODY=8BITMIME" if "8bitmime" in self.offers else " SMTPUTF8"
        if "dsn" in self.offers:
            # the number, in digits, is its own xtext (RFC 3461, section 4)
            sender += f" RET=HDRS ENVID={message.id}"
            recipient += " NOTIFY=FAILURE,DELAY"
        return [f"{sender}\r\n".encode(), f"{recipient}\r\n".encode(), b"DATA\r\n"]

    async def _begin_step_by_step(
        self, message: Outgoing, commands: list[bytes], may_begin: MayBegin
    ) -> Outcome | None:
        steps = deque(zip(_STEPS, commands, strict=True))

        def says_more(reply: Reply) -> bool:
            return self._goes_on(reply) and self._says(steps, message, may_begin)

        self._says(steps, message, may_begin)
        reply = await self.wire.reply(self.patience.command, goes_on=says_more)
        if not self._goes_on(reply):
            return self._refused(message, reply)
        return _recalled(message) if steps else None

    def _says(self, steps: deque[tuple[Phase, bytes]], message: Outgoing, may_begin: MayBegin) -> bool:
        """The next step; False: there is none, or the message was called back before DATA."""
        if not steps or (steps[0][0] is Phase.DATA and not self._is_wanted(message, may_begin)):
            return False
        self.phase, command = steps.popleft()
        self.wire.write(command)
        return True

    def _goes_on(self, reply: Reply) -> bool:
        """What was said last is accepted, and with it the transaction is open."""
        is_accepted = goes_on(self.phase, reply.code)
        self._is_open |= is_accepted
        return is_accepted

    async def _begin_in_one_go(
        self, message: Outgoing, commands: list[bytes], may_begin: MayBegin
    ) -> Outcome | None:
        if not self._is_wanted(message, may_begin):
            return _recalled(message)
        self.wire.write(b"".join(commands))
        for owed, phase in zip((2, 1, 0), _STEPS, strict=True):
            self.phase, self._owed = phase, owed
            reply = await self.wire.reply(self.patience.command)
            if not self._goes_on(reply):
                return self._refused(message, reply)
        return None

    async def _content(
        self, message: Outgoing, may_begin: MayBegin, say_slow: Callable[[], None] | None
    ) -> Outcome:
        if not self.wire.is_quiet:
            # what is said before the message cannot be the reply to it
            return self._refused(message, Reply(-1, "a reply that nobody asked for"))
        if self.wire.now() > self._began_at + self.patience.look_again and not may_begin(message):
            self.is_broken = True  # after 354 only a cut line ends it without handing over a message
            return _recalled(message)
        self.wire.write(with_dots_doubled(message.octets))
        self.phase = Phase.CONTENT
        reply = await self.wire.reply(self.patience.final_dot, self.patience.slow, say_slow)
        self._is_open = False  # whatever the reply is
        if goes_on(self.phase, reply.code):
            return judge(message.id, self.phase, *reply)
        return self._refused(message, reply)

    def _is_wanted(self, message: Outgoing, may_begin: MayBegin) -> bool:
        self._began_at = self.wire.now()
        return may_begin(message)

    def _refused(self, message: Outgoing, reply: Reply) -> Outcome:
        self.is_broken = reply.code == _GOING_DOWN or reply.code // 100 not in (4, 5)
        return judge(message.id, self.phase, *reply)

    def _was_left_alone(self, ended: Outcome) -> bool:
        """The server says at MAIL that it had hung up for want of something to do."""
        is_rested = self.was_kept and self._began_at - self.kept_at > self.patience.rested
        return is_rested and self.phase is Phase.MAIL and ended.code == _GOING_DOWN

    async def tidy(self) -> bool:
        """Makes ready for the next message; False: the line is of no more use."""
        if self.is_broken:
            return False
        try:
            if self._owed and not await self._read_what_is_owed():
                return False
            return not self._is_open or goes_on(Phase.MAIL, (await self.ask(b"RSET\r\n")).code)
        except BROKEN:
            return False

    async def _read_what_is_owed(self) -> bool:
        """What came of the rest of commands that were said in one go, the last of which was DATA."""
        is_taken = False
        while self._owed:
            self._owed -= 1
            reply = await self.wire.reply(self.patience.command)
            if self._owed:
                is_taken = goes_on(Phase.RCPT, reply.code)
        if not goes_on(Phase.DATA, reply.code):
            return True
        if is_taken:
            return False  # a dot would deliver an empty message
        # it wants a message for nobody: RFC 2920, section 3.1, ends that with a lone dot
        self._is_open = False
        return (await self.ask(b".\r\n")).code >= 0

    async def ask(self, command: bytes) -> Reply:
        self.wire.write(command)
        return await self.wire.reply(self.patience.command)

    async def quit(self) -> None:
        try:
            self.wire.write(b"QUIT\r\n")
            await self.wire.reply(self.patience.quit)
        except BROKEN:
            pass
        finally:
            self.wire.abort()


_STEPS = (Phase.MAIL, Phase.RCPT, Phase.DATA)


def unexpected(number: int, error: Exception, *, is_uncertain: bool) -> Outcome:
    """Tried again, and loud: never permanent, never silent."""
    said = f"unexpected {type(error).__name__} in the mail client"
    return Outcome(number, Fate.LATER, said, is_uncertain=is_uncertain)


def why_broken(error: Exception) -> str:
    return one_line(str(error)) or "no reply in time"


def with_dots_doubled(octets: bytes) -> bytes:
    """The message as DATA wants it (RFC 5321, section 4.5.2), with the dot that ends it."""
    end = b".\r\n" if octets.endswith(b"\r\n") else b"\r\n.\r\n"
    dot = b"." if octets.startswith(b".") else b""
    return dot + octets.replace(b"\r\n.", b"\r\n..") + end


def _recalled(message: Outgoing) -> Outcome:
    return Outcome(message.id, Fate.RECALLED, CALLED_BACK)
