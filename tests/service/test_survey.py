"""What an export of the survey does to cases, and where codes come from (stories US-23, US-24, US-25).

The round of 2021 ends on 31 December 2021 at 23:59:59 in Hamburg, 22:59:59Z. Hamburg's clock was put back on
31 October 2021: 02:30 was there at 00:30Z and at 01:30Z. On 28 March 2021 it had no 02:30.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from scheduler.configuration.lists.survey import Participant, read_survey
from scheduler.configuration.problems import Problems
from scheduler.errors import CasesRefused
from scheduler.model.cases import Move, State
from scheduler.model.drafts import TooLong
from scheduler.service.case_codes import CaseCodes, codes_of, participants
from scheduler.service.cases import Cases, Done
from scheduler.service.in_force import InForce, Memory
from scheduler.service.survey import Understood, count_waiting, read_ground, understand
from scheduler.store import cases, holds, tables
from scheduler.store.holds import EVERYTHING, Hold
from tests.cast import KASHAN, MEDELLIN, MELTON, at
from tests.limesurvey import as_csv, response, rows_of
from tests.service.stage import LINKS, Stage
from tests.service.test_cases import (
    AL_SHAHANIYA,
    AL_WAKRA,
    BEFORE,
    DAY,
    DEADLINE,
    DOHA,
    GARISSA,
    GDYNIA,
    OPENED,
    ROUND,
    SIX,
    case,
    house,
    say,
)

NOW = at("2021-12-15T12:00:00+01:00")
WHEN = "2021-12-10 14:23:05"
CAME = at("2021-12-10T14:23:05+01:00")


def code(slug: str) -> str:
    return LINKS.code(ROUND, slug)


@dataclass
class Office:
    """Somebody with an export."""

    stage: Stage
    folder: Path
    zone: str = "Europe/Berlin"
    problems: Problems = field(default_factory=Problems)

    async def understand(self, *responses: dict[str, str | None], now: datetime = NOW) -> Understood:
        path = self.folder / "export.csv"
        path.write_bytes(as_csv(rows_of(*responses)))
        self.problems = Problems()
        in_force = await self.in_force()
        of = in_force.cycles[ROUND]
        export = read_survey(path, None, {4: 250}, self.problems)
        assert export is not None, self.said
        async with self.stage.database.read() as connection:
            ground = await read_ground(connection, in_force, of, LINKS)
        return understand(export, ground, self.zone, now, self.problems)

    async def take(self, *responses: dict[str, str | None], now: datetime = NOW) -> Done:
        understood = await self.understand(*responses, now=now)
        assert not self.problems.errors(), self.said
        return await Cases(self.stage.database, Memory()).record(ROUND, understood.said, by="Anna", now=now)

    async def in_force(self) -> InForce:
        async with self.stage.database.read() as connection:
            return await Memory().current(connection)

    @property
    def said(self) -> list[str]:
        """What is said of lines: "14: error: ..."."""
        return [f"{one.place.line}: {one.severity}: {one.what}" for one in self.problems.in_order()]


@pytest.fixture
async def office(stage: Stage, tmp_path: Path) -> Office:
    await stage.apply(house(members=(*SIX, DOHA, GDYNIA)), BEFORE)
    return Office(stage, tmp_path)


async def test_a_report_came_to_the_second_on_the_surveys_clock(office: Office) -> None:
    await office.take(response(code(MELTON), WHEN))

    melton = await case(office.stage, MELTON)

    assert (melton.state, melton.submitted_at, melton.is_late) == (State.SUBMITTED, CAME, False)


async def test_the_zone_of_the_survey_may_be_another_one(office: Office) -> None:
    office.zone = "UTC"

    await office.take(response(code(MELTON), "2021-12-31 22:59:59"), now=DEADLINE + DAY)
    await office.take(response(code(MEDELLIN), "2021-12-31 23:00:00"), now=DEADLINE + DAY)

    assert [(await case(office.stage, slug)).is_late for slug in (MELTON, MEDELLIN)] == [False, True]


async def test_an_export_stops_what_asks_for_the_report(office: Office) -> None:
    """US-24.2: nothing is asked of a city after its submission, and it gets a receipt."""
    await office.stage.play(BEFORE, NOW)
    before = len(await office.stage.sent())

    await office.take(response(code(MELTON), WHEN))
    await office.stage.play(NOW, DEADLINE + DAY)

    later = [row.kind.value for row in (await office.stage.sent())[before:] if row.member == MELTON]
    assert set(later) == {"report-received"}


async def test_waiting_mails_are_counted_before(office: Office) -> None:
    async with office.stage.database.write() as connection:
        await holds.put(connection, Hold(EVERYTHING, BEFORE, "Anna", ""))
    await office.stage.play(BEFORE, OPENED)
    understood = await office.understand(response(code(MELTON), "2021-09-28 08:00:00"), now=OPENED)
    desk = Cases(office.stage.database, Memory())
    in_force = await office.in_force()

    plan = await desk.record(ROUND, understood.said, by="", now=OPENED, dry=True)
    async with office.stage.database.read() as connection:
        waiting = await count_waiting(connection, in_force, in_force.cycles[ROUND], plan.moves)
    done = await desk.record(ROUND, understood.said, by="Anna", now=OPENED)

    assert waiting == done.withdrawn > 0


async def test_small_and_capital_letters_are_the_same_in_a_code(office: Office) -> None:
    await office.take(response(f"  {code(MELTON).upper()} ", WHEN))

    assert (await case(office.stage, MELTON)).state is State.SUBMITTED


async def test_a_draft_is_remembered_with_what_is_too_long(office: Office) -> None:
    """US-24: which questions are answered, and which answers are over the limit."""
    await office.take(response(code(MELTON), G01Q01="Melton", G02Q04="word " * 251))

    melton = await case(office.stage, MELTON)

    assert melton.state is State.DRAFT
    assert melton.draft is not None
    assert (melton.draft.answered, melton.draft.unanswered) == ((1, 4), (2, 3, 5))
    assert melton.draft.too_long == (TooLong(4, 251, 250),)
    assert melton.draft.started_at == at("2021-11-02T10:15:00+01:00")
    assert melton.draft.last_page == 2


async def test_a_report_with_too_many_words_is_a_report(office: Office) -> None:
    """US-24.3: a city with 251 words can submit, marked."""
    await office.take(response(code(MELTON), WHEN, G02Q04="word " * 251))

    melton = await case(office.stage, MELTON)

    assert melton.state is State.SUBMITTED
    assert melton.draft is not None
    assert melton.draft.too_long == (TooLong(4, 251, 250),)


async def test_the_same_export_twice_changes_nothing(office: Office) -> None:
    responses = (response(code(MELTON), WHEN), response(code(MEDELLIN), G01Q01="Medellín"))
    await office.take(*responses)

    done = await office.take(*responses)

    assert done.moves == ()


async def test_a_draft_that_is_gone_later_stays_as_it_was(office: Office) -> None:
    await office.take(response(code(MELTON), G01Q01="Melton"))
    before = await case(office.stage, MELTON)

    await office.take(response(code(MEDELLIN)))

    assert await case(office.stage, MELTON) == before


async def test_the_time_that_is_known_stays(office: Office) -> None:
    await say(office.stage, MELTON, State.SUBMITTED, NOW, at=CAME - DAY)

    understood = await office.understand(response(code(MELTON), WHEN))

    assert (understood.said, understood.known, understood.otherwise) == ((), (MELTON,), (MELTON,))


async def test_what_came_while_somebody_read_the_plan_stays(office: Office) -> None:
    """A program says it over HTTP between the plan and the answer to its question."""
    understood = await office.understand(response(code(MELTON), WHEN))
    await say(office.stage, MELTON, State.SUBMITTED, NOW, at=CAME - DAY)
    await say(office.stage, MELTON, State.IN_REVIEW, NOW)

    done = await Cases(office.stage.database, Memory()).record(ROUND, understood.said, by="Anna", now=NOW)

    melton = await case(office.stage, MELTON)
    assert done.moves == ()
    assert (melton.state, melton.submitted_at) == (State.IN_REVIEW, CAME - DAY)


async def test_a_report_in_review_stays_in_review(office: Office) -> None:
    await say(office.stage, MELTON, State.SUBMITTED, NOW, at=CAME)
    await say(office.stage, MELTON, State.IN_REVIEW, NOW)

    done = await office.take(response(code(MELTON), WHEN))

    assert done.moves == ()
    assert (await case(office.stage, MELTON)).state is State.IN_REVIEW


async def test_of_several_responses_the_first_that_was_submitted_counts(office: Office) -> None:
    await office.take(
        response(code(MELTON), "2021-12-12 09:00:00"),
        response(code(MELTON), G01Q01="again"),
        response(code(MELTON), WHEN),
    )

    assert (await case(office.stage, MELTON)).submitted_at == CAME
    assert office.said == ["4: note: melton has 3 responses: the first that was submitted counts"]


async def test_of_several_drafts_the_last_one_counts(office: Office) -> None:
    await office.take(
        response(code(MELTON), lastpage="3", datestamp="2021-11-20 10:00:00"),
        response(code(MELTON), lastpage="1", datestamp="2021-11-03 10:00:00"),
    )

    draft = (await case(office.stage, MELTON)).draft
    assert draft is not None
    assert draft.last_page == 3


async def test_a_report_that_was_sent_back_does_not_come_again_with_the_old_response(office: Office) -> None:
    await say(office.stage, MELTON, State.SUBMITTED, NOW, at=CAME)
    await say(office.stage, MELTON, State.OPEN, NOW)
    again = NOW + timedelta(hours=20)

    before = await office.understand(response(code(MELTON), WHEN), now=again)
    said = office.said
    await office.take(response(code(MELTON), WHEN), response(code(MELTON), "2021-12-16 07:00:00"), now=again)

    assert before.said == ()
    assert ["was sent back on 2021-12-15 11:00 UTC" in line for line in said] == [True]
    assert (await case(office.stage, MELTON)).submitted_at == at("2021-12-16T07:00:00+01:00")


async def test_who_need_not_report_is_left_alone(office: Office) -> None:
    understood = await office.understand(
        response(code(AL_SHAHANIYA), WHEN), response(code(GARISSA), WHEN), response(code(DOHA))
    )

    assert (understood.said, understood.left, office.problems.errors()) == ((), 3, 0)
    assert office.said == [
        "2: warning: al-shahaniya need not report in report-2021, it is excepted: the response that was "
        "submitted is left alone",
        "3: warning: garissa is undecided in report-2021 (first: scheduler cases decide): the response that "
        "was submitted is left alone",
        "4: warning: doha is not concerned by report-2021: the response that was begun is left alone",
    ]


async def test_a_report_of_a_case_that_has_ended_is_left_alone(office: Office) -> None:
    late = DEADLINE + DAY
    await say(office.stage, MELTON, State.NOT_SUBMITTED, late)
    ended = await case(office.stage, MELTON)
    async with office.stage.database.write() as connection:
        moved = replace(ended, released_at=late)
        in_force = await Memory().current(connection)
        await cases.write(connection, [Move(ended, moved, late, "released")], in_force.member_ids, "Anna")

    understood = await office.understand(response(code(MELTON), WHEN), now=late)

    assert understood.said == ()
    assert ["is released already" in line for line in office.said] == [True]


async def test_a_code_of_nobody_is_refused_with_its_line(office: Office) -> None:
    await office.understand(response(code(MELTON), WHEN), response("zzzzzzzzzzzzzzzz", WHEN))

    assert office.said == ["3: error: no city has this code in report-2021"]


async def test_the_code_of_another_round_is_none_of_this_one(office: Office) -> None:
    await office.understand(response(LINKS.code("report-2022", MELTON), WHEN))

    assert office.problems.errors() == 1


async def test_responses_without_a_code_are_counted(office: Office) -> None:
    understood = await office.understand(response(None, WHEN), response(""), response("", WHEN))

    assert understood.left == 3
    assert office.said == [
        "2: warning: 2 responses were submitted and have no code (line 2, 4), and left alone",
        "3: warning: 1 response was begun and has no code (line 3), and left alone",
    ]


async def test_of_a_doubled_hour_the_first_one_counts(office: Office) -> None:
    await office.take(response(code(MELTON), "2021-10-31 02:30:00"))

    assert (await case(office.stage, MELTON)).submitted_at == at("2021-10-31T00:30:00+00:00")
    assert ["came twice that night: the first one is taken" in line for line in office.said] == [True]


async def test_an_hour_that_was_not_makes_staff_look_at_the_zone(office: Office) -> None:
    await office.understand(response(code(MELTON), "2021-03-28 02:30:00"))

    assert ["did not exist that night" in line for line in office.said] == [True]


async def test_a_report_of_tomorrow_is_refused(office: Office) -> None:
    await office.understand(response(code(MELTON), "2021-12-16 12:00:00"))

    assert [line.startswith("2: error:") for line in office.said] == [True]
    assert "still to come" in office.said[0]


async def test_the_log_names_the_response_and_no_code(office: Office) -> None:
    await office.take(response(code(MELTON), WHEN, id="37"))

    async with office.stage.database.read() as connection:
        *_, line = await cases.log(connection, ROUND, MELTON)

    assert line.reason == "the survey's export, response 37; the report came at 2021-12-10 13:23:05 UTC"


# codes


async def test_a_city_has_the_code_that_is_worked_out(office: Office) -> None:
    in_force = await office.in_force()

    async with office.stage.database.read() as connection:
        found = await codes_of(connection, in_force, in_force.cycles[ROUND], LINKS)

    assert found[MELTON] == code(MELTON)
    assert len(set(found.values())) == len(found) == 8


async def test_only_who_must_report_gets_a_code_for_the_survey(office: Office) -> None:
    desk = await coding(office)
    cycle = desk.in_force.cycles[ROUND]

    rows = list(participants(desk.in_force, cycle, await desk.all(cycle)))

    assert [row[-1] for row in rows] == sorted((MELTON, MEDELLIN, KASHAN, AL_WAKRA, GDYNIA))
    melton = next(row for row in rows if row[-1] == MELTON)
    assert melton[1:] == ("Melton", melton[2], "en", code(MELTON), MELTON)
    assert "@" in melton[2]


async def coding(office: Office) -> CaseCodes:
    return CaseCodes(office.stage.database, await office.in_force(), LINKS)


async def take_codes(office: Office, *rows: Participant) -> None:
    desk = await coding(office)
    cycle = desk.in_force.cycles[ROUND]
    await desk.write(cycle, await desk.plan(cycle, rows), by="Anna", now=NOW)


def participant(line: int, new: str, *names: str, address: str = "") -> Participant:
    return Participant(line, new, names, address)


async def test_the_surveys_own_code_takes_the_place_of_ours(office: Office) -> None:
    await take_codes(office, participant(2, "Xy7_q~2", MELTON), participant(3, "Bo9", "Medellín"))

    await office.take(response("xy7_Q~2", WHEN), response("Bo9", WHEN))
    after = await office.understand(response(code(MELTON), WHEN))

    assert (await case(office.stage, MELTON)).submitted_at == CAME
    assert (await case(office.stage, MEDELLIN)).submitted_at == CAME
    assert (after.said, office.said) == ((), ["2: error: no city has this code in report-2021"])


async def test_what_is_forgotten_is_worked_out_again(office: Office) -> None:
    await take_codes(office, participant(2, "Xy7_q~2", MELTON))
    desk = await coding(office)
    cycle = desk.in_force.cycles[ROUND]

    await desk.write(cycle, await desk.plan_to_forget(cycle), by="Anna", now=NOW)

    assert (await desk.all(cycle))[MELTON] == code(MELTON)


async def test_all_that_is_wrong_with_codes_is_said_at_once_and_without_them(office: Office) -> None:
    desk = await coding(office)
    cycle = desk.in_force.cycles[ROUND]
    rows = [
        participant(2, "secret1", MELTON),
        participant(3, "SECRET1", MEDELLIN),
        participant(4, "secret2", MELTON),
        participant(5, "secret3", "Atlantis"),
        participant(6, "=1+secret4", KASHAN),
        participant(7, code(GDYNIA), AL_WAKRA),
    ]

    with pytest.raises(CasesRefused) as refused:
        await desk.plan(cycle, rows)

    assert refused.value.problems == (
        "line 3: line 2 has the same code",
        "line 4: melton stands on line 2 already",
        "line 5: no member of this name, slug or address; write its slug",
        "line 6: this cannot be a code of LimeSurvey: a code has at most 35 letters, figures, and _ ~ -",
        "line 7: the code of al-wakra is that of gdynia now",
    )


async def test_a_city_is_found_by_its_address_too(office: Office) -> None:
    desk = await coding(office)
    address = desk.in_force.members[MELTON].contacts[0].address

    plan = await desk.plan(desk.in_force.cycles[ROUND], [participant(2, "abc", address=address.upper())])

    assert plan.codes == {MELTON: "abc"}


async def test_two_cities_may_change_their_codes(office: Office) -> None:
    await take_codes(office, participant(2, "one", MELTON), participant(3, "two", MEDELLIN))

    await take_codes(office, participant(2, "two", MELTON), participant(3, "one", MEDELLIN))

    desk = await coding(office)
    found = await desk.all(desk.in_force.cycles[ROUND])
    assert (found[MELTON], found[MEDELLIN]) == ("two", "one")


async def test_a_list_without_codes_says_what_to_do(office: Office) -> None:
    desk = await coding(office)

    with pytest.raises(CasesRefused, match="Generate access codes"):
        await desk.plan(desk.in_force.cycles[ROUND], [participant(2, "", MELTON)])


async def test_the_journal_has_the_number_of_codes_and_none_of_them(office: Office) -> None:
    await take_codes(office, participant(2, "Xy7_q~2", MELTON))

    table = tables.journal.c
    query = select(table.actor, table.action, table.subject, table.detail).where(table.action == "codes")
    async with office.stage.database.read() as connection:
        (row,) = [tuple(row) for row in await connection.execute(query)]
    assert row == ("Anna", "codes", ROUND, "1 code of the survey")
