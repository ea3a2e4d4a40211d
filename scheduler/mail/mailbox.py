"""The embedded default: a Maildir that any mail program, or Python's `mailbox`, can open."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from scheduler.errors import RelayAway
from scheduler.mail.post import CALLED_BACK, NOT_ALLOWED, Belt, Fate, Outcome, Outgoing


@dataclass(frozen=True)
class Maildir:
    """A folder with cur, new and tmp. The same message put twice, even days later, is the same file."""

    root: Path
    #: False: no fsync; for rehearsals, which can be played again
    durable: bool = True

    def open(self) -> Maildir:
        for part in ("cur", "new", "tmp"):
            (self.root / part).mkdir(parents=True, exist_ok=True)
        return self

    async def work(self, belt: Belt) -> RelayAway | None:
        """Puts messages into `new`, with their moment as the date of the file, which mail programs show as
        the moment of arrival; what was said is the file inside the folder."""
        while message := await belt.take():
            if not belt.may_begin(message):
                belt.done(Outcome(message.id, Fate.RECALLED, CALLED_BACK))
                continue
            outcome = await self._outcome(message)
            belt.done(outcome)
            if outcome.fate is Fate.AWAY:
                return RelayAway(outcome.said, needs_a_person=True)
        return None

    def drain(self) -> None:
        """A file is put at once: there is nothing to wait for."""

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _outcome(self, message: Outgoing) -> Outcome:
        if not message.network.may_write_to(message.address):
            return Outcome(message.id, Fate.NEVER, NOT_ALLOWED)
        try:
            put = await asyncio.to_thread(self._put, message) if self.durable else self._put(message)
        except OSError as error:
            # it is not sure to be there; put again, it is the same file
            said = f"the mailbox cannot be written ({error.strerror})"
            return Outcome(message.id, Fate.AWAY, said, needs_a_person=True)
        return Outcome(message.id, Fate.SENT, put)

    def _put(self, message: Outgoing) -> str:
        name = f"{hashlib.sha256(message.message_id.encode()).hexdigest()[:20]}.scheduler"
        temporary, final = self.root / "tmp" / name, self.root / "new" / name
        with temporary.open("wb") as file:
            # a mailbox on disk has this machine's line ends, as mail programs expect of a Maildir
            file.write(message.octets.replace(b"\r\n", b"\n"))
            if self.durable:
                file.flush()
                os.fsync(file.fileno())
        os.utime(temporary, (message.at.timestamp(), message.at.timestamp()))
        temporary.rename(final)
        if self.durable:
            self._keep_names()
        return f"new/{name}"

    def _keep_names(self) -> None:
        """A file that was written through can still lose its name when the machine loses its power."""
        folder = os.open(self.root / "new", os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
