"""A folder of files -> one configuration, or every problem of every file at once."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from scheduler.configuration.cycle_form import CycleForm
from scheduler.configuration.cycles import read_cycle
from scheduler.configuration.document import Document, Node, read_document
from scheduler.configuration.members import ALLOWED, NEEDED, read_countries, read_members
from scheduler.configuration.network import read_network
from scheduler.configuration.notices import NoticesForm, read_notices
from scheduler.configuration.problems import (
    MOST_FINDINGS,
    Place,
    Problem,
    Problems,
    Rewrite,
    did_you_mean,
    printable,
    quoted,
)
from scheduler.configuration.schema import fill_in, is_id
from scheduler.configuration.seasons import read_seasons
from scheduler.configuration.series import read_series
from scheduler.configuration.series_form import read_form
from scheduler.configuration.slugs import known_by_name, no_slug
from scheduler.configuration.table import read_table
from scheduler.configuration.vocabulary import Vocabulary
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.members import Member
from scheduler.model.names import Names
from scheduler.model.network import Configuration, Country
from scheduler.model.seasons import Season
from scheduler.model.series import Series

#: What the names of files with series and cycles end in.
_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class Loaded:
    """What a folder says: None as configuration when there is an error among the problems."""

    configuration: Configuration | None
    problems: list[Problem]
    #: what `scheduler check --fix` may write
    rewrites: list[Rewrite] = field(default_factory=list)
    #: name of a file -> its text
    texts: dict[str, str] = field(default_factory=dict)
    #: id of a series or cycle -> the file it stands in
    documents: dict[str, Document] = field(default_factory=dict)
    network: Document | None = None
    #: what could be read in spite of errors elsewhere; None where network.yaml or a member is wrong
    readable: Configuration | None = None
    #: what only warnings speak of: they never come into force
    seasons: tuple[Season, ...] = ()


@dataclass(frozen=True)
class _Read:
    """What was read, errors or not."""

    configuration: Configuration | None = None
    network: Document | None = None
    documents: dict[str, Document] = field(default_factory=dict)
    seasons: tuple[Season, ...] = ()
    #: network and members have no error, so that what was read makes sense
    is_sound: bool = False


def load(folder: Path) -> Loaded:
    """Reads network, notices and seasons .yaml, members and countries .csv, series/*.yaml, cycles/*.yaml."""
    problems = Problems()
    read = _read(folder, problems)
    return Loaded(
        configuration=None if problems.errors() else read.configuration,
        problems=problems.in_order(),
        rewrites=problems.rewrites,
        texts=problems.texts,
        documents=read.documents,
        network=read.network,
        readable=read.configuration if read.is_sound else None,
        seasons=read.seasons,
    )


def _read(folder: Path, problems: Problems) -> _Read:
    if not os.path.isdir(folder):
        instead = "name the right one with --config or SCHEDULER_CONFIG"
        problems.error(Place(printable(folder)), "there is no such folder", instead)
        return _Read()
    network_file = read_document(folder / "network.yaml", problems)
    notices_file = read_document(folder / "notices.yaml", problems)
    series_files = list(_documents(folder / "series", problems))
    cycle_files = list(_documents(folder / "cycles", problems))
    seasons = read_seasons(folder / "seasons.yaml", problems)
    countries = read_countries(folder / "countries.csv", problems)
    found = read_network(network_file, problems) if network_file else None
    if network_file is None or found is None:
        _check_forms(notices_file, series_files, cycle_files, problems)
        _name_slugs([*([network_file] if network_file else []), *cycle_files], folder, problems)
        return _Read()
    network, vocabulary = found
    network_is_whole = not problems.errors_in(network_file.file)
    notices = read_notices(notices_file, network, problems) if notices_file else None
    before = problems.errors()
    members = read_members(folder / "members.csv", network, vocabulary, countries, problems)
    members_are_whole = problems.errors() == before
    vocabulary = vocabulary.with_members(members)
    series = [(d, read_series(d, network, vocabulary, notices, problems)) for d in series_files]
    cycles = [(d, read_cycle(d, network, vocabulary, notices, problems)) for d in cycle_files]
    _refuse_twins([*series, *cycles], problems)
    _check_countries(network_file, cycle_files, countries, problems)
    if members_are_whole:
        _check_slugs(network_file, cycle_files, members, problems)
        _warn_of_nobody(network_file, vocabulary, cycles, members, problems)
    configuration = Configuration(
        network,
        members,
        countries,
        tuple(part for _, part in series if part),
        tuple(part for _, part in cycles if part),
    )
    documents = {part.id: document for document, part in (*series, *cycles) if part}
    _name_slugs([network_file, *cycle_files], folder, problems)
    return _Read(
        configuration, network_file, documents, seasons, is_sound=network_is_whole and members_are_whole
    )


def _check_forms(
    notices: Document | None, series: Iterable[Document], cycles: Iterable[Document], problems: Problems
) -> None:
    """What can be said of the other files while the words of network.yaml have no meaning."""
    if notices:
        fill_in(NoticesForm, notices, problems)
    for document in series:
        read_form(document, problems)
    for document in cycles:
        fill_in(CycleForm, document, problems)


def _documents(folder: Path, problems: Problems) -> Iterator[Document]:
    """The files of a folder, by name; those that programs hide there (.name) are none of ours."""
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return
    except OSError as error:
        problems.error(Place(printable(folder)), f"this folder cannot be read ({error.strerror})")
        return
    for path in paths:
        if path.suffix.lower() in _ENDINGS:
            document = read_document(path, problems)
            if document:
                yield document
        elif path.suffix.lower() != ".md":
            instead = "give it a name that ends in .yaml, or move it elsewhere"
            problems.warning(Place(printable(path)), "this file is not read", instead)


def _refuse_twins(parts: Iterable[tuple[Document, Series | Cycle | None]], problems: Problems) -> None:
    seen: dict[str, str] = {}
    for document, part in parts:
        if part is None:
            continue
        other = seen.setdefault(part.id, document.file)
        if other != document.file:
            what = f'the id "{part.id}" is taken by {other}'
            problems.error(document.place("id"), what, "ids are names for ever; write another")


def _check_countries(
    network: Document, cycles: Iterable[Document], countries: Collection[Country], problems: Problems
) -> None:
    """Countries that an audience or an extension names must be in countries.csv."""
    known = {country.code for country in countries}
    named = [*_named(network, ("audiences",), ("countries",))]
    for cycle in cycles:
        named += _named(cycle, ("extensions",), ("countries",))
    for code, place in named:
        is_code = len(code) == 2 and code.isalpha()  # what is none is refused where it is read
        if known and is_code and code.upper() not in known:
            what = f"the country {quoted(code)} is not in countries.csv"
            problems.error(place, what, "add it there, or look for a typing error")


def _check_slugs(
    network: Document, cycles: Iterable[Document], members: Collection[Member], problems: Problems
) -> None:
    """Members named one by one, in audiences and rounds, must be in members.csv."""
    known = {member.slug for member in members}
    named = [*_named(network, ("audiences",), ("members", "except"))]
    for cycle in cycles:
        named += _slugs_of_cycle(cycle)
    for slug, place in named:
        if slug not in known and is_id(slug):  # what is no slug is refused where it is read
            if problems.are_enough(place):
                return
            instead = did_you_mean(slug, known, "write its slug")
            problems.error(place, f"{quoted(slug)} is no member in members.csv", instead)


def _name_slugs(documents: Iterable[Document], folder: Path, problems: Problems) -> None:
    """Where a city is named in place of its slug, and the name is surely hers, the slug is said."""
    named = [
        pair
        for document in documents
        for pair in (*_named(document, ("audiences",), ("members", "except")), *_slugs_of_cycle(document))
    ]
    refused = [(text, place) for text, place in named if text and not is_id(text)]
    if not refused:
        return
    rows = read_table(folder / "members.csv", NEEDED, ALLOWED, Problems())
    names = Names(known_by_name(rows), ())
    for text, place in refused:
        what, instead = no_slug(text)
        if (member := names.find(text).member) and problems.take_back(place, what, instead):
            problems.error(place, what, f"write its slug: {member.slug}")


def _warn_of_nobody(
    network: Document,
    vocabulary: Vocabulary,
    cycles: Iterable[tuple[Document, Cycle | None]],
    members: Collection[Member],
    problems: Problems,
) -> None:
    """An audience or a round that is written well but fits no member is rarely what was meant."""
    audiences = vocabulary.audiences.items()
    empty = (label for label, one in audiences if not any(one.includes(member) for member in members))
    for label in islice(empty, MOST_FINDINGS):
        place = network.place_of_key("audiences", label)
        problems.warning(place, f"the audience {quoted(label)} fits no member", "look at its lists")
    for document, cycle in cycles:
        if cycle and not any(cycle.duty(member) is Duty.DUE for member in members):
            place = document.place_of_key("who")
            problems.warning(place, "no member must report in this round", "look at its months")


def _slugs_of_cycle(document: Document) -> Iterator[tuple[str, Place]]:
    yield from _named(document, (), ("also", "exempt"))
    yield from _named(document, ("extensions",), ("members",))


def _named(document: Document, inside: tuple[str, ...], keys: tuple[str, ...]) -> Iterator[tuple[str, Place]]:
    """Every name below one of `keys`, two levels down, with its place."""
    node: Node | None = document.root
    for step in inside:
        node = (node.entries or {}).get(step, (None, None))[1] if node else None
    parts = [*(part for _, part in (node.entries or {}).values()), *(node.items or [])] if node else []
    for part in parts:
        for key in keys:
            _, found = (part.entries or {}).get(key, (None, None))
            if found is None:
                continue
            yield from (((item.text or "").strip(), item.place) for item in found.items or [])
            yield from ((name.strip(), place) for name, (place, _) in (found.entries or {}).items())
