"""How a mail leaves, and the ends this can have: the same for a mail server and the embedded mailbox."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from scheduler.errors import RelayAway
from scheduler.model.network import Network

#: Why a message to another domain is not handed over.
NOT_ALLOWED = "only_to in network.yaml does not allow this address"

#: What is said of a message that somebody called back.
CALLED_BACK = "called back before it was begun"


@dataclass(frozen=True, slots=True, eq=False)
class Outgoing:
    """A finished message on its way to one address."""

    id: int
    message_id: str
    address: str
    octets: bytes
    #: whose limits hold for it (`only_to`), and whose name the server is greeted with
    network: Network
    #: when it was written; the mailbox dates its file with it
    at: datetime
    #: the envelope's sender, to which mail servers send back what they cannot deliver; empty: the network's
    sender: str = ""

    @property
    def envelope_sender(self) -> str:
        return self.sender or self.network.sender.address


class Fate(StrEnum):
    """What became of one attempt."""

    #: the server said 250, or the file lies in the mailbox; nothing later takes that back
    SENT = "sent"
    #: not now: this message is tried again at the next step of the ladder
    LATER = "later"
    #: refused for good: it is not tried again
    NEVER = "never"
    #: the server is away, or not to be trusted: all mail waits, and no attempt is counted
    AWAY = "away"
    #: called back before it was begun: it is looked at once more, and no attempt is counted
    RECALLED = "recalled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one attempt for one message."""

    id: int
    fate: Fate
    #: the file inside the mailbox, or what the server said, in its own words
    said: str
    #: the server's reply code, where there was a reply
    code: int | None = None
    #: the server may have taken it all the same: the line broke after the message was on its way
    is_uncertain: bool = False
    #: certificate, log-in or STARTTLS: it stays so until a person mends it
    needs_a_person: bool = False


class Belt(Protocol):
    """What brings messages to a post, and takes back what became of them."""

    async def take(self) -> Outgoing | None:
        """The next message, when there is one; None: nothing more comes."""
        ...

    def put_back(self, message: Outgoing) -> None:
        """Taken, and not begun: the next one who takes gets it."""
        ...

    def may_begin(self, message: Outgoing) -> bool:
        """To be asked right before DATA: does it still hold? If not, its outcome is Fate.RECALLED."""
        ...

    def done(self, outcome: Outcome) -> None:
        """How an attempt ended; once for each message that was taken and not put back."""
        ...


class Post(Protocol):
    """Where mail goes."""

    async def work(self, belt: Belt) -> RelayAway | None:
        """Hands over what it takes from the belt, until nothing more comes (None): then all that was taken is
        done or put back; or until the server is away: then at once, with the reason. What is on its way
        then, and may wait long for its reply, is still done when that comes, whoever works meanwhile.

        Never raises for what the other side does.
        """
        ...

    def drain(self) -> None:
        """From now on none is begun: `work` returns as soon as those on their way have their reply."""
        ...

    async def close(self) -> None:
        """Ends kept connections."""
        ...


@dataclass
class Handful:
    """A belt for a few messages that nobody calls back."""

    waiting: deque[Outgoing]
    outcomes: list[Outcome] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self) -> Outgoing | None:
        return self.waiting.popleft() if self.waiting else None

    def put_back(self, message: Outgoing) -> None:
        self.waiting.appendleft(message)
        self._changed.set()

    def may_begin(self, message: Outgoing) -> bool:  # noqa: ARG002 - of all belts
        return True

    def done(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._changed.set()

    async def until_back(self, count: int) -> None:
        """Returns when so many messages are done or wait."""
        while len(self.outcomes) + len(self.waiting) < count:
            self._changed.clear()
            await self._changed.wait()


async def hand_over(post: Post, messages: Iterable[Outgoing]) -> list[Outcome]:
    """One outcome for each message, in any order; what was not begun comes back as Fate.AWAY."""
    belt = Handful(deque(messages))
    count = len(belt.waiting)
    away = await post.work(belt) or RelayAway("the service is stopping")
    await belt.until_back(count)
    left = [not_begun(message.id, away) for message in belt.waiting]
    return belt.outcomes + left


def not_begun(number: int, away: RelayAway) -> Outcome:
    """The end of message `number` where the server is away before it was begun."""
    return Outcome(number, Fate.AWAY, str(away), away.code, needs_a_person=away.needs_a_person)
