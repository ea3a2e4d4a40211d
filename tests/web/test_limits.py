"""Who is slow, large, malformed or many, over the wire: it is answered with 4xx or closed, and nobody else
notices (H01, H06, H11, H12). No request takes long here; tests/web/test_siege.py has the whole of it."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from scheduler.store.migrate import migrate
from scheduler.web.limits import Limits
from tests.serving.house import House, until
from tests.web.test_app import HOST, Line, Place, a_place, at_work, calling, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Nobody waits long in a test.
SHORT = Limits(patience=0.2, reading=0.2, linger=0.1)
FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """A session in a month, and a city. One for all, as it is for all strangers."""
    folder = tmp_path_factory.mktemp("house")
    House(folder).furnish(1).write_session(datetime.now(UTC) + timedelta(days=30))
    async with a_place(folder) as place:
        await migrate(place.database)
        await place.look()
        yield place


async def rest_of(line: Line) -> bytes:
    """What comes until the other side closes, however it does."""
    said = b""
    try:
        while some := await line.reader.read(65536):
            said += some
    except ConnectionError:
        pass
    return said


async def is_served(address: str, path: str = "/feeds/all.ics") -> bool:
    """To somebody else, who does nothing wrong."""
    async with calling(address) as line:
        line.say(request(path))
        return (await line.hear())[0] == 200


def cuts(place: Place, why: str) -> float:
    return place.daemon.meters.registry.get_sample_value("scheduler_connections_cut_total", {"why": why}) or 0


async def trickle(line: Line, octets: bytes = b"x", pause: float = 0.02) -> None:
    """A little, again and again, as long as the other side takes it. pause: seconds."""
    try:
        while not line.writer.is_closing():
            line.say(octets)
            await line.writer.drain()
            await asyncio.sleep(pause)  # what is tried is to be slow
    except ConnectionError:
        pass


def answering(place: Place) -> str:
    return place.daemon.links.answer(1, "first.talks").removeprefix(place.daemon.links.base_url)


# slow


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX: ".encode(), id="head"),
        pytest.param(request("/stop/x", "Content-Length: 900", method="POST"), id="body that nobody reads"),
        pytest.param(request("/", "Content-Length: 900"), id="body of a GET"),
    ],
)
async def test_what_trickles_has_an_end(place: Place, begun: bytes) -> None:
    before = cuts(place, "slow")
    async with at_work(place, limits=SHORT) as address, calling(address) as line:
        line.say(begun)
        trickling = asyncio.create_task(trickle(line))

        said = await rest_of(line)

        trickling.cancel()
        assert said[:12] in (b"HTTP/1.1 408", b"HTTP/1.1 404", b"HTTP/1.1 200")
    assert cuts(place, "slow") == before + 1


@pytest.mark.parametrize("frame", ["Content-Length: 900", "Transfer-Encoding: chunked"])
async def test_a_form_that_trickles_has_an_end(
    place: Place, caplog: pytest.LogCaptureFixture, frame: str
) -> None:
    async with at_work(place, limits=SHORT) as address, calling(address) as line:
        line.say(request(answering(place), FORM, frame, method="POST"))
        trickling = asyncio.create_task(trickle(line, b"1\r\nx\r\n"))

        said = await rest_of(line)

        trickling.cancel()
    assert said.startswith(b"HTTP/1.1 408 ")
    assert said.count(b"HTTP/1.1") == 1
    assert not [record for record in caplog.records if record.exc_info]


async def test_who_says_nothing_is_sent_away(place: Place) -> None:
    async with at_work(place, limits=SHORT) as address, calling(address) as line:
        assert await rest_of(line) == b""


async def test_empty_lines_keep_nothing_open(place: Place) -> None:
    """They begin no request, and stopped the clock of an idle connection."""
    async with at_work(place, limits=SHORT) as address, calling(address) as line:
        line.say(request("/feeds/all.ics"))
        await line.hear()
        trickling = asyncio.create_task(trickle(line, b"\r\n"))

        assert await rest_of(line) == b""

        trickling.cancel()


async def test_who_reads_nothing_is_cut_off(place: Place) -> None:
    """Even where we have closed long ago, and only the last octets wait."""
    before = cuts(place, "unread")
    async with at_work(place, limits=SHORT) as address:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            deaf.connect(_there(address))
            deaf.sendall(request("/feeds") * 900)
            await until(lambda: cuts(place, "unread") == before + 1)

        assert await is_served(address)


async def test_a_client_that_goes_away_in_its_form_is_no_error(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_work(place) as address:
        for frame in ("Content-Length: 900", "Transfer-Encoding: chunked"):
            async with calling(address) as line:
                line.say(request(answering(place), FORM, frame, method="POST") + b"1\r\nx")
                await line.writer.drain()
                line.writer.write_eof()
                await rest_of(line)
        assert await is_served(address)

    assert not [record for record in caplog.records if record.exc_info]


# large


async def pour(line: Line, octets: bytes, times: int) -> None:
    try:
        for _ in range(times):
            line.say(octets)
            await line.writer.drain()
    except ConnectionError:
        pass


PIECE = b"10000\r\n" + b"x" * 65536 + b"\r\n"
#: What is said first, what is poured after it, and the answer: that of the page, or that it is too much.
FLOODS = {
    "head": (f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX: ".encode(), b"x" * 65536, b"431"),
    "headers": (f"GET / HTTP/1.1\r\nHost: {HOST}\r\n".encode(), b"a:b\r\n" * 10_000, b"431"),
    "target": (b"GET /", b"x" * 65536, b"431"),
    "20 MB": (request("/stop/x", "Content-Length: 20000000", method="POST"), b"x" * 65536, b"413"),
    "20 MB in a GET": (request("/", "Content-Length: 20000000"), b"x" * 65536, b"413"),
    "no end": (request("/stop/x", "Transfer-Encoding: chunked", method="POST"), PIECE, b"404 413"),
    "no end of a form": (request("{}", FORM, "Transfer-Encoding: chunked", method="POST"), PIECE, b"413"),
    "trailers": (
        request("/stop/x", "Transfer-Encoding: chunked", method="POST") + b"0\r\n",
        b"a:b\r\n" * 10_000,
        b"404 413",
    ),
    "packed": (
        request("/stop/x", "Content-Encoding: gzip", "Transfer-Encoding: chunked", method="POST"),
        PIECE,
        b"415 413",
    ),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_what_is_too_large_is_answered_and_read_no_further(
    place: Place, caplog: pytest.LogCaptureFixture, flood: str
) -> None:
    """Who writes on hears the answer, because it is not reset at once."""
    first, more, expected = FLOODS[flood]
    async with at_work(place, limits=SHORT) as address, calling(address) as line:
        line.say(first.replace(b"{}", answering(place).encode()))
        pouring = asyncio.create_task(pour(line, more, 320))

        said = await rest_of(line)

        pouring.cancel()
        assert said.split(b" ")[1] in expected.split()
        assert said.count(b"HTTP/1.1 ") == 1
        assert await is_served(address)
    assert not [record for record in caplog.records if record.exc_info]


# malformed


_H = f"Host: {HOST}\r\n".encode()
#: What framing errors and smuggling are made of; each is one request to a good server, and closed.
MALFORMED = {
    "two lengths": b"POST /stop/x HTTP/1.1\r\n" + _H + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "length and pieces": b"POST /stop/x HTTP/1.1\r\n"
    + _H
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "packed pieces": b"POST /stop/x HTTP/1.1\r\n" + _H + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "pieces before their time": b"POST /stop/x HTTP/1.0\r\n"
    + _H
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a blank before the colon": b"POST /stop/x HTTP/1.1\r\n" + _H + b"Transfer-Encoding : chunked\r\n\r\n",
    "another protocol behind a body": b"POST /stop/x HTTP/1.1\r\n"
    + _H
    + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 30\r\n\r\nGET /health/live HTTP/1.1\r\n",
    "a negative piece": b"POST /stop/x HTTP/1.1\r\n" + _H + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\n" + _H + b"X: a\r\n b\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: localhost\n\n",
    "a bare return": b"GET / HTTP/1.1\r\n" + _H + b"X: a\rTransfer-Encoding: chunked\r\n\r\n",
    "a NUL": b"GET / HTTP/1.1\r\n" + _H + b"X: a\0b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\n" + _H + b"Host: evil.example\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "another version": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a blank in the target": b"GET /a b HTTP/1.1\r\n" + _H + b"\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\n" + _H + b"\r\n",
    "no path": b"GET http://evil.example HTTP/1.1\r\n" + _H + b"\r\n",
    "an unknown method": b"FOO / HTTP/1.1\r\n" + _H + b"\r\n",
    "another protocol": b"EHLO evil.example\r\n",
    "TLS": bytes.fromhex("16030100f2010000ee0303") + b"\xff" * 200,
}


async def test_what_is_malformed_is_refused_and_closed(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    found = {}
    async with at_work(place, limits=SHORT) as address:
        for name, said in MALFORMED.items():
            async with calling(address) as line:
                line.say(said)
                found[name] = (await rest_of(line))[:12]

    assert found == dict.fromkeys(MALFORMED, b"HTTP/1.1 400")
    assert not caplog.records


ODD_PATHS = (
    *("/%zz", "/feeds/%", "/%00", "/%c0%ae%c0%ae/etc/passwd", "/../../etc/passwd", "/..%5c..%5cetc/passwd"),
    *(
        "/feeds/../../etc/passwd",
        "/answer/%0d%0aLocation:%20http://evil.example/x",
        "/static/%2e%2e/%2e%2e/x",
    ),
    *("/feeds/city/%ff%fe.ics", "/stop/%00", "/health/live/../..", "/;/../x", "//evil.example/x"),
    *("//evil.example//", "/\\evil.example", "/" + "a" * 20_000, "/?" + "a" * 20_000 + "&" * 5_000),
)


async def test_no_odd_path_is_an_error_or_leads_anywhere(place: Place) -> None:
    """H08, H12: no file, no redirect, whatever a query says."""
    async with at_work(place, limits=SHORT) as address:
        for path in ODD_PATHS:
            async with calling(address) as line:
                query = "" if "?" in path else "?next=https://evil.example/&url=//evil.example&redirect=/"
                line.say(request(path + query))
                status, headers, body = await line.hear()

            expected = {200} if path.startswith("/?") else {400, 404}
            assert status in expected, path[:50]
            assert "location" not in headers
            assert b"root:" not in body


async def test_no_query_makes_a_public_path_a_redirect(place: Place) -> None:
    """H08."""
    paths = ("/", "/feeds", "/feeds/all.ics", place.city, "/health/live", "/metrics", "/robots.txt", "/none")
    queries = ("next", "url", "return_to", "redirect", "continue")

    for path in paths:
        for query in queries:
            answer = await place.ask(f"{path}?{query}=https://evil.example/", x_forwarded_host="evil.example")

            assert (answer.is_redirect, "evil" in answer.text + str(answer.headers)) == (False, False)


async def test_an_error_is_not_taken_for_the_answer_before_it(place: Place) -> None:
    """Else a client behind a shared proxy could be given what was meant for another."""
    async with at_work(place, limits=SHORT) as address, calling(address) as line:
        line.say(request("/health/live") + b"NONSENSE\r\n\r\n")

        assert not (await rest_of(line)).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.2"])
async def test_who_asks_for_another_protocol_is_answered_in_this_one(place: Place, protocol: str) -> None:
    """RFC 9110, section 7.8: also what comes behind it, with it or later."""
    asking = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {protocol}", "HTTP2-Settings: AAMAAABk")
    async with at_work(place) as address, calling(address) as line:
        line.say(request("/health/live", *asking) + request("/feeds", *asking) + request("/feeds/all.ics"))
        together = [(await line.hear())[0] for _ in range(3)]
        line.say(request("/none"))

        assert (together, (await line.hear())[0]) == ([200, 200, 200], 404)


async def test_what_follows_a_body_is_no_header(place: Place) -> None:
    async with at_work(place) as address, calling(address) as line:
        pieces = (
            request("/stop/x", "Transfer-Encoding: chunked", method="POST")
            + b"0\r\nHost: evil.example\r\n\r\n"
        )
        line.say(pieces + request("/health/live"))

        assert [(await line.hear())[0] for _ in range(2)] == [404, 200]


@pytest.mark.parametrize(
    "path", ["/feeds/all.ics", "/feeds/all.ics?lang=en", "/sessions/none.ics", "/answer/x/y", "/none"]
)
async def test_each_way_to_an_answer_passes_the_same_gate(place: Place, path: str) -> None:
    """What is ready, what is made, what the router has."""
    async with at_work(place) as address, calling(address) as line:
        line.say(request(path, host="evil.example") + request(path, method="DELETE"))
        line.say(request(path, "Content-Encoding: gzip"))
        answers = [await line.hear() for _ in range(3)]

    assert [status for status, _, _ in answers] == [421, 405, 415]
    assert "evil" not in str(answers)


# many


@contextmanager
def descriptors(number: int) -> Iterator[None]:
    """Files that this process may have open meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_who_waits_longest_makes_room_for_who_comes(place: Place) -> None:
    """H01: half-sent heads and idle connections never keep anybody out."""
    limits = Limits(connections=16)
    async with at_work(place, limits=limits) as address:
        before = cuts(place, "crowded")
        lines = [await asyncio.open_connection(*_there(address)) for _ in range(40)]
        for _, writer in lines:
            writer.write(b"GET / HTTP/1.1\r\nX: ")

        assert all([await is_served(address) for _ in range(40)])

        assert cuts(place, "crowded") >= before + 24
        for _, writer in lines:
            writer.close()


@pytest.mark.parametrize("said", ["nothing", "a form"])
async def test_who_holds_a_place_for_nothing_keeps_others_out_no_second(place: Place, said: str) -> None:
    """H01: those who say nothing at all, and those who never end the form of a genuine link."""
    path = place.daemon.links.stop(1).removeprefix(place.daemon.links.base_url)
    form = request(path, FORM, "Content-Length: 900", method="POST") + b"x"
    async with at_work(place, limits=Limits(connections=16)) as address:
        lines = [await asyncio.open_connection(*_there(address)) for _ in range(40)]
        for _, writer in lines:
            writer.write(form if said == "a form" else b"")

        async with asyncio.timeout(1 + 0.5):  # 40 have come for 16 places, and are let in one after another
            assert await is_served(address)

        for _, writer in lines:
            writer.close()


async def test_who_is_being_answered_is_not_sent_away(place: Place) -> None:
    """A page that waits for the database, while others crowd in."""
    async with at_work(place, limits=Limits(connections=8)) as address, calling(address) as line:
        async with place.database.write():
            line.say(
                request(answering(place), FORM, "Content-Length: 15", method="POST") + b"answer=accepted"
            )
            await line.writer.drain()
            for _ in range(30):
                async with calling(address) as other:
                    other.say(b"GET / HT")
                    await other.writer.drain()
            assert await is_served(address)
        assert (await line.hear())[0] == 303


async def test_without_a_descriptor_nobody_is_let_in_until_there_is_one(place: Place) -> None:
    """accept() fails then: it neither spins nor stops."""
    async with at_work(place) as address:
        taken = [socket.socket() for _ in range(3)]
        there = _there(address)
        with descriptors(max(one.fileno() for one in taken) + 1):
            waiting = taken[0]
            waiting.setblocking(False)
            await asyncio.get_running_loop().sock_connect(waiting, there)
            waiting.sendall(request("/feeds/all.ics", "Connection: close"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.15):
                    await asyncio.get_running_loop().sock_recv(waiting, 10)
        assert (await asyncio.get_running_loop().sock_recv(waiting, 12)) == b"HTTP/1.1 200"
        for one in taken:
            one.close()


def _there(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("http://").rpartition(":")
    return host, int(port)
