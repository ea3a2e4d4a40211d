"""What a new configuration changes: significant (SEQUENCE, mails), visible (feeds only), or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.model.audience import Audience
from scheduler.model.changes import carry_over, held, marks, rule_marks
from scheduler.model.network import Configuration, Partner
from scheduler.model.series import Join, ProgrammeItem, Session, Speaker, Status
from tests import cast
from tests.cast import a_configuration, a_series, a_session, at
from tests.model.asking import cycle

MAY = at("2027-05-20T12:00:00+02:00")
AFTER = at("2027-06-14T14:00:00+02:00")

SIGNIFICANT = {
    "day": {"on": date(2027, 6, 15)},
    "start": {"start": time(12)},
    "end": {"end": time(15)},
    "zone": {"zone": "Europe/London"},
    "cancelled": {"status": Status.CANCELLED},
    "postponed": {"status": Status.POSTPONED},
    "no hour any more": {"start": None, "end": None},
    "link": {"join": Join(link="https://meet.cities.example/2")},
    "last day": {"end_on": date(2027, 6, 15)},
    "link of a language": {"joins": (("fr", Join(link="https://meet.cities.example/fr")),)},
    "passcode": {"join": replace(a_session().join, passcode="lantern")},
}
#: What is significant of `a_session()`, as it was remembered before sessions had several days and languages.
AS_BEFORE = "c2eaefc0e4778e3fd3db2ad3e0ed87a1"
VISIBLE = {
    "topic": {"topic": "green-skills"},
    "languages": {"languages": ("en", "fr")},
    "title": {"title": "A better title"},
    "description": {"description": "What it is about"},
    "organisers": {"organisers": ("PASCAL International Observatory",)},
    "speaker": {"programme": (ProgrammeItem("Opening", (Speaker("Ms Ana Ruiz", "Mayor"),)),)},
    "reason": {"reason": "Speaker is ill"},
    "recording": {"recording": "https://recordings.cities.example/1"},
    "summary": {"summary": "https://cities.example/summary"},
    "audience": {"audience": Audience("Africa", regions=("africa",))},
}


def of_session(session: Session) -> tuple[str, str]:
    return marks(a_configuration(a_series(session)))["first.talks"]


@pytest.mark.parametrize("changes", SIGNIFICANT.values(), ids=SIGNIFICANT)
def test_time_status_and_place_are_significant(changes: dict[str, object]) -> None:
    before, after = of_session(a_session()), of_session(a_session(**changes))

    assert before[0] != after[0]


@pytest.mark.parametrize("changes", VISIBLE.values(), ids=VISIBLE)
def test_everything_else_is_visible_only(changes: dict[str, object]) -> None:
    """Also the audience: who stays hears nothing, because nothing changed for them."""
    before, after = of_session(a_session()), of_session(a_session(**changes))

    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_newer_program_does_not_take_an_old_session_for_changed() -> None:
    assert of_session(a_session())[0] == AS_BEFORE


def test_the_same_instant_in_other_words_is_not_significant() -> None:
    """13:00 in Hamburg or 13:00 at UTC+2: nobody has to be told."""
    before, after = of_session(a_session()), of_session(a_session(zone="+02:00"))

    assert before[0] == after[0]


def test_being_held_is_no_change() -> None:
    assert of_session(a_session()) == of_session(a_session(held=True))


def test_what_partners_may_republish_is_no_change_of_the_session() -> None:
    """It decides in which calendars the item stands; and what was in force before it could be said stays."""
    assert of_session(a_session()) == of_session(a_session(public=True))


def test_the_same_configuration_has_the_same_marks() -> None:
    assert marks(cast.real()) == marks(replace(cast.real(), members=()))


@given(number=st.integers(0, 10), day=st.dates(date(2027, 1, 1), date(2027, 12, 31)))
def test_moving_one_session_changes_only_its_marks(number: int, day: date) -> None:
    (series,) = (one for one in cast.real().series if one.id == "third-wednesday-2027")
    sessions = list(series.sessions)
    sessions[number] = replace(sessions[number], on=day, start=time(8), end=time(9))

    before, after = (
        marks(a_configuration(one)) for one in (series, replace(series, sessions=tuple(sessions)))
    )

    changed = {name for name in before if before[name] != after[name]}
    assert changed == {f"{sessions[number].id}.third-wednesday-2027"}


def test_another_deadline_is_significant() -> None:
    report = cycle("report-2021")
    later = replace(report, deadline=replace(report.deadline, on=date(2022, 2, 28)))

    before, after = (marks(replace(cast.real(), cycles=(one,)))["report-2021"] for one in (report, later))

    assert before[0] != after[0]


def test_another_title_of_a_round_is_visible_only() -> None:
    report = cycle("report-2021")
    renamed = replace(report, title="Progress report")

    before, after = (marks(replace(cast.real(), cycles=(one,)))["report-2021"] for one in (report, renamed))

    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_new_day_of_announcement_marks_the_series_alone() -> None:
    before, after = (
        marks(a_configuration(one)) for one in (a_series(), a_series(announced=date(2027, 5, 4)))
    )

    assert {name for name in before if before[name] != after[name]} == {"talks"}


def test_a_rule_is_marked_by_what_it_does() -> None:
    series = a_series()
    rules = tuple(replace(rule, enabled=True) for rule in series.rules)

    before, after = (set(rule_marks(a_configuration(one))) for one in (series, replace(series, rules=rules)))

    assert {(part, rule) for part, rule, _ in after - before} == {("talks", "hour-before")}


# what vanished from the files


def without_session(_: Configuration) -> Configuration:
    return a_configuration(a_series(a_session(id="second")))


def without_series(_: Configuration) -> Configuration:
    return a_configuration()


@pytest.mark.parametrize("edit", [without_session, without_series])
def test_a_session_that_vanished_is_held(edit: Callable[[Configuration], Configuration]) -> None:
    """Nothing that was promised is cancelled by a line that somebody deleted."""
    before = a_configuration(a_series(a_session()))

    carried = carry_over(before, edit(before), MAY)

    assert held(carried) == ["first.talks"]


def test_a_held_session_keeps_its_marks() -> None:
    before = a_configuration(a_series(a_session(), a_session(id="second")))

    carried = carry_over(before, without_session(before), MAY)

    assert marks(carried) == marks(before)


def test_a_session_that_comes_back_is_held_no_longer() -> None:
    before = a_configuration(a_series(a_session()))
    without = carry_over(before, a_configuration(), MAY)

    back = carry_over(without, before, MAY)

    assert held(back) == []
    assert back == before


def test_a_held_session_stays_held_at_the_next_edit() -> None:
    before = a_configuration(a_series(a_session(), a_session(id="second")))
    once = carry_over(before, without_session(before), MAY)

    carried = carry_over(once, without_session(before), MAY)

    assert held(carried) == ["first.talks"]


def test_a_session_that_is_over_may_vanish() -> None:
    before = a_configuration(a_series(a_session()))

    assert carry_over(before, a_configuration(), AFTER) == a_configuration()


def test_a_session_that_is_under_way_is_held() -> None:
    before = a_configuration(a_series(a_session()))

    assert held(carry_over(before, a_configuration(), at("2027-06-14T13:59:00+02:00"))) == ["first.talks"]


def test_a_cancelled_session_is_not_held_while_it_stands_in_the_file() -> None:
    before = a_configuration(a_series(a_session()))
    cancelled = a_configuration(a_series(a_session(status=Status.CANCELLED)))

    assert carry_over(before, cancelled, MAY) == cancelled


def test_a_round_that_vanished_is_held() -> None:
    before = replace(a_configuration(), cycles=(cycle("report-2027"),))

    carried = carry_over(before, a_configuration(), MAY)

    assert held(carried) == ["report-2027"]
    assert marks(carried) == marks(before)


def test_a_round_whose_deadline_is_over_may_vanish() -> None:
    before = replace(a_configuration(), cycles=(cycle("report-2022"),))

    assert carry_over(before, a_configuration(), MAY) == a_configuration()


def test_an_unchanged_configuration_is_carried_over_as_it_is() -> None:
    assert carry_over(cast.real(), cast.real(), MAY) == cast.real()


AROUND = {
    "name of the network": ({"name": "Network of Towns"}, {}),
    "town of the secretariat": ({"place": "Bonn"}, {}),
    "zone of the secretariat": ({"zone": "Europe/London"}, {}),
    "places of a partner": ({"partners": (Partner("moja", "MOJA", (("Dakar", "Africa/Dakar"),)),)}, {}),
    "title of the series": ({}, {"title": "Other talks"}),
    "organisers of the series": ({}, {"organisers": ("PASCAL International Observatory",)}),
    "description of the series": ({}, {"description": "What they are about"}),
}


@pytest.mark.parametrize(("of_network", "of_series"), AROUND.values(), ids=AROUND)
def test_what_an_item_says_of_its_series_and_network_is_visible(
    of_network: dict[str, object], of_series: dict[str, object]
) -> None:
    """Rule 25: other octets of an item have another LAST-MODIFIED."""
    before = a_configuration(a_series(a_session()))
    series = replace(before.series[0], **of_series)  # type: ignore[arg-type]
    network = replace(before.network, **of_network)  # type: ignore[arg-type]

    was, is_now = (
        marks(one)["first.talks"] for one in (before, replace(before, network=network, series=(series,)))
    )

    assert was[0] == is_now[0]
    assert was[1] != is_now[1]
