"""What the DNS says of a name, in few seconds or not at all. The only door to dnspython."""

from __future__ import annotations

from time import monotonic

from dns.exception import DNSException
from dns.name import IDNA_2008, from_text
from dns.rdata import Rdata
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.txtbase import TXTBase
from dns.resolver import NXDOMAIN, NoAnswer
from dns.resolver import Resolver as DnsResolver

#: For all questions together: nobody waits long for a network that is not there.
_SECONDS = 5.0


class DnsAway(Exception):
    """Nobody answered, or it cannot be asked; says why in a word or two."""


class Resolver:
    """Asks the servers that this machine asks."""

    def __init__(self, seconds: float = _SECONDS, servers: DnsResolver | None = None) -> None:
        """servers: others than those of this machine."""
        self._until = monotonic() + seconds
        self._servers = servers

    def ask(self, name: str, kind: str) -> tuple[str, ...] | None:
        """All records of a kind: of TXT the text, of MX the host, without its last dot. None: there is no
        such name. Raises DnsAway."""
        try:
            servers = self._servers or DnsResolver()
            left = max(0.1, self._until - monotonic())
            found = servers.resolve(from_text(name, idna_codec=IDNA_2008), kind, lifetime=left)
        except NXDOMAIN:
            return None
        except NoAnswer:
            return ()
        except (DNSException, OSError) as error:
            raise DnsAway(type(error).__name__) from None
        return tuple(map(_said, found))


def _said(record: Rdata) -> str:
    if isinstance(record, TXTBase):
        return b"".join(record.strings).decode("utf-8", "replace")
    if isinstance(record, MX):
        return str(record.exchange).removesuffix(".")
    return str(record)
