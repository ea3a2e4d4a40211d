"""The API for programs: what became of a case is said, and how far each is can be asked.

It is there where keys are set. A request passes in this order: its key, its body, then what it says; who has
no key learns nothing. Its document, in OpenAPI, is made of the very functions that answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from scheduler.errors import DatabaseAway, KeyReused, NoSuchCase, NothingInForce
from scheduler.service.cases import Cases as CasesDoor
from scheduler.service.daemon import Daemon
from scheduler.service.requests import Answered, Asked, Requests, Writing
from scheduler.web.api_keys import ApiKeys
from scheduler.web.api_words import (
    LONGEST_PAGE,
    TAKES,
    Case,
    CaseAnswered,
    Cases,
    CaseSaid,
    Refusal,
    sentences,
)
from scheduler.web.forms import media_type
from scheduler.web.guesses import Guesses
from scheduler.web.limits import Limits
from scheduler.web.served import Answer

#: Below it everything is answered in JSON.
API = "/api/"
_DOCUMENT = "/api/openapi.json"
#: Seconds that a database may take, and after which it is asked again.
_PATIENCE, _TRY_AGAIN = 5, "10"
#: Wrong keys of one client that are answered as usual: a program that was set up wrongly asks on and on.
_WRONG_KEYS = 20
#: Cases on one page, where nobody says how many.
_PAGE = 100
#: Keys that one object of a body may have, of which each is looked at.
_MOST_KEYS = 30
#: Octets of a body that are read at once; a longer one is read beside the event loop.
_SHORT = 4096
_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
_JSON = "application/json"

_NO_KEY = "A key is needed that is valid: Authorization: Bearer KEY."
_TOO_MANY = "Too many keys that are none. Please try again later."
_AWAY = "This cannot be answered just now. Please repeat it, with the same Idempotency-Key."
_WRONG = "The request cannot be taken; nothing was changed."
_NOT_SAID = "That cannot be said of this case; nothing was changed."


@dataclass(eq=False)  # whoever answers writes into it, as into any exception
class _Refused(Exception):
    status: int
    error: str
    problems: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class ApiRoute(APIRoute):
    """Looks at the key, then at the body, before anything else is done with a request."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            request.state.by = request.app.state.desk.admit(request)
            return await answer(await _read(request) if request.method == "POST" else request)

        return guarded


@dataclass(frozen=True)
class Desk:
    """What stands behind the functions of the API."""

    daemon: Daemon
    keys: ApiKeys
    guesses: Guesses = field(default_factory=lambda: Guesses(free=_WRONG_KEYS))

    @property
    def requests(self) -> Requests:
        return Requests(CasesDoor(self.daemon.database, self.daemon.memory))

    def admit(self, request: Request) -> str:
        """Who asks, as the log names it. The same is said of each key that is none, and who does not stop is
        put off; who has a key is not, wherever it asks from."""
        holder = self.keys.holder(request)
        if holder is not None:
            return f"api:{holder}"
        client = request.client.host if request.client else ""
        seconds = self.guesses.wait(client, self.daemon.clock.now())
        if seconds:
            raise _Refused(429, _TOO_MANY, headers={"retry-after": str(seconds)})
        raise _Refused(401, _NO_KEY, headers={"www-authenticate": 'Bearer realm="cases"'})

    async def record(self, by: str, key: str, cycle: str, member: str, said: CaseSaid) -> Answered:
        asked = Asked(by, key, f"POST {API}cases/{cycle}/{member} {said.model_dump_json()}")
        now = self.daemon.clock.now()
        async with asyncio.timeout(_PATIENCE):
            return await self.requests.record(asked, cycle, said.of(member), now=now, writing=_WRITING)

    async def look(self, cycle: str, member: str) -> Case:
        async with asyncio.timeout(_PATIENCE):
            return Case.of(await self.requests.look(cycle, member, self.daemon.clock.now()))

    async def page(self, cycle: str, after: str, most: int) -> Cases:
        async with asyncio.timeout(_PATIENCE):
            found = await self.requests.page(cycle, after, most, self.daemon.clock.now())
        is_last = len(found) < most
        return Cases(cases=list(map(Case.of, found)), next=None if is_last else found[-1].member)


#: What is remembered of a request, and answered to its repetitions.
_WRITING = Writing(
    done=lambda case, done: Answered(200, CaseAnswered.after(case, done).model_dump_json()),
    refused=lambda refused: Answered(409, _refusal(_NOT_SAID, refused.problems)),
)


def _described(status: int) -> dict[str, Any]:
    """Of the document: what each refusal means."""
    meanings = {
        400: "The request is not as it should be; `problems` names all that is wrong.",
        401: "No key, or one that is none.",
        404: "No such round is in force, or the member is none or not concerned by it.",
        409: "That cannot be said of the case as it is; `problems` says why.",
        413: "The body is longer than 64 KiB.",
        415: "The body is no application/json, or is packed.",
        422: "The Idempotency-Key was used before, for something else.",
        429: "Too many wrong keys came from there.",
        503: "The database is away, or nothing is in force yet. The request may be repeated, with its key.",
    }
    headers = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
    said: dict[str, Any] = {"model": Refusal, "description": meanings[status]}
    if status in headers:
        said["headers"] = {headers[status]: {"schema": {"type": "string"}}}
    return said


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: _described(status) for status in statuses}


def build_api(daemon: Daemon, keys: ApiKeys) -> FastAPI:
    """Everything below /api/; for where there are keys."""
    bearer = HTTPBearer(auto_error=False, scheme_name="key", description="a key of SCHEDULER_API_KEYS")
    header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="keyInItsOwnHeader")
    app = FastAPI(
        title="Learning Cities Scheduler: cases",
        version="1",
        description="Cases of reporting rounds: one city in one round each.",
        servers=[{"url": daemon.links.base_url}],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # a redirect would name the Host that was asked for
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.desk = desk = Desk(daemon, keys)
    app.router.route_class = ApiRoute
    for kind, refuse in _REFUSING.items():
        app.add_exception_handler(kind, refuse)
    guard = [Security(bearer), Security(header)]  # for the document: ApiRoute looks at them

    @app.post(
        "/api/cases/{cycle}/{member}",
        response_model=CaseAnswered,
        summary="Say what became of a report",
        response_description="What followed",
        dependencies=guard,
        responses=_refusals(400, 401, 404, 409, 413, 415, 422, 429, 503),
    )
    async def say_of_case(
        request: Request,
        cycle: str,
        member: str,
        said: CaseSaid,
        idempotency_key: Annotated[
            str,
            Header(
                alias="Idempotency-Key",
                description=TAKES["Idempotency-Key"],
                pattern="^[!-~]+$",
                max_length=200,
            ),
        ],
    ) -> Response:
        """A report that came is asked for no more, and gets a receipt. Whatever the state, a repetition with
        the same Idempotency-Key is answered the same, and done once."""
        answered = await desk.record(request.state.by, idempotency_key, cycle, member, said)
        return _answer(answered.text, answered.status)

    async def case(cycle: str, member: str) -> Response:
        """One case, as it is now."""
        return _answer(await desk.look(cycle, member))

    async def cases_of_round(
        cycle: str,
        after: Annotated[
            str, Query(description=TAKES["?after"], max_length=200, pattern=r"^[a-z0-9-]*$")
        ] = "",
        limit: Annotated[int, Query(description=TAKES["?limit"], ge=1, le=LONGEST_PAGE)] = _PAGE,
    ) -> Response:
        """The cases of a round, page by page."""
        return _answer(await desk.page(cycle, after, limit))

    for path, look, model, summary, refusals in (
        ("/api/cases/{cycle}/{member}", case, Case, "Look at one case", _refusals(401, 404, 429, 503)),
        ("/api/cases/{cycle}", cases_of_round, Cases, "Look at all", _refusals(400, 401, 404, 429, 503)),
    ):
        described: dict[str, Any] = {"summary": summary, "dependencies": guard, "responses": refusals}
        app.get(path, response_model=model, response_description="As it is now", **described)(look)
        app.add_api_route(path, look, methods=["HEAD"], include_in_schema=False)

    # first when it is asked for: it takes longer to write than all else here
    document = cache(partial(_written_document, app))

    async def openapi(_: Request) -> Response:
        return _answer(await asyncio.to_thread(document))

    app.add_route(_DOCUMENT, openapi, methods=["GET"])
    return app


def _written_document(app: FastAPI) -> str:
    """Without the answer to wrong requests that FastAPI adds by itself: ours is 400."""
    document = app.openapi()
    for path in document["paths"].values():
        for method, operation in path.items():
            if method != "post":
                operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return json.dumps(document, ensure_ascii=False)


# bodies


async def _read(request: Request) -> Request:
    """With its body read once and for all, and known to be JSON."""
    if media_type(request) != _JSON:
        raise _Refused(415, "Write the body as application/json.")
    octets = bytearray()
    async for some in request.stream():
        octets += some
        if len(octets) > Limits.body:
            said = f"The body is too long: more than {Limits.body:,} octets."
            raise _Refused(413, said, headers={"connection": "close"})
    parsed = await asyncio.to_thread(_parsed, octets) if len(octets) > _SHORT else _parsed(octets)
    return _ReadRequest(request, bytes(octets) or b" ", parsed)


class _ReadRequest(Request):
    """One of which the body is known already."""

    def __init__(self, request: Request, octets: bytes, parsed: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._octets, self._parsed = octets, parsed

    async def body(self) -> bytes:
        return self._octets

    async def json(self) -> Any:
        return self._parsed


def _parsed(octets: bytearray) -> Any:
    try:
        parsed = json.loads(octets.decode(), object_pairs_hook=_object, parse_constant=_no_number)
        json.dumps(parsed, ensure_ascii=False).encode()  # half a sign, as in "\\ud800", goes into no database
        return parsed
    except RecursionError:
        raise _wrong("the body has too many objects within each other") from None
    except json.JSONDecodeError as error:
        raise _wrong(f"the body is no JSON: {error}") from None
    except ValueError:  # octets that are no UTF-8, half a sign, a number of thousands of figures
        raise _wrong("the body is no JSON that can be read") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(pairs) > _MOST_KEYS:
        raise _wrong(f"an object of the body has more than {_MOST_KEYS} keys")
    if len(found) < len(pairs):
        raise _wrong("an object of the body has one key twice")
    return found


def _no_number(_: str) -> None:
    raise _wrong("the body has a number in it that is none")


def _wrong(said: str) -> _Refused:
    return _Refused(400, _WRONG, [said])


# answers


def _answer(said: str | BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    text = said if isinstance(said, str) else said.model_dump_json()
    return Response(f"{text}\n", status, {**_HEADERS, **(headers or {})}, _JSON)


def _refusal(error: str, problems: Sequence[str] = ()) -> str:
    return Refusal(error=error, problems=list(problems)).model_dump_json()


def in_json(refused: Answer) -> Answer:
    """What the gate has refused, in the form of all that is answered below /api/."""
    response = _answer(_refusal(refused.body.decode().strip()), refused.status)
    kept = [pair for pair in refused.headers if pair[0].decode() not in response.headers]
    return Answer(refused.status, [*kept, *response.raw_headers], bytes(response.body))


async def _refuse(_: Request, error: Exception) -> Response:
    """What each way to say no is answered with."""
    match error:
        case _Refused():
            return _answer(_refusal(error.error, error.problems), error.status, error.headers)
        case RequestValidationError():
            return _answer(_refusal(_WRONG, sentences(error.errors())), 400)
        case NoSuchCase():
            return _answer(_refusal(str(error)), 404)
        case KeyReused():
            return _answer(_refusal(str(error)), 422)
        case DatabaseAway() | NothingInForce() | TimeoutError():
            return _answer(_refusal(_AWAY), 503, {"retry-after": _TRY_AGAIN})
        case ClientDisconnect():
            return _answer(_refusal("The body has no end."), 400)  # which nobody hears
        case HTTPException():
            said = "There is nothing at this address." if error.status_code == 404 else f"{error.detail}."
            return _answer(_refusal(said), error.status_code, error.headers)
        case _:
            return _answer(_refusal("Something went wrong here; the log says what."), 500)


#: Each is handed over to `_refuse`.
_REFUSING: Mapping[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = dict.fromkeys(
    (
        *(_Refused, RequestValidationError, NoSuchCase, KeyReused, DatabaseAway, NothingInForce),
        *(TimeoutError, ClientDisconnect, HTTPException, Exception),
    ),
    _refuse,
)
