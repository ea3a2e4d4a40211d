"""The pages behind the links of a mail: to answer an invitation, and to end the mails about webinars."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from scheduler.model.answers import Answer
from scheduler.service.links import Links
from scheduler.store import answers, ledger, tables
from scheduler.store.answers import Given
from scheduler.store.migrate import migrate
from scheduler.store.suppressions import Suppression
from tests.serving.house import House, address
from tests.web.test_app import HOST, Place, a_place

SESSION = "first.talks"
HOSTILE = "<script>alert('1')</script> & \"quoted\" {{ 7 * 7 }} %(x)s"
FORM = "application/x-www-form-urlencoded"
ONE_CLICK = "List-Unsubscribe=One-Click"
IN_PARTS = (
    '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
    "multipart/form-data; boundary=x",
)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a session in a month and three cities have come into force."""
    folder = tmp_path_factory.mktemp("opened")
    house = House(folder).furnish(3)
    house.write_session(datetime.now(UTC) + timedelta(days=30))
    house.edit(
        "series/talks.yaml", "    title:", "    join:\n      link: https://meet.cities.example/1\n    title:"
    )

    async def apply() -> None:
        async with a_place(folder) as place:
            await migrate(place.database)
            await look(place)

    asyncio.run(apply())
    return folder


@pytest.fixture
async def place(opened: Path, tmp_path: Path) -> AsyncIterator[Place]:
    async with a_place(shutil.copytree(opened, tmp_path / "house")) as place:
        yield place


async def look(place: Place) -> None:
    """Puts the files in force; these pages come from no shelf."""
    await place.daemon.proposals.look()
    await place.daemon.lookout.look()


def answering(place: Place, contact: int = 1, session: str = SESSION) -> str:
    return place.daemon.links.answer(contact, session).removeprefix(place.daemon.links.base_url)


def stopping(place: Place, contact: int = 1) -> str:
    return place.daemon.links.stop(contact).removeprefix(place.daemon.links.base_url)


async def post(
    place: Place, path: str, body: str = "", kind: str | None = FORM, **headers: str
) -> httpx.Response:
    transport = httpx.ASGITransport(app=place.site)
    named = {"content-type": kind} if kind else {}
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
        return await client.post(path, content=body, headers={**named, **headers})


async def given(place: Place, contact: int = 1) -> Answer | None:
    async with place.database.read() as connection:
        found = await answers.of(connection, contact, SESSION)
    return found.answer if found else None


async def ended(place: Place) -> list[Suppression]:
    async with place.database.read() as connection:
        rows = await connection.execute(select(tables.suppressions))
        return [Suppression(**row._mapping) for row in rows]


async def edited(place: Place, old: str, new: str) -> None:
    place.house.edit("series/talks.yaml", old, new)
    await look(place)


# the page of an invitation


async def test_the_page_shows_the_session_and_three_buttons(place: Place) -> None:
    page = (await place.ask(answering(place))).text

    assert "in City 1 (UTC+" in page
    assert "Hamburg time" in page
    assert "You have not answered yet." in page
    assert re.findall('<button name="answer" value="(.*?)">', page) == list(Answer)
    assert "https://meet" in page


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PROPFIND"])
async def test_who_only_looks_changes_nothing(place: Place, method: str) -> None:
    """H07: scanners and previews follow every link, with whatever behind it."""
    for path in (answering(place), stopping(place)):
        for query in ("", "?answer=declined", "?again=1&List-Unsubscribe=One-Click"):
            await place.ask(path + query, method, purpose="prefetch", sec_purpose="prefetch")

    assert (await given(place), await ended(place)) == (None, [])


AGENTS = ("Mozilla/5.0 (compatible; SafeLinks)", "Slackbot-LinkExpanding 1.0", "curl/8.5", "")


async def test_a_link_that_was_scanned_still_works_for_the_person(place: Place) -> None:
    """H07: however often, by whomever and in whatever way it was looked at before."""
    for path in (answering(place), stopping(place)):
        for agent in AGENTS:
            for method in ("HEAD", "GET", "OPTIONS", "GET"):
                await place.ask(path, method, client="203.0.113.5", user_agent=agent)

    assert (await given(place), await ended(place)) == (None, [])
    assert (await post(place, answering(place), "answer=accepted")).status_code == 303
    assert (await post(place, stopping(place), ONE_CLICK)).status_code == 200
    assert await given(place) is Answer.ACCEPTED
    assert len(await ended(place)) == 1


async def test_an_answer_leads_back_to_its_page(place: Place) -> None:
    path = answering(place)

    answer = await post(place, path, "answer=accepted")

    assert (answer.status_code, answer.headers["location"]) == (303, path)
    page = (await place.ask(path)).text
    assert "You accepted." in page
    assert page.count("is-given") == 1


async def test_the_last_answer_counts(place: Place) -> None:
    for said in ("accepted", "tentative", "declined", "declined"):
        assert (await post(place, answering(place), f"answer={said}")).status_code == 303

    assert await given(place) is Answer.DECLINED
    assert await given(place, 2) is None
    assert "You get no reminders" in (await place.ask(answering(place))).text


async def test_who_holds_two_roles_answers_once(place: Place) -> None:
    row = {
        "member_id": 1,
        "role": "focal_point",
        "address": address(1).upper(),
        "name": "",
        "is_listed": True,
    }
    async with place.database.write() as connection:
        await connection.execute(tables.contacts.insert().values(**row))
        second = await connection.scalar(select(tables.contacts.c.id).order_by(-tables.contacts.c.id)) or 0

    await post(place, answering(place), "answer=declined")

    assert await given(place, second) is Answer.DECLINED


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("answer=perhaps", FORM, 400),
        ("", FORM, 400),
        ("answer=ACCEPTED", FORM, 400),
        ("answer=%ff%fe", FORM, 400),
        ("answer=é", FORM, 400),
        ("&".join(f"a{n}=1" for n in range(100)), FORM, 400),
        ('{"answer": "accepted"}', "application/json", 415),
        ("answer=accepted", "text/plain", 415),
        ("answer=accepted", None, 415),
        ("answer=accepted&x=" + "y" * 5000, FORM, 413),
    ],
)
async def test_what_is_no_answer_is_refused(place: Place, body: str, kind: str | None, status: int) -> None:
    answer = await post(place, answering(place), body, kind)

    assert answer.status_code == status
    assert await given(place) is None


async def test_a_packed_form_is_not_unpacked(place: Place) -> None:
    answer = await post(place, answering(place), "answer=accepted", **{"content-encoding": "gzip"})

    assert answer.status_code == 415


async def test_what_nobody_signed_gives_the_same_answer(place: Place) -> None:
    path = answering(place)
    strangers = Links("https://x.example", b"another key")
    foreign = strangers.answer(1, SESSION).removeprefix("https://x.example")
    signed = path.split("/")[2]
    misses = [
        foreign,
        answering(place, session="none.talks"),
        answering(place, session="report-2021"),
        *(
            path.replace("/1-", "/2-"),
            path.replace(signed, signed.upper()),
            path[:-1],
            path + "/",
            path.replace("-", ""),
        ),
        *(
            f"/answer/{signed}",
            "/answer/",
            "/answer/%00",
            "/answer/-/",
            "/answer/1-%ff/x",
            "/stop/",
            "/stop/1-x",
        ),
        *(stopping(place)[:-1], strangers.stop(1).removeprefix("https://x.example"), f"/stop/{signed}"),
    ]

    found = [await place.ask(miss) for miss in misses]
    found += [await post(place, miss, "answer=accepted") for miss in misses]

    assert {answer.status_code for answer in found} == {404}
    assert len({(answer.content, str(answer.headers)) for answer in found}) == 1


async def test_the_pages_are_for_one_reader_only(place: Place) -> None:
    for path in (answering(place), stopping(place)):
        for answer in (
            await place.ask(path),
            await place.ask(path, "HEAD"),
            await post(place, path, "answer=x"),
        ):
            headers = answer.headers
            assert headers["cache-control"] == "no-store"
            assert "noindex" in headers["x-robots-tag"]
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-content-type-options"] == "nosniff"
            assert "form-action 'self'" in headers["content-security-policy"]
            assert "set-cookie" not in headers


async def test_no_page_repeats_the_host_that_was_asked_for(place: Place) -> None:
    for path in (answering(place), stopping(place)):
        for query in ("", "?next=https://evil.example/", "?url=//evil.example"):
            for answer in (await place.ask(path + query), await post(place, path + query, "answer=accepted")):
                assert "evil" not in answer.text + str(answer.headers)


async def test_head_is_get_without_a_body(place: Place) -> None:
    whole, head = await place.ask(answering(place)), await place.ask(answering(place), "HEAD")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == whole.headers


async def test_a_hostile_title_is_literal(place: Place) -> None:
    await edited(place, "title: The first talk", "title: " + repr(HOSTILE).replace("\\'", "''"))

    page = (await place.ask(answering(place))).text

    assert "&lt;script&gt;" in page
    assert page.count("<script") == 1  # our own


async def test_a_session_with_another_hour_is_to_be_answered_again(place: Place) -> None:
    await post(place, answering(place), "answer=accepted")
    start = re.search('start: "(.*?)"', (place.house.config / "series" / "talks.yaml").read_text())
    assert start
    await edited(place, start[1], "03:07")

    page = (await place.ask(answering(place))).text

    assert "You answered when this webinar had another time. Please answer again." in page
    assert "is-given" not in page


async def test_who_declined_another_hour_hears_that_reminders_wait_for_an_answer(place: Place) -> None:
    await post(place, answering(place), "answer=declined")
    start = re.search('start: "(.*?)"', (place.house.config / "series" / "talks.yaml").read_text())
    assert start
    await edited(place, start[1], "03:07")

    page = (await place.ask(answering(place))).text

    assert "You declined when this webinar had another time; until you answer again you get no" in page
    assert "You get no reminders" not in page


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("status: cancelled", "This webinar is cancelled."),
        ("status: postponed", "This webinar is postponed."),
    ],
)
async def test_what_is_off_cannot_be_answered(place: Place, line: str, said: str) -> None:
    await edited(place, "    title:", f"    {line}\n    title:")

    page = await place.ask(answering(place))
    answer = await post(place, answering(place), "answer=accepted")

    assert said in page.text
    assert "<button" not in page.text
    assert "https://meet" not in page.text
    assert (answer.status_code, said in answer.text, await given(place)) == (409, True, None)


async def test_a_session_that_is_over_cannot_be_answered(place: Place) -> None:
    place.daemon.clock.now = lambda: datetime.now(UTC) + timedelta(days=40)  # type: ignore[method-assign]

    answer = await post(place, answering(place), "answer=accepted")

    assert (answer.status_code, "This webinar is over." in answer.text) == (409, True)


async def test_a_city_that_left_cannot_answer(place: Place) -> None:
    place.house.edit("members.csv", "city-1,City 1", "city-9,City 9")
    await look(place)

    answer = await post(place, answering(place), "answer=accepted")

    assert answer.status_code == 409
    assert "This invitation does not hold any more." in answer.text
    assert "City 1" not in answer.text


async def test_the_link_of_a_test_answers_for_nobody(place: Place) -> None:
    answer = await post(place, answering(place, contact=0), "answer=accepted")

    assert answer.status_code == 409
    assert "it comes from a test" in answer.text


# the end of the mails


@pytest.mark.parametrize(("body", "kind"), [(ONE_CLICK, FORM), IN_PARTS, (ONE_CLICK, None)])
async def test_one_click_ends_the_mails_at_once(place: Place, body: str, kind: str | None) -> None:
    """RFC 8058: no cookie, no question, wherever it comes from."""
    answer = await post(place, stopping(place), body, kind, origin="https://mail.example")

    assert answer.status_code == 200
    assert "no more e-mails about webinars" in answer.text
    (one,) = await ended(place)
    assert (one.address, one.scope, one.reason) == (address(1), "webinars", "unsubscribed by one click")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", FORM),
        ("", None),
        ("answer=accepted", FORM),
        ("List-Unsubscribe=", FORM),
        ("\x00", None),
        ("", IN_PARTS[1]),
        (IN_PARTS[0], "multipart/form-data"),
        (IN_PARTS[0].replace("One-Click", "No"), IN_PARTS[1]),
    ],
)
async def test_what_is_neither_the_button_nor_one_click_ends_nothing(
    place: Place, body: str, kind: str | None
) -> None:
    """H07: there are scanners that post to every address as well."""
    answer = await post(place, stopping(place), body, kind)

    assert (answer.status_code, answer.text[:20]) == (400, "Nothing was changed.")
    assert await ended(place) == []


async def test_twice_is_once(place: Place) -> None:
    for _ in range(2):
        assert (await post(place, stopping(place), ONE_CLICK)).status_code == 200

    assert len(await ended(place)) == 1
    async with place.database.read() as connection:
        lines = (await connection.execute(select(tables.journal))).all()
    mine = [(line.actor, line.subject, line.detail) for line in lines if line.action == "unsubscribe"]
    assert mine == [("a contact", "city-1 coordinator", "unsubscribed by one click; contact 1")]


async def test_others_see_it_within_a_second(place: Place) -> None:
    async with place.database.read() as connection:
        before = await ledger.generation(connection)

    await post(place, stopping(place), ONE_CLICK)

    async with place.database.read() as connection:
        assert await ledger.generation(connection) == before + 1


async def test_the_page_asks_before_it_ends_anything(place: Place) -> None:
    page = (await place.ask(stopping(place))).text

    assert "Reminders of the reports of your city still come" in page
    assert re.findall("<button .*?>", page) == ['<button name="how" value="page">']
    await post(place, stopping(place), "how=page")
    assert (await ended(place))[0].reason == "unsubscribed on the page"


async def test_who_changes_its_mind_is_written_to_again(place: Place) -> None:
    await post(place, stopping(place), ONE_CLICK)

    answer = await post(place, stopping(place), "again=1")

    assert "you get e-mails about webinars again" in answer.text
    assert await ended(place) == []


async def test_the_page_tells_nothing_but_the_city(place: Place) -> None:
    page = (await place.ask(stopping(place))).text

    assert "City 1" in page
    assert address(1) not in page


async def test_an_old_link_ends_the_mails_as_well(place: Place) -> None:
    """H09: the contact is in members.csv no more; the list is read again next year."""
    place.house.edit("members.csv", address(1), "new@city-1.example")
    await look(place)

    answer = await post(place, stopping(place), ONE_CLICK)

    assert answer.status_code == 200
    assert [one.address for one in await ended(place)] == [address(1)]


async def test_who_was_erased_gets_the_same_page(place: Place) -> None:
    """H09: nothing tells whether it was ever there."""
    answer = await post(place, stopping(place, contact=999), ONE_CLICK)

    assert answer.status_code == 200
    assert "no more e-mails about webinars" in answer.text
    assert await ended(place) == []


@pytest.mark.parametrize("has_tables", [False, True])
async def test_while_there_is_nothing_to_ask_the_pages_say_so(tmp_path: Path, has_tables: bool) -> None:
    """No database that answers, or nothing in force in it."""
    async with a_place(tmp_path) as place:
        if has_tables:
            await migrate(place.database)

        for answer in (await place.ask(answering(place)), await post(place, stopping(place), ONE_CLICK)):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


async def test_a_given_answer_is_not_overtaken_by_an_older_one(place: Place) -> None:
    now = datetime.now(UTC)
    async with place.database.write() as connection:
        later = Given(1, SESSION, Answer.DECLINED, now, "page", None)
        assert await answers.give(connection, later)
        assert not await answers.give(
            connection, replace(later, answer=Answer.ACCEPTED, given_at=now - timedelta(1))
        )

    assert await given(place) is Answer.DECLINED
