"""A preview of a mail about a report is what goes out, but for the city's own code."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from email import message_from_bytes, policy

import pytest

from scheduler.errors import NotDue
from scheduler.model.cases import State
from scheduler.model.cycles import Duty, Extension
from scheduler.model.members import Contact
from scheduler.model.network import Configuration
from scheduler.model.notices import REPORTS, Kind
from scheduler.service.cases import Cases, Said
from scheduler.service.in_force import Memory
from scheduler.service.links import Links
from scheduler.service.preview import CODE_OF_NOBODY, Preview, preview
from scheduler.service.trial import as_test
from tests import cast
from tests.cast import DOHA, KASHAN, MEDELLIN, MELTON, at
from tests.mail.desk import plain
from tests.service.stage import Stage

ROUND, GARISSA = "report-2021", "garissa"
LINKS = Links("https://cities.example", b"test")
SEPTEMBER = at("2021-09-20T10:00:00+02:00")
NOVEMBER = at("2021-11-15T10:00:00+01:00")
MARCH = at("2022-03-01T10:00:00+01:00")
#: What is shown depends on no statement.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class OfNobody(Links):
    """With what stands in previews in the place of what is a contact's, or a city's, own."""

    def code(self, cycle: str, member: str) -> str:  # noqa: ARG002
        return CODE_OF_NOBODY


def house(*members: str, **changes: object) -> Configuration:
    """The round of 2021, with a code in its address, among some real cities, each with a mayor."""
    real = cast.real()
    cycle = next(one for one in real.cycles if one.id == ROUND)
    cycle = replace(cycle, submit_at="https://reports.cities.example/r?token={code}", **changes)  # type: ignore[arg-type]
    chosen = tuple(
        replace(member, contacts=(*member.contacts, Contact("mayor", f"mayor@{member.slug}.example")))
        for member in real.members
        if member.slug in (members or (MELTON, MEDELLIN, KASHAN))
    )
    return replace(real, members=chosen, series=(), cycles=(cycle,))


async def shown(
    word: str,
    member: str = MELTON,
    configuration: Configuration | None = None,
    *,
    stage: Stage | None = None,
    now: datetime = NOVEMBER,
    to: str = "",
) -> Preview:
    files, database = configuration or house(), stage.database if stage else None
    return await preview(files, word, ROUND, member, links=LINKS, now=now, database=database, to=to)


def read(made: Preview) -> str:
    return plain(message_from_bytes(made.octets, policy=policy.default))


async def say(stage: Stage, state: State, now: datetime) -> None:
    said = Said(MELTON, state)
    await Cases(stage.database, Memory()).record(ROUND, [said], by="Anna", now=now)


@ON_SQLITE
async def test_a_preview_is_what_goes_out(stage: Stage) -> None:
    """All mails that a round has by itself, octet by octet; the mailbox keeps this machine's line ends."""
    stage.links = OfNobody(LINKS.base_url, LINKS.key)
    await stage.apply(house(), SEPTEMBER)
    await stage.play(SEPTEMBER, at("2022-01-15T10:00:00+01:00"))

    shown_kinds = set()
    for row in await stage.sent():
        made = await shown(row.rule, row.member, stage=stage)
        if row.address == made.delivery.address:
            sent = (stage.folder / "mailbox" / str(row.receipt)).read_bytes()
            assert made.octets.replace(b"\r\n", b"\n") == sent
            shown_kinds.add(row.kind)
    kinds = {Kind.REPORT_OPENED, Kind.REPORT_REMINDER, Kind.REPORT_DIGEST, Kind.REPORT_OVERDUE}
    assert shown_kinds == kinds


@pytest.mark.parametrize("kind", sorted(REPORTS - {Kind.REPORT_MOVED}))
async def test_every_mail_of_a_round_is_shown_by_the_files_alone(kind: Kind) -> None:
    made = await shown(kind.value)

    assert made.delivery.kind is kind
    assert "Melton" in read(made)


async def test_a_new_deadline_is_shown_beside_the_one_that_was_announced() -> None:
    more = Extension(date(2022, 2, 28), "A flood", members=(MELTON,))

    text = read(await shown("report-moved", configuration=house(extensions=(more,))))

    assert "NEW DEADLINE\n  Tuesday 1 March 2022, 09:59 in Melton" in text
    assert "No longer: Saturday 1 January 2022, 09:59 in Melton" in text


async def test_who_has_no_new_deadline_is_told_of_none() -> None:
    more = Extension(date(2022, 2, 28), "A flood", members=(MEDELLIN,))

    with pytest.raises(NotDue, match="Melton has no other deadline in report-2021 than it was told"):
        await shown("report-moved", configuration=house(extensions=(more,)))


async def test_a_preview_of_a_digest_is_the_mail_of_the_office() -> None:
    """It goes out on the clock of the coordinator's first city, whichever of the cities is named."""
    files = house("al-wakra", DOHA, MELTON, "wyndham")

    made = await shown("report-digest", "wyndham", files)

    text = read(made)
    assert made.delivery.role == "national-coordinator"
    assert "MISSING\n  Melton\n  Wyndham\n" in text
    assert "/feeds/city/" not in text


@pytest.mark.parametrize("word", ["report-reminder", "report-overdue"])
async def test_nobody_who_looks_at_a_preview_learns_a_code(word: str) -> None:
    made = await shown(word, to="me@learning-cities.example")

    for octets in (made.octets, as_test(made, "abc", NOVEMBER).octets):
        text = plain(message_from_bytes(octets, policy=policy.default))
        assert f"?token={CODE_OF_NOBODY}" in text
        assert LINKS.code(ROUND, MELTON) not in text


async def test_a_letter_is_shown_as_its_addressee_gets_it() -> None:
    made = await shown("report-not-submitted")

    assert made.delivery.role == "mayor"
    assert "Copy for" not in read(made)


@ON_SQLITE
async def test_a_receipt_says_when_the_report_really_came(stage: Stage) -> None:
    await stage.apply(house(), SEPTEMBER)
    await say(stage, State.SUBMITTED, NOVEMBER)

    text = read(await shown("report-received", stage=stage, now=MARCH))

    assert "ARRIVED\n  Monday 15 November 2021, 20:00 in Melton (UTC+11)" in text
    assert "Your report came in time." in text


@ON_SQLITE
async def test_whose_report_has_come_is_asked_for_none(stage: Stage) -> None:
    await stage.apply(house(), SEPTEMBER)
    await say(stage, State.SUBMITTED, NOVEMBER)

    with pytest.raises(
        NotDue, match="Melton is asked for no report in report-2021 any more: submitted"
    ) as no:
        await shown("days-7", stage=stage)

    assert no.value.gets == ()


@ON_SQLITE
async def test_what_people_decided_counts_before_the_files(stage: Stage) -> None:
    """Garissa's day of joining is not known well enough."""
    files = house(GARISSA)
    await stage.apply(files, SEPTEMBER)
    with pytest.raises(NotDue, match="Garissa need not report in report-2021: undecided"):
        await shown("report-opened", GARISSA, files, stage=stage)

    await Cases(stage.database, Memory()).decide(
        ROUND, [GARISSA], Duty.DUE, because="the file of 2018", by="Anna", now=SEPTEMBER
    )

    assert "Please submit your progress report" in read(
        await shown("report-opened", GARISSA, files, stage=stage)
    )
