"""What lies ready to be fetched: how long it holds, and who finds it."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256

import pytest

from scheduler.model.audience import Audience
from scheduler.model.network import Configuration
from scheduler.model.series import Join, Status
from scheduler.service.clock import Bell
from scheduler.service.feed_addresses import FeedAddresses
from scheduler.service.feeds import AHEAD, CANCELLED_STAYS, PAST_STAYS
from scheduler.service.in_force import InForce
from scheduler.service.virtual_clock import VirtualClock
from scheduler.web.served import Served
from scheduler.web.shelf import Shelf
from tests.cast import (
    DOHA,
    KASHAN,
    MANTES,
    MELTON,
    OPEN,
    a_configuration,
    a_series,
    a_session,
    at,
    member,
    real,
)
from tests.service.force import APPLIED, LINKS, in_force

NOW = at("2027-05-10T09:00:00+02:00")
BEGIN = at("2027-06-14T13:00:00+02:00")
END = at("2027-06-14T14:00:00+02:00")
SECOND = timedelta(seconds=1)
RECORDING = "https://video.example/1"
SECRETS = Join("Zoom", "Webinar ID", "94172987853", "https://meet.cities.example/1", "lantern")


@dataclass
class SetClock:
    """Stands where it is set."""

    at: datetime
    #: what was asked for
    waits: list[datetime | None] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def bell(self) -> Bell:
        return Bell(self)

    def rung(self, bell: Bell) -> None:
        pass

    def wake_at(self, instants: object, bell: Bell) -> None:
        pass

    async def sleep_until(self, instant: datetime | None, bell: Bell) -> None:  # noqa: ARG002 - as a Clock has it
        self.waits.append(instant)
        await asyncio.get_running_loop().create_future()


@dataclass
class Desk:
    """A shelf whose clock and whose configuration are set by hand."""

    clock: SetClock
    in_force: InForce | None
    shelf: Shelf = field(init=False)
    #: how often what is in force was read
    looks: int = 0

    def __post_init__(self) -> None:
        self.shelf = Shelf(self._look, self.clock, LINKS)

    async def _look(self) -> InForce | None:
        self.looks += 1
        return self.in_force

    async def at(self, now: datetime) -> Desk:
        self.clock.at = now
        await self.shelf.refresh()
        return self

    async def find(self, path: str) -> Served:
        found = await self.shelf.find(path)
        assert found, path
        return found

    async def city(self, slug: str) -> Served:
        return await self.find(LINKS.city_feed_path(slug))


def talks(members: tuple[str, ...] = (MELTON, DOHA), **changes: object) -> Configuration:
    return a_configuration(a_series(a_session(**changes)), members=members)


async def desk(configuration: Configuration, now: datetime = NOW, **changed: datetime) -> Desk:
    return await Desk(SetClock(now), in_force(configuration, changed=changed)).at(now)


def header(served: Served, name: str) -> str | None:
    return dict(served.headers).get(name.encode(), b"").decode() or None


# how long it holds


async def test_before_anything_is_in_force_it_is_empty() -> None:
    found = await Desk(SetClock(NOW), None).at(NOW)

    assert found.shelf.is_empty
    assert await found.shelf.find("/feeds/all.ics") is None


async def test_an_edition_is_made_once() -> None:
    found = await desk(talks())
    before = await found.find("/feeds/all.ics")

    await found.at(NOW + timedelta(hours=1))

    assert found.looks == 2
    assert await found.find("/feeds/all.ics") is before


@pytest.mark.parametrize(
    "path", ["/feeds/all.ics", "/feeds/series/talks.ics", "/sessions/first.talks.ics", "/"]
)
async def test_everything_stays_until_a_session_ends(path: str) -> None:
    found = await desk(talks(recording=RECORDING))
    before = await found.find(path)

    at_its_end = await (await found.at(END)).find(path)
    after = await (await found.at(END + SECOND)).find(path)

    assert (at_its_end.octets, at_its_end.etag) == (before.octets, before.etag)
    assert after.octets != before.octets
    assert after.etag != before.etag


async def test_a_city_hears_of_a_recording_too() -> None:
    found = await desk(talks(recording=RECORDING))
    before = await found.city(MELTON)

    await found.at(END + SECOND)

    assert RECORDING.encode() not in before.octets
    assert RECORDING.encode() in (await found.city(MELTON)).octets.replace(b"\r\n ", b"")


async def test_a_cancelled_session_is_gone_after_thirty_days() -> None:
    told_at = at("2027-06-10T10:00:00+02:00")
    found = await desk(talks(status=Status.CANCELLED), told_at, **{"first.talks": told_at})
    counted = []
    for now in (END, told_at + CANCELLED_STAYS - SECOND, told_at + CANCELLED_STAYS + SECOND):
        counted.append((await (await found.at(now)).find("/feeds/all.ics")).octets.count(b"STATUS:CANCELLED"))

    assert counted == [1, 1, 0]


@pytest.mark.parametrize("turn", [END, BEGIN - AHEAD, BEGIN + PAST_STAYS])
async def test_an_edition_of_the_very_moment_of_a_turn_does_not_last(turn: datetime) -> None:
    """Not until the next turn, which may be a year away."""
    found = await desk(talks(recording=RECORDING), turn)
    other = await desk(talks(recording=RECORDING), turn + SECOND)

    await found.at(turn + SECOND)

    for path in ("/", "/feeds/all.ics", LINKS.city_feed_path(MELTON)):
        assert (await found.find(path)).octets == (await other.find(path)).octets


async def test_a_restart_gives_the_same_octets() -> None:
    paths = ("/", "/feeds", "/feeds/all.ics", "/sessions/first.talks.ics", LINKS.city_feed_path(DOHA))
    first, second = await desk(talks(), NOW), await desk(talks(), NOW + timedelta(days=3))

    for path in paths:
        before, after = await first.find(path), await second.find(path)
        assert (before.octets, before.etag) == (after.octets, after.etag)


async def test_what_comes_into_force_is_served_at_once() -> None:
    found = await desk(talks())
    before = await found.find("/feeds/all.ics")

    found.in_force = in_force(talks(title="Another title"), applied_at=NOW + SECOND, id=2)
    await found.at(NOW + 2 * SECOND)

    after = await found.find("/feeds/all.ics")
    assert b"Another title" in after.octets
    # when it was there to be read, not when it was applied: who asked between the two has the old octets
    assert header(after, "last-modified") == "Mon, 10 May 2027 07:00:02 GMT"
    # when the process began: what one before it served is not known
    assert header(before, "last-modified") == "Mon, 10 May 2027 07:00:00 GMT"


async def test_a_date_never_goes_back_over_a_restart() -> None:
    """Who has octets of just before a change, and only their date, would be told that nothing changed."""
    found = await desk(talks())
    found.in_force = in_force(talks(title="Another title"), applied_at=NOW + SECOND, id=2)
    await found.at(NOW + 2 * SECOND)
    before = await found.find("/feeds/all.ics")

    again = await desk(talks(title="Another title"), NOW + 5 * SECOND)

    assert (await again.find("/feeds/all.ics")).modified_at > before.modified_at


async def test_the_last_change_is_never_in_the_future() -> None:
    """A configuration that is applied while the clock is behind comes into force a little later."""
    found = await Desk(SetClock(NOW), in_force(talks(), applied_at=NOW + timedelta(hours=1))).at(NOW)

    assert (await found.find("/feeds/all.ics")).modified_at <= NOW


async def test_nothing_in_force_any_more_keeps_what_was() -> None:
    found = await desk(talks())

    found.in_force = None
    await found.at(END + SECOND)

    assert await found.find("/feeds/all.ics")


async def test_it_waits_for_the_next_turn() -> None:
    found = await desk(talks())

    task = asyncio.create_task(found.shelf.run())
    while not found.clock.waits:  # noqa: ASYNC110 - nothing rings when a task sleeps
        await asyncio.sleep(0)
    task.cancel()

    # announced and changed on the same day of 2020: the next turn is its end
    assert found.clock.waits == [END + SECOND]


async def test_it_lives_through_the_turns_of_a_year() -> None:
    jumps: list[datetime] = []
    clock = VirtualClock(NOW, NOW + timedelta(days=402), jumps.append)
    known = in_force(talks(recording=RECORDING))

    async def look() -> InForce:
        return known

    shelf = Shelf(look, clock, LINKS)
    task = asyncio.create_task(shelf.run())
    async with asyncio.timeout(20):
        await clock.over()
    task.cancel()

    gone = at("2028-06-13T13:00:00+02:00")
    assert jumps[:2] == [END + SECOND, gone + SECOND]
    found = await shelf.find("/feeds/all.ics")
    assert found
    assert b"BEGIN:VEVENT" not in found.octets


# what stays the same


def two_series(**changes: object) -> Configuration:
    other = a_series(a_session(id="other"), id="papers", title="Papers")
    return a_configuration(a_series(a_session(**changes)), other, members=(MELTON, DOHA))


async def test_a_feed_that_holds_nothing_of_a_change_stays_as_it_is() -> None:
    found = await desk(two_series())
    before = {path: await found.find(path) for path in ("/feeds/series/papers.ics", "/feeds/all.ics")}

    found.in_force = in_force(two_series(title="Another title"), id=2)
    await found.at(NOW + SECOND)

    assert await found.find("/feeds/series/papers.ics") is before["/feeds/series/papers.ics"]
    assert (await found.find("/feeds/all.ics")).etag != before["/feeds/all.ics"].etag


async def test_a_turn_changes_only_what_it_concerns() -> None:
    found = await desk(two_series(on=date(2027, 6, 7), recording=RECORDING))
    paths = ("/feeds/series/papers.ics", "/sessions/other.papers.ics", "/feeds/deadlines.ics")
    before = [await found.find(path) for path in paths]

    await found.at(at("2027-06-07T14:00:01+02:00"))

    assert RECORDING.encode() in (await found.find("/feeds/series/talks.ics")).octets.replace(b"\r\n ", b"")
    assert all([await found.find(path) is served for path, served in zip(paths, before, strict=True)])


async def test_a_city_that_hears_nothing_new_keeps_its_very_feed() -> None:
    """Over several editions, though nobody asked in between."""
    arabic = Audience("Arab countries", regions=("arab-states",))
    found = await desk(talks(audience=arabic))
    melton, doha = await found.city(MELTON), await found.city(DOHA)

    for number in (2, 3):
        found.in_force = in_force(talks(audience=arabic, title=f"Title {number}"), id=number)
        await found.at(NOW + number * SECOND)

    assert await found.city(MELTON) is melton
    assert (await found.city(DOHA)).etag != doha.etag


@pytest.mark.parametrize("late", [timedelta(microseconds=1), timedelta(seconds=0.999), SECOND])
@pytest.mark.parametrize("path", ["/feeds/all.ics", LINKS.city_feed_path(MELTON)])
async def test_no_clock_of_a_client_hides_a_change(path: str, late: timedelta) -> None:
    """Who sends the second in which it asked last never hears "unchanged" of octets that it does not have."""
    asked_at = NOW + timedelta(seconds=30)
    found = await desk(talks())
    before = (await found.find(path)).octets

    found.in_force = in_force(talks(title="Another title"), applied_at=asked_at, id=2)
    await found.at(asked_at + late)
    sent = {b"if-modified-since": format_datetime(asked_at.replace(microsecond=0), usegmt=True).encode()}
    answer = (await found.find(path)).answer(sent, lambda: NOW + timedelta(hours=1))

    assert answer.status == 200
    assert answer.body != before


async def test_an_edition_keeps_nothing_of_those_before() -> None:
    found = await desk(talks())
    for number in range(2, 6):
        await found.city(MELTON)
        found.in_force = in_force(talks(title=f"Title {number}"), id=number)
        await found.at(NOW + number * SECOND)
    await found.city(MELTON)

    edition = found.shelf._edition
    assert edition
    kept = edition.feeds._items._kept["first.talks"].made
    # for everybody, and on Melton's clock
    assert len(kept) == 2
    assert all(b"Title 5" in item for item in kept.values())
    assert (len(edition.made), len(edition.before)) == (1, 0)


# in other languages


def in_french(members: tuple[str, ...] = (MELTON, DOHA), **changes: object) -> Configuration:
    """The network has texts in French, too."""
    network = replace(real().network, languages=("en", "fr"))
    cycles = tuple(cycle for cycle in real().cycles if cycle.id == "report-2027")
    return replace(talks(members, **changes), network=network, cycles=cycles)


def unfolded(served: Served) -> str:
    return served.octets.replace(b"\r\n ", b"").decode()


async def test_a_calendar_can_be_read_in_another_language() -> None:
    found = await desk(in_french())

    french = await found.shelf.find("/feeds/deadlines.ics", "fr")

    assert french
    assert "mardi 30 novembre 2027" in unfolded(french)
    assert "Tuesday 30 November 2027" in unfolded(await found.find("/feeds/deadlines.ics"))
    assert (french.sort, french.headers[0]) == (
        "deadlines",
        (b"content-type", b"text/calendar; charset=utf-8"),
    )


async def test_a_city_reads_its_own_language_unless_it_asks() -> None:
    found = await desk(in_french(members=(MANTES,), languages=("en", "fr")))
    path = LINKS.city_feed_path(MANTES)

    own, english = await found.shelf.find(path), await found.shelf.find(path, "en")

    assert own
    assert english
    assert "Languages: anglais et français" in unfolded(own)
    assert "Languages: English and French" in unfolded(english)
    assert await found.shelf.find(path, "fr") is own


@pytest.mark.parametrize(
    "code", ["", "en", "xx", "de", "FR ", "fr-CA", "..", "a" * 5000, "\x00", "%66r", "é"]
)
async def test_a_language_without_texts_gives_the_usual_one(code: str) -> None:
    found = await desk(in_french())
    usual = {path: await found.find(path) for path in ("/feeds/all.ics", LINKS.city_feed_path(MELTON))}

    for path, served in usual.items():
        assert await found.shelf.find(path, code) is served
    assert found.shelf._edition
    assert len(found.shelf._edition.made) == 1


@pytest.mark.parametrize("path", ["/sessions/first.talks.ics", "/feeds/all.ics", "/feeds/language/en.ics"])
async def test_another_language_is_made_once(path: str) -> None:
    found = await desk(in_french())

    many = await asyncio.gather(*(found.shelf.find(path, "fr") for _ in range(20)))

    assert many[0]
    assert len({id(served) for served in many}) == 1


# a city's own


@dataclass
class Book:
    """The open addresses, as a command may change them."""

    of: FeedAddresses

    async def read(self, _: InForce) -> FeedAddresses:
        return self.of


def only(path: str) -> FeedAddresses:
    return FeedAddresses({sha256(path.encode()).digest(): MELTON})


async def test_a_renewed_address_counts_from_the_next_look_on() -> None:
    """Though nothing else has changed."""
    before, after = LINKS.city_feed_path(MELTON), LINKS.city_feed_path(MELTON, generation=1)
    found, book = Desk(SetClock(NOW), in_force(talks())), Book(only(before))
    found.shelf.addresses = book.read
    served = await (await found.at(NOW)).find(before)

    book.of = only(after)
    await found.at(NOW + SECOND)

    assert await found.shelf.find(before) is None
    assert await found.find(after) is served


async def test_the_shelf_remembers_which_open_addresses_were_asked_for() -> None:
    found = await desk(talks())

    await found.city(MELTON)
    await found.shelf.find(LINKS.city_feed_path(DOHA, generation=7))
    await found.find("/feeds/all.ics")

    assert found.shelf.used == {sha256(LINKS.city_feed_path(MELTON).encode()).digest()}


async def test_a_city_that_left_long_ago_is_gone() -> None:
    """Clients should forget its address; 404 would say that it never was."""
    left = replace(OPEN, until=NOW.date() - timedelta(days=31))
    configuration = replace(talks(), members=(replace(member(MELTON), memberships=(left,)),))
    found = await desk(configuration)

    answer = (await found.city(MELTON)).answer({b"if-none-match": b"*"}, lambda: NOW)

    assert answer.status == 410
    assert b"BEGIN" not in answer.body


async def test_a_city_finds_its_own() -> None:
    found = await desk(talks(join=SECRETS))

    served = await found.city(MELTON)

    assert b"lantern" in served.octets
    assert served.sort == "city"


async def test_only_the_owner_finds_it() -> None:
    found = await desk(a_configuration(a_series(), members=(MELTON,)))
    path = LINKS.city_feed_path(MELTON)
    token = path.removeprefix("/feeds/city/").removesuffix(".ics")
    near = "b" if token[0] == "a" else "a"

    for miss in (
        path.upper(),
        f"/feeds/city/{token.upper()}.ics",
        f"/feeds/city/{near}{token[1:]}.ics",
        f"/feeds/city/{token[:-1]}.ics",
        f"/feeds/city/{token}",
        f"/feeds/city/{token}.ics/",
        f"/feeds/city//{token}.ics",
        f"/feeds/city/../city/{token}.ics",
        f"{path}?",
        f"{path}\x00",
        f" {path}",
        path.replace("c", "%63"),
        f"/feeds/city/{MELTON}.ics",
        "/feeds/city/.ics",
        "/feeds/city/",
        "/feeds/city/\udcff.ics",
        LINKS.city_feed_path(DOHA),  # no member here
        LINKS.city_feed_path(MELTON, generation=1),
    ):
        assert await found.shelf.find(miss) is None, miss


async def test_a_city_that_left_the_files_is_not_found() -> None:
    found = await desk(talks())

    found.in_force = in_force(talks(members=(DOHA,)), id=2)
    await found.at(NOW + SECOND)

    assert await found.shelf.find(LINKS.city_feed_path(MELTON)) is None


async def test_a_city_is_not_kept_by_anybody_else() -> None:
    served = await (await desk(talks())).city(MELTON)

    assert header(served, "cache-control") == "private, no-cache"
    assert header(served, "x-robots-tag") == "noindex"
    assert header(served, "access-control-allow-origin") is None
    assert header(served, "content-disposition") == "inline"


async def test_a_city_is_asked_for_by_many_at_once() -> None:
    found = await desk(talks((MELTON, DOHA, KASHAN)))

    many = await asyncio.gather(*(found.city(slug) for slug in (MELTON, DOHA, KASHAN) * 20))

    assert len({id(served) for served in many}) == 3


async def test_a_city_is_served_while_the_database_is_away() -> None:
    """What is in force is read for minutes then; feeds come from memory."""
    found = await desk(talks())
    away = asyncio.Event()

    async def hang() -> InForce | None:
        await away.wait()
        return None

    found.shelf.in_force = hang
    looking = asyncio.create_task(found.shelf.refresh())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await found.city(MELTON)
    away.set()
    await looking


# everybody's


PUBLIC = [
    *("/", "/feeds", "/feeds/all.ics", "/feeds/deadlines.ics", "/feeds/series/talks.ics"),
    *("/feeds/region/arab-states.ics", "/feeds/language/en.ics", "/sessions/first.talks.ics"),
]


@pytest.mark.parametrize("path", PUBLIC)
async def test_everybody_finds_what_is_public(path: str) -> None:
    served = await (await desk(talks(join=SECRETS))).find(path)

    assert header(served, "cache-control") == f"public, max-age={300 if served.sort == 'page' else 3600}"
    assert header(served, "x-robots-tag") is None
    assert header(served, "access-control-allow-origin") == (None if served.sort == "page" else "*")
    for secret in (b"94172987853", b"941 7298", b"lantern", b"meet.cities"):
        assert secret not in served.octets.replace(b"\r\n ", b"")


@pytest.mark.parametrize(
    "now", ["2020-05-20T09:00+02:00", "2020-06-25T09:00+02:00", "2021-12-01T00:00+01:00"]
)
async def test_every_public_octet_of_the_real_network_is_harmless(now: str) -> None:
    joins = [session.join for series in real().series for session in series.sessions]
    secrets = {word for join in joins for word in (join.id, join.shown_id, join.link, join.passcode) if word}

    for served in public_files(await desk(real(), at(now))):
        text = served.octets.replace(b"\r\n ", b"").decode()
        assert not [secret for secret in secrets if secret in text]
        assert "/feeds/city" not in text
        # UIDs, and no address of a person
        assert set(re.findall(r"@[\w.-]+", text)) <= {"@learning-cities.example", "@media"}
        assert not served.packed or gzip.decompress(served.packed) == served.octets


def public_files(found: Desk) -> list[Served]:
    assert found.shelf._edition
    return list(found.shelf._edition.public.values())


async def test_a_page_runs_nothing_from_elsewhere() -> None:
    for path in ("/", "/feeds"):
        served = await (await desk(talks())).find(path)

        policy = header(served, "content-security-policy") or ""
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert header(served, "x-frame-options") == "DENY"


async def test_all_that_a_page_loads_is_there() -> None:
    found = await desk(talks())
    page = (await found.find("/")).octets.decode() + (await found.find("/feeds")).octets.decode()
    loaded = set(re.findall(r'"(/static/[^"]+)"', page))

    kinds = {header(await found.find(path), "content-type") for path in loaded}

    assert sorted(str(kind) for kind in kinds) == [
        "image/svg+xml",
        "text/css; charset=utf-8",
        "text/javascript; charset=utf-8",
    ]
    for path in loaded:
        served = await found.find(path)
        assert header(served, "cache-control") == "public, max-age=31536000, immutable"
        assert header(served, "content-security-policy")


async def test_every_local_link_of_a_page_is_there() -> None:
    found = await desk(real(), at("2020-06-25T09:00:00+02:00"))
    for path in ("/", "/feeds"):
        page = (await found.find(path)).octets.decode()
        for link in re.findall(r'(?:href|src)="(/[^"]*)"', page):
            assert await found.find(link)


async def test_a_feed_is_opened_as_a_calendar() -> None:
    served = await (await desk(talks())).find("/feeds/all.ics")

    assert header(served, "content-type") == "text/calendar; charset=utf-8"
    assert header(served, "content-disposition") == "inline"


async def test_a_file_is_saved_under_the_name_of_its_session() -> None:
    served = await (await desk(talks())).find("/sessions/first.talks.ics")

    assert header(served, "content-disposition") == 'attachment; filename="first.talks.ics"'


async def test_no_file_of_the_real_network_breaks_a_header() -> None:
    found = await desk(real(), at("2020-06-25T09:00:00+02:00"))

    for served in public_files(found):
        for _, value in served.headers:
            assert re.fullmatch(rb"[\x20-\x7e]+", value)


@pytest.mark.parametrize(
    ("path", "sort"),
    [
        ("/feeds/all.ics", "all"),
        ("/feeds/deadlines.ics", "deadlines"),
        ("/feeds/series/talks.ics", "series"),
        ("/feeds/region/africa.ics", "region"),
        ("/feeds/language/en.ics", "language"),
        ("/sessions/first.talks.ics", "session"),
        ("/", "page"),
    ],
)
async def test_a_meter_hears_the_sort_of_a_file(path: str, sort: str) -> None:
    assert (await (await desk(talks())).find(path)).sort == sort


@pytest.mark.parametrize(
    "change", [lambda c: replace(c, series=()), lambda c: replace(c, members=()), lambda c: replace(c)]
)
async def test_a_bare_network_has_its_pages(change: Callable[[Configuration], Configuration]) -> None:
    found = await desk(change(talks()), APPLIED)

    assert (await found.find("/")).octets
    assert (await found.find("/feeds/all.ics")).octets
