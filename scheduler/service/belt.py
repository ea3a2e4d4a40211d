"""What lies between the deliverer and the post: mails that are written, begun, out, and done.

A mail is in one of four places. *Written*: it waits until the books say that it is begun. *Begun*: the post
may take it. *Out*: the post has it. *Done*: it ended, and waits to be marked. From begun to marked it is in
flight; there are never more of those than `most`: that is what a crash can repeat.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from time import monotonic

from scheduler.errors import RelayAway
from scheduler.mail.post import CALLED_BACK, Fate, Outcome, Outgoing, not_begun
from scheduler.model.history import History
from scheduler.service.in_force import InForce
from scheduler.store.outbox import Delivery


@dataclass(eq=False)
class Claim:
    """What all rows of one batch have in common."""

    token: str
    #: what was decided when they were judged, and what was in force
    generation: int
    in_force: InForce
    #: by a clock that nobody can set: until then nobody takes them over
    holds_until: float


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """A mail with all that is written down of it when it has left."""

    message: Outgoing
    row: Delivery
    history: History
    claim: Claim

    @property
    def id(self) -> int:
        return self.row.id


#: The server took notice of a mail.
_ANSWERS = (Fate.SENT, Fate.LATER, Fate.NEVER)
#: A mail, and how its attempt ended.
Ended = tuple[Parcel, Outcome]


@dataclass
class Belt:
    """Brings parcels to the post (`scheduler.mail.post.Belt`), and to the books what became of them."""

    #: in flight at once
    most: int
    #: what was judged under another generation must not begin, nor anything after this moment without
    #: another look at it; of a clock that nobody can set
    generation: int = 0
    seen_until: float = 0.0
    is_ended: bool = False
    _written: deque[Parcel] = field(default_factory=deque)
    _begun: deque[Parcel] = field(default_factory=deque)
    _out: dict[int, Parcel] = field(default_factory=dict)
    _done: list[Ended] = field(default_factory=list)
    #: taken by the books, which write them down just now
    _in_books: list[Ended] = field(default_factory=list)
    #: how many have left, to whatever end
    left: int = 0
    _is_answered: bool = False
    #: rung where the post may find something to take, and where anything else has changed
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def waiting(self) -> int:
        """Written, and not begun."""
        return len(self._written)

    @property
    def in_flight(self) -> int:
        return len(self._begun) + len(self._out) + len(self._done) + len(self._in_books)

    @property
    def is_empty(self) -> bool:
        return not self._written and not self.in_flight

    @property
    def is_over(self) -> bool:
        return self.is_ended and self.is_empty

    @property
    def claims(self) -> set[Claim]:
        """Of all that lies here."""
        ended = (parcel for parcel, _ in chain(self._done, self._in_books))
        return {parcel.claim for parcel in chain(self._written, self._begun, self._out.values(), ended)}

    def put(self, parcels: Sequence[Parcel], ended: Sequence[Ended] = ()) -> None:
        """Written mails, and such as could not be written."""
        self._written += parcels
        self._done += ended
        self._changed.set()

    # the post

    async def take(self) -> Outgoing | None:
        while not self._begun:
            if self.is_ended:
                return None
            self._ready.clear()
            await self._ready.wait()
        parcel = self._begun.popleft()
        self._out[parcel.id] = parcel
        if not self._begun:
            self._changed.set()
        return parcel.message

    def put_back(self, message: Outgoing) -> None:
        self._begun.appendleft(self._out.pop(message.id))
        self._ready.set()

    def may_begin(self, message: Outgoing) -> bool:
        now = monotonic()
        return now < self.seen_until and self._holds(self._out[message.id].claim, now)

    def done(self, outcome: Outcome) -> None:
        self._done.append((self._out.pop(outcome.id), outcome))
        self._is_answered = self._is_answered or outcome.fate in _ANSWERS
        self._changed.set()

    # the books

    async def news(self) -> None:
        """Returns when something is to be marked, or can begin; or when nothing ever will."""
        while not self._done and not self._can_begin() and not self.is_over:
            self._changed.clear()
            await self._changed.wait()

    async def haste(self, most: float) -> None:
        """Waits for more to write down together, so many seconds at the most; not while the post waits for
        the books, nor when nothing else is to come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(most):
                while len(self._begun) > self.most // 4 or (self._out and not self._can_begin()):
                    self._changed.clear()
                    await self._changed.wait()

    def next_ones(self) -> tuple[list[Ended], list[Parcel]]:
        """What ended, to be written down; and what may begin as soon as that is written."""
        ended, self._done = self._done, []
        self._in_books = ended
        free = self.most - len(self._begun) - len(self._out)
        return ended, list(islice(self._written, max(0, free)))

    def let_begin(self, ids: Collection[int], parcels: Sequence[Parcel]) -> None:
        """The books have written: these begin; of the others somebody decided something, so they end."""
        self.left += len(self._in_books)
        self._in_books = []
        still = set(map(id, self._written))
        for parcel in (one for one in parcels if id(one) in still):
            self._written.remove(parcel)
            if parcel.id in ids:
                self._begun.append(parcel)
            else:
                self._done.append((parcel, _recalled(parcel)))
        self._ready.set()
        self._changed.set()

    # the deliverer

    async def room(self, below: int) -> None:
        """Returns when fewer than so many wait to begin."""
        while len(self._written) >= below and not self.is_ended:
            self._changed.clear()
            await self._changed.wait()

    async def more_left(self, before: int) -> None:
        """Returns when more than so many have left."""
        while self.left == before and not self.is_ended:
            self._changed.clear()
            await self._changed.wait()

    def was_answered(self) -> bool:
        """The server took notice of a mail since this was asked last."""
        is_answered, self._is_answered = self._is_answered, False
        return is_answered

    def seen(self, generation: int, until: float) -> None:
        """Somebody has looked what was decided: what was judged before that is called back."""
        self.generation = max(generation, self.generation)  # two looks may overtake each other
        self.seen_until = until
        now = monotonic()
        self._end_those(lambda parcel: not self._holds(parcel.claim, now), _recalled)

    def clear(self, away: RelayAway) -> None:
        """The server is away: nothing begins."""
        self._end_those(lambda _: True, lambda parcel: not_begun(parcel.id, away))

    def end(self) -> None:
        """Nothing more is taken: what was not taken is called back."""
        self.is_ended = True
        self._end_those(lambda _: True, _recalled)
        self._ready.set()

    def _end_those(self, which: Callable[[Parcel], bool], how: Callable[[Parcel], Outcome]) -> None:
        for line in (self._begun, self._written):
            ended = [parcel for parcel in line if which(parcel)]
            if ended:
                gone = set(map(id, ended))
                kept = [parcel for parcel in line if id(parcel) not in gone]
                line.clear()
                line.extend(kept)
                self._done += [(parcel, how(parcel)) for parcel in ended]
        self._changed.set()

    def _can_begin(self) -> bool:
        return bool(self._written) and len(self._begun) + len(self._out) < self.most

    def _holds(self, claim: Claim, now: float) -> bool:
        return claim.generation == self.generation and now < claim.holds_until


def _recalled(parcel: Parcel) -> Outcome:
    return Outcome(parcel.id, Fate.RECALLED, CALLED_BACK)
