"""Dumps of a PostgreSQL database, by its own programs `pg_dump` and `pg_restore`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import NamedTemporaryFile

from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import make_url

from scheduler.errors import DatabaseUnusable, SchedulerError
from scheduler.store.tables import OURS

#: What a dump begins with.
POSTGRES = b"PGDMP"
#: A line in the table of contents of a dump.
_SAYS_IT_MAY_SEND = re.compile(r" TABLE DATA \S+ installation ")
#: Seconds that we wait for a server to answer.
_PATIENCE = 10
#: So much is repeated of what these programs say.
_MOST_SAID = 400


def dump(url: str, partial: Path) -> None:
    """Without the data of `installation`: what any pg_restore makes of it is held, too."""
    options = ("--format=custom", "--no-owner", "--no-privileges", "--exclude-table-data=installation")
    _run("pg_dump", *options, f"--file={partial}", url=url)
    if not contents(partial) >= OURS:
        raise DatabaseUnusable("pg_dump left out our tables; is this user their owner?")


def contents(file: Path) -> frozenset[str]:
    """The tables in a dump."""
    return frozenset(re.findall(r"^\d+; \d+ \d+ TABLE \S+ (\S+) ", _listed(file), re.MULTILINE))


def _listed(file: Path) -> str:
    return _run("pg_restore", "--list", str(file))


def version_in(file: Path) -> str:
    said = _run("pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(file))
    found = re.search(r"^COPY \S+ \(version_num\) FROM stdin;\n(\S+)\n", said, re.MULTILINE)
    return found[1] if found else ""


def load(url: str, file: Path) -> None:
    """Replaces the tables in one transaction. A dump of another making may say that it may send: left out."""
    wanted = [line for line in _listed(file).splitlines() if not _SAYS_IT_MAY_SEND.search(line)]
    bare = ("--no-owner", "--no-privileges")
    whole = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error")
    with NamedTemporaryFile("w", encoding="utf-8") as chosen:
        chosen.write("\n".join(wanted))
        chosen.flush()
        _run("pg_restore", *bare, *whole, f"--use-list={chosen.name}", str(file), url=url)


def _run(program: str, *words: str, url: str = "") -> str:
    """What it says on standard output. The password goes by the environment, where others cannot read it."""
    found = shutil.which(program)
    if not found:
        said = f"{program} is not installed here; install the client programs of PostgreSQL"
        raise SchedulerError(f"{said} (postgresql-client), of the server's version")
    where, environment = whereabouts(url) if url else ([], dict(os.environ))
    done = subprocess.run(  # noqa: S603 - no shell, and no word of it comes from outside but names of files
        [found, *where, *words],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env={**environment, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        bare = re.sub(rf"{program}: (error: |detail: |hint: )?", "", done.stderr)
        said = " ".join(bare.split())[:_MOST_SAID]
        raise SchedulerError(f"{program} gave up ({said}); nothing was changed")
    return done.stdout


def whereabouts(url: str) -> tuple[list[str], dict[str, str]]:
    """The same words that our own connections use, without what is secret."""
    parsed = make_url(url).set(drivername="postgresql+psycopg")
    words = parsed.get_dialect()().create_connect_args(parsed)[1]
    if "sslpassword" in words:
        raise DatabaseUnusable("sslpassword cannot be handed on in secret; use a key file without a password")
    password = words.pop("password", None)
    environment = {**os.environ, "PGCONNECT_TIMEOUT": str(_PATIENCE)}
    if password:
        environment["PGPASSWORD"] = str(password)
    return [f"--dbname={make_conninfo('', **words)}", "--no-password"], environment
