"""What is asked over HTTP: files from the shelf before any router, then health and metrics."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Receive, Scope, Send

from scheduler.service.daemon import Daemon
from scheduler.web.served import Headers, Served
from scheduler.web.shelf import Shelf

#: The folders whose files are feeds; all else may be asked of the router.
_CALENDARS = ("/feeds/", "/sessions/")
#: What else a shelf has as soon as anything is in force.
_PAGES = ("/", "/feeds")
_PLAIN: Headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]

#: Of what is true for a moment only.
_FRESH = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class Site:
    """The whole application: a bare ASGI path for what is ready, the router for the rest.

    A request changes nothing here, and the Host header plays no part in any answer.
    """

    def __init__(self, daemon: Daemon, shelf: Shelf) -> None:
        self._shelf = shelf
        self._meters = daemon.meters
        self._router: ASGIApp = build_router(daemon, shelf)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        served = await self._shelf.find(path) if scope["type"] == "http" else None
        is_ours = path.startswith(_CALENDARS) or (self._shelf.is_empty and path in _PAGES)
        if served is None and not is_ours:
            await self._router(scope, receive, send)
            return
        status, headers, body = self._answer(served, scope)
        if path.startswith(_CALENDARS):
            self._meters.feed_asked(served.sort if served else "unknown", status)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(self, served: Served | None, scope: Scope) -> tuple[int, Headers, bytes]:
        if scope["method"] not in ("GET", "HEAD"):
            return _refused(405, b"Only GET and HEAD.\n", (b"allow", b"GET, HEAD"))
        if served:
            return served.answer(_joined(scope["headers"]))
        if self._shelf.is_empty:
            # no 404: a program would forget its subscription, a search engine the page
            return _refused(503, b"Nothing is in force yet.\n", (b"retry-after", b"60"))
        return _refused(404, b"There is no calendar at this address.\n")


def _joined(headers: Headers) -> dict[bytes, bytes]:
    """A header that comes twice is one list (RFC 9110, section 5.3)."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = found[name] + b"," + value if name in found else value
    return found


def _refused(status: int, body: bytes, *more: tuple[bytes, bytes]) -> tuple[int, Headers, bytes]:
    headers = [*_PLAIN, *more, (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    return status, headers, body


def build_router(daemon: Daemon, shelf: Shelf) -> FastAPI:
    """Health and metrics. Answers come from memory, so that they come while the database is away."""
    app = FastAPI(
        title="Learning Cities Scheduler",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # a redirect would name the Host that was asked for
    )

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
        return JSONResponse(said, 503 if why else 200, _FRESH)

    @app.api_route("/metrics", methods=["GET", "HEAD"])
    async def metrics() -> Response:
        daemon.health()  # counts the warnings
        return Response(generate_latest(daemon.meters.registry), 200, _FRESH, CONTENT_TYPE_LATEST)

    return app
