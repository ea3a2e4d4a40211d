"""The machine that a service runs on, and where the world finds it."""

from __future__ import annotations

import errno
import http.client
import json
import socket
from datetime import date, datetime
from urllib.parse import urlsplit

from scheduler.cli.checkup.finding import Finding, Findings, Level, minute
from scheduler.cli.checkup.written import spoken
from scheduler.cli.common import counted
from scheduler.web.limits import Limits

#: Fewer readers at once than this are too few for a network of 400 cities with several subscribers each.
_READERS = 512


def of_base_url(url: str, is_set: bool) -> Findings:
    """is_set: somebody wrote it; else it is the example's."""
    parts = urlsplit(url)
    if not is_set or (parts.hostname or "").endswith(".example"):
        what, do = (
            f"{url} is an example; every mail prints it",
            "set SCHEDULER_BASE_URL to what cities can reach",
        )
    elif parts.scheme != "https":
        what, do = f"{url} is without https; secret feed addresses can be read on the way", "use https"
    else:
        yield Finding(Level.OK, "base URL", url)
        return
    yield Finding(Level.WARNING, "base URL", what, do)


def of_listen(host: str, port: int) -> Findings:
    """Free, or served by us already."""
    address = spoken(host, port)
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        if is_ours(host, port):
            yield Finding(Level.OK, "listen", f"{address} is served by a scheduler already")
            return
        what = f"{address} cannot be listened on ({error.strerror})"
        is_taken = error.errno == errno.EADDRINUSE
        do = "end the other program, or set SCHEDULER_LISTEN" if is_taken else "set SCHEDULER_LISTEN"
        yield Finding(Level.PROBLEM, "listen", what, do)
        return
    yield Finding(Level.OK, "listen", f"{address} is free")


def is_ours(host: str, port: int) -> bool:
    """Somebody there answers as we do."""
    there = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - to be asked, not bound
    connection = http.client.HTTPConnection(there, port, timeout=3)
    try:
        connection.request("GET", "/health/live")
        said = json.loads(connection.getresponse().read(1000))
        return isinstance(said, dict) and "tick_age_seconds" in said
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()


def of_year(now: datetime, release: str) -> Findings:
    """release: of the tz database that came with this program, such as "2026f"."""
    if now.year < int(release[:4]):
        what = f"it is set to {minute(now)}, before this program was made"
        yield Finding(Level.PROBLEM, "clock", what, "set it, and let it follow a time server")
    else:
        yield Finding(Level.OK, "clock", minute(now))


def of_time_zones(today: date, release: str) -> Findings:
    """A release of the year's middle, on average: what lies a year behind it is old."""
    what = f"tz database {release}"
    if today > date(int(release[:4]) + 1, 7, 1):
        do = "update the program: countries change their clocks at short notice"
        yield Finding(Level.WARNING, "time zones", f"{what} is more than about a year old", do)
    else:
        yield Finding(Level.OK, "time zones", what)


def of_open_files(limit: int, mails: int) -> Findings:
    """limit: how many files this user may open at once; below 0: as many as it likes. mails: how many may be
    on their way at once, each over a connection of its own at the worst."""
    if limit < 0:
        yield Finding(Level.OK, "open files", "no limit")
        return
    readers = Limits().room(max(0, limit - mails))
    what = (
        f"up to {limit:,}: {counted(readers, 'reader')} of calendars at once, beside {counted(mails, 'mail')}"
    )
    if readers < _READERS:
        do = "ulimit -n 4096, or LimitNOFILE=4096 in the unit; who does not fit in waits outside"
        yield Finding(Level.WARNING, "open files", what, do)
    else:
        yield Finding(Level.OK, "open files", what)
