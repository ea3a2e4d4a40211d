"""The embedded default: a Maildir that any mail program, or Python's `mailbox`, can open."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scheduler.mail.post import NOT_ALLOWED, Fate, Outcome, Outgoing
from scheduler.model.network import Network


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

    async def deliver(self, messages: Sequence[Outgoing], network: Network, now: datetime) -> list[Outcome]:
        """Puts messages into `new`, with `now` as the date of the file, which mail programs show as the
        moment of arrival; what was said is the file inside the folder."""
        return await asyncio.to_thread(self._deliver, messages, network, now)

    def drain(self) -> None:
        """A file is put at once: there is nothing to wait for."""

    async def close(self) -> None:
        """Nothing is kept open."""

    def _deliver(self, messages: Sequence[Outgoing], network: Network, now: datetime) -> list[Outcome]:
        try:
            outcomes = [self._outcome(message, network, now) for message in messages]
            if self.durable:
                self._keep_names()
        except OSError as error:
            # none of them is sure to be there; put again, each is the same file
            said = f"the mailbox cannot be written ({error.strerror})"
            return [Outcome(message.id, Fate.AWAY, said, needs_a_person=True) for message in messages]
        return outcomes

    def _outcome(self, message: Outgoing, network: Network, now: datetime) -> Outcome:
        if not network.may_write_to(message.address):
            return Outcome(message.id, Fate.NEVER, NOT_ALLOWED)
        return Outcome(message.id, Fate.SENT, self._put(message, now))

    def _put(self, message: Outgoing, now: datetime) -> str:
        name = f"{hashlib.sha256(message.message_id.encode()).hexdigest()[:20]}.scheduler"
        temporary, final = self.root / "tmp" / name, self.root / "new" / name
        with temporary.open("wb") as file:
            # a mailbox on disk has this machine's line ends, as mail programs expect of a Maildir
            file.write(message.octets.replace(b"\r\n", b"\n"))
            if self.durable:
                file.flush()
                os.fsync(file.fileno())
        os.utime(temporary, (now.timestamp(), now.timestamp()))
        temporary.rename(final)
        return f"new/{name}"

    def _keep_names(self) -> None:
        """A file that was written through can still lose its name when the machine loses its power."""
        folder = os.open(self.root / "new", os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
