"""`scheduler members`: which city is it, who belongs to an audience, and lists of members from elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from scheduler.cli import members_erase, members_import
from scheduler.cli.common import (
    ConfigOption,
    RoleOption,
    accepted,
    at_home,
    columns,
    counted,
    database_if_any,
    database_in_force,
    find_member,
    names_of,
    out,
    read_configuration,
    read_date,
    read_role,
    who_decides,
)
from scheduler.configuration.document import read_document
from scheduler.configuration.load import Loaded
from scheduler.configuration.members import ALLOWED, NEEDED, ROLES
from scheduler.configuration.network import read_network
from scheduler.configuration.problems import Problems, did_you_mean, listed, printable, quoted
from scheduler.configuration.table import Row, read_table, rows_of
from scheduler.errors import SchedulerError
from scheduler.languages import language
from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.members import Member, Membership, Standing
from scheduler.model.names import fold
from scheduler.model.network import Configuration, Network
from scheduler.settings import read_settings

app = typer.Typer(add_completion=False, help="Find, list and import member cities.", no_args_is_help=True)
app.command("import")(members_import.import_members)
app.command("export")(members_erase.export)
app.command("erase")(members_erase.erase)
app.command("readmit")(members_erase.readmit)

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_COLUMNS = ("name", "slug", "country", "zone", "language", "standing")
#: What a member is counted as, as people type it.
_STANDINGS = {standing.value.replace(" ", "-"): standing for standing in Standing}

OnOption = Annotated[str | None, typer.Option("--on", help="The day to ask for (default: today in Hamburg).")]


@app.command("find")
def find(
    name: Annotated[
        str, typer.Argument(help='Slug, name or alias, with the country if need be: "La Paz, Mexico".')
    ],
    on: OnOption = None,
    config: ConfigOption = None,
) -> None:
    """Show one city: where it is, the hour there, its contacts, its memberships, and how sure we are.

    Small and capital letters, accents, hyphens and apostrophes do not matter. A name that other places \
have too is answered with a question.
    """
    folder = config or read_settings().config
    loaded = read_configuration(folder)
    configuration = accepted(loaded)
    slug = find_member(configuration, name)
    member = next(one for one in configuration.members if one.slug == slug)
    row = _row_of(slug, loaded, folder)
    now = datetime.now(UTC)
    today = times.local_date(now, configuration.network.zone)
    days = [today] if on is None else [today, read_date(on, "--on")]
    for line in member_lines(configuration, member, row, now):
        out.print(line)
    for line in asyncio.run(_wishes(slug, now, configuration.network)):
        out.print(line)
    for line in standing_lines(member, row, days, read_sources(folder)):
        out.print(line)


async def _wishes(slug: str, now: datetime, network: Network) -> list[str]:
    """What the city's contacts said, as the service knows it; nothing where there is no database."""
    from scheduler.service.wishes import read_wishes

    try:
        async with database_if_any() as database:
            if database is None:
                return []
            wishes = await read_wishes(database, slug, now)
    except SchedulerError as error:  # all else stands in the files
        return [_line("answers", f"cannot be read: {error}")]
    ended = [
        _line("ended", f"{role}: no mails about webinars since {at_home(one.since, network)} ({one.reason})")
        for role, one in wishes.ended
    ]
    ended += [
        _line("nothing", f"{role}: nothing is sent since {at_home(one.since, network)}: {one.reason}")
        for role, one in wishes.barred
    ]
    given = [
        _line("answered", f"{role}: {one.answer} {one.occurrence}, {at_home(one.given_at, network)}")
        for role, one in wishes.given
    ]
    return ended + given


@app.command("unsubscribe")
def unsubscribe(
    name: Annotated[str, typer.Argument(help="The city, by name or slug.", metavar="CITY")],
    role: RoleOption = None,
    by: Annotated[str | None, typer.Option(help="Who decides this (default: the login name).")] = None,
    config: ConfigOption = None,
) -> None:
    """End the mails about webinars for a city that wrote "stop". Mails about reports still go there."""
    wanted = read_role(role)
    configuration = accepted(read_configuration(config))
    slug, who = find_member(configuration, name), who_decides(by)
    ended = asyncio.run(_unsubscribe(slug, wanted, who, datetime.now(UTC)))
    whose = f"{slug}, {role}" if role else slug
    if ended:
        out.print(f"OK: no mails about webinars go to {counted(ended, 'contact')} of {whose} any more")
    else:
        out.print(f"OK: {whose} has no contact that still gets mails about webinars; nothing was changed")


async def _unsubscribe(slug: str, role: str, by: str, now: datetime) -> int:
    from scheduler.service.in_force import Memory
    from scheduler.service.stopping import Stopping

    async with database_in_force() as (database, _):
        return await Stopping(database, Memory()).end_for(slug, role, by, now)


@app.command("resubscribe")
def resubscribe(
    name: Annotated[str, typer.Argument(help="The city, by name or slug.", metavar="CITY")],
    by: Annotated[str | None, typer.Option(help="Who decides this (default: the login name).")] = None,
    config: ConfigOption = None,
) -> None:
    """Write to a city about webinars again, for contacts that ended these mails and ask for them."""
    configuration = accepted(read_configuration(config))
    slug, who = find_member(configuration, name), who_decides(by)
    lifted = asyncio.run(_resubscribe(slug, who, datetime.now(UTC)))
    if lifted:
        out.print(f"OK: mails about webinars go to {counted(lifted, 'contact')} of {slug} again")
    else:
        out.print(f"OK: no contact of {slug} had ended the mails about webinars; nothing was changed")


async def _resubscribe(slug: str, by: str, now: datetime) -> int:
    from scheduler.service.in_force import Memory
    from scheduler.service.stopping import Stopping
    from scheduler.service.wishes import read_wishes

    async with database_in_force() as (database, _):
        for role, one in (await read_wishes(database, slug, now)).barred:
            out.print(
                f"! nothing is sent to {slug} {role}: {one.reason}; let it go with: scheduler bounces lift"
            )
        return await Stopping(database, Memory()).resubscribe(slug, by, now)


def _row_of(slug: str, loaded: Loaded, folder: Path) -> Row:
    """The row of members.csv as it was just read, for a member has no sources and no note."""
    file = printable(folder / "members.csv")
    rows = rows_of(loaded.texts[file], file, NEEDED, ALLOWED, Problems())
    return next(row for row in rows if row["slug"] == slug)


def member_lines(configuration: Configuration, member: Member, row: Row, now: datetime) -> Iterator[str]:
    """What is written of a member, and the hour there."""
    english = language("en")
    regions = {region.id: region.name for region in configuration.network.regions}
    yield f"{printable(member.name)} ({member.slug})"
    yield _line("aliases", ", ".join(member.aliases) or "none")
    yield _line("country", f"{names_of(configuration).country_of(member)} ({member.country})")
    yield _line("region", regions.get(member.region, member.region))
    yield _line("zone", f"{member.zone}: {_hour(now, member, configuration)}")
    yield _line("languages", ", ".join(f"{english.name_of(code)} ({code})" for code in member.languages))
    yield _line("weekend", "-".join(dict.fromkeys(_WEEKDAYS[day] for day in _ends(member.weekend))))
    for role in ROLES:
        for contact in (contact for contact in member.contacts if contact.role == role):
            yield _line(role, f"{contact.name} <{contact.address}>" if contact.name else contact.address)
    yield _line("confidence", row["confidence"] or "not said")
    yield _line("note", row["note"] or "none")


def _line(label: str, text: str) -> str:
    return f"  {label:<12} {printable(text)}"


def _ends(weekend: tuple[int, ...]) -> tuple[int, int]:
    return weekend[0], weekend[-1]


def _hour(now: datetime, member: Member, configuration: Configuration) -> str:
    """Gives "Sunday 22 November 2020, 07:31 (UTC+3), 05:31 in Hamburg (UTC+1)"."""
    english, network = language("en"), configuration.network
    there = f"{english.span(now, None, member.zone)} ({times.offset_label(now, member.zone)})"
    here = times.local(now, network.zone)
    return f"{there}, when it is {here:%H:%M} in {network.place} ({times.offset_label(now, network.zone)})"


def standing_lines(member: Member, row: Row, days: Sequence[date], sources: dict[str, str]) -> Iterator[str]:
    """Each period with its certainty, what the row rests on, and what that means on each of the days."""
    periods = row.several("memberships")
    yield "  memberships"
    for written, membership in zip(periods, member.memberships, strict=True):
        yield f"    {printable(written)}, {membership.certainty}: {_meaning(membership)}"
    yield "  sources"
    for key in row.several("sources"):
        yield f"    {printable(key)}: {sources.get(key, 'not in sources.csv')}"
    for day in dict.fromkeys(days):
        yield _line(str(day), _answer(member, row, day))


def _meaning(membership: Membership) -> str:
    """Gives "counts from 2020-01-01 to 2024-02-13"."""
    end = f" to {membership.until}" if membership.until else ""
    if membership.certain_from is None:
        return f"counts from no day{end}, as the day it began is not known"
    return f"counts from {membership.certain_from}{end}"


def _answer(member: Member, row: Row, day: date) -> str:
    """Gives 'member, by "2024-02" (announced); sources: U2024', with the doubt that is left."""
    standing = member.standing(day)
    if standing is Standing.NO_MEMBER:
        return standing.value
    periods = zip(row.several("memberships"), member.memberships, strict=True)
    written, by = next(pair for pair in periods if pair[1].standing(day) is standing)
    said = [f"{standing.value}, by {quoted(written)} ({by.certainty})", *_doubts(written, by, standing)]
    return "; ".join([*said, f"sources: {listed(row.several('sources')) or 'none'}"])


def _doubts(written: str, by: Membership, standing: Standing) -> Iterator[str]:
    if standing is Standing.UNDECIDED:
        yield f"in doubt: it {_meaning(by)}, and until then the city gets nothing"
    elif by.began.first != by.began.last:
        yield f"the day it began is not known, so it counts from {by.certain_from}"
    if written.endswith(" to unknown"):
        yield "in doubt: the day it ended is not known, so it is taken to last until the next one begins"


def read_sources(folder: Path) -> dict[str, str]:
    """Key of sources.csv -> what it is and where it stood; without that file keys are shown alone."""
    rows = read_table(folder / "sources.csv", ("key", "what"), ("address", "read"), Problems())
    return {row["key"]: _source(row) for row in rows}


def _source(row: Row) -> str:
    addresses = ", ".join(row.several("address"))
    return printable(f"{row['what']} ({addresses})" if addresses else row["what"])


@app.command("list")
def list_members(
    region: Annotated[list[str] | None, typer.Option(help="Id or name of a region.")] = None,
    country: Annotated[list[str] | None, typer.Option(help="Two-letter code or English name.")] = None,
    zone: Annotated[list[str] | None, typer.Option(help="Time zone, such as America/Bogota.")] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Code of the language that mails are written in.")
    ] = None,
    audience: Annotated[list[str] | None, typer.Option(help="Label of an audience in network.yaml.")] = None,
    standing: Annotated[
        list[str] | None, typer.Option(help=f"What it is on the day: {', '.join(_STANDINGS)}.")
    ] = None,
    on: OnOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    config: ConfigOption = None,
) -> None:
    """List member cities. An option said twice means either; different options narrow the list down.

    With --audience it is the list of those whom a series is for, before anything is sent.
    """
    folder = config or read_settings().config
    configuration = accepted(read_configuration(folder))
    members = configuration.members
    day = read_date(on, "--on") if on else times.local_date(datetime.now(UTC), configuration.network.zone)
    audiences = _chosen(audience, _audiences(folder), "--audience")
    standings = _chosen(standing, _STANDINGS, "--standing")
    regions = _chosen(region, _regions(configuration), "--region")
    countries = _chosen(country, _countries(configuration), "--country")
    zones = _chosen(zone, {member.zone: member.zone for member in members}, "--zone")
    languages = _chosen(language, _languages(members), "--language")
    fits: list[Callable[[Member], bool]] = [
        lambda member: not regions or member.region in regions,
        lambda member: not countries or member.country in countries,
        lambda member: not zones or member.zone in zones,
        lambda member: not languages or member.languages[0] in languages,
        lambda member: not audiences or any(one.includes(member) for one in audiences),
        lambda member: not standings or member.standing(day) in standings,
    ]
    found = [member for member in members if all(fit(member) for fit in fits)]
    _print_list(found, len(members), day, as_json)


def _chosen(written: Iterable[str] | None, known: dict[str, Any], option: str) -> list[Any]:
    """What the words of an option mean; one that is not known is wrong usage, with what may be meant."""
    by_fold = {fold(word): meaning for word, meaning in known.items()}
    for word in written or ():
        if fold(word) not in by_fold:
            instead = did_you_mean(word, known, f"known: {listed(known, most=20)}")
            raise typer.BadParameter(f"{quoted(word)} is not known; {instead}", param_hint=option)
    return [by_fold[fold(word)] for word in written or ()]


def _regions(configuration: Configuration) -> dict[str, str]:
    regions = configuration.network.regions
    return {region.id: region.id for region in regions} | {region.name: region.id for region in regions}


def _countries(configuration: Configuration) -> dict[str, str]:
    """Names first, for they are what a question lists."""
    english = language("en")
    codes = {member.country for member in configuration.members}
    known = [country for country in configuration.countries if country.code in codes]
    return {
        **{country.name: country.code for country in known},
        **{english.country_name(code): code for code in codes},
        **{code: code for code in codes},
    }


def _languages(members: Iterable[Member]) -> dict[str, str]:
    codes = {member.languages[0] for member in members}
    return {code: code for code in sorted(codes)} | {language("en").name_of(code): code for code in codes}


def _audiences(folder: Path) -> dict[str, Audience]:
    document = read_document(folder / "network.yaml", Problems())
    found = read_network(document, Problems()) if document else None
    return dict(found[1].audiences) if found else {}


def _print_list(found: Sequence[Member], of: int, day: date, as_json: bool) -> None:
    rows = [_cells(member, day) for member in found]
    if as_json:
        typer.echo(json.dumps([dict(zip(_COLUMNS, row, strict=True)) for row in rows], ensure_ascii=False))
        return
    for line in columns([_COLUMNS, *rows] if rows else []):
        out.print(line)
    out.print(f"OK: {len(found):,} of {counted(of, 'member')} on {day}")


def _cells(member: Member, day: date) -> tuple[str, ...]:
    name, standing = printable(member.name), member.standing(day).value
    return name, member.slug, member.country, member.zone, member.languages[0], standing
