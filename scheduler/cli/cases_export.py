"""`scheduler cases export`: the whole round in one file, to be filed, counted, or shown to partners."""

from __future__ import annotations

import asyncio
import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler.cli.cases_list import draft_words
from scheduler.cli.cases_round import (
    CycleArgument,
    CycleOption,
    clock_at,
    find_cities,
    one_of,
    opened_round,
    utc,
)
from scheduler.cli.cases_show import answer
from scheduler.cli.common import counted, out
from scheduler.configuration.lists import formulas
from scheduler.configuration.problems import printable, quoted
from scheduler.errors import SchedulerError
from scheduler.model.cases import Timing

if TYPE_CHECKING:
    from scheduler.service.in_force import InForce
    from scheduler.service.proof import Proof, Round, Standing, Sum

#: In the place of names of cities.
_ALL = "all"
#: Who may read the file: its owner; anybody.
_OWNER, _ANYBODY = 0o600, 0o644


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    value: Callable[[Any], object]
    #: not in what partners get: persons, reasons in words, a mail server's words
    is_private: bool = False


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]


@dataclass(frozen=True)
class Export:
    """What is written: a round, and of some cities everything."""

    whole: Round
    proofs: Sequence[Proof]
    for_partners: bool

    @property
    def cases(self) -> Table:
        return self._table("cases", _CASES, self.whole.standings)

    @property
    def sums(self) -> Table:
        whole = self.whole
        found = [("region", one) for one in whole.by_region()]
        found += [("country", one) for one in whole.by_country()]
        rows = [_sum(by, one) for by, one in (*found, ("all", whole.total))]
        return Table("sums", ("by", "name", "due", *(str(which) for which in Timing)), rows)

    @property
    def mails(self) -> Table:
        return self._table("mails", _MAILS, [mail for proof in self.proofs for mail in proof.mails])

    @property
    def log(self) -> Table:
        return self._table("log", _LOG, [line for proof in self.proofs for line in proof.log])

    def _table(self, name: str, columns: Sequence[Column], of: Sequence[Any]) -> Table:
        shown = [column for column in columns if not (column.is_private and self.for_partners)]
        rows = [tuple(column.value(one) for column in shown) for one in of]
        return Table(name, tuple(column.name for column in shown), rows)


def _sum(by: str, one: Sum) -> tuple[object, ...]:
    return (by, one.name, one.due, *one.by_timing.values())


def _deadline_there(one: Standing) -> str:
    return clock_at(one.case.deadline_at, one.member.zone) if one.member else ""


def _by_kind(one: Standing) -> str:
    """Gives "report-opened 1, report-reminder 3 (2 failed)"."""
    sent, failed = Counter[str](), Counter[str]()
    for mail in one.mails:
        sent[mail.kind.value] += mail.sent
        failed[mail.kind.value] += mail.failed
    kinds = (kind for kind in sent if sent[kind] or failed[kind])
    return ", ".join(f"{kind} {sent[kind]}{_failed(failed[kind])}" for kind in kinds)


def _failed(number: int) -> str:
    return f" ({number} failed)" if number else ""


_CASES = (
    Column("city", lambda one: one.case.member),
    Column("name", lambda one: one.name),
    Column("country", lambda one: one.country),
    Column("region", lambda one: one.region),
    Column("due", lambda one: "yes" if one.is_due else "no"),
    Column("state", lambda one: one.case.state.value),
    Column("since (UTC)", lambda one: utc(one.case.since)),
    Column("deadline (UTC)", lambda one: utc(one.case.deadline_at)),
    Column("deadline there", _deadline_there),
    Column("zone", lambda one: one.member.zone if one.member else ""),
    Column("extended because", lambda one: one.extended_because, is_private=True),
    Column("decided by a person", lambda one: one.case.decision.value if one.case.decision else ""),
    Column("submitted (UTC)", lambda one: utc(one.case.submitted_at)),
    Column("timing", lambda one: one.timing.value if one.timing else ""),
    Column("draft", draft_words),
    Column("letter released (UTC)", lambda one: utc(one.case.released_at)),
    Column("letter arrived at", lambda one: ", ".join(one.notified)),
    Column("member until", lambda one: str(one.case.ends_on or "")),
    Column("told", lambda one: one.reach.value if one.reach else ""),
    Column("roles told", lambda one: ", ".join(one.told)),
    Column("told first (UTC)", lambda one: utc(one.first_at)),
    Column("told last (UTC)", lambda one: utc(one.last_at)),
    Column("mails sent", lambda one: sum(mail.sent for mail in one.mails)),
    Column("by which mails", _by_kind),
    Column("roles not reached", lambda one: ", ".join(one.missed)),
    Column("the mail server's last answer", lambda one: one.words.receipt, is_private=True),
    Column("why not reached", lambda one: one.why_not, is_private=True),
)
_MAILS = (
    Column("city", lambda mail: mail.member),
    Column("mail", lambda mail: mail.id),
    Column("what", lambda mail: mail.kind.value),
    Column("rule", lambda mail: mail.rule),
    Column("role", lambda mail: mail.role),
    Column("address", lambda mail: mail.address, is_private=True),
    Column("due (UTC)", lambda mail: utc(mail.due_at)),
    Column("state", lambda mail: mail.state),
    Column("sent (UTC)", lambda mail: utc(mail.sent_at)),
    Column("came back (UTC)", lambda mail: utc(mail.returned_at)),
    Column("the mail server's answer", answer, is_private=True),
)
_LOG = (
    Column("city", lambda line: line.member),
    Column("at (UTC)", lambda line: utc(line.at)),
    Column("by", lambda line: line.actor, is_private=True),
    Column("before", lambda line: line.before),
    Column("after", lambda line: line.after),
    Column("reason", lambda line: line.reason, is_private=True),
    Column("letter", lambda line: line.letter or "", is_private=True),
)


def export(
    to: Annotated[Path, typer.Option(help="The file to write: .csv, .xlsx or .html.")],
    cycle: CycleArgument = None,
    named: CycleOption = None,
    city: Annotated[
        list[str] | None,
        typer.Option(help="With log and mails of this city (.xlsx, .html); may be repeated; all: of all."),
    ] = None,
    sums: Annotated[
        bool, typer.Option("--sums", help="The sums by region and country in place of the cases (.csv).")
    ] = False,
    partners: Annotated[
        bool,
        typer.Option("--partners", help="For others: no addresses, names of persons, or servers' words."),
    ] = False,
) -> None:
    """Write the round into a file: all cases with timing, outcome and who was told, and the sums.

    The .html prints well: a browser makes a PDF of it. No code of a city is in any of them. Only you can \
read the file, unless it is made with --partners.
    """
    write = _writer(to, city, sums=sums)
    now = datetime.now(UTC)
    found = asyncio.run(_read(one_of(cycle, named), city or (), partners, now))
    _put(to, write(found), _ANYBODY if partners else _OWNER)
    total = found.whole.total
    said = f"{counted(len(found.whole.standings), 'case')} of {found.whole.cycle.id}, {total.due:,} due"
    whose = f", with log and mails of {len(found.proofs):,}" if found.proofs else ""
    out.print(f"OK: {said}{whose}, written into {printable(to)}")


def _writer(to: Path, city: Sequence[str] | None, *, sums: bool) -> Callable[[Export], bytes]:
    """By the ending of the name; wrong usage is said in one line."""
    ending = to.suffix.lower()
    if ending not in (".csv", ".xlsx", ".html"):
        said = f"{quoted(to.name)} says no format; write a name that ends in .csv, .xlsx or .html"
        raise typer.BadParameter(said, param_hint="--to")
    if ending == ".csv" and city:
        said = "a .csv has room for one table; write .xlsx or .html for log and mails"
        raise typer.BadParameter(said, param_hint="--city")
    if ending != ".csv" and sums:
        raise typer.BadParameter(f"a {ending} has the sums anyway", param_hint="--sums")
    if ending == ".xlsx":
        return _workbook
    if ending == ".html":
        return _page
    return _sums_csv if sums else _cases_csv


async def _read(named: str | None, cities: Sequence[str], partners: bool, now: datetime) -> Export:
    from scheduler.service.proof import read_proofs, read_round

    async with opened_round(named, now) as (database, in_force, cycle):
        slugs = _chosen(in_force, cities)
        async with database.read() as connection:
            whole = await read_round(connection, in_force, cycle, now)
            proofs = await read_proofs(connection, in_force, whole, slugs) if cities else []
    if slugs and (without := set(slugs) - {one.standing.case.member for one in proofs}):
        raise SchedulerError(f"{', '.join(sorted(without))}: not concerned by {cycle.id}, and never was")
    return Export(whole, proofs, partners)


def _chosen(in_force: InForce, cities: Sequence[str]) -> list[str] | None:
    """None: all."""
    if any(name.strip().lower() == _ALL for name in cities):
        return None
    return find_cities(in_force.configuration, cities)


def _put(file: Path, octets: bytes, mode: int) -> None:
    """There whole, or as it was."""
    from scheduler.store.whole_files import beside, in_words, put

    if file.is_dir():
        raise SchedulerError(f"{printable(file)} is a folder; write the name of a file in it")
    with in_words(f"{printable(file)} could not be written"):
        file.parent.mkdir(parents=True, exist_ok=True)
        with beside(file) as partial:
            partial.write_bytes(octets)
            partial.chmod(mode)
            put(partial, file)


def harmless(text: str) -> str:
    """As a spreadsheet shows it, and never computes it (X08)."""
    shown = printable(text)
    begins_badly = formulas.begins_one(text) or formulas.begins_one(shown.lstrip())
    return f"'{shown}" if begins_badly else shown


def _cases_csv(found: Export) -> bytes:
    return _csv(found.cases)


def _sums_csv(found: Export) -> bytes:
    return _csv(found.sums)


def _csv(table: Table) -> bytes:
    """With the mark by which Excel knows UTF-8."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([harmless(value) if isinstance(value, str) else value for value in row])
    return file.getvalue().encode("utf-8-sig")


def _workbook(found: Export) -> bytes:
    from scheduler.cli.cases_workbook import workbook

    return workbook(list(_tables(found)), found.whole.at)


def _tables(found: Export) -> Iterator[Table]:
    yield found.cases
    yield found.sums
    if found.proofs:
        yield found.mails
        yield found.log


def _page(found: Export) -> bytes:
    from scheduler.service.proof_page import proof_page

    answers = {} if found.for_partners else {m.id: answer(m) for p in found.proofs for m in p.mails}
    return proof_page(found.whole, found.proofs, answers, for_partners=found.for_partners).encode()
