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
from datetime import datetime
from itertools import chain, islice, takewhile
from time import monotonic

from scheduler.errors import RelayAway
from scheduler.mail.post import CALLED_BACK, Fate, Outcome, Outgoing, not_begun
from scheduler.model.history import History
from scheduler.service.in_force import InForce
from scheduler.store.outbox import Delivery, urgency


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
#: So many are begun at once before it is known how fast the post is.
_FEW = 4
#: Seconds for which what is begun waits for a slow post.
_LONG = 0.5
#: What is said of a mail that was in the hands of a post that failed.
_LOST = "the mail client failed; the log says more"
#: A mail, and how its attempt ended.
Ended = tuple[Parcel, Outcome]


@dataclass
class Belt:
    """Brings parcels to the post (`scheduler.mail.post.Belt`), and to the books what became of them."""

    #: in flight at once
    most: int
    #: what is of no use any more does not begin
    now: Callable[[], datetime]
    #: what was judged under another generation must not begin, nor anything after this moment without
    #: another look at it; of a clock that nobody can set
    generation: int = 0
    seen_until: float = 0.0
    is_ended: bool = False
    _written: deque[Parcel] = field(default_factory=deque)
    _begun: deque[Parcel] = field(default_factory=deque)
    _out: dict[int, Parcel] = field(default_factory=dict)
    #: those that were out when the server went away
    _stragglers: set[int] = field(default_factory=set)
    _done: list[Ended] = field(default_factory=list)
    #: taken by the books, which write them down just now
    _in_books: list[Ended] = field(default_factory=list)
    #: tokens of what was written since the books asked, and of what they note just now
    _fresh: set[str] = field(default_factory=set)
    _noting: set[str] = field(default_factory=set)
    #: so many lie ready for the post: as few as keep it busy, for what is urgent comes after them
    _ahead: int = _FEW
    _begun_at: float = 0.0
    #: how many have left, to whatever end
    left: int = 0
    #: how many did not begin, for something was decided, or the server was away
    recalled: int = 0
    _is_answered: bool = False
    #: whoever writes of these rows holds it, for two who write of the same ones might wait for each other
    pen: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: rung where the post may find something to take, and where anything else has changed
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def waiting(self) -> int:
        """Written, and not begun."""
        return len(self._written)

    @property
    def urgent(self) -> int:
        """Those at the head of what waits that cannot wait."""
        return sum(1 for _ in takewhile(lambda parcel: urgency(parcel.row.kind) == 0, self._written))

    @property
    def begun(self) -> int:
        """The post may take so many at once."""
        return len(self._begun)

    @property
    def in_flight(self) -> int:
        return len(self._begun) + len(self._out) + len(self._done) + len(self._in_books)

    @property
    def is_empty(self) -> bool:
        return not self._written and not self.in_flight

    @property
    def is_quiet(self) -> bool:
        """Nothing is on its way but what was so when the server went away."""
        ended = self._done or self._in_books
        return not (self._written or self._begun or ended or self._out.keys() - self._stragglers)

    @property
    def is_over(self) -> bool:
        return self.is_ended and self.is_empty

    @property
    def claims(self) -> set[Claim]:
        """Of all that lies here."""
        ended = (parcel for parcel, _ in chain(self._done, self._in_books))
        return {parcel.claim for parcel in chain(self._written, self._begun, self._out.values(), ended)}

    def put(self, parcels: Sequence[Parcel], ended: Sequence[Ended] = (), *, is_urgent: bool = False) -> None:
        """Written mails, and such as could not be written; what is urgent goes before the rest."""
        if is_urgent:
            self._written.extendleft(reversed(parcels))
        else:
            self._written += parcels
        self._done += ended
        self._fresh |= {parcel.claim.token for parcel in parcels}
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
        now, parcel = monotonic(), self._out[message.id]
        is_in_time = self.now() < parcel.row.useful_by
        return is_in_time and now < self.seen_until and self._holds(parcel.claim, now)

    def done(self, outcome: Outcome) -> None:
        self._done.append((self._out.pop(outcome.id), outcome))
        self._stragglers.discard(outcome.id)
        # without a code it was refused by ourselves
        was_taken_notice_of = outcome.fate is Fate.SENT or (outcome.code or 0) > 0
        self._is_answered |= was_taken_notice_of and outcome.fate in _ANSWERS
        self._changed.set()

    # the books

    async def news(self) -> None:
        """Returns when something is to be marked, or can begin; or when nothing ever will."""
        while not (self._done or self._fresh or self._wants_more() or self.is_over):
            self._changed.clear()
            await self._changed.wait()

    async def haste(self, most: float) -> None:
        """Waits for more to write down together, so many seconds at the most; not while the post waits for
        the books, nor when nothing else is to come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(most):
                while (self._begun or self._out) and not self._wants_more():
                    self._changed.clear()
                    await self._changed.wait()

    def next_ones(self) -> tuple[list[Ended], list[Parcel]]:
        """What ended, to be written down; and what may begin as soon as that is written."""
        ended, self._done = self._done, []
        self._in_books = ended
        self._pace()
        return ended, self._candidates()

    def written_claims(self) -> set[str]:
        """Whose mails were written since this was asked last."""
        self._noting, self._fresh = self._fresh, set()
        return self._noting

    def _pace(self) -> None:
        """Twice as many ahead where the post waits for us, half as many where they wait for it."""
        if self._is_short:
            self._ahead = min(self.most, 2 * self._ahead)
        elif monotonic() - self._begun_at > _LONG:
            self._ahead = max(1, self._ahead // 2)

    def _candidates(self) -> list[Parcel]:
        """The first that wait, as far as there is room; the last place is for what cannot wait."""
        free = self.most - len(self._begun) - len(self._out)
        plain = free - 1 if self.most > _FEW else free
        found: list[Parcel] = []
        for parcel in islice(self._written, max(0, min(free, self._ahead - len(self._begun)))):
            if len(found) >= plain and urgency(parcel.row.kind) > 0:
                break
            found.append(parcel)
        return found

    def let_begin(self, ids: Collection[int], parcels: Sequence[Parcel]) -> None:
        """The books have written: these begin; of the others somebody decided something, so they end."""
        self.left += len(self._in_books)
        self._in_books = []
        self._noting = set()
        still = set(map(id, self._written))
        for parcel in (one for one in parcels if id(one) in still):
            self._written.remove(parcel)
            if parcel.id in ids:
                self._begun_at = monotonic() if not self._begun else self._begun_at
                self._begun.append(parcel)
            else:
                self._done.append((parcel, _recalled(parcel)))
                self.recalled += 1
        self._ready.set()
        self._changed.set()

    # the deliverer

    async def noted(self) -> None:
        """Returns when the books know of all that was written: whoever dies next dies of something else."""
        while (self._fresh or self._noting) and not self.is_ended:
            self._changed.clear()
            await self._changed.wait()

    async def has_room(self, below: int, seconds: float) -> bool:
        """True when fewer than so many wait to begin; False where that is not so after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(self._written) >= below and not self.is_ended:
                    self._changed.clear()
                    await self._changed.wait()
        return len(self._written) < below or self.is_ended

    def lose_post(self) -> None:
        """The post has failed: nobody knows what became of what it had in hand."""
        for parcel in self._out.values():
            self._done.append((parcel, Outcome(parcel.id, Fate.LATER, _LOST, is_uncertain=True)))
        self._out.clear()
        self._changed.set()

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
        """The server is away: nothing begins; what is out may wait long for its reply."""
        self._stragglers = set(self._out)
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
                self.recalled += len(ended)
        self._changed.set()

    def _wants_more(self) -> bool:
        """The post will soon have nothing to take, and something may begin."""
        return self._is_short and bool(self._candidates())

    @property
    def _is_short(self) -> bool:
        return len(self._begun) <= self._ahead // 4

    def _holds(self, claim: Claim, now: float) -> bool:
        return claim.generation == self.generation and now < claim.holds_until


def _recalled(parcel: Parcel) -> Outcome:
    return Outcome(parcel.id, Fate.RECALLED, CALLED_BACK)
