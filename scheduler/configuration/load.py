"""A folder of files -> one configuration, or every problem of every file at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scheduler.configuration.cycles import read_cycle
from scheduler.configuration.document import Document, read_document
from scheduler.configuration.members import read_countries, read_members
from scheduler.configuration.network import read_network
from scheduler.configuration.notices import read_notices
from scheduler.configuration.problems import Place, Problem, Problems, did_you_mean
from scheduler.configuration.series import read_series
from scheduler.model.cycles import Cycle
from scheduler.model.members import Member
from scheduler.model.network import Configuration
from scheduler.model.series import Series


@dataclass(frozen=True)
class Loaded:
    """What a folder says: None as configuration when there is an error among the problems."""

    configuration: Configuration | None
    problems: list[Problem]


def load(folder: Path) -> Loaded:
    """Reads network.yaml, notices.yaml, members.csv, countries.csv, series/*.yaml, cycles/*.yaml."""
    problems = Problems()
    configuration = _read(folder, problems)
    if problems.errors():
        configuration = None
    return Loaded(configuration, problems.in_order())


def _read(folder: Path, problems: Problems) -> Configuration | None:
    if not folder.is_dir():
        problems.error(Place(str(folder)), "there is no such folder", "say which with --config")
        return None
    network_file = read_document(folder / "network.yaml", problems)
    notices_file = read_document(folder / "notices.yaml", problems)
    series_files = list(_documents(folder / "series", problems))
    cycle_files = list(_documents(folder / "cycles", problems))
    countries = read_countries(folder / "countries.csv", problems)
    found = read_network(network_file, problems) if network_file else None
    if found is None:
        return None  # the words of the other files have no meaning without it
    network, vocabulary = found
    notices = read_notices(notices_file, network, problems) if notices_file else None
    members = read_members(folder / "members.csv", network, vocabulary, countries, problems)
    series = [(d, read_series(d, network, vocabulary, notices, problems)) for d in series_files]
    cycles = [(d, read_cycle(d, network, vocabulary, notices, problems)) for d in cycle_files]
    _refuse_twins([*series, *cycles], problems)
    _check_slugs(cycle_files, network_file, members, problems)
    return Configuration(
        network,
        members,
        countries,
        tuple(part for _, part in series if part),
        tuple(part for _, part in cycles if part),
    )


def _documents(folder: Path, problems: Problems) -> Iterator[Document]:
    for path in sorted(folder.glob("*.y*ml")):
        document = read_document(path, problems)
        if document:
            yield document


def _refuse_twins(parts: Iterable[tuple[Document, Series | Cycle | None]], problems: Problems) -> None:
    seen: dict[str, str] = {}
    for document, part in parts:
        if part is None:
            continue
        other = seen.setdefault(part.id, document.file)
        if other != document.file:
            what = f'the id "{part.id}" is taken by {other}'
            problems.error(document.place("id"), what, "ids are names for ever; write another")


def _check_slugs(
    cycles: list[Document],
    network: Document | None,
    members: tuple[Member, ...],
    problems: Problems,
) -> None:
    """Members named one by one, in audiences and rounds, must be in members.csv."""
    if not members:
        return
    known = {member.slug for member in members}
    named = [(network, path) for path in _paths(network, ("audiences",), ("members", "except"))]
    for cycle in cycles:
        named += [(cycle, path) for path in _paths(cycle, (), ("also", "exempt"))]
    for document, (slug, place) in named:
        if document and slug not in known:
            problems.error(
                place, f'"{slug}" is no member in members.csv', did_you_mean(slug, known, "write its slug")
            )


def _paths(
    document: Document | None, inside: tuple[str, ...], keys: tuple[str, ...]
) -> Iterator[tuple[str, Place]]:
    """Every slug below one of `keys`, two levels down, with its place."""
    node = document.root if document else None
    for step in inside:
        node = (node.entries or {}).get(step, (None, None))[1] if node else None
    for _, part in (node.entries or {}).values() if node else ():
        for key in keys:
            _, found = (part.entries or {}).get(key, (None, None))
            if found is None:
                continue
            yield from ((item.text or "", item.place) for item in found.items or [])
            yield from ((slug, place) for slug, (place, _) in (found.entries or {}).items())
