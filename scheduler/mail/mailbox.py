"""The embedded default: a Maildir that any mail program, or Python's `mailbox`, can open."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scheduler.errors import AddressRefused
from scheduler.model.network import Network


@dataclass(frozen=True)
class Outgoing:
    """A finished message on its way to one address."""

    id: int
    message_id: str
    address: str
    octets: bytes


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

    def deliver(self, messages: Sequence[Outgoing], network: Network, now: datetime) -> list[tuple[int, str]]:
        """Puts messages into `new`, with `now` as the date of the file, which mail programs show as the
        moment of arrival; gives (id, file inside the folder) of each.

        Raises AddressRefused for an address that `only_to` does not allow: nothing is put then.
        """
        for message in messages:
            if not network.may_write_to(message.address):
                raise AddressRefused(AddressRefused.__doc__)
        receipts = [(message.id, self._put(message, now)) for message in messages]
        if self.durable:
            self._keep_names()
        return receipts

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
