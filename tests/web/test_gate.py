"""What every request must pass: the host, the method and the frame of its body (H06, H11, H12)."""

from __future__ import annotations

from typing import Any

import pytest

from scheduler.web.gate import Gate
from scheduler.web.served import that_matter

GATE = Gate("https://Calendar.cities.example/base", ("old.cities.example", "scheduler", "städte.example"))
OURS = "calendar.cities.example"


def status(path: str = "/feeds/all.ics", method: str = "GET", version: str = "1.1", **headers: str) -> int:
    """Of the refusal; 0 where a request may go on."""
    named = {"host": OURS, **headers}
    pairs = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items()]
    scope: dict[str, Any] = {"path": path, "method": method, "http_version": version, "headers": pairs}
    refused = GATE.refusal(scope, that_matter(pairs))
    return refused.status if refused else 0


@pytest.mark.parametrize(
    "host",
    [
        *(OURS, f"{OURS}:443", f"{OURS}:", "CALENDAR.Cities.example", f"{OURS}.", f"{OURS}.:8000"),
        *("old.cities.example", "scheduler:8000", "xn--stdte-hra.example"),
        *("localhost:8000", "127.0.0.1", "127.0.0.1:38111", "[::1]", "[::1]:8000"),
    ],
)
def test_these_are_our_names(host: str) -> None:
    assert status(host=host) == 0


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "cities.example",
            f"x{OURS}",
            f"{OURS}.evil.example",
            f"{OURS}..",
            "localhost.evil",
        ),
        *("10.0.0.7:8000", "[2001:db8::1]", "127.0.0.2", "[::]", "0.0.0.0"),  # noqa: S104 - not listened on
    ],
)
def test_under_another_name_nothing_is_served(host: str) -> None:
    assert {status(path, host=host) for path in ("/", "/feeds/all.ics", "/answer/x/y", "/none")} == {421}


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            " ",
            f"{OURS},evil.example",
            f"{OURS}:80:80",
            f"evil@{OURS}",
            f"{OURS}/x",
            f"{OURS}:8o",
            "[::1",
        ),
        *(f"http://{OURS}", f"{OURS} evil.example", "a" * 300, "münchen.example", f"{OURS}\t", "%00", "*"),
    ],
)
def test_what_is_no_host_is_nowhere_taken_for_one(host: str) -> None:
    assert {status(path, host=host) for path in ("/", "/feeds/all.ics", "/health/live")} == {400}


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_a_probe_asks_by_any_name_or_address(path: str) -> None:
    """It knows an address of a container and no more."""
    hosts = ("10.0.0.7:8000", "[2001:db8::1]:8000", "scheduler-7d9.default.svc:8000")

    assert {status(path, host=host) for host in hosts} == {0}


def test_an_old_probe_names_no_host() -> None:
    """As the health check of the image does, in HTTP/1.0."""
    assert status("/health/live", version="1.0", host="") == 0
    assert status("/feeds/all.ics", version="1.0", host="") == 400


def test_strange_hosts_do_not_pile_up() -> None:
    for n in range(10_000):
        status(host=f"{n}.example")

    assert GATE._is_ours.cache_info().currsize <= 64


@pytest.mark.parametrize(
    "method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"]
)
def test_no_other_method_goes_anywhere(method: str) -> None:
    assert {status(path, method) for path in ("/", "/feeds/all.ics", "/answer/x/y", "/health/live")} == {405}


def test_only_the_pages_behind_links_and_the_api_are_written_to() -> None:
    written = [
        path
        for path in ("/", "/feeds/x.ics", "/answer/x/y", "/stop/x", "/api/cases/x/y", "/metrics", "/api")
        if not status(path, "POST")
    ]

    assert written == ["/answer/x/y", "/stop/x", "/api/cases/x/y"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"content_length": "0"}, 0),
        ({"content_length": "65536"}, 0),
        ({"content_length": "65537"}, 413),
        ({"content_length": "9" * 5000}, 413),
        ({"content_length": "-1"}, 400),
        ({"content_length": "1_0"}, 400),
        ({"content_length": "5, 5"}, 400),
        ({"content_encoding": "identity"}, 0),
        ({"content_encoding": "gzip"}, 415),
        ({"content_encoding": "identity, br"}, 415),
        ({"transfer_encoding": "chunked"}, 0),
        ({"transfer_encoding": "Chunked"}, 0),
        ({"transfer_encoding": "gzip, chunked"}, 400),
        ({"transfer_encoding": "identity"}, 400),
        ({"transfer_encoding": "chunked", "version": "1.0"}, 400),
    ],
)
def test_a_body_has_an_end_and_comes_unpacked(headers: dict[str, str], expected: int) -> None:
    assert status("/stop/x", "POST", **headers) == expected
    assert status("/feeds/all.ics", **headers) == expected
