"""The normal form in which a configuration is in force: the same text for the same, and nothing is lost."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from scheduler.configuration import normal
from scheduler.model.cycles import Duty, Extension
from scheduler.model.notices import Days, Kind, MinutesBefore, NoticeRule, WorkingDaysBefore
from scheduler.model.series import Join, ProgrammeItem, Speaker, Status
from tests import cast
from tests.cast import a_configuration, a_series, a_session

GOLDEN = Path(__file__).parent / "golden"


def test_the_real_configuration_comes_back() -> None:
    text = normal.to_text(cast.real())

    assert normal.from_text(text) == cast.real()


def test_the_same_configuration_gives_the_same_text() -> None:
    text = normal.to_text(cast.real())

    assert normal.to_text(normal.from_text(text)) == text


def test_what_was_in_force_before_there_were_cases_keeps_its_hash() -> None:
    """As the program wrote it that knew nothing of extensions and of what people decide."""
    text = (GOLDEN / "in-force-before-cases.json").read_text("utf-8")

    assert normal.to_text(normal.from_text(text)) == text
    assert normal.hash_of(text) == "5cab4e22355504582a9451686c5be31ee9298ef757b0deef2922c06b9b103a64"


def test_what_a_round_can_say_since_then_comes_back() -> None:
    real = cast.real()
    first, *others = real.cycles
    trap = Extension(date(2022, 2, 28), 'x","extensions":[],"decided":[]', ("melton",), ("BR",))
    who = replace(first.who, decided=(("garissa", Duty.DUE),), also_because=(("gunpo", "Asked for it"),))
    whole = replace(real, cycles=(replace(first, extensions=(trap,), who=who), *others))

    assert whole.cycles[0].word_limits
    assert normal.from_text(normal.to_text(whole)) == whole


def test_what_an_older_program_wrote_is_read() -> None:
    """It knew nothing of several days, editions and languages."""
    whole = a_configuration(a_series(a_session()))
    plain = json.loads(normal.to_text(whole))
    for key in ("end_on", "topic", "languages", "joins"):
        del plain["series"][0]["sessions"][0][key]

    assert normal.from_text(json.dumps(plain)) == whole


def test_a_session_in_several_languages_comes_back() -> None:
    joins = (("fr", Join(link="https://meet.cities.example/fr")),)
    session = a_session(end_on=date(2027, 6, 16), topic="green", languages=("fr", "es"), joins=joins)
    whole = a_configuration(a_series(session))

    assert normal.from_text(normal.to_text(whole)) == whole


def test_the_text_is_json() -> None:
    assert set(json.loads(normal.to_text(cast.real()))) == {
        "network",
        "members",
        "countries",
        "series",
        "cycles",
    }


def test_another_configuration_has_another_hash() -> None:
    hashes = {
        normal.hash_of(normal.to_text(one)) for one in (cast.real(), cast.open_house(), a_configuration())
    }

    assert len(hashes) == 3


def test_everything_that_a_session_may_hold_comes_back() -> None:
    session = a_session(
        start=None,
        end=None,
        status=Status.POSTPONED,
        reason="Speaker is ill",
        join=Join("Zoom", "Webinar ID", "94172987853", "https://meet.cities.example/1", "0123"),
        programme=(
            ProgrammeItem("Opening", (Speaker("Ms Ana Ruiz", "Mayor", "Huye"),)),
            ProgrammeItem("Questions"),
        ),
        summary_on=date(2027, 6, 28),
        held=True,
    )
    configuration = a_configuration(a_series(session, announced=None))

    assert normal.from_text(normal.to_text(configuration)) == configuration


def test_every_kind_of_moment_comes_back_as_itself() -> None:
    """Days and working days look alike: both are a number and an hour."""
    whens = (Days(-7, time(9), on_working_day=True), WorkingDaysBefore(7, time(9)), MinutesBefore(7), None)
    rules = tuple(NoticeRule(f"rule-{n}", Kind.REMINDER, ("mayor",), when) for n, when in enumerate(whens))
    configuration = a_configuration(a_series(rules=rules))

    assert normal.from_text(normal.to_text(configuration)) == configuration


@given(title=st.text(st.characters(codec="utf-8")), at=st.times(timezones=st.none()))
def test_texts_and_times_come_back_whatever_they_are(title: str, at: time) -> None:
    at = at.replace(microsecond=0, fold=0)
    configuration = replace(
        a_configuration(a_series(a_session(title=title, start=at))), members=(), countries=()
    )

    assert normal.from_text(normal.to_text(configuration)) == configuration


def test_a_configuration_without_partners_reads_as_before_there_were_any() -> None:
    """What was in force before the program knew them keeps its text, and so its hash."""
    bare = a_configuration(a_series(a_session()))
    bare = replace(bare, network=replace(bare.network, partners=()))

    assert not re.search('"(public|partners)":', normal.to_text(bare))
    assert normal.from_text(normal.to_text(bare)) == bare


def test_partners_and_what_is_public_come_back() -> None:
    trap = a_session(title='x","public":false,"partners":[]', public=True)
    whole = a_configuration(a_series(trap, a_session(id="second")))

    assert whole.network.partners
    assert normal.from_text(normal.to_text(whole)) == whole
