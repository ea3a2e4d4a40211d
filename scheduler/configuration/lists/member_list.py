"""A list of members from elsewhere -> members.csv as it would be, or every problem of the list (P05)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scheduler.configuration.lists.finder import Finder
from scheduler.configuration.lists.formulas import SIGNS
from scheduler.configuration.lists.spreadsheet import in_cells, read_sheet
from scheduler.configuration.lists.table_edit import Edit, edited
from scheduler.configuration.members import ALLOWED, NEEDED, ROLES, members_of, shared_names
from scheduler.configuration.problems import Place, Problem, Problems, printable, quoted
from scheduler.configuration.table import Row, read_table, rows_of
from scheduler.configuration.vocabulary import Vocabulary
from scheduler.model.members import Member
from scheduler.model.network import Country, Network

COLUMNS = (*NEEDED, *ALLOWED)
#: Columns whose cells may hold several texts; the parts come into tables of their own.
_OF_PARTS = ("aliases", *ROLES)

_OTHER_SPREADSHEETS = (".xls", ".xlsm", ".xlsb", ".ods", ".numbers")


@dataclass(frozen=True)
class Listing:
    """The list as it was read."""

    file: str
    rows: list[Row]
    #: the CSV that was made of a sheet; empty where the list is CSV itself
    sheet_text: str = ""

    def placed(self, problem: Problem) -> Problem:
        """The problem as people find it: in a cell, where the list is a sheet."""
        is_mine = self.sheet_text and problem.place.file == self.file
        return in_cells(problem, self.sheet_text) if is_mine else problem


@dataclass(frozen=True)
class Changed:
    #: as it stands in members.csv
    row: Row
    #: column -> what the list has for it
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Import:
    """What a list would do to members.csv."""

    added: tuple[Row, ...]
    changed: tuple[Changed, ...]
    #: rows of members.csv that the list does not have
    gone: tuple[Row, ...]
    #: how many members the list has
    listed: int
    #: the whole file as it would be
    text: str = ""
    #: columns that it would get
    columns: tuple[str, ...] = ()

    @property
    def unchanged(self) -> int:
        return self.listed - len(self.added) - len(self.changed)

    def written(self) -> dict[str, tuple[str, ...]]:
        """Slug -> the columns of which something is written."""
        added = {row["slug"]: row.columns for row in self.added}
        return added | {change.row["slug"]: tuple(change.cells) for change in self.changed}

    def columns_beside(self, known: Sequence[str]) -> tuple[str, ...]:
        """Columns in which something is written, and which members.csv does not have yet."""
        used = {column for change in self.changed for column in change.cells}
        used |= {column for row in self.added for column in row.columns if row[column]}
        return tuple(column for column in COLUMNS if column in used and column not in known)


@dataclass(frozen=True)
class Ground:
    """What the cells of a member are read against."""

    network: Network
    vocabulary: Vocabulary
    countries: tuple[Country, ...]


def read_list(path: Path, sheet: str | None, problems: Problems) -> Listing:
    """A list as .xlsx or CSV: the header line names columns of members.csv, of which it may have a part."""
    file, ending = printable(path), path.suffix.lower()
    if ending in _OTHER_SPREADSHEETS:
        what = f"spreadsheets that end in {ending} are not read"
        problems.error(Place(file), what, "save it as .xlsx, or as CSV UTF-8")
        return Listing(file, [])
    if ending == ".xlsx":
        rows, text = read_sheet(path, sheet, COLUMNS, problems)
        return Listing(file, rows, text)
    if sheet is not None:
        problems.error(Place(file), "this is no .xlsx file, so it has no sheets", "leave out --sheet")
        return Listing(file, [])
    return Listing(file, read_table(path, (), COLUMNS, problems))


def plan_import(
    table: str, file: str, listing: Listing, ground: Ground, *, remove_gone: bool, problems: Problems
) -> Import | None:
    """What the list would do; None when anything is wrong with it, or with what would become of the table.

    table: the text of members.csv, `file` its name. Rows are found by slug, or else by name and country; such
    a name is not written.
    Columns that the list has are written, an empty cell too; others stay. Rows that do not change keep every
    sign, changed ones are written anew in their place, added ones follow in the order of the list.
    """
    current = rows_of(table, file, NEEDED, ALLOWED, problems)
    by_slug = _by_slug(current, problems)
    if not current or not listing.rows or problems.errors():
        return None
    wanted = Finder(by_slug, ground.countries, problems).find(listing.rows)
    found = Import(
        added=tuple(row for slug, row in wanted.items() if slug not in by_slug),
        changed=tuple(_changed(wanted, by_slug)),
        gone=tuple(row for slug, row in by_slug.items() if slug not in wanted),
        listed=len(wanted),
    )
    touched = {slug: wanted[slug] for slug in found.written()}
    _refuse_formulas(found, touched, problems)
    edit = Edit(
        {change.row.line: change.cells for change in found.changed},
        frozenset(row.line for row in found.gone if remove_gone),
        [row.cells for row in found.added],
        found.columns_beside(current[0].columns),
    )
    text = edited(table, current, edit)
    after = rows_of(text, file, NEEDED, ALLOWED, problems)
    _read_again(after, by_slug, touched, found.written(), ground, problems)
    return None if problems.errors() else replace(found, text=text, columns=edit.columns)


def _by_slug(rows: Iterable[Row], problems: Problems) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row in rows:
        first = found.setdefault(row["slug"], row)
        if first is not row:
            what = f"the slug {quoted(row['slug'])} stands on line {first.line} already"
            problems.error(row.place("slug"), what, "keep one of the two")
    return found


def _changed(wanted: Mapping[str, Row], by_slug: Mapping[str, Row]) -> Iterator[Changed]:
    for slug, row in wanted.items():
        current = by_slug.get(slug, row)
        # a city that is found by its name may be called otherwise there: "La Paz, Mexico"
        keys = ("slug",) if row["slug"] else ("slug", "name")
        columns = (column for column in row.columns if column not in keys)
        cells = {column: row[column] for column in columns if row[column] != current[column]}
        if cells:
            yield Changed(current, cells)


def _refuse_formulas(found: Import, touched: Mapping[str, Row], problems: Problems) -> None:
    """Staff open members.csv in spreadsheet programs, which would run what a stranger wrote into a name."""
    for slug, columns in found.written().items():
        row = touched[slug]
        for column in columns:
            parts = row.several(column) if column in _OF_PARTS else (row[column],)
            for part in (part for part in parts if part.startswith(SIGNS)):
                what = f"{quoted(part)} begins like a formula of a spreadsheet program"
                problems.error(row.place(column), what, "begin with a letter or a figure")


def _read_again(
    rows: Iterable[Row],
    by_slug: Mapping[str, Row],
    touched: Mapping[str, Row],
    written: Mapping[str, tuple[str, ...]],
    ground: Ground,
    problems: Problems,
) -> None:
    """Reads the table as it would be; what is wrong is said of the row that it comes from."""
    placed = []
    for row in rows:
        origin = touched.get(row["slug"]) or by_slug[row["slug"]]
        placed.append(replace(row, line=origin.line, columns=origin.columns, written=origin.written))
    # last what the list has written: of two rows that do not go together, it is that one that is named
    placed.sort(key=lambda row: row["slug"] in touched)
    members = members_of(placed, ground.network, ground.vocabulary, ground.countries, problems)
    if not problems.errors():
        _refuse_names_of_others(placed, members, written, problems)


def _refuse_names_of_others(
    placed: Iterable[Row],
    members: Iterable[Member],
    written: Mapping[str, tuple[str, ...]],
    problems: Problems,
) -> None:
    """A name that the list brings and another city has: afterwards neither could be found by it."""
    rows = {row["slug"]: row for row in placed}
    for shared in shared_names(members):
        if shared.column in written.get(shared.member.slug, ()):
            what = f"{quoted(shared.name)} is a name of {shared.other.slug} too"
            instead = "add what tells them apart in brackets, or leave it out"
            problems.error(rows[shared.member.slug].place(shared.column), what, instead)
