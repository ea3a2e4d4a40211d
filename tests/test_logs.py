"""What may stand in a log, and what must never."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler import logs
from tests.logged import logging_as_it_was

PASSWORD = "correct/horse:b@ttery"  # noqa: S105 - of a mail server that is not there
#: What must not come out, and how it may come in.
SECRETS = {
    "an address": ("jane.doe", "jane.doe@city.example"),
    "an address in brackets": ("jane.doe", "550 <jane.doe@city.example>: unknown"),
    "an address with an apostrophe": ("brien", "o'brien@city.example"),
    "an address within an address": ("jane", "bounce+jane=city.example@relay.example"),
    "an address with a quoted name": ("jane doe", '550 <"jane doe"@city.example>: unknown'),
    "an address in a link": ("jane.doe", "550 see https://help.example/?e=jane.doe%40city.example"),
    "an address in an envelope": ("jane.doe", "bounce-17-jane.doe=40city.example said no"),
    "an address of another script": ("żółw", "żółw@miasto.example"),
    "a password": ("correct", f"cannot open smtp://user:{PASSWORD}@mail.example:25"),
    "the end of a password": ("ttery", f"cannot open smtps://user:{PASSWORD}@mail.example"),
    "a user": ("ops-user", "postgresql://ops-user@db.example/cities"),
    "a feed": ("abcdefgh", "GET /feeds/city/abcdefgh.ics?x=1"),
    "an answer": ("abcdefgh", "POST /answer/17-abcdefgh/first.talks"),
    "the end of the mails": ("abcdefgh", "see https://cities.example/stop/17-abcdefgh now"),
    "a whole address of a feed": ("abcdefgh", "webcal://cities.example/feeds/city/abcdefgh.ics"),
}
#: What libraries that we use say by themselves.
LIBRARIES = ("uvicorn.error", "sqlalchemy.engine.Engine", "asyncio", "apscheduler.scheduler", "mail.log")
BREAKS = ("\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    with logging_as_it_was():
        yield


def said(say: Callable[[Any], object], *, level: str = "info", stream: io.StringIO | None = None) -> str:
    """All that stands in the log after `say` had one of its loggers."""
    stream = stream or io.StringIO()
    with contextlib.redirect_stderr(stream):
        logs.configure(level)
        say(logs.get("test"))
    return stream.getvalue()


def line(say: Callable[[Any], object]) -> dict[str, Any]:
    """The one line in the log, parsed."""
    (only,) = said(say).splitlines()
    return dict(json.loads(only))


def fail(text: str) -> None:
    raise ValueError(text)


def test_a_line_says_what_happened_where() -> None:
    found = line(lambda log: log.info("a mail was sent", action="sent", delivery=17))

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", found.pop("timestamp"))
    assert found == {
        "event": "a mail was sent",
        "action": "sent",
        "delivery": 17,
        "part": "test",
        "level": "info",
    }


@pytest.mark.parametrize("value", ["2027-12-15.third-wednesday-2027", "melton", 17, 1.5, True, None])
def test_ids_stay_readable(value: object) -> None:
    assert line(lambda log: log.info("seen", id=value))["id"] == value


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize(("secret", "text"), SECRETS.values(), ids=SECRETS)
def test_no_event_tells_a_secret(secret: str, text: str, stream: type[io.StringIO]) -> None:
    def say(log: Any) -> None:
        log.info(text, why=text, ids=[text, (text,)], more={"deep": text}, error=ValueError(text))

    found = said(say, stream=stream())

    assert "deep" in found
    assert secret not in found


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize(("secret", "text"), SECRETS.values(), ids=SECRETS)
def test_no_traceback_tells_a_secret(secret: str, text: str, stream: type[io.StringIO]) -> None:
    def say(log: Any) -> None:
        try:
            fail(text)
        except ValueError:
            log.exception("it failed")

    found = said(say, stream=stream())

    assert "Traceback" in found
    assert secret not in found


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(("secret", "text"), SECRETS.values(), ids=SECRETS)
def test_no_library_tells_a_secret(secret: str, text: str, library: str) -> None:
    def say(_log: Any) -> None:
        try:
            fail(text)
        except ValueError:
            logging.getLogger(library).exception("it failed: %s", text, stack_info=True)

    found = line(say)

    assert found["part"] == library
    assert "Traceback" in found["exception"]
    assert secret not in str(found)


@pytest.mark.parametrize("library", [*LIBRARIES, "psycopg.pool", "one.that.comes.later"])
def test_libraries_do_not_chatter(library: str) -> None:
    """Their debug lines quote statements and paths."""
    assert said(lambda _: logging.getLogger(library).info("chatter"), level="debug") == ""


@pytest.mark.parametrize("library", [None, "uvicorn.error"])
def test_a_level_holds_for_all(library: str | None) -> None:
    def say(log: Any) -> None:
        (logging.getLogger(library) if library else log).warning("not so bad")

    assert said(say, level="error") == ""


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize("sign", BREAKS)
def test_a_title_cannot_begin_a_line(sign: str, stream: type[io.StringIO]) -> None:
    title = f"Talks{sign}2027-01-01 [error] forged"

    found = said(lambda log: log.info(title, title=title), stream=stream())

    assert len(found.splitlines()) == 1


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_title_cannot_steer_the_terminal(stream: type[io.StringIO]) -> None:
    found = said(lambda log: log.info("Talks\x1b[2J\x9b2J", title="\x1b]0;owned\x07"), stream=stream())

    for sign in ("\x1b[2J", "\x9b", "\x1b]", "\x07"):
        assert sign not in found


@settings(deadline=None)
@given(st.text(), st.text())
def test_a_line_is_json_whatever_is_said(event: str, title: str) -> None:
    found = line(lambda log: log.info(event, title=title))

    assert found["level"] == "info"


def test_a_trace_is_one_line_of_json() -> None:
    def say(log: Any) -> None:
        try:
            fail("first\nsecond")
        except ValueError:
            log.exception("it failed")

    assert line(say)["exception"].endswith("ValueError: first\nsecond")


def test_a_trace_on_a_terminal_keeps_its_lines() -> None:
    def say(log: Any) -> None:
        try:
            fail("first")
        except ValueError:
            log.exception("it failed")

    assert "ValueError: first" in said(say, stream=Terminal()).splitlines()


def test_a_long_word_does_not_stop_the_service() -> None:
    """In base64, with an @ far away; the pattern of an address must not begin anew at every letter."""
    found = line(lambda log: log.info("x" * 400_000 + " @"))

    assert len(found["event"]) > 400_000


def test_half_a_character_is_written() -> None:
    """File names that are no UTF-8 come like this; a real standard error writes them with a backslash."""
    octets = io.BytesIO()
    stream = io.TextIOWrapper(octets, encoding="utf-8", errors="backslashreplace", write_through=True)
    with contextlib.redirect_stderr(stream):
        logs.configure("info")
        logs.get("test").info("read", file="talks\udcff.yaml")

    assert json.loads(octets.getvalue())["file"] == "talks\udcff.yaml"
