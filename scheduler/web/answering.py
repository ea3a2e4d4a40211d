"""The two pages behind signed links in mails: to answer an invitation, and to end the mails about webinars.

A GET shows a page with buttons and changes nothing, because programs follow every link in a mail (H07); a
POST acts, at once and as often as it comes. No cookie, no redirect but to the page itself, and neither Host
nor Origin plays a part: who has the link has the mail.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from scheduler.errors import DatabaseAway, NothingInForce
from scheduler.model.answers import Answer
from scheduler.service.answering import Answering, Asked
from scheduler.service.daemon import Daemon
from scheduler.service.stopping import ON_THE_PAGE, ONE_CLICK, Stopped, Stopping
from scheduler.web.forms import FORM, MULTIPART, FormRefused, media_type, read_form
from scheduler.web.pages import render_page

T = TypeVar("T")

METHODS = ["GET", "HEAD", "POST"]
#: Seconds that a database may take.
_PATIENCE = 5

#: The addresses are secret, and what they show is true for a moment only.
_HEADERS = {
    "cache-control": "no-store",
    "x-robots-tag": "noindex, nofollow",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}
_HTML, _PLAIN = "text/html; charset=utf-8", "text/plain; charset=utf-8"


@dataclass(frozen=True)
class SecretPages:
    """What the router calls for a path behind /answer/ or /stop/."""

    daemon: Daemon

    async def answer(self, request: Request) -> Response:
        """/answer/<id>-<token>/<occurrence>"""
        return await _safely(request, self._answer)

    async def stop(self, request: Request) -> Response:
        """/stop/<id>-<token>; takes the POST of RFC 8058, section 3.1"""
        return await _safely(request, self._stop)

    async def _answer(self, request: Request) -> Response:
        signed, _, occurrence = request.path_params["rest"].partition("/")
        contact_id = self.daemon.links.answers(signed, occurrence)
        desk, now = Answering(self.daemon.database, self.daemon.memory), self.daemon.clock.now()
        asked = None if contact_id is None else await _soon(desk.look(contact_id, occurrence, now))
        if contact_id is None or asked is None:
            return _nothing_here()
        if request.method != "POST":
            return await _answer_page(asked)
        if media_type(request) != FORM:
            return _refused(415, "Only the form of this page is taken.")
        said = (await read_form(request)).get("answer", "")
        if said not in list(Answer):
            return _refused(400, f"Write one of these as the answer: {', '.join(Answer)}.")
        asked = await _soon(desk.answer(contact_id, occurrence, Answer(said), now))
        if asked is None or asked.closed:
            return await _answer_page(asked, 409) if asked else _nothing_here()
        # to the same page, so that a reload does not answer once more
        return Response(status_code=303, headers={"location": f"/answer/{quote(signed)}/{quote(occurrence)}"})

    async def _stop(self, request: Request) -> Response:
        contact_id = self.daemon.links.stops(request.path_params["rest"])
        if contact_id is None:
            return _nothing_here()
        desk, now = Stopping(self.daemon.database, self.daemon.memory), self.daemon.clock.now()
        if request.method != "POST":
            return await _stop_page(await _soon(desk.look(contact_id)))
        if media_type(request) not in (FORM, MULTIPART, ""):
            return _refused(415, "Only a form is taken.")
        said = await read_form(request)
        if said.get("again") == "1":
            return await _stop_page(await _soon(desk.begin_again(contact_id, now)), is_news=True)
        reason = _reason(said)
        if reason is None:
            return _refused(400, "Nothing was changed. To end the e-mails, press the button of this page.")
        return await _stop_page(await _soon(desk.stop(contact_id, reason, now)))


def _reason(said: Mapping[str, str]) -> str | None:
    """Why the mails are to end: the button of the page, or what a mail program says (RFC 8058, section 3.2).
    None for all else, such as the empty POST of a scanner (H07)."""
    if said.get("how") == "page":
        return ON_THE_PAGE
    return ONE_CLICK if said.get("List-Unsubscribe", "").lower() == "one-click" else None


async def _safely(request: Request, act: Callable[[Request], Awaitable[Response]]) -> Response:
    """The answer of a page, or a sentence where there is none now; HEAD is GET without a body."""
    try:
        response = await act(request)
    except FormRefused as refused:
        response = _refused(refused.status, str(refused))
    except ClientDisconnect:
        response = _refused(400, "The form has no end.")  # which nobody hears
    except (DatabaseAway, NothingInForce, TimeoutError):
        response = _refused(503, "This cannot be answered just now. Please try again in a minute.")
        response.headers["retry-after"] = "60"
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.method == "HEAD":
        response.body = b""
    return response


async def _soon(work: Awaitable[T]) -> T:
    """Raises TimeoutError where a database hangs."""
    async with asyncio.timeout(_PATIENCE):
        return await work


def _nothing_here() -> Response:
    """One answer to all that nobody signed, or that is no session any more."""
    return _refused(404, "There is nothing at this address.")


def _refused(status: int, said: str) -> Response:
    """A body that was not read to its end cannot be followed by another request."""
    close = {"connection": "close"} if status == 413 else {}
    return Response(f"{said}\n", status, close, _PLAIN)


async def _answer_page(asked: Asked, status: int = 200) -> Response:
    return Response(await asyncio.to_thread(_written_answer_page, asked), status, media_type=_HTML)


def _written_answer_page(asked: Asked) -> bytes:
    return render_page(
        "answer.html",
        asked.language,
        asked.network,
        view=_View(asked),
        closed=asked.closed.name if asked.closed else "",
        given=asked.given.answer.value if asked.given else "",
        is_outdated=asked.is_outdated,
        shows_way_in=asked.closed is None,
    )


class _View:
    """The names that the sentences of the mails are written with."""

    def __init__(self, asked: Asked) -> None:
        self.network, self.session, self.report = asked.network, asked.session_view(), None
        self.city = asked.member.name if asked.member else ""


async def _stop_page(stopped: Stopped, *, is_news: bool = False) -> Response:
    """is_news: the mails have just begun again."""
    values = {"city": stopped.city, "is_stopped": stopped.is_stopped, "is_news": is_news}
    octets = await asyncio.to_thread(render_page, "stop.html", stopped.language, stopped.network, **values)
    return Response(octets, media_type=_HTML)
