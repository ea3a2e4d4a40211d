"""Which secret addresses of feeds are open, and which one each city's mails print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class FeedAddresses:
    """As the table has them now; a city's first address is open without a row."""

    #: SHA-256 of a path -> slug; a look-up by digest tells nothing of near misses
    open: Mapping[bytes, str]
    #: slug -> generation of the address that mails print; missing: 0
    printed: Mapping[str, int]
