"""How a mail leaves, and the ends this can have: the same for a mail server and the embedded mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from scheduler.model.network import Network

#: Why a message to another domain is not handed over.
NOT_ALLOWED = "only_to in network.yaml does not allow this address"


@dataclass(frozen=True)
class Outgoing:
    """A finished message on its way to one address."""

    id: int
    message_id: str
    address: str
    octets: bytes
    #: set when somebody decided something meanwhile, so that what this says may no longer hold
    recall: asyncio.Event | None = field(default=None, repr=False, compare=False)

    @property
    def is_recalled(self) -> bool:
        """It must not be begun any more (reliability rule P09)."""
        return self.recall is not None and self.recall.is_set()


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


@dataclass(frozen=True)
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


class Post(Protocol):
    """Where mail goes."""

    async def deliver(self, messages: Sequence[Outgoing], network: Network, now: datetime) -> list[Outcome]:
        """One outcome for each message, in any order. Never raises for what the other side does, and
        never hands over to an address that `only_to` in network.yaml does not allow (Fate.NEVER). What is
        recalled and not begun comes back as Fate.RECALLED."""
        ...

    def drain(self) -> None:
        """From now on no message is begun: what has not begun comes back as Fate.AWAY."""
        ...

    async def close(self) -> None:
        """Ends kept connections."""
        ...
