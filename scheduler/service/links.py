"""Addresses that only their owner can know, signed with the installation's key."""

from __future__ import annotations

import hmac
from base64 import b32encode
from dataclasses import dataclass
from hashlib import sha256

#: 160 bits: 32 letters of base32, beyond guessing (DESIGN, section 6).
_TOKEN_OCTETS = 20


@dataclass(frozen=True)
class Links:
    """Makes the addresses that mails print; the base URL has no slash at its end."""

    base_url: str
    key: bytes

    def city_feed_path(self, member: str, label: str = "", generation: int = 0) -> str:
        """The secret path of a city's own feed; another generation is another address."""
        words = "\n".join(("feed", member, label, str(generation)))
        token = b32encode(hmac.digest(self.key, words.encode(), sha256)[:_TOKEN_OCTETS]).decode().lower()
        return f"/feeds/city/{token}.ics"

    def city_feed(self, member: str) -> str:
        return self.base_url + self.city_feed_path(member)
