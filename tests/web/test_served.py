"""What is answered to whom: tags, dates, compression."""

from __future__ import annotations

import gzip
import subprocess
import sys
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.web.served import Served, gone, make_served
from tests.cast import at

OCTETS = b"BEGIN:VCALENDAR\r\n" * 100
#: With half a second, which HTTP cannot say.
CHANGED = at("2027-06-14T12:00:00.500000+02:00")
IN_HTTP = "Mon, 14 Jun 2027 10:00:00 GMT"
#: Long after.
NOW = at("2037-12-31T23:59:59+00:00")


def served(octets: bytes = OCTETS, modified_at: datetime = CHANGED) -> Served:
    return make_served(
        octets,
        media_type="text/calendar; charset=utf-8",
        modified_at=modified_at,
        sort="all",
        cache="public, max-age=3600",
    )


def asked(resource: Served, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return asked_at(NOW, resource, **headers)


def asked_at(now: datetime, resource: Served, **headers: str) -> tuple[int, dict[str, str], bytes]:
    given = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = resource.answer(given, lambda: now)
    names = [name.decode() for name, _ in answer.headers]
    assert sorted(names) == sorted(set(names))
    return answer.status, {name.decode(): value.decode() for name, value in answer.headers}, answer.body


def status(**headers: str) -> int:
    return asked(served(), **headers)[0]


def tag(**headers: str) -> str:
    return asked(served(), **headers)[1]["etag"]


# the whole


def test_a_feed_is_a_calendar_in_utf_8() -> None:
    found, headers, body = asked(served())

    assert found == 200
    assert body == OCTETS
    assert headers["content-type"] == "text/calendar; charset=utf-8"
    assert headers["content-length"] == str(len(OCTETS))
    assert headers["last-modified"] == IN_HTTP
    assert headers["cache-control"] == "public, max-age=3600"
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-encoding" not in headers


def test_a_tag_is_strong() -> None:
    assert tag().startswith('"')
    assert tag().endswith('"')


def test_equal_octets_have_equal_tags() -> None:
    later = served(modified_at=CHANGED + timedelta(days=1))

    assert asked(later)[1]["etag"] == tag()


def test_other_octets_have_another_tag() -> None:
    assert asked(served(OCTETS + b"\r\n"))[1]["etag"] != tag()


# compression


@pytest.mark.parametrize(
    "accepts",
    [
        "gzip",
        "GZIP",
        "deflate, gzip, br",
        "gzip;q=0.5",
        "br;q=1.0 , gzip ; q=0.001",
        "gzip;q=1",
        "*;q=0, gzip",
    ],
)
def test_who_asks_for_gzip_gets_it(accepts: str) -> None:
    _, headers, body = asked(served(), accept_encoding=accepts)

    assert headers["content-encoding"] == "gzip"
    assert headers["content-length"] == str(len(body))
    assert gzip.decompress(body) == OCTETS


@pytest.mark.parametrize(
    "accepts",
    [
        *("", "identity", "*", "br, deflate", "gzipped", "x;gzip", ","),
        *(
            "gzip;q=0",
            "gzip;q=0.0",
            "gzip;q=0.000",
            "gzip; q=0.",
            "GZIP ;\tQ=0",
            "gzip ; q = 0",
            "br, gzip;q=0",
        ),
    ],
)
def test_who_does_not_ask_for_gzip_gets_none(accepts: str) -> None:
    _, headers, body = asked(served(), accept_encoding=accepts)

    assert "content-encoding" not in headers
    assert body == OCTETS


@pytest.mark.parametrize("accepts", ["", "gzip"])
def test_a_proxy_learns_what_the_answer_rests_on(accepts: str) -> None:
    assert asked(served(), accept_encoding=accepts)[1]["vary"] == "accept-encoding"


def test_what_is_short_is_not_compressed() -> None:
    _, headers, body = asked(served(b"short"), accept_encoding="gzip")

    assert "content-encoding" not in headers
    assert body == b"short"


def test_compressed_octets_have_a_tag_of_their_own() -> None:
    assert tag(accept_encoding="gzip") != tag()


def test_compressed_octets_are_the_same_in_every_process() -> None:
    program = f"import sys, gzip; sys.stdout.buffer.write(gzip.compress({OCTETS!r}, 6, mtime=0))"

    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)  # noqa: S603

    assert done.stdout == served().packed == served().packed


# what the client has


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', '"x",W/{} ', "*", ' , {}, "y"', '"a,*,b", {}'])
@pytest.mark.parametrize("accepts", ["", "gzip"])
def test_who_has_the_octets_gets_none(form: str, accepts: str) -> None:
    known = form.format(tag(accept_encoding=accepts))

    found, headers, body = asked(served(), if_none_match=known, accept_encoding=accepts)

    assert (found, body) == (304, b"")
    assert headers["etag"] == tag(accept_encoding=accepts)
    assert {"cache-control", "vary", "last-modified"} <= set(headers)
    assert not {"content-length", "content-encoding"} & set(headers)


@pytest.mark.parametrize(
    "known", ['"x"', "", '""', '"', "W/", "junk", '"x, "y"', "**", '"a,*,b"', '"*"', "W/*"]
)
def test_who_has_other_octets_gets_these(known: str) -> None:
    assert status(if_none_match=known) == 200


def test_a_tag_without_its_quotes_is_none() -> None:
    assert status(if_none_match=tag().strip('"')) == 200


def test_who_has_them_compressed_does_not_have_them_plain() -> None:
    """The answer would name a tag that a proxy does not hold (RFC 9111, section 4.3.4)."""
    assert status(if_none_match=tag(accept_encoding="gzip")) == 200


@pytest.mark.parametrize(
    "since",
    [
        IN_HTTP,
        "Mon, 14 Jun 2027 10:00:01 GMT",
        "Monday, 14-Jun-27 10:00:00 GMT",
        "Mon, 14 Jun 2027 12:00:00 +0200",
        "Mon Jun 14 10:00:00 2027",
    ],
)
def test_who_has_it_since_its_last_change_gets_nothing(since: str) -> None:
    assert status(if_modified_since=since) == 304


@pytest.mark.parametrize("since", ["Mon, 14 Jun 2027 09:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_who_has_it_since_before_its_last_change_gets_it(since: str) -> None:
    assert status(if_modified_since=since) == 200


@pytest.mark.parametrize(("seconds", "is_dated"), [(-1, False), (1, False), (2, True)])
def test_no_change_is_dated_after_its_answer(seconds: int, is_dated: bool) -> None:
    """RFC 9110, section 8.8.2.1; what is sent as Date may be a second old."""
    now = CHANGED + timedelta(seconds=seconds)

    for headers in ({}, {"accept_encoding": "gzip"}, {"if_none_match": "*"}):
        assert ("last-modified" in asked_at(now, served(), **headers)[1]) is is_dated


@pytest.mark.parametrize(
    "junk",
    [
        *("", "0", "-1", "null", "yesterday", "2027-06-15T00:00:00Z", "Mon, 15 Jun 2027", "\xff\xfe"),
        *("Tue, 15 Jun 2027 10:00:00", "Tue, 15 Jun 2027 10:00:00 -0000", "Mon, 99 Jun 2027 10:00:00 GMT"),
        "Mon, 14 Jun 99999999999999999999 10:00:00 GMT",
        f"{IN_HTTP},{IN_HTTP}",
        "Mon, 14 Jun 2027 10:00:00 +99999999999",
        "9" * 5000,
        *("mon jun 14 10:00:00 2027", "Mon Jun 14 10:00:00", "Mon Jun 14 25:00:00 2027"),
    ],
)
def test_a_date_that_is_none_is_ignored(junk: str) -> None:
    """jsenecal/netbox-notices#67: Apple got 304 for ever."""
    assert status(if_modified_since=junk) == 200


def test_a_date_to_come_is_ignored() -> None:
    """A clock that is ahead would hide every change until then."""
    now = CHANGED.replace(microsecond=0) + timedelta(hours=1)
    dates = [now + timedelta(seconds=ahead) for ahead in (0, 1, 86400)]

    found = [
        asked_at(now, served(), if_modified_since=format_datetime(date, usegmt=True))[0] for date in dates
    ]

    assert found == [304, 200, 200]


def test_what_is_gone_is_said_to_everybody() -> None:
    for headers in ({}, {"if_none_match": "*"}, {"if_modified_since": IN_HTTP}, {"accept_encoding": "gzip"}):
        found, answered, body = asked(gone("city"), **headers)

        assert (found, body, answered["cache-control"]) == (410, b"This calendar has ended.\n", "no-store")


@pytest.mark.parametrize("headers", [{}, {"accept_encoding": "gzip"}, {"if_none_match": "*"}])
def test_the_head_over_the_wire_says_what_the_answer_says(headers: dict[str, str]) -> None:
    given = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    answer = served().answer(given, lambda: NOW)

    first, *lines = answer.head.decode().split("\r\n")

    assert first == ("HTTP/1.1 304 Not Modified" if "if_none_match" in headers else "HTTP/1.1 200 OK")
    assert lines == [*(f"{name.decode()}: {value.decode()}" for name, value in answer.headers), ""]


_WORDS = st.sampled_from(
    [*"0123456789,:;.+-٣", " ", "Mon", "Jun", "14", "2027", "99999999999999999999", "GMT", "EST", "10:00:00"]
)


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=255)) | st.lists(_WORDS).map(" ".join))
def test_no_header_makes_an_error(text: str) -> None:
    octets = text.encode("utf-8")
    names = (b"if-modified-since", b"if-none-match", b"accept-encoding")

    for name in names:
        assert served().answer({name: octets}, lambda: NOW).status in (200, 304)


@pytest.mark.parametrize(
    ("known", "since", "answer"),
    [("other", IN_HTTP, 200), ("same", "Thu, 01 Jan 1970 00:00:00 GMT", 304), ("other", "junk", 200)],
)
def test_a_tag_counts_more_than_a_date(known: str, since: str, answer: int) -> None:
    tags = {"other": '"x"', "same": tag()}

    assert status(if_none_match=tags[known], if_modified_since=since) == answer


@given(st.datetimes(datetime(1970, 1, 1), datetime(2037, 12, 31)))  # noqa: DTZ001 - made UTC below
def test_who_sends_back_its_date_has_it(naive: datetime) -> None:
    resource = served(modified_at=at(f"{naive.isoformat()}+00:00"))
    said = asked(resource)[1]["last-modified"]

    assert asked(resource, if_modified_since=said)[0] == 304
    before = format_datetime(resource.modified_at - timedelta(seconds=1), usegmt=True)
    assert asked(resource, if_modified_since=before)[0] == 200
