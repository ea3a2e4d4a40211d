"""Which installation a service is, and whether a database belongs to it: no copy may send by itself."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from scheduler.store.database import read_url
from scheduler.store.lock import sqlite_file

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
#: What the key signs to prove itself; no link begins like that.
_PROVES = b"this installation"


@dataclass(frozen=True)
class Identity:
    """How the world reaches an installation, where its database lies, and that it has its key.

    None of a part: it is not known, and then it is no difference.

    What is left out, and why: the name of the machine and the number of the file or its volume change with
    every new container or mount of the same installation.
    """

    base_url: str | None
    #: of an SQLite file its path behind all links; of PostgreSQL host, port and name, never who logs in
    place: str | None
    #: tells two databases apart that lie at the same path in two containers: each makes a key of its own
    key_proof: str | None = None
    #: of PostgreSQL, as its server says: the numbers of the database and of the table that this stands in,
    #: and that of the cluster
    origin: str | None = None
    cluster: str | None = None

    def differences(self, here: Identity) -> Iterator[str]:
        """What is otherwise `here`, in words."""
        if _differ(_normal(self.base_url), _normal(here.base_url)):
            yield f"SCHEDULER_BASE_URL was {self.base_url} and is {here.base_url}"
        if _differ(self.place, here.place):
            yield f"the database was {self.place} and is {here.place}"
        if _differ(self.key_proof, here.key_proof):
            yield "the secret key is another one"
        if self.is_reloaded(here):
            yield "it was loaded from a dump, or is on another server"

    def is_reloaded(self, here: Identity) -> bool:
        """In the same place lies another database than the one that this was written in."""
        is_another = _differ(self.origin, here.origin) or _differ(self.cluster, here.cluster)
        return is_another and not _differ(self.place, here.place)


def _differ(was: str | None, now: str | None) -> bool:
    return was is not None and now is not None and was != now


def _normal(base_url: str | None) -> str | None:
    """As browsers understand it: letters of scheme and host are small, and a default port says nothing."""
    if base_url is None:
        return None
    parts = urlsplit(base_url)
    scheme, host = parts.scheme.lower(), parts.netloc.lower()
    return f"{scheme}://{host.removesuffix(_DEFAULT_PORTS.get(scheme, ''))}{parts.path.rstrip('/')}"


def place_of(url: str) -> str:
    """Where a database is, without what is secret. Raises DatabaseUnusable for what is no address."""
    file = sqlite_file(url)
    if file:
        return str(file.resolve())
    parsed = read_url(url).set(drivername="postgresql+psycopg")
    words = parsed.get_dialect()().create_connect_args(parsed)[1]
    host = _first(words, "host", "PGHOST", "localhost").lower()
    port = _first(words, "port", "PGPORT", "5432")
    return f"postgresql://{host}:{port}/{_first(words, 'dbname', 'PGDATABASE', '')}"


def _first(words: Mapping[str, object], name: str, variable: str, otherwise: str) -> str:
    """As libpq finds it: what the address says, else the environment."""
    return str(words.get(name) or os.environ.get(variable) or otherwise)


def prove(key: bytes) -> str:
    """That somebody has the key; it cannot be read from this."""
    return hmac.new(key, _PROVES, sha256).hexdigest()
