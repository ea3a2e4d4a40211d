"""`scheduler members import`: a list from elsewhere into members.csv, all of it or nothing."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from scheduler.cli.common import ConfigOption, counted, erased_here, out
from scheduler.configuration.advice.erased import erased_in, warning
from scheduler.configuration.document import read_document
from scheduler.configuration.lists.member_list import Ground, Import, Listing, plan_import, read_list
from scheduler.configuration.load import load
from scheduler.configuration.members import read_countries
from scheduler.configuration.network import read_network
from scheduler.configuration.problems import Problems, Severity, listed, printable, quoted
from scheduler.configuration.spoken import shortened
from scheduler.configuration.table import Row
from scheduler.configuration.text import MAX_TABLE_BYTES, read_text
from scheduler.errors import SchedulerError
from scheduler.settings import read_settings
from scheduler.store.whole_files import beside, in_words, put

_BOM = b"\xef\xbb\xbf"


def import_members(
    file: Annotated[Path, typer.Argument(help="The list, as .csv (UTF-8) or .xlsx.")],
    sheet: Annotated[
        str | None, typer.Option(help="Which sheet of an .xlsx file (default: the first).")
    ] = None,
    remove_gone: Annotated[
        bool, typer.Option("--remove-gone", help="Take out the members that FILE does not have.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    config: ConfigOption = None,
) -> None:
    """Put a list of members into members.csv and touch nothing else: shows what it would do, then asks.

    The first line of FILE names columns of members.csv. A city is found by its slug, or else by its name \
and country, and such a name is not written. Of all other columns of FILE each cell is written, an empty \
one too; other columns stay. A new city needs all columns that members.csv needs. If anything is wrong with \
any line, nothing is written.

    An address twice in one cell is refused, and one of two cities is warned of. It is the same address in \
small and capital letters, and with its domain in other letters (münchen) or as mail servers write it \
(xn--mnchen-3ya); dots before the @ make another one.
    """
    folder = config or read_settings().config
    members = (folder / "members.csv").resolve()
    before, problems = _octets(members), Problems()
    listing = read_list(file, sheet, problems)
    found = _planned(folder, listing, remove_gone, problems)
    _say(listing, problems)
    if found is None:
        out.print(f"Not usable: {counted(problems.errors(), 'error')}; nothing was written")
        raise typer.Exit(1)
    for line in import_lines(found, printable(file), remove_gone):
        out.print(line)
    octets = (_BOM if before.startswith(_BOM) else b"") + found.text.encode()
    _say_erased(listing)
    if octets == before:
        out.print(f"OK: nothing to change in {printable(members.name)}: {_summary(found, remove_gone)}")
        return
    _refuse_what_breaks(folder, octets, found if remove_gone else None)
    if yes or _is_wanted(members):
        replace_file(members, before, octets)
        out.print(f"OK: {members.name} is written: {_summary(found, remove_gone)}; then: scheduler plan")


def _say_erased(listing: Listing) -> None:
    """Who was erased here and comes with the list: it is written into the file, and not written to."""
    erased = erased_here()
    if erased is None:
        return
    for row in listing.rows:
        for role, since in erased_in(row, erased.since):
            who = f"the {role} of {printable(row['name'] or row['slug'])}"
            out.print(str(listing.placed(warning(row, role, who, since))))


def _octets(members: Path) -> bytes:
    """What stands in members.csv, to see later whether somebody else has written to it."""
    try:
        with members.open("rb") as file:
            return file.read(MAX_TABLE_BYTES + 1)
    except OSError as error:
        raise SchedulerError(f"{members} cannot be read ({error.strerror})") from error


def _planned(folder: Path, listing: Listing, remove_gone: bool, problems: Problems) -> Import | None:
    document = read_document(folder / "network.yaml", problems)
    words = read_network(document, problems) if document else None
    countries = read_countries(folder / "countries.csv", problems)
    table = read_text(folder / "members.csv", MAX_TABLE_BYTES, problems)
    if words is None or table is None or problems.errors():
        return None
    name = printable(folder / "members.csv")
    ground = Ground(*words, countries)
    return plan_import(table, name, listing, ground, remove_gone=remove_gone, problems=problems)


def _say(listing: Listing, problems: Problems) -> None:
    """All errors; of what may be meant only what the list brings."""
    said = (
        listing.placed(problem)
        for problem in problems.in_order()
        if problem.severity is Severity.ERROR or problem.place.file == listing.file
    )
    shown, more = shortened(list(said))
    for line in (*map(str, shown), *more):
        out.print(line)


def import_lines(found: Import, file: str, remove_gone: bool) -> Iterator[str]:
    """What the list would do, a heading with its members below."""
    if found.columns:
        yield f"new in the first line of members.csv: {', '.join(found.columns)}"
    if found.added:
        yield f"added: {counted(len(found.added), 'member')}"
        yield from (f"  {row['slug']}  {printable(row['name'])}, {row['country']}" for row in found.added)
    if found.changed:
        yield f"changed: {counted(len(found.changed), 'member')}"
    for change in found.changed:
        yield f"  {change.row['slug']}  {printable(change.row['name'])}"
        for column, new in change.cells.items():
            yield f"    {column}: {_shown(change.row[column])} → {_shown(new)}"
    if found.gone:
        yield from _gone_lines(found.gone, file, remove_gone)
    yield f"unchanged: {counted(found.unchanged, 'member')}"


def _gone_lines(gone: Sequence[Row], file: str, remove_gone: bool) -> Iterator[str]:
    said = f"gone: {counted(len(gone), 'member')} of members.csv not in {file}"
    if not remove_gone:
        yield f"{said}; they stay as they are: {listed((row['slug'] for row in gone), most=20)}"
        return
    yield f"{said}; they are taken out. If a city left the network, write the end into memberships instead"
    yield from (f"  {row['slug']}  {printable(row['name'])}, {row['country']}" for row in gone)


def _shown(cell: str) -> str:
    return quoted(cell) if cell else "(empty)"


def _summary(found: Import, remove_gone: bool) -> str:
    gone = f"{len(found.gone):,} {'taken out' if remove_gone else 'not in the list and kept'}"
    return (
        f"{len(found.added):,} added, {len(found.changed):,} changed, {found.unchanged:,} unchanged, {gone}"
    )


def _refuse_what_breaks(folder: Path, octets: bytes, removal: Import | None) -> None:
    """Other files may name members that would be taken out; the whole folder is read as it would be."""
    if removal is None or not removal.gone:
        return
    known = {str(problem) for problem in load(folder).problems}
    with tempfile.TemporaryDirectory() as name:
        there = shutil.copytree(folder, Path(name) / "config")
        (there / "members.csv").write_bytes(octets)
        errors = [problem for problem in load(there).problems if problem.severity is Severity.ERROR]
    said = [str(problem).replace(printable(there), printable(folder)) for problem in errors]
    news = [sentence for sentence in said if sentence not in known]
    for sentence in news:
        out.print(sentence)
    if news:
        out.print(f"Not usable: {counted(len(news), 'error')} without these members; nothing was written")
        raise typer.Exit(1)


def _is_wanted(members: Path) -> bool:
    """Asks at a terminal; elsewhere nobody can answer."""
    if not sys.stdin.isatty():
        out.print(f"Nothing was written; to write this to {members.name}, say it with --yes")
        raise typer.Exit(1)
    if typer.confirm(f"Write this to {members}?"):
        return True
    out.print("Nothing was written")
    return False


def replace_file(members: Path, before: bytes, octets: bytes) -> None:
    """Writes the file whole or not at all; refused when it is not any more what the plan was made of."""
    with in_words(f"{members} cannot be written"), beside(members) as partial:
        partial.write_bytes(octets)
        shutil.copymode(members, partial)
        if _octets(members) != before:
            raise SchedulerError(f"{members} was changed by somebody in the meantime; import the list again")
        put(partial, members)
