"""The API for programs: what became of a case is said over HTTP, once however often, by who has a key.

The round of 2021 ends on 31 December 2021 at 23:59:59 in Hamburg, which is 22:59:59Z. Here it is the tenth of
December, 14:00Z.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from pydantic import SecretStr
from sqlalchemy import func, select

from scheduler.model.cases import SAYABLE, State
from scheduler.model.drafts import Draft, TooLong
from scheduler.service.apply import put_in_force
from scheduler.service.bootstrap import build_daemon
from scheduler.service.cases import Cases, Said
from scheduler.service.daemon import Daemon
from scheduler.service.pruning import REQUESTS_KEPT, prune
from scheduler.service.requests import Answered, Asked, Requests, Writing
from scheduler.settings import Settings
from scheduler.store import cases, tables
from scheduler.store.cases import Line
from scheduler.store.database import Database, open_database
from scheduler.web.api_words import LONGEST_PAGE, TAKES
from scheduler.web.app import Site
from scheduler.web.limits import Limits
from scheduler.web.server import serving
from scheduler.web.shelf import Shelf
from tests.cast import CONFIG, DOHA, KASHAN, MEDELLIN, MELTON, at
from tests.logged import logged
from tests.service.test_cases import AL_SHAHANIYA, GARISSA, ROUND, SIX, house
from tests.web.test_app import HOST

NOW = at("2021-12-10T14:00:00+00:00")
CAME = "2021-12-10T14:23:05+01:00"
SECRET, OTHER = "0123456789-of-the-survey", "0123456789-of-the-website"
WRONG = "wrong"
KEYS = (("survey", SecretStr(SECRET)), ("website", SecretStr(OTHER)))
PATH = f"/api/cases/{ROUND}/{MELTON}"
SUBMITTED: dict[str, Any] = {"state": "submitted", "at": CAME}


@dataclass
class Desk:
    """A daemon that does nothing by itself, its site, and a program that asks it."""

    database: Database
    daemon: Daemon
    site: Site

    async def ask(
        self, method: str, path: str, *, secret: str = SECRET, client: str = "192.0.2.1", **more: Any
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {secret}"} if secret else {}
        headers |= more.pop("headers", {})
        transport = httpx.ASGITransport(self.site, raise_app_exceptions=False, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as asker:
            return await asker.request(method, path, headers=headers, **more)

    async def post(self, said: object, path: str = PATH, *, key: str = "1", **more: Any) -> httpx.Response:
        named = {"content-type": "application/json", "idempotency-key": key} | more.pop("headers", {})
        return await self.ask("POST", path, content=json.dumps(said), headers=named, **more)

    async def get(self, path: str = PATH, **more: Any) -> httpx.Response:
        return await self.ask("GET", path, **more)

    async def log(self, member: str = MELTON) -> list[Line]:
        """Without what the calendar and the files did."""
        async with self.database.read() as connection:
            found = await cases.log(connection, ROUND, member)
        return [line for line in found if line.actor not in ("the calendar", "staff")]

    async def draft(self) -> Draft | None:
        async with self.database.read() as connection:
            return (await cases.read(connection, ROUND, [MELTON]))[0].draft

    async def remembered(self) -> int:
        async with self.database.read() as connection:
            return await connection.scalar(select(func.count()).select_from(tables.requests)) or 0


def a_desk(database: Database, folder: Path, keys: Any = KEYS) -> Desk:
    daemon = build_daemon(Settings(config=CONFIG, data=folder, secret_key=SecretStr("k" * 32)), database)
    daemon.clock.now = lambda: NOW  # type: ignore[method-assign]
    shelf = Shelf(daemon.in_force, daemon.clock, daemon.links)
    return Desk(database, daemon, Site(daemon, shelf, (), keys))


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> Desk:
    """Where the round of 2021 came into force in October."""
    started = at("2021-10-04T08:00:00+00:00")
    await put_in_force(database, house(members=SIX), now=started, by="staff", replaces=None)
    return a_desk(database, tmp_path)


only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


# what is said


async def test_a_report_that_came_is_known_at_once(desk: Desk) -> None:
    answer = await desk.post({**SUBMITTED, "reason": "by post"})

    assert answer.status_code == 200
    assert answer.json() == {
        "cycle": ROUND,
        "member": MELTON,
        "state": "submitted",
        "since": "2021-12-10T14:00:00Z",
        "opens_at": "2021-09-26T23:00:00Z",
        "deadline_at": "2021-12-31T22:59:59Z",
        "submitted_at": "2021-12-10T13:23:05Z",
        "late": False,
        "known": False,
        "withdrawn": 0,
        "receipts": 1,
    }
    (line,) = await desk.log()
    assert (line.actor, line.after) == ("api:survey", "submitted")
    assert line.reason == "by post; the report came at 2021-12-10 13:23:05 UTC"


@only_sqlite
async def test_without_an_instant_it_came_now(desk: Desk) -> None:
    answer = await desk.post({"state": "submitted"})

    assert answer.json()["submitted_at"] == "2021-12-10T14:00:00Z"


@only_sqlite
async def test_the_second_after_the_deadline_is_late(desk: Desk) -> None:
    """US-23.3: it is taken, and marked."""
    desk.daemon.clock.now = lambda: NOW + timedelta(days=30)  # type: ignore[method-assign]

    in_time = await desk.post({"state": "submitted", "at": "2021-12-31T22:59:59Z"}, key="1")
    late = await desk.post(
        {"state": "submitted", "at": "2022-01-01T00:00:00+01:00"}, PATH.replace(MELTON, KASHAN), key="2"
    )

    assert (in_time.json()["late"], late.json()["late"]) == (False, True)


@only_sqlite
async def test_what_is_known_already_changes_nothing(desk: Desk) -> None:
    await desk.post(SUBMITTED, key="1")

    again = (await desk.post(SUBMITTED, key="2")).json()

    assert (again["known"], again["receipts"]) == (True, 0)
    assert len(await desk.log()) == 1


@only_sqlite
@pytest.mark.parametrize("written", ["in review", "in-review", "in_review"])
async def test_states_may_be_written_with_hyphens(desk: Desk, written: str) -> None:
    await desk.post(SUBMITTED, key="1")

    assert (await desk.post({"state": written}, key="2")).json()["state"] == "in review"


@only_sqlite
async def test_a_draft_says_how_far_it_is(desk: Desk) -> None:
    draft = {
        "started_at": "2021-11-02T10:00:00+11:00",
        "last_page": 3,
        "answered": [1, 2],
        "unanswered": [3],
        "too_long": [{"number": 2, "words": 251, "limit": 250}],
    }

    answer = await desk.post({"state": "draft", "draft": draft})

    assert answer.json()["state"] == "draft"
    begun = at("2021-11-01T23:00:00+00:00")
    assert await desk.draft() == Draft(begun, 3, (1, 2), (3,), (TooLong(2, 251, 250),))


# what is asked


@only_sqlite
async def test_a_case_can_be_looked_at(desk: Desk) -> None:
    said = (await desk.post(SUBMITTED)).json()

    found = await desk.get()
    head = await desk.ask("HEAD", PATH)

    assert found.json() == {name: said[name] for name in found.json()}
    assert found.json().keys() == said.keys() - {"known", "withdrawn", "receipts"}
    assert (head.status_code, head.headers["content-length"]) == (200, found.headers["content-length"])


@only_sqlite
async def test_a_round_is_read_page_by_page(desk: Desk) -> None:
    pages, after = [], ""
    while after is not None:
        page = (await desk.get(f"/api/cases/{ROUND}?limit=4&after={after}")).json()
        pages.append([case["member"] for case in page["cases"]])
        after = page["next"]

    assert pages == [sorted(SIX)[:4], sorted(SIX)[4:]]
    whole = (await desk.get(f"/api/cases/{ROUND}")).json()
    assert {case["member"]: case["state"] for case in whole["cases"]}[GARISSA] == "undecided"


@only_sqlite
async def test_the_calendar_counts_before_anybody_wrote_it_down(desk: Desk) -> None:
    desk.daemon.clock.now = lambda: NOW + timedelta(days=30)  # type: ignore[method-assign]

    assert (await desk.get()).json()["state"] == "closed"


# said once, however often


async def test_five_posts_are_one(desk: Desk) -> None:
    """X16: retries after a timeout, and double clicks."""
    answers = [await desk.post(SUBMITTED) for _ in range(5)]

    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert len(await desk.log()) == 1
    assert await desk.remembered() == 1


@asynccontextmanager
async def replicas(desk: Desk, url: str, folder: Path) -> AsyncIterator[list[Desk]]:
    """Three services: on PostgreSQL each on connections of its own, on SQLite one asked three times."""
    if not desk.database.is_shared:
        yield [desk] * 3
        return
    opened = [open_database(url, durable=False) for _ in range(2)]
    yield [desk, *(a_desk(one, folder) for one in opened)]
    for one in opened:
        await one.close()


async def test_posts_at_once_are_one(desk: Desk, database_url: str, tmp_path: Path) -> None:
    async with replicas(desk, database_url, tmp_path) as all_of_them:
        answers = await asyncio.gather(*(one.post(SUBMITTED) for one in [*all_of_them] * 3))

    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert answers[0].json()["known"] is False
    assert len(await desk.log()) == 1


async def test_of_two_different_posts_at_once_one_is_done(
    desk: Desk, database_url: str, tmp_path: Path
) -> None:
    async with replicas(desk, database_url, tmp_path) as (one, another, _):
        answers = await asyncio.gather(one.post(SUBMITTED), another.post({"state": "draft"}))

    assert sorted(answer.status_code for answer in answers) == [200, 422]
    assert len(await desk.log()) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"state": "submitted"},
        {"state": "submitted", "at": "2021-12-10T14:23:06+01:00"},
        {**SUBMITTED, "reason": "by post"},
        {"state": "draft"},
    ],
)
@only_sqlite
async def test_a_key_stands_for_one_content(desk: Desk, other: dict[str, str]) -> None:
    await desk.post(SUBMITTED)

    answer = await desk.post(other)

    assert answer.status_code == 422
    assert "used before for something else" in answer.json()["error"]
    assert len(await desk.log()) == 1


@only_sqlite
async def test_a_key_stands_for_one_case(desk: Desk) -> None:
    await desk.post(SUBMITTED)

    assert (await desk.post(SUBMITTED, PATH.replace(MELTON, KASHAN))).status_code == 422
    assert await desk.log(KASHAN) == []


@only_sqlite
async def test_the_same_wish_in_other_letters_is_the_same(desk: Desk) -> None:
    first = await desk.post(SUBMITTED)

    again = await desk.post(
        {"reason": " ", "draft": None, "at": "2021-12-10T13:23:05Z", "state": "submitted"}
    )

    assert again.content == first.content


@only_sqlite
async def test_programs_do_not_share_their_keys(desk: Desk) -> None:
    await desk.post(SUBMITTED)

    answer = await desk.post({"state": "in review"}, secret=OTHER)

    assert answer.json()["state"] == "in review"
    assert [line.actor for line in await desk.log()] == ["api:survey", "api:website"]


@only_sqlite
async def test_a_refusal_is_given_again(desk: Desk) -> None:
    """Whoever repeats a request wants to know what became of that one."""
    refused = await desk.post({"state": "in review"}, key="1")
    await desk.post(SUBMITTED, key="2")

    again = await desk.post({"state": "in review"}, key="1")

    assert (refused.status_code, again.content) == (409, refused.content)
    assert refused.json()["problems"] == [
        "melton is open, so it cannot become in review: it must be incomplete, no progress, renewed, "
        "submitted for that"
    ]


async def test_a_crash_before_the_answer_leaves_neither(desk: Desk) -> None:
    """The answer cannot be written: then nothing was done, and the repetition does it."""
    said, asked = Said(MELTON, State.SUBMITTED), Asked("api:survey", "1", "x")

    def crash(*_: object) -> Answered:
        raise MemoryError

    requests = Requests(Cases(desk.database, desk.daemon.memory))
    with pytest.raises(MemoryError):
        await requests.record(asked, ROUND, said, now=NOW, writing=Writing(crash, crash))
    before = (await desk.log(), await desk.remembered())
    answer = await desk.post(SUBMITTED)

    assert before == ([], 0)
    assert answer.json()["known"] is False


@only_sqlite
async def test_what_nobody_answered_may_be_repeated(desk: Desk) -> None:
    """Neither a wrong key nor a wrong body is remembered."""
    await desk.post(SUBMITTED, secret=WRONG)
    await desk.post({"state": "sent"})
    await desk.post(SUBMITTED, PATH.replace(MELTON, "atlantis"))

    assert (await desk.post(SUBMITTED)).status_code == 200


async def test_after_a_month_a_request_is_forgotten(desk: Desk) -> None:
    await desk.post(SUBMITTED)

    found = []
    for later in (REQUESTS_KEPT, REQUESTS_KEPT + timedelta(seconds=1)):
        await prune(desk.database, timedelta(days=400), NOW + later)
        found.append(await desk.remembered())

    assert found == [1, 0]


# keys


@only_sqlite
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": f"Bearer {SECRET}x"},
        {"authorization": f"Bearer {SECRET[:-1]}"},
        {"authorization": f"Basic {SECRET}"},
        {"authorization": SECRET},
        {"authorization": f"Bearer survey:{SECRET}"},
        {"authorization": "Bearer " + "x" * 20_000},
        {"authorization": "Bearer \xff\xfe"},
        {"x-api-key": "wrong"},
        {"authorization": "Bearer wrong", "x-api-key": SECRET},
    ],
)
async def test_without_a_key_that_is_right_nothing_is_said(desk: Desk, headers: dict[str, str]) -> None:
    """Not even whether there is such a round; and whatever else is wrong."""
    octets = {name: value.encode("latin-1") for name, value in headers.items()}
    ask: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", PATH, {"json": SUBMITTED}),
        ("POST", PATH, {"content": b"{"}),
        ("POST", PATH.replace(MELTON, "atlantis"), {"json": SUBMITTED}),
        ("GET", PATH, {}),
        ("GET", "/api/cases/none?limit=x", {}),
    ]

    answers = [await desk.ask(way, path, secret="", headers=octets, **more) for way, path, more in ask]

    assert {answer.status_code for answer in answers} == {401}
    assert len({(answer.content, str(answer.headers)) for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"].startswith("Bearer")
    assert await desk.log() == []


@only_sqlite
@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {SECRET}"},
        {"authorization": f"bearer  {SECRET} "},
        {"x-api-key": SECRET},
        {"authorization": "Basic eDp5", "x-api-key": SECRET},
    ],
)
async def test_a_key_comes_in_one_of_two_headers(desk: Desk, headers: dict[str, str]) -> None:
    assert (await desk.get(secret="", headers=headers)).status_code == 200


@only_sqlite
async def test_who_guesses_is_put_off(desk: Desk) -> None:
    answers = [await desk.get(secret=f"guess-{number}") for number in range(25)]

    assert [answer.status_code for answer in answers] == [401] * 20 + [429] * 5
    assert answers[-1].headers["retry-after"] == "10"
    assert (await desk.get()).status_code == 200  # a key that is right counts wherever it comes from
    assert (await desk.get(secret=WRONG, client="192.0.2.2")).status_code == 401


@only_sqlite
async def test_without_keys_there_is_no_api(desk: Desk, tmp_path: Path) -> None:
    bare = a_desk(desk.database, tmp_path, keys=())
    unknown = await bare.get("/nothing/here")

    answers = [await bare.get("/api/openapi.json"), await bare.get(), await bare.post(SUBMITTED)]

    assert {(answer.status_code, answer.content) for answer in answers} == {(404, unknown.content)}


@only_sqlite
async def test_no_log_gives_a_key_away(desk: Desk) -> None:
    with logged("debug") as said:
        await desk.post(SUBMITTED)
        await desk.post(SUBMITTED, secret=SECRET + "x")
        await desk.database.close()
        await desk.post({"state": "sent", SECRET: SECRET})

    assert '"action": "case"' in said.getvalue()
    assert SECRET not in said.getvalue()


# what cannot be taken


def wrong(said: Any, *problems: str) -> Any:
    return pytest.param(said, problems, id=json.dumps(said)[:40])


INSTANT = "write when the report came, with its offset, such as 2021-12-10T14:23:05+01:00; left out: now"


@only_sqlite
@pytest.mark.parametrize(
    ("said", "problems"),
    [
        wrong({}, f"state is missing; write {TAKES['state']}"),
        wrong({"state": "sent"}, f"state: write {TAKES['state']}"),
        wrong({"state": "closed"}, f"state: write {TAKES['state']}"),
        wrong({"state": None}, f"state: write {TAKES['state']}"),
        wrong([], 'the body must be a JSON object, such as {"state": "submitted"}'),
        wrong("submitted", 'the body must be a JSON object, such as {"state": "submitted"}'),
        wrong({"state": "submitted", "at": "2021-12-10T14:23:05"}, f"at: {INSTANT}"),
        wrong({"state": "submitted", "at": "2021-12-10"}, f"at: {INSTANT}"),
        wrong({"state": "submitted", "at": 1639142585}, f"at: {INSTANT}"),
        wrong({"state": "submitted", "at": "0001-01-01T00:00:00+01:00"}, f"at: {INSTANT}"),
        wrong({"state": "submitted", "at": "2021-13-10T14:23:05Z"}, f"at: {INSTANT}"),
        wrong(
            {"state": "sent", "at": "now", "grade": 1},
            f"state: write {TAKES['state']}",
            f"at: {INSTANT}",
            "grade is no key that is known; check how it is written",
        ),
        wrong({"state": "open", "reason": "two\nlines"}, f"reason: write {TAKES['reason']}"),
        wrong({"state": "open", "reason": "\x00"}, f"reason: write {TAKES['reason']}"),
        wrong({"state": "open", "reason": "\ud800"}, "the body is no JSON that can be read"),
        wrong({"state": "open", "\udfff": 1}, "the body is no JSON that can be read"),
        wrong({"state": "open", "reason": "x" * 401}, f"reason: write {TAKES['reason']}"),
        wrong(
            {"state": "draft", "at": CAME},
            "at says when a report came, and goes with the state submitted only",
        ),
        wrong({"state": "renewed", "draft": {}}, "draft goes with the states draft and submitted only"),
        wrong(
            {"state": "draft", "draft": {"last_page": "3", "pages": 4, "answered": [1, True]}},
            f"draft.last_page: write {TAKES['last_page']}",
            f"draft.answered[1]: write {TAKES['answered']}",
            "draft.pages is no key that is known; check how it is written",
        ),
        wrong(
            {"state": "draft", "draft": {"too_long": [{"number": 0, "words": 3}]}},
            f"draft.too_long[0].number: write {TAKES['number']}",
            f"draft.too_long[0].limit is missing; write {TAKES['limit']}",
        ),
        wrong(
            {"state": "draft", "draft": {"answered": [1] * 201}},
            f"draft.answered: write {TAKES['answered']}",
        ),
        wrong(
            {"state": "open", "<script>\x1b[2J" + "x" * 100: 1},
            "<script> [2J" + "x" * 28 + "… is no key that is known; check how it is written",
        ),
        wrong(
            {"state": "open", **{f"k{n}": 1 for n in range(40)}},
            "an object of the body has more than 30 keys",
        ),
    ],
)
async def test_what_is_wrong_is_said_all_at_once(desk: Desk, said: Any, problems: tuple[str, ...]) -> None:
    answer = await desk.post(said)

    assert answer.status_code == 400
    assert tuple(answer.json()["problems"]) == problems
    assert answer.json()["error"] == "The request cannot be taken; nothing was changed."
    assert await desk.log() == []


@only_sqlite
@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        (b"", "the body is no JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"{", "the body is no JSON: Expecting property name enclosed in double quotes"),
        (b'{"state": "submitted", "state": "open"}', "an object of the body has one key twice"),
        (b'{"state": NaN}', "the body has a number in it that is none"),
        (b"\xff", "the body is no JSON that can be read"),
        (b"[" * 60_000, "the body has too many objects within each other"),
        (b"9" * 5_000, "the body is no JSON"),
    ],
)
async def test_what_is_no_json_is_said_in_one_sentence(desk: Desk, octets: bytes, problem: str) -> None:
    headers = {"content-type": "application/json", "idempotency-key": "1"}

    answer = await desk.ask("POST", PATH, content=octets, headers=headers)

    assert answer.status_code == 400
    (said,) = answer.json()["problems"]
    assert said.startswith(problem)


@only_sqlite
@pytest.mark.parametrize("key", [None, "", "x" * 201, "two words", "é"])
async def test_a_post_needs_a_key_of_its_own(desk: Desk, key: str | None) -> None:
    headers = {} if key is None else {"idempotency-key": key.encode("latin-1")}

    answer = await desk.ask("POST", PATH, json={"state": "sent"}, headers=headers)

    found = " is missing; write" if key is None else ": write"
    named = f"Idempotency-Key{found} {TAKES['Idempotency-Key']}"
    assert answer.status_code == 400
    assert set(answer.json()["problems"]) == {named, f"state: write {TAKES['state']}"}


@only_sqlite
@pytest.mark.parametrize("query", ["limit=0", f"limit={LONGEST_PAGE + 1}", "limit=x", "after=" + "x" * 201])
async def test_a_page_has_a_length(desk: Desk, query: str) -> None:
    answer = await desk.get(f"/api/cases/{ROUND}?{query}")

    name = query.partition("=")[0]
    assert (answer.status_code, answer.json()["problems"]) == (400, [f"{name}: write {TAKES[f'?{name}']}"])


@only_sqlite
@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"report-1999/{MELTON}", f"no such round is in force; known rounds: {ROUND}"),
        (f"{ROUND}/atlantis", "no member has this name; take the slug of members.csv"),
        (f"{ROUND}/%00", "no member has this name; take the slug of members.csv"),
        (f"{ROUND}/%ff", "no member has this name; take the slug of members.csv"),
        ("x" * 20_000 + "/y", f"no such round is in force; known rounds: {ROUND}"),
        (f"{ROUND}/{MELTON}/more", "There is nothing at this address."),
        ("", "There is nothing at this address."),
    ],
)
async def test_an_unknown_case_is_not_found(desk: Desk, path: str, said: str) -> None:
    for answer in (await desk.get(f"/api/cases/{path}"), await desk.post(SUBMITTED, f"/api/cases/{path}")):
        assert (answer.status_code, answer.json()) == (404, {"error": said, "problems": []})


@only_sqlite
async def test_who_is_not_concerned_has_no_case(desk: Desk) -> None:
    whole = house(members=(*SIX, DOHA))
    hash_of = (await desk.daemon.in_force()).hash  # type: ignore[union-attr]
    await put_in_force(desk.database, whole, now=NOW, by="staff", replaces=hash_of)

    answer = await desk.post(SUBMITTED, PATH.replace(MELTON, DOHA))

    assert (answer.status_code, answer.json()["error"]) == (404, f"{DOHA} is not concerned by {ROUND}")


@only_sqlite
@pytest.mark.parametrize("slug", [GARISSA, AL_SHAHANIYA])
async def test_who_need_not_report_is_refused(desk: Desk, slug: str) -> None:
    answer = await desk.post(SUBMITTED, PATH.replace(MELTON, slug))

    assert answer.status_code == 409
    assert slug in answer.json()["problems"][0]


@only_sqlite
async def test_a_report_of_tomorrow_is_refused(desk: Desk) -> None:
    answer = await desk.post({"state": "submitted", "at": "2021-12-11T15:00:00+01:00"})

    assert answer.status_code == 409
    assert "still to come" in answer.json()["problems"][0]


@only_sqlite
@pytest.mark.parametrize(
    ("headers", "octets", "status"),
    [
        ({"content-type": "text/plain"}, b"{}", 415),
        ({}, b"{}", 415),
        ({"content-type": "application/json", "content-encoding": "gzip"}, b"{}", 415),
        ({"content-type": "application/json"}, b" " * (Limits.body + 1), 413),
    ],
)
async def test_a_body_that_is_not_read_is_refused_in_json(
    desk: Desk, headers: dict[str, str], octets: bytes, status: int
) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        yield octets

    for content in (octets, in_pieces()):
        answer = await desk.ask("POST", PATH, content=content, headers={"idempotency-key": "1", **headers})
        assert (answer.status_code, answer.json()["problems"]) == (status, [])
        assert int(answer.headers["content-length"]) == len(answer.content)


@only_sqlite
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_refused_in_json(desk: Desk, method: str) -> None:
    answer = await desk.ask(method, PATH)

    assert (answer.status_code, "allow" in answer.headers) == (405, True)
    assert answer.json()["error"].startswith("Only GET")


@only_sqlite
async def test_while_there_is_nothing_to_ask_it_is_said(database: Database, tmp_path: Path) -> None:
    desk = a_desk(database, tmp_path)

    for answer in (await desk.post(SUBMITTED), await desk.get()):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


@pytest.mark.parametrize("url", ["sqlite:///{}/away.sqlite", "postgresql://nobody@127.0.0.1:1/away"])
async def test_while_the_database_is_away_it_is_said(url: str, tmp_path: Path) -> None:
    """A file without tables, and a server that is not there."""
    away = open_database(url.format(tmp_path))
    answer = await a_desk(away, tmp_path).post(SUBMITTED)
    await away.close()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


@only_sqlite
async def test_a_mistake_of_ours_shows_nothing(desk: Desk) -> None:
    def broken() -> Any:
        raise ZeroDivisionError("secretly")

    desk.daemon.clock.now = broken  # type: ignore[method-assign]

    answer = await desk.post(SUBMITTED)

    assert answer.status_code == 500
    assert answer.json() == {"error": "Something went wrong here; the log says what.", "problems": []}


@only_sqlite
async def test_nothing_is_kept_on_the_way(desk: Desk) -> None:
    for answer in (await desk.get(), await desk.post(SUBMITTED), await desk.get(secret="")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"


@only_sqlite
async def test_a_wrong_method_of_a_right_address_is_refused_in_json(desk: Desk) -> None:
    answer = await desk.post(SUBMITTED, f"/api/cases/{ROUND}")

    assert (answer.status_code, answer.json()["error"]) == (405, "Method Not Allowed.")


@only_sqlite
async def test_over_a_real_port_it_is_the_same(desk: Desk) -> None:
    """Also a body in pieces that is too long for the connection itself."""
    headers = {"host": HOST, "authorization": f"Bearer {SECRET}", "idempotency-key": "1"}
    async with (
        serving(desk.site, "127.0.0.1", 0) as http,
        httpx.AsyncClient(base_url=http.address, headers=headers) as client,
    ):
        said = [await client.post(PATH, json=SUBMITTED) for _ in range(2)]
        elsewhere = await client.post(PATH, json=SUBMITTED, headers={"host": "evil.example"})
        long = await client.post(PATH, json={"state": "open", "reason": "x" * Limits.body})

    assert [answer.status_code for answer in (*said, elsewhere, long)] == [200, 200, 421, 413]
    assert said[0].content == said[1].content
    assert long.json()["error"] == "The body is too long."


@only_sqlite
async def test_a_refusal_leaves_connection_and_log_as_they_are(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Each of them once ended in a traceback, and took the connection with it."""
    headers = {"host": HOST, "idempotency-key": "1"}
    wrong, right = ({"authorization": f"Bearer {secret}"} for secret in (WRONG, SECRET))
    async with (
        serving(desk.site, "127.0.0.1", 0) as http,
        httpx.AsyncClient(base_url=http.address, headers=headers) as client,
    ):
        said = [await client.post(PATH, json=SUBMITTED, headers=wrong) for _ in range(3)]
        said.append(await client.post(PATH, content=b"{", headers=right))
        said.append(await client.post(PATH, json=SUBMITTED, headers=right))

    assert [answer.status_code for answer in said] == [401, 401, 401, 415, 200]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


# the document


def requests_of_each_kind(desk: Desk) -> dict[tuple[str, str], list[Any]]:
    """Operation -> requests that have all the answers of the document, but for a database that is away."""
    no_json, too_long = {"content-type": "text/plain"}, {"state": "open", "reason": "x" * Limits.body}
    guesses = [desk.get(secret=WRONG, client="192.0.2.9") for _ in range(21)]
    posts = [desk.post(SUBMITTED, secret=WRONG, client="192.0.2.10") for _ in range(21)]
    page = [desk.get(f"/api/cases/{ROUND}", secret=WRONG, client="192.0.2.11") for _ in range(21)]
    return {
        ("/api/cases/{cycle}/{member}", "post"): [
            *(desk.post(SUBMITTED), desk.post({"state": "draft"}), desk.post({}), *posts),
            *(desk.post({"state": "draft"}, key="2"), desk.post(SUBMITTED, "/api/cases/none/none", key="3")),
            *(desk.post({}, headers=no_json), desk.post(too_long)),
        ],
        ("/api/cases/{cycle}/{member}", "get"): [desk.get(), desk.get(f"{PATH}s"), *guesses],
        ("/api/cases/{cycle}", "get"): [
            *(desk.get(f"/api/cases/{ROUND}"), desk.get("/api/cases/none")),
            *(desk.get(f"/api/cases/{ROUND}?limit=0"), *page),
        ],
    }


@only_sqlite
async def test_every_answer_of_the_document_is_given_as_it_says(desk: Desk, tmp_path: Path) -> None:
    document = (await desk.get("/api/openapi.json", secret="")).json()
    away = open_database(f"sqlite:///{tmp_path}/away.sqlite")
    gone = a_desk(away, tmp_path)
    given = requests_of_each_kind(desk)
    for place, ask in zip(
        given, (gone.post(SUBMITTED), gone.get(), gone.get(f"/api/cases/{ROUND}")), strict=True
    ):
        given[place].append(ask)

    for (path, method), asked in given.items():
        answers = [await one for one in asked]
        described = document["paths"][path][method]["responses"]
        assert {str(answer.status_code) for answer in answers} == described.keys()
        for answer in answers:
            said = described[str(answer.status_code)]
            schema = said["content"]["application/json"]["schema"]
            Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json())
            assert all(name.lower() in answer.headers for name in said.get("headers", {}))
    await away.close()
    assert {(path, method) for path, ways in document["paths"].items() for method in ways} == given.keys()


@only_sqlite
async def test_the_document_describes_bodies_as_they_are_taken(desk: Desk) -> None:
    document = (await desk.get("/api/openapi.json", secret="")).json()
    post = document["paths"]["/api/cases/{cycle}/{member}"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    body = Draft202012Validator({**schema, "components": document["components"]})

    assert document["openapi"].startswith("3.1.")
    assert post["security"] == [{"key": []}, {"keyInItsOwnHeader": []}]
    assert {"name": "Idempotency-Key", "in": "header", "required": True}.items() <= next(
        one.items() for one in post["parameters"] if one["in"] == "header"
    )
    assert body.is_valid(SUBMITTED)
    assert not any(map(body.is_valid, ({}, {"state": "sent"}, {**SUBMITTED, "grade": 1}, [])))
    for one in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(one)
    assert SECRET not in json.dumps(document)


def test_the_words_of_a_state_are_those_of_the_log() -> None:
    assert {State(word) for word in TAKES["state"].removeprefix("one of ").split(", ")} == SAYABLE.keys()


@only_sqlite
async def test_nothing_personal_is_answered(desk: Desk) -> None:
    """No code of a city, and no address."""
    configuration = (await desk.daemon.in_force()).configuration  # type: ignore[union-attr]
    contacts = [contact for member in configuration.members for contact in member.contacts]
    async with desk.database.write() as connection:
        ids = (await desk.daemon.in_force()).member_ids  # type: ignore[union-attr]
        await cases.write_codes(connection, ROUND, {MELTON: "the-code", MEDELLIN: "a-code"}, ids)

    said = [(await ask).text for ask in (desk.post(SUBMITTED), desk.get(), desk.get(f"/api/cases/{ROUND}"))]

    assert contacts
    for word in ("-code", *(contact.address for contact in contacts)):
        assert not any(word in one for one in said)
