"""What is asked over HTTP: files from the shelf before any router, then health and metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from scheduler.model import times
from scheduler.service.daemon import Daemon
from scheduler.web.answering import METHODS, SecretPages
from scheduler.web.api import API, build_api, in_json
from scheduler.web.api_keys import ApiKeys
from scheduler.web.gate import Gate, refusal
from scheduler.web.guesses import Guesses
from scheduler.web.served import Answer, that_matter
from scheduler.web.shelf import Shelf

#: The folders whose files are feeds; all else may be asked of the router.
_CALENDARS = ("/feeds/", "/sessions/")
#: Below it an address is a secret.
_OF_CITIES = "/feeds/city/"
#: What else a shelf has as soon as anything is in force.
_PAGES = ("/", "/feeds")
#: No 404: a program would forget its subscription, a search engine the page.
_NOT_YET = refusal(503, b"Nothing is in force yet.\n", (b"retry-after", b"60"))
_NO_CALENDAR = refusal(404, b"There is no calendar at this address.\n")

#: Of what is true for a moment only.
_FRESH = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class Site:
    """The whole application: a bare ASGI path for what is ready, the router for the rest.

    A request changes nothing here. Whichever way it is answered, it has passed the gate; the Host header
    plays no part in any answer.
    """

    def __init__(
        self,
        daemon: Daemon,
        shelf: Shelf,
        hosts: Iterable[str] = (),
        api_keys: Iterable[tuple[str, SecretStr]] = (),
    ) -> None:
        """hosts: names that clients ask for, besides that of the base URL. api_keys: name of who holds it,
        and the key; without any there is no API."""
        self.meters = daemon.meters
        self._shelf = shelf
        self._clock = daemon.clock
        self._gate = Gate(daemon.links.base_url, hosts)
        self._guesses = Guesses()
        self._router: ASGIApp = build_router(daemon, shelf)
        keys = ApiKeys(api_keys)
        self._api: ASGIApp | None = build_api(daemon, keys) if keys else None

    def at_once(self, scope: Scope) -> Answer | None:
        """What is answered to a GET of something public that is ready; None for all that takes more."""
        if scope["method"] != "GET" or scope["query_string"]:
            return None
        path = scope["path"]
        served = self._shelf.at_hand(path)
        if served is None:
            return None
        asked = that_matter(scope["headers"])
        if self._gate.refusal(scope, asked):
            return None
        return self._counted(path, served.sort, served.answer(asked, self._clock.now))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        asked = that_matter(scope["headers"])
        api = self._api if scope["path"].startswith(API) else None
        answer = self._refused(scope, asked)
        if api:
            answer = in_json(answer) if answer else None
        else:
            answer = answer or await self._calendar(scope, asked)
        if answer is None:
            await (api or self._router)(scope, receive, send)
            return
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": body})

    def _refused(self, scope: Scope, asked: Mapping[bytes, bytes]) -> Answer | None:
        refused = self._gate.refusal(scope, asked)
        return self._counted(scope["path"], "unknown", refused) if refused else None

    async def _calendar(self, scope: Scope, asked: Mapping[bytes, bytes]) -> Answer | None:
        """What the shelf has, or that it has none; None for what the router may know."""
        path = scope["path"]
        served = await self._shelf.find(path, asked_language(scope["query_string"]))
        if served is not None:
            return self._counted(path, served.sort, served.answer(asked, self._clock.now))
        is_calendar = path.startswith(_CALENDARS)
        if self._shelf.is_empty and (is_calendar or path in _PAGES):
            return self._counted(path, "unknown", _NOT_YET)
        if not is_calendar:
            return None
        missed = self._guessed(scope) if path.startswith(_OF_CITIES) else _NO_CALENDAR
        return self._counted(path, "unknown", missed)

    def _guessed(self, scope: Scope) -> Answer:
        """The same for each address that is not open, whatever it was; another one for who does not stop."""
        client = scope.get("client") or ("",)
        seconds = self._guesses.wait(client[0], self._clock.now())
        if seconds == 0:
            return _NO_CALENDAR
        said = b"Too many addresses that are none. Please try again later.\n"
        return refusal(429, said, (b"retry-after", str(seconds).encode()))

    def _counted(self, path: str, sort: str, answer: Answer) -> Answer:
        if path.startswith(_CALENDARS):
            self.meters.feed_asked(sort, answer.status)
        return answer


def asked_language(query: bytes) -> str:
    """The code in `lang=`; nothing where it is not there exactly once. All else in a query is others'."""
    named = (part.partition(b"=") for part in query.split(b"&"))
    asked = [value for name, _, value in named if name == b"lang"]
    return asked[0].decode("latin-1").lower() if len(asked) == 1 else ""


async def _say_plainly(_: Request, error: Exception) -> Response:
    """What the router refuses, for people who mistyped an address."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is called for these only
    said = "There is nothing at this address." if error.status_code == 404 else error.detail
    return PlainTextResponse(f"{said}\n", error.status_code, {**_FRESH, **(error.headers or {})})


def build_router(daemon: Daemon, shelf: Shelf) -> FastAPI:
    """Health and metrics, from memory, so that they come while the database is away; and the pages behind
    secret links, which ask it."""
    app = FastAPI(
        title="Learning Cities Scheduler",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # a redirect would name the Host that was asked for
    )

    app.add_exception_handler(HTTPException, _say_plainly)
    secret = SecretPages(daemon)
    app.add_route("/answer/{rest:path}", secret.answer, methods=METHODS)
    app.add_route("/stop/{rest:path}", secret.stop, methods=METHODS)

    @app.api_route("/health/live", methods=["GET", "HEAD"])
    async def live() -> Response:
        """The event loop and the tick; never the database, or a blip would restart the service."""
        age = round(daemon.clock.tick_age.total_seconds(), 1)
        said = {"status": "alive" if daemon.clock.is_alive else "stuck", "tick_age_seconds": age}
        return JSONResponse(said, 200 if daemon.clock.is_alive else 503, _FRESH)

    @app.api_route("/health/ready", methods=["GET", "HEAD"])
    async def ready() -> Response:
        """503 only while requests cannot be served; what waits for a person is a warning."""
        health = daemon.health()
        why = list(health.not_ready)
        if shelf.is_empty and not why:
            why.append("the feeds are not made yet")
        said: dict[str, Any] = {"status": "not ready" if why else "ready"}
        if why:
            said["why"] = why
        said["warnings"] = health.warnings
        said["tzdata"] = times.tzdata_version()
        return JSONResponse(said, 503 if why else 200, _FRESH)

    @app.api_route("/metrics", methods=["GET", "HEAD"])
    async def metrics() -> Response:
        daemon.health()  # counts the warnings
        return Response(generate_latest(daemon.meters.registry), 200, _FRESH, CONTENT_TYPE_LATEST)

    return app
