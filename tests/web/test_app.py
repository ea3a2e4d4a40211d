"""What is answered over HTTP: through ASGI, and by uvicorn on a real port. A real daemon stands behind it."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text, update

from scheduler.errors import SchedulerError
from scheduler.mail.post import Fate
from scheduler.model import times
from scheduler.model.clocks import ClockChange
from scheduler.model.notices import Kind
from scheduler.service.bootstrap import build_daemon
from scheduler.service.daemon import Daemon
from scheduler.service.links import Links
from scheduler.settings import Settings
from scheduler.store import clocks, holds, installation, tables
from scheduler.store.counts import Unsent
from scheduler.store.database import Database
from scheduler.store.holds import Hold
from scheduler.store.migrate import migrate
from scheduler.web.app import Site, asked_language
from scheduler.web.guesses import FREE
from scheduler.web.limits import Limits
from scheduler.web.server import serving
from scheduler.web.shelf import Shelf
from tests import engines
from tests.serving.house import House

#: The release of the tz database that is shown.
RELEASE = times.tzdata_version()
WHEN = datetime(2026, 11, 4, 12, tzinfo=UTC)
#: Seconds after which a test gives up.
PATIENCE = 20
PATHS = ("/", "/feeds", "/feeds/all.ics", "/feeds/deadlines.ics", "/sessions/first.talks.ics")
CITY = "city-1"
#: The name in the base URL.
HOST = "calendar.learning-cities.example"


@dataclass
class Place:
    """A daemon that does nothing by itself, and its site."""

    house: House
    database: Database
    daemon: Daemon = field(init=False)
    shelf: Shelf = field(init=False)
    site: Site = field(init=False)

    def __post_init__(self) -> None:
        settings = Settings(config=self.house.config, data=self.house.folder / "var")
        self.daemon = build_daemon(settings, self.database)
        self.shelf = Shelf(self.daemon.in_force, self.daemon.clock, self.daemon.links)
        self.site = Site(self.daemon, self.shelf)

    async def look(self) -> None:
        await self.daemon.proposals.look()
        await self.daemon.lookout.look()
        await self.shelf.refresh()

    async def ask(
        self, path: str, method: str = "GET", client: str = "127.0.0.1", **headers: str
    ) -> httpx.Response:
        """client: the address that it comes from."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        transport = httpx.ASGITransport(app=self.site, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as asker:
            return await asker.request(method, path, headers={"accept-encoding": "identity", **names})

    async def site_says(self, path: str) -> str:
        """Status, headers and body as a text, without a client in between."""
        said: list[Any] = []

        async def send(message: Any) -> None:
            said.append(message)

        headers = [(b"host", HOST.encode())]
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
        await self.site(scope, _hear_nothing, send)
        start, body = said
        return f"{start['status']} {start['headers']} {body['body']!r}"

    async def health(self) -> tuple[int, dict[str, Any]]:
        answer = await self.ask("/health/ready")
        return answer.status_code, answer.json()

    async def meters(self) -> dict[tuple[str, ...], float]:
        """(name, values of its labels, in the order of their names ...) -> value."""
        text = (await self.ask("/metrics")).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return {(s.name, *(s.labels[name] for name in sorted(s.labels))): s.value for s in samples}

    @property
    def city(self) -> str:
        return self.daemon.links.city_feed_path(CITY)


async def _hear_nothing() -> Any:
    """A request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}


@asynccontextmanager
async def a_place(folder: Path) -> AsyncIterator[Place]:
    async with engines.opened(folder / "var" / "test.sqlite") as database:
        place = Place(House(folder), database)
        place.daemon.clock.start()
        yield place
        place.daemon.clock.stop()
        await place.daemon.post.close()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files have come into force: a session in a month, and three cities."""
    folder = tmp_path_factory.mktemp("opened")
    House(folder).furnish(3).write_session(datetime.now(UTC) + timedelta(days=30))

    async def apply() -> None:
        async with a_place(folder) as place:
            await migrate(place.database)
            await place.look()

    asyncio.run(apply())
    return folder


@pytest.fixture
async def place(opened: Path, tmp_path: Path) -> AsyncIterator[Place]:
    async with a_place(shutil.copytree(opened, tmp_path / "house")) as place:
        await place.look()
        yield place


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[Place]:
    """Nothing is in force, and the database has no tables."""
    async with a_place(tmp_path) as place:
        yield place


# files


async def test_everybody_may_fetch_what_is_public(place: Place) -> None:
    for path in PATHS:
        answer = await place.ask(path)

        assert answer.status_code == 200
        assert len(answer.content) == int(answer.headers["content-length"])


async def test_head_is_get_without_a_body(place: Place) -> None:
    for path in PATHS:
        whole, head = await place.ask(path), await place.ask(path, "HEAD")

        assert head.status_code == 200
        assert head.headers == whole.headers
        assert head.content == b""


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_who_knows_the_tag_gets_no_body(place: Place, method: str) -> None:
    for path in PATHS:
        tag = (await place.ask(path)).headers["etag"]

        answer = await place.ask(path, method, if_none_match=tag)

        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag


async def test_tags_may_come_in_two_headers(place: Place) -> None:
    tag = (await place.ask("/feeds/all.ics")).headers["etag"]
    headers = [("if-none-match", tag), ("if-none-match", '"x"')]

    transport = httpx.ASGITransport(app=place.site)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
        answer = await client.get("/feeds/all.ics", headers=[*headers, ("accept-encoding", "identity")])

    assert answer.status_code == 304


@pytest.mark.parametrize("path", ["/", "/feeds/all.ics", "/feeds/none.ics"])
async def test_nothing_can_be_written(place: Place, path: str) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"):
        answer = await place.ask(path, method)

        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD"


async def test_a_city_gets_its_own(place: Place) -> None:
    answer = await place.ask(place.city)

    assert answer.status_code == 200
    assert "no-cache" in answer.headers["cache-control"]


async def test_all_that_is_no_calendar_gives_the_same_answer(place: Place) -> None:
    """Nobody learns how near a guess was, or that a calendar was there once."""
    token = place.city.removeprefix("/feeds/city/")
    strangers = Links("https://other.example", b"another key").city_feed_path(CITY)
    misses = [
        strangers,
        *(f"/feeds/city/{token.upper()}", f"/feeds/city/{token[:-5]}.ics", f"/feeds/city/{token}/"),
        *(
            "/feeds/city/",
            "/feeds/city/%00",
            "/feeds/city/%ff%fe",
            "/feeds/city/..%2fall.ics",
            "/feeds/none.ics",
        ),
        *(f"{strangers}?x=1", "/feeds/", "/sessions/none.ics", "/sessions/"),
        "/feeds/city/" + "a" * 5000,
    ]

    answers = [await place.ask(miss) for miss in misses]

    assert {answer.status_code for answer in answers} == {404}
    assert len({(answer.content, str(answer.headers)) for answer in answers}) == 1
    assert answers[0].headers["cache-control"] == "no-store"


async def test_a_question_after_an_address_does_not_matter(place: Place) -> None:
    """Some programs put one there to get round a cache."""
    for change in ("?x=1", "?", "#top"):
        assert (await place.ask(f"{place.city}{change}")).status_code == 200


QUERIES = [
    *("lang", "lang=", "lang=&lang=", "lang=xx", "lang=en&lang=fr", "lang[]=fr", "LANG=fr", "&&&", "=", "?"),
    *(
        "lang=../../etc/passwd",
        "lang=%00",
        "lang=%C3%28",
        "lang=fr%0d%0aX: y",
        "lang=" + "a" * 5000,
        "x=lang=fr",
    ),
]


@pytest.mark.parametrize("query", QUERIES)
async def test_a_language_that_is_none_gives_the_usual_one(place: Place, query: str) -> None:
    for path in ("/feeds/all.ics", place.city):
        usual, answer = await place.ask(path), await place.ask(f"{path}?{query}")

        assert (answer.status_code, answer.content) == (200, usual.content)
        assert answer.headers == usual.headers


@pytest.mark.parametrize(
    ("query", "code"),
    [
        *((b"lang=fr", "fr"), (b"lang=FR", "fr"), (b"a=b&lang=fr&_=17", "fr"), (b"lang=fr&lang=fr", "")),
        *((b"", ""), (b"xlang=fr", ""), (b"lang", ""), (b"lang=\xff", "\xff")),
    ],
)
def test_a_language_is_asked_for_once(query: bytes, code: str) -> None:
    assert asked_language(query) == code


async def test_no_guess_of_an_address_is_answered_in_another_way(place: Place) -> None:
    """H05: 2,000 at random, and near ones."""
    token = place.city.removeprefix("/feeds/city/").removesuffix(".ics")
    letters, chance = "abcdefghijklmnopqrstuvwxyz234567", Random(5)  # noqa: S311 - the same each time
    near = [token[:n] + other + token[n + 1 :] for n in range(32) for other in "a2" if token[n] != other]
    far = ["".join(chance.choices(letters, k=32)) for _ in range(2000)]
    others = [
        token.upper(),
        token.title(),
        token[:-1],
        token + "a",
        token[::-1],
        f"{token}%20",
        f"%20{token}",
    ]

    answers = [await place.site_says(f"/feeds/city/{guess}.ics") for guess in (*others, *near, *far)]

    assert len(set(answers[:FREE])) == 1
    assert {answer[:4] for answer in answers[:FREE]} == {"404 "}
    assert {answer[:4] for answer in answers[-2000:]} == {"429 "}
    assert (await place.ask(place.city)).status_code == 200


async def test_who_guesses_on_is_put_off_and_nobody_else_is(place: Place) -> None:
    """H05: a whole city may stand behind one address of the network, so what is right is always answered."""
    for _ in range(FREE):
        assert (await place.ask("/feeds/city/guess.ics")).status_code == 404

    answer = await place.ask("/feeds/city/another.ics")

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 10
    assert answer.headers["cache-control"] == "no-store"
    for path in (place.city, "/feeds/all.ics", "/"):
        assert (await place.ask(path)).status_code == 200
    assert (await place.ask("/feeds/none.ics")).status_code == 404
    assert (await place.ask("/feeds/city/guess.ics", client="203.0.113.9")).status_code == 404


async def test_no_header_makes_a_guesser_another_client(place: Place) -> None:
    """What a client writes itself says nothing of where it comes from."""
    for n in range(FREE):
        await place.ask("/feeds/city/guess.ics", x_forwarded_for=f"203.0.113.{n}")

    names = ("x_forwarded_for", "forwarded", "x_real_ip", "cf_connecting_ip")
    answers = [await place.ask("/feeds/city/guess.ics", **{name: "203.0.113.99"}) for name in names]

    assert {answer.status_code for answer in answers} == {429}


async def test_an_address_may_be_written_with_escapes(place: Place) -> None:
    """It is the same address (RFC 3986, section 6.2.2.2)."""
    assert (await place.ask(place.city.replace("city", "c%69ty"))).status_code == 200


async def test_what_is_no_calendar_and_no_page_is_not_found(place: Place) -> None:
    for path in ("/none", "/docs", "/openapi.json", "/redoc", "/static/", "/static/site.css", "/.env"):
        answer = await place.ask(path)
        assert (answer.status_code, answer.text) == (404, "There is nothing at this address.\n")
        assert answer.headers["content-type"].startswith("text/plain")


async def test_no_answer_repeats_the_host_that_was_asked_for(place: Place) -> None:
    """A redirect to the path without its last slash would."""
    for path in (*PATHS, "/feeds/none.ics", "/health/live/", "/metrics/", "/feeds/", "/none/", "/none"):
        answer = await place.ask(path, x_forwarded_host="evil.example")

        assert "evil.example" not in answer.text + str(answer.headers)
        assert not answer.is_redirect


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_nothing_in_force_is_not_the_same_as_nothing_there(closed: Place, method: str) -> None:
    """At 404 a program would forget its subscription."""
    for path in PATHS:
        answer = await closed.ask(path, method)

        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "60"


async def test_a_city_keeps_its_subscription_while_nothing_is_in_force(closed: Place) -> None:
    assert (await closed.ask(closed.city)).status_code == 503


# health


async def test_a_service_at_work_is_alive(place: Place) -> None:
    answer = await place.ask("/health/live")

    assert answer.status_code == 200
    assert answer.json()["status"] == "alive"


async def test_a_service_whose_clock_stands_is_stuck(place: Place) -> None:
    place.daemon.clock.tick = timedelta(0)

    answer = await place.ask("/health/live")

    assert (answer.status_code, answer.json()["status"]) == (503, "stuck")


async def test_a_service_without_a_database_is_alive(closed: Place) -> None:
    await closed.daemon.lookout.look()

    assert (await closed.ask("/health/live")).status_code == 200


async def test_a_service_at_work_is_ready(place: Place) -> None:
    assert await place.health() == (200, {"status": "ready", "warnings": [], "tzdata": RELEASE})


async def test_a_service_without_a_database_is_not_ready(closed: Place) -> None:
    await closed.daemon.lookout.look()

    assert await closed.health() == (
        503,
        {"status": "not ready", "why": ["the database does not answer"], "warnings": [], "tzdata": RELEASE},
    )


async def test_a_service_without_a_configuration_is_not_ready(closed: Place) -> None:
    await migrate(closed.database)
    await closed.daemon.lookout.look()

    status, said = await closed.health()

    assert (status, said["why"]) == (503, ["no configuration is in force"])


async def test_a_service_that_stops_is_not_ready(place: Place) -> None:
    place.daemon.stop_claiming()

    status, said = await place.health()

    assert (status, said["why"]) == (503, ["the service is stopping"])


async def test_tables_of_another_version_are_not_ready(place: Place) -> None:
    """Another replica has brought them to a newer program; this one is alive, and no proxy should ask it."""
    async with place.database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    place.daemon.lookout._counted_at = float("-inf")  # a tick later
    await place.look()

    status, said = await place.health()

    why = ["the database has the tables of another version of this program"]
    assert (status, said["why"]) == (503, why)
    assert (await place.ask("/health/live")).status_code == 200
    assert (await place.meters())["scheduler_database_up",] == 0


async def test_what_people_hold_back_is_a_warning(place: Place) -> None:
    async with place.database.write() as connection:
        await holds.put(connection, Hold("talks", WHEN, "Anna", "the speaker is ill"))
    await place.look()

    status, said = await place.health()

    assert status == 200
    assert said["warnings"] == [
        "held by a person since 2026-11-04T12:00+00:00: talks; let it go with: scheduler resume"
    ]


async def test_broken_files_are_a_warning(place: Place) -> None:
    place.house.edit("network.yaml", "zone: Europe/Berlin", "zone: Europe/Secret")
    await place.look()

    status, said = await place.health()

    assert status == 200
    assert len(said["warnings"]) == 1
    assert "the files have errors; what was in force stays: 1 error" in said["warnings"][0]
    assert "Secret" not in str(said)
    assert (await place.ask("/feeds/all.ics")).status_code == 200


async def test_a_copy_that_is_held_is_a_warning(place: Place) -> None:
    async with place.database.write() as connection:
        await installation.hold(connection)
    await place.look()

    status, said = await place.health()

    assert status == 200
    assert [warning[:5] for warning in said["warnings"]] == ["held:"]


async def test_a_mail_server_that_is_away_is_a_warning(place: Place) -> None:
    place.daemon.deliverer.breaker.trip(datetime.now(UTC), "421 try later")

    assert await place.health() == (
        200,
        {"status": "ready", "warnings": ["the mail server is away: 421 try later"], "tzdata": RELEASE},
    )


async def test_clocks_that_changed_are_a_warning_until_people_decide(place: Place) -> None:
    change = ClockChange(moved={"first.talks": (WHEN, WHEN)}, cities=3)
    async with place.database.write() as connection:
        await holds.put(connection, Hold("first.talks", WHEN, f"tzdata {RELEASE}", "its clock changed"))
        await clocks.add(connection, "2025b", RELEASE, change, WHEN)
    await place.look()

    status, said = await place.health()

    assert status == 200
    assert said["warnings"] == [
        f"the clocks changed with tz database {RELEASE}: 1 session or deadline moved, "
        "3 cities read another hour; see it with: scheduler clocks"
    ]


async def test_a_program_with_an_older_tz_database_is_a_warning(place: Place) -> None:
    async with place.database.write() as connection:
        await connection.execute(update(tables.configurations).values(tzdata="2099a", id=2))
    await place.look()

    _, said = await place.health()

    assert said["warnings"] == [
        f"this program has tz database {RELEASE}, and what is in force was computed with 2099a; clocks go "
        "otherwise by it, so it sends nothing and its feeds stay as they are: update it, or go back to its "
        "clocks with: scheduler apply --older-clocks"
    ]


async def test_health_can_be_asked_for_without_a_body(place: Place) -> None:
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert (await place.ask(path, "HEAD")).status_code == 200
        assert (await place.ask(path, "POST")).status_code == 405


# meters


async def test_requests_are_counted_by_the_sort_of_their_feed(place: Place) -> None:
    await place.ask("/feeds/all.ics")
    tag = (await place.ask(place.city)).headers["etag"]
    await place.ask(place.city, if_none_match=tag)
    for path in ("/feeds/city/guess.ics", "/feeds/another.ics", "/"):
        await place.ask(path)

    found = {
        key[1:]: n for key, n in (await place.meters()).items() if key[0] == "scheduler_feed_requests_total"
    }

    assert found == {("all", "200"): 1, ("city", "200"): 1, ("city", "304"): 1, ("unknown", "404"): 2}


async def test_no_meter_tells_an_address(place: Place) -> None:
    await place.ask(place.city)
    await place.ask("/feeds/city/guess.ics")

    text = (await place.ask("/metrics")).text

    for secret in (place.city, place.city[-36:-4], "guess", "/feeds", CITY, "@"):
        assert secret not in text


async def test_mails_are_counted_by_kind_with_their_lateness(place: Place) -> None:
    meters = place.daemon.meters
    meters.delivered(Kind.REMINDER, Fate.SENT, timedelta(seconds=-3))
    meters.delivered(Kind.REMINDER, Fate.LATER, timedelta(hours=3))

    found = await place.meters()

    assert found["scheduler_attempts_total", "sent", "reminder"] == 1
    assert found["scheduler_attempts_total", "later", "reminder"] == 1
    assert found["scheduler_lateness_seconds_count", "reminder"] == 1
    assert found["scheduler_lateness_seconds_sum", "reminder"] == 0


async def test_what_left_the_outbox_leaves_the_meters(place: Place) -> None:
    meters, now = place.daemon.meters, datetime.now(UTC)
    meters.counted([Unsent("reminder", "queued", False, 2, 2, now - timedelta(minutes=1))], now)
    meters.counted([Unsent("reminder", "deferred", False, 2, 0, None)], now)

    found = await place.meters()

    assert found["scheduler_deliveries", "reminder", "deferred"] == 2
    assert ("scheduler_deliveries", "reminder", "queued") not in found
    assert found["scheduler_oldest_due_seconds",] == 0


async def test_warnings_are_counted_at_every_look(place: Place) -> None:
    place.daemon.deliverer.breaker.trip(datetime.now(UTC), "421 try later")

    assert (await place.meters())["scheduler_warnings",] == 1
    place.daemon.deliverer.breaker.close()
    assert (await place.meters())["scheduler_warnings",] == 0


# a real port


class Line:
    """A connection that says octets and hears an answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def hear(self) -> tuple[int, dict[str, str], bytes]:
        """One answer with a Content-Length, or none by its status."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
        length = 0 if status == 304 else int(headers.get("content-length", 0))
        return status, headers, await self.reader.readexactly(length)


@asynccontextmanager
async def calling(address: str) -> AsyncIterator[Line]:
    host, _, port = address.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def at_work(place: Place, host: str = "127.0.0.1", limits: Limits | None = None) -> AsyncIterator[str]:
    async with asyncio.timeout(PATIENCE), serving(place.site, host, 0, limits) as listening:
        yield listening.address


def request(path: str, *headers: str, method: str = "GET", host: str = HOST) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", "")).encode("latin-1")


async def test_a_calendar_comes_over_the_wire(place: Place) -> None:
    async with at_work(place) as address, calling(address) as line:
        line.say(request("/feeds/all.ics"))
        status, headers, body = await line.hear()
        line.say(request("/feeds", "Accept-Encoding: gzip", f"If-None-Match: {headers['etag']}"))
        _, packed, octets = await line.hear()
        line.say(request("/feeds/all.ics", f"If-None-Match: {headers['etag']}"))
        known = await line.hear()

    assert status == 200
    assert body.startswith(b"BEGIN:VCALENDAR\r\n")
    assert packed["content-encoding"] == "gzip"
    assert b"/feeds/all.ics" in gzip.decompress(octets)
    assert known[0] == 304
    assert not {"content-length", "transfer-encoding", "content-encoding"} & set(known[1])
    assert "server" not in headers


#: A way to ask -> what stands in an answer to it.
WAYS = {"plain": "X: y", "packed": "Accept-Encoding: gzip", "known": "If-None-Match: *"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", ["/", "/feeds/all.ics", "/sessions/first.talks.ics"])
async def test_what_is_written_at_once_is_what_asgi_says(place: Place, path: str, way: str) -> None:
    async with at_work(place) as address, calling(address) as line:
        line.say(request(path, WAYS[way]))
        status, at_once, body = await line.hear()
        # a query that means nothing takes the long way
        line.say(request(f"{path}?x", WAYS[way]))
        long_way = await line.hear()

    assert {**at_once, "date": ""} == {**long_way[1], "date": ""}
    assert (status, body) == (long_way[0], long_way[2])
    assert "date" in at_once


async def test_what_is_written_at_once_is_counted(place: Place) -> None:
    async with at_work(place) as address, calling(address) as line:
        for header in ("X: y", "If-None-Match: *"):
            line.say(request("/feeds/all.ics", header))
            await line.hear()

    found = await place.meters()
    assert found["scheduler_feed_requests_total", "all", "200"] == 1
    assert found["scheduler_feed_requests_total", "all", "304"] == 1


async def test_many_requests_at_once_are_answered_in_their_order(place: Place) -> None:
    """Ready and not ready, one behind the other on a line that nobody has read from yet."""
    paths = [
        "/feeds/all.ics",
        "/health/live",
        "/feeds/none.ics",
        place.city,
        "/",
        "/feeds/all.ics?lang=en",
    ] * 5
    async with at_work(place) as address, calling(address) as line:
        line.say(b"".join(map(request, paths)))
        answers = [await line.hear() for _ in paths]

    kinds = ["text/calendar", "application/json", "text/plain", "text/calendar", "text/html", "text/calendar"]
    assert [headers["content-type"].partition(";")[0] for _, headers, _ in answers] == kinds * 5


async def test_who_says_goodbye_is_answered_first(place: Place) -> None:
    async with at_work(place) as address, calling(address) as line:
        line.say(request("/feeds/all.ics", "Connection: close"))
        status, headers, _ = await line.hear()

        assert (status, headers["connection"]) == (200, "close")
        assert await line.reader.read() == b""


async def test_who_reads_late_gets_all_it_asked_for(place: Place) -> None:
    """Hundreds of requests on one line, before any answer is read; others are served meanwhile."""
    async with at_work(place) as address, calling(address) as line:
        line.say(request("/feeds") * 600)
        async with calling(address) as other:
            other.say(request("/health/live"))
            assert (await other.hear())[0] == 200

        for _ in range(600):
            assert (await line.hear())[0] == 200


async def test_head_leaves_the_line_usable(place: Place) -> None:
    async with at_work(place) as address, calling(address) as line:
        line.say(request("/feeds/all.ics", method="HEAD"))
        head = (await line.reader.readuntil(b"\r\n\r\n")).decode()
        line.say(request("/health/live"))
        status, _, body = await line.hear()

    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert status == 200
    assert json.loads(body)["status"] == "alive"


def has_ipv6() -> bool:
    """Containers often have none."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


#: As clients and robots write them.
ROADS = {
    "/feeds/../health/live": 404,
    "/feeds/%2e%2e/health/live": 404,
    "/feeds/series/../all.ics": 404,
    "/health/live/../../feeds/all.ics": 404,
    "//feeds/all.ics": 404,
    "//": 404,
    "/feeds/%ff.ics": 404,
    "/feeds/city/%00": 404,
    "/feeds/all.ics?a=b": 200,
    "http://evil.example/feeds/all.ics": 421,
    f"http://{HOST}/feeds/all.ics": 200,
}


async def test_a_path_is_taken_as_it_is(place: Place) -> None:
    async with at_work(place) as address, calling(address) as line:
        for path, expected in ROADS.items():
            line.say(request(path))
            status, headers, body = await line.hear()

            assert (path, status) == (path, expected)
            assert "evil.example" not in body.decode() + str(headers)


_DATE = b"If-Modified-Since: Mon, 01 Jan 99999999999999999999 0:0:0 GMT"
_UPGRADE = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13"
)
NONSENSE = {
    b"NONSENSE": 400,
    b"GET /\xff HTTP/1.1\r\nHost: localhost": 400,
    b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: \xff\r\nIf-None-Match: \xff": 200,
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + _DATE: 200,
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + _UPGRADE: 200,
    b"GET /feeds/all.ics HTTP/1.1\r\nHost: localhost\r\n" + _UPGRADE: 200,
}


async def test_nonsense_is_no_error_of_ours(place: Place) -> None:
    async with at_work(place) as address:
        for said, expected in NONSENSE.items():
            async with calling(address) as line:
                line.say(said + b"\r\n\r\n")
                status, _, _ = await line.hear()

            assert (said, status) == (said, expected)


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_an_address_of_the_new_kind_stands_in_brackets(place: Place) -> None:
    async with at_work(place, "::1") as address, calling(address) as line:
        line.say(request("/health/live"))

        assert address.startswith("http://[::1]:")
        assert (await line.hear())[0] == 200


async def test_a_port_in_use_is_said_in_one_sentence(place: Place) -> None:
    async with at_work(place) as address:
        port = int(address.rpartition(":")[2])
        with pytest.raises(SchedulerError) as refused:
            async with serving(place.site, "127.0.0.1", port):
                pass

    assert str(refused.value) == (
        f"127.0.0.1:{port} cannot be listened on (Address already in use); "
        "set SCHEDULER_LISTEN to a free address"
    )


async def test_an_address_of_another_machine_is_said_in_one_sentence(place: Place) -> None:
    for host in ("192.0.2.1", "2001:db8::1"):
        with pytest.raises(SchedulerError, match="cannot be listened on"):
            async with serving(place.site, host, 0):
                pass


async def test_a_port_is_free_after_a_stop(place: Place) -> None:
    async with at_work(place) as address:
        port = int(address.rpartition(":")[2])

    async with serving(place.site, "127.0.0.1", port) as again:
        assert again.address == address


async def test_a_stop_at_once_is_a_stop(place: Place) -> None:
    async with at_work(place):
        pass


@pytest.mark.parametrize(
    "left",
    [
        pytest.param(request("/health/live"), id="idle"),
        pytest.param(request("/health/live") + b"GET /feeds/all.ics HTTP/1.1\r\nHost: a", id="half a head"),
        pytest.param(request("/none", "Content-Length: 100", method="POST") + b"half", id="half a body"),
    ],
)
async def test_a_stop_does_not_wait_for_a_client(place: Place, left: bytes) -> None:
    async with asyncio.timeout(PATIENCE):
        serving_now = serving(place.site, "127.0.0.1", 0)
        address = (await serving_now.__aenter__()).address
        async with calling(address) as line:
            line.say(left)
            await line.hear()

            await serving_now.__aexit__(None, None, None)

            await line.reader.read()
            assert line.reader.at_eof()


async def test_a_stop_does_not_wait_for_who_says_nothing(place: Place) -> None:
    async with asyncio.timeout(PATIENCE):
        serving_now = serving(place.site, "127.0.0.1", 0)
        address = (await serving_now.__aenter__()).address
        async with calling(address) as line, calling(address) as other:
            line.say(b"GET /feeds/all.ics HT")
            other.say(request("/health/live"))
            await other.hear()

            await serving_now.__aexit__(None, None, None)

            assert await line.reader.read() == b""


async def test_a_head_without_end_is_refused(place: Place) -> None:
    """Taken as it is, it would stop the event loop, and with it the mails (H12)."""
    async with at_work(place) as address, calling(address) as line:
        line.say(b"GET /feeds/all.ics HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000)
        line.say(b"x" * 100_000)

        assert (await line.reader.readline()).startswith(b"HTTP/1.1 431 ")
        assert (await line.reader.read()).endswith(b"\r\n\r\n")


async def test_on_a_used_line_a_head_without_end_is_refused_too(place: Place) -> None:
    async with at_work(place) as address, calling(address) as line:
        line.say(request("/health/live"))
        await line.hear()
        line.say(b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000)

        assert (await line.reader.readline()).startswith(b"HTTP/1.1 431 ")


async def test_many_small_heads_are_no_large_one(place: Place) -> None:
    async with at_work(place) as address, calling(address) as line:
        line.say(request("/health/live") * 1000)

        assert {(await line.hear())[0] for _ in range(1000)} == {200}


async def test_a_body_is_no_part_of_its_head(place: Place) -> None:
    async with at_work(place) as address, calling(address) as line:
        line.say(request("/stop/x", "Content-Length: 60000", method="POST") + b"x" * 60_000)

        assert (await line.hear())[0] == 404


@pytest.mark.parametrize(
    "path", ["/health/live", "/answer/1-x/y", "/feeds/all.ics?lang=en", "/feeds/all.ics"]
)
async def test_who_ends_its_half_of_the_line_is_answered(place: Place, path: str) -> None:
    async with at_work(place) as address, calling(address) as line:
        line.say(request(path) * 3)
        line.writer.write_eof()

        assert (await line.reader.read()).count(b"HTTP/1.1 ") == 3


async def test_who_ends_in_the_middle_is_not_waited_for(place: Place) -> None:
    async with at_work(place) as address, calling(address) as line:
        line.say(request("/stop/x", "Content-Length: 60", method="POST") + b"x")
        line.writer.write_eof()

        await line.reader.read()


async def test_who_goes_away_before_the_answers_is_no_error(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_work(place) as address:
        for _ in range(3):
            async with calling(address) as line:
                line.say(request("/feeds") * 400)
                await line.reader.readexactly(1)
                line.writer.transport.abort()
        async with calling(address) as other:
            other.say(request("/health/live"))
            await other.hear()

    assert not [record for record in caplog.records if record.exc_info]
