"""When a mail that the server put off is tried again. Decides only; the outbox writes it down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

#: The waits after each "later"; the last one repeats. The first are shorter than RFC 5321 (4.5.4.1) asks,
#: because the counterpart is our own relay, and greylisting wants 1 to 10 minutes (RFC 6647).
LADDER = tuple(timedelta(minutes=step) for step in (1, 5, 15, 30, 60))
#: Nobody waits longer for a mail server.
GIVE_UP_AFTER = timedelta(hours=48)
#: The repeated last step is this much longer or shorter, so that a blast does not come back as one.
_SPREAD = 0.2


def decide(
    attempts: int,
    *,
    now: datetime,
    first_try_at: datetime,
    useful_by: datetime,
    key: str,
    ladder: Sequence[timedelta] = LADDER,
) -> datetime | None:
    """The next try of a mail after `attempts` that were answered "later"; None when it is given up.

    key: the same mail is always spread the same way.
    """
    if attempts <= len(ladder):
        next_at = now + ladder[attempts - 1]
    else:
        next_at = now + ladder[-1] * (1 + _SPREAD * _between_minus_one_and_one(f"{key}{attempts}"))
    is_over = next_at >= useful_by or next_at - first_try_at > GIVE_UP_AFTER
    return None if is_over else next_at


def _between_minus_one_and_one(key: str) -> float:
    return int.from_bytes(sha256(key.encode()).digest()[:4]) / 2**31 - 1
