"""The envelope's sender of each mail: an address of its own, so that what comes back names the mail (VERP).

`webinars+b17.k3vq2m7xw4p5tz6a@cities.example`: b, the number of the row in the outbox, and a signature with
the installation's key. Without a signature anybody could have anybody's address suppressed (reliability
rules, 3.5). All in small letters and base32, for some mail servers fold them.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from collections.abc import Iterable
from dataclasses import dataclass

from scheduler.model.network import NO_BOUNCES, Network

#: 80 bits: 16 letters of base32. Who guesses must send a mail for each guess.
_MAC_OCTETS = 10
#: Letters in front of the @ of an address (RFC 5321, section 4.5.3.1.1).
LONGEST_LOCAL = 64
#: Wherever it stands in a header; the mailbox before it may be another one since.
_SIGNED = re.compile(r"\+b(?P<id>[1-9][0-9]{0,17})\.(?P<mac>[a-z2-7]{16})@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReturnPaths:
    """Signs with the installation's key."""

    key: bytes

    def of(self, network: Network, row_id: int) -> str:
        """The envelope's sender of the mail of this row; empty where it is the network's own.

        That is so where staff want no such marks, and where the name before the @ leaves no room for one.
        """
        if network.bounces == NO_BOUNCES:
            return ""
        name, _, domain = (network.bounces or network.sender.address).rpartition("@")
        local = f"{name}+b{row_id}.{self._mac(row_id)}"
        return f"{local}@{domain}" if len(local) <= LONGEST_LOCAL else ""

    def read(self, texts: Iterable[str]) -> int | None:
        """The row that the first genuine address in these texts names; None where nobody signed one."""
        for found in (found for text in texts for found in _SIGNED.finditer(text)):
            row_id = int(found["id"])
            if hmac.compare_digest(self._mac(row_id), found["mac"].lower()):
                return row_id
        return None

    def _mac(self, row_id: int) -> str:
        octets = hmac.digest(self.key, b"bounce\n%d" % row_id, "sha256")
        return b32encode(octets[:_MAC_OCTETS]).decode().lower()
