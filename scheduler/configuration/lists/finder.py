"""Which row of members.csv does each row of a list mean? By slug, or else by name and country (US-20)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count

from scheduler.configuration.members import NEEDED
from scheduler.configuration.problems import Problems, did_you_mean, listed, quoted
from scheduler.configuration.schema import LONGEST_ID
from scheduler.configuration.slugs import known_by_name, slug_of
from scheduler.configuration.table import Row
from scheduler.configuration.which_city import question
from scheduler.model.names import Match, Names, fold
from scheduler.model.network import Country


class Finder:
    """by_slug: the rows of members.csv."""

    def __init__(
        self, by_slug: Mapping[str, Row], countries: tuple[Country, ...], problems: Problems
    ) -> None:
        self._by_slug = by_slug
        self._names = Names(known_by_name(by_slug.values()), countries)
        self._problems = problems

    def find(self, rows: Iterable[Row]) -> dict[str, Row]:
        """Slug -> row of the list. A row that means no member, or the same as another row, is a problem."""
        found: dict[str, Row] = {}
        new_names: dict[tuple[str, str], Row] = {}
        for row in rows:
            if self._problems.are_enough(row.place()):
                break
            slug = self._slug(row)
            if slug is None:
                continue
            first = found.setdefault(slug, row)
            if slug not in self._by_slug and first is row:
                first = new_names.setdefault((fold(row["name"]), row["country"]), row)
            if first is not row:
                what = f"{quoted(row['name'] or slug)} stands on line {first.line} already"
                self._problems.error(row.place(), what, "keep one of the two")
        return found

    def _slug(self, row: Row) -> str | None:
        """The slug of the member that a row means, or of a new one; None with the problem said."""
        slug, match = row["slug"], self._match(row)
        if match is None and not slug:
            self._refuse(row, "this row has no name", "write the name, and a slug if it is new")
        elif match and not slug:
            if match.member:
                return match.member.slug
            self._ask(row, match)
        elif match and match.member and match.member.slug != slug:
            what = f"the slug is {quoted(slug)}, but {quoted(row['name'])} is {match.member.slug}"
            self._refuse(row, what, "write the slug that is meant, or another name")
        elif slug in self._by_slug or self._may_be_new(row):
            return slug
        return None

    def _may_be_new(self, row: Row) -> bool:
        lacking = [column for column in NEEDED if column not in row.columns]
        if lacking:
            what = f"{quoted(row['slug'])} is no member in members.csv"
            near = did_you_mean(row["slug"], self._by_slug, "look for a typing error.")
            self._refuse(row, what, f"{near} A new member needs the columns {listed(lacking)} too")
        return not lacking

    def _match(self, row: Row) -> Match | None:
        """Whom the name means, together with the country where the list gives it; None without a name."""
        if not row["name"]:
            return None
        return self._names.find(", ".join(part for part in (row["name"], row["country"]) if part))

    def _ask(self, row: Row, match: Match) -> None:
        """A name that is not surely a member, without a slug that would tell."""
        what, instead = question(self._names, match)
        if not match.candidates:
            instead = f"if it is new, write a slug, such as {self._proposed(row['name'])}; else {instead}"
        self._refuse(row, what, instead)

    def _proposed(self, name: str) -> str:
        """A slug that is free: "san-justo-2"."""
        slug = slug_of(name)[: LONGEST_ID - 4].strip("-") or "a-new-city"
        free = (f"{slug}-{number}" if number > 1 else slug for number in count(1))
        return next(one for one in free if one not in self._by_slug)

    def _refuse(self, row: Row, what: str, instead: str) -> None:
        self._problems.error(row.place("slug" if "slug" in row.columns else "name"), what, instead)
