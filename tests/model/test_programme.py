"""Configuration and window -> occurrences, at the hour that Hamburg's clock gives them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from scheduler.errors import SchedulerError
from scheduler.model import times
from scheduler.model.programme import (
    Window,
    build_programme,
    occurrences_of,
    only,
    sessions_for,
    summaries_late,
)
from scheduler.model.series import Series, Status
from tests import cast
from tests.cast import DOHA, MEDELLIN, MELTON, a_configuration, a_series, a_session, at
from tests.model.asking import cycle

#: The six dates of 2020, 13:00 on Hamburg's clock, as the clocks there showed them (story US-05).
HOURS_OF_2020 = {
    "medellin": "06:00 06:00 06:00 06:00 07:00 07:00",
    "huejotzingo": "06:00 06:00 06:00 06:00 06:00 06:00",
    "mantes-la-jolie": "13:00 13:00 13:00 13:00 13:00 13:00",
    "duhok": "14:00 14:00 14:00 14:00 15:00 15:00",
    "kashan": "15:30 15:30 15:30 14:30 15:30 15:30",
    "shanghai": "19:00 19:00 19:00 19:00 20:00 20:00",
    "goyang": "20:00 20:00 20:00 20:00 21:00 21:00",
    "melton": "21:00 21:00 21:00 22:00 23:00 23:00",
    "wyndham": "21:00 21:00 21:00 22:00 23:00 23:00",
}
JUNE = Window(at("2027-06-01T00:00:00+02:00"), at("2027-07-01T00:00:00+02:00"))


def series(series_id: str) -> Series:
    return next(one for one in cast.real().series if one.id == series_id)


@pytest.mark.parametrize(("slug", "hours"), HOURS_OF_2020.items())
def test_hours_there_follow_both_clocks(slug: str, hours: str) -> None:
    zone = cast.member(slug).zone
    starts = [occurrence.starts_at for occurrence in occurrences_of(series("covid-19-recovery"))]

    shown = [f"{times.local(start, zone):%H:%M}" for start in starts if start]

    assert " ".join(shown) == hours


def test_a_series_on_the_clock_of_hamburg_moves_in_utc() -> None:
    starts = [occurrence.starts_at for occurrence in occurrences_of(series("covid-19-recovery"))]

    assert starts[0] == at("2020-06-17T11:00:00+00:00")
    assert starts[-1] == at("2020-12-16T12:00:00+00:00")


def test_a_programme_is_ordered_by_start() -> None:
    late, early = a_session(id="b", start=time(15)), a_session(id="c", start=time(9), end=time(10))
    configuration = a_configuration(a_series(late, early, a_session(id="a", start=time(15))))

    programme = build_programme(configuration, JUNE)

    assert [occurrence.id for occurrence in programme] == ["c.talks", "a.talks", "b.talks"]


def test_a_window_is_half_open() -> None:
    starts_at = at("2027-06-14T13:00:00+02:00")
    configuration = a_configuration(a_series())

    assert build_programme(configuration, Window(starts_at, starts_at + timedelta(seconds=1)))
    assert not build_programme(configuration, Window(starts_at - timedelta(hours=1), starts_at))


def test_a_cancelled_session_stays_in_the_programme() -> None:
    configuration = a_configuration(a_series(a_session(status=Status.CANCELLED)))

    (occurrence,) = build_programme(configuration, JUNE)

    assert occurrence.is_cancelled
    assert occurrence.is_off


def test_a_session_to_be_announced_counts_from_the_beginning_of_its_day() -> None:
    configuration = a_configuration(a_series(a_session(start=None, end=None)))
    midnight = at("2027-06-14T00:00:00+02:00")

    (occurrence,) = build_programme(configuration, Window(midnight, midnight + timedelta(minutes=1)))

    assert occurrence.is_tentative
    assert occurrence.starts_at is None


def test_a_postponed_session_has_no_time() -> None:
    (occurrence,) = occurrences_of(a_series(a_session(status=Status.POSTPONED)))

    assert occurrence.is_tentative
    assert not occurrence.is_off


def test_a_session_without_an_end_has_its_length() -> None:
    (occurrence,) = occurrences_of(a_series(a_session(end=None, length_minutes=35)))

    assert occurrence.ends_at == at("2027-06-14T13:35:00+02:00")


def test_a_session_in_the_zone_of_its_host_has_the_hour_of_its_host() -> None:
    """Story US-09: 19:00 in Bogotá is the next day in Hamburg."""
    (occurrence,) = occurrences_of(a_series(a_session(zone="America/Bogota", start=time(19), end=time(20))))

    assert occurrence.starts_at == at("2027-06-15T02:00:00+02:00")
    assert occurrence.day_in("Europe/Berlin") == date(2027, 6, 15)
    assert occurrence.on == date(2027, 6, 14)


def test_a_moved_session_keeps_its_uid() -> None:
    """15 December 2027 is held on the 8th."""
    moved = next(o for o in occurrences_of(series("third-wednesday-2027")) if o.on == date(2027, 12, 8))

    assert moved.uid(cast.real().network) == "2027-12-15.third-wednesday-2027@learning-cities.example"


def test_a_new_title_keeps_the_uid() -> None:
    network = cast.real().network
    before, after = (occurrences_of(a_series(a_session(title=title)))[0] for title in ("Old", "New"))

    assert before.uid(network) == after.uid(network)


def test_all_uids_are_different() -> None:
    uids = [o.uid(cast.real().network) for part in cast.real().parts for o in occurrences_of(part)]

    assert len(uids) == len(set(uids)) == 33


def test_a_deadline_is_half_an_hour_that_ends_with_it() -> None:
    (deadline,) = occurrences_of(cycle("report-2021"))

    assert deadline.starts_at == at("2021-12-31T23:29:59+01:00")
    assert deadline.ends_at == at("2021-12-31T23:59:59+01:00")


def test_a_deadline_counts_with_its_instant() -> None:
    instant = at("2021-12-31T23:59:59+01:00")

    assert build_programme(cast.real(), Window(instant, instant + timedelta(seconds=1)))
    assert not build_programme(cast.real(), Window(instant - timedelta(hours=1), instant))


def test_only_members_of_that_day_are_invited() -> None:
    ended = replace(cast.OPEN, until=date(2027, 6, 13))
    (occurrence,) = occurrences_of(a_series())

    assert occurrence.invites(cast.member(DOHA), cast.real().network)
    assert not occurrence.invites(cast.a_member(DOHA, ended), cast.real().network)


def test_sessions_for_a_member_are_those_it_is_invited_to() -> None:
    response = series("covid-19-response")

    of_medellin = {
        o.session.audience.label
        for o in sessions_for(response, cast.member(MEDELLIN), cast.real().network)
        if o.session
    }

    assert of_medellin == {"World", "Latin America / Caribbean"}


def test_only_keeps_the_parts_that_are_named() -> None:
    chosen = only(cast.real(), ["report-2021", "covid-19-recovery"])

    assert [part.id for part in chosen.parts] == ["covid-19-recovery", "report-2021"]


def test_only_without_names_keeps_everything() -> None:
    assert only(cast.real(), []) == cast.real()


def test_a_name_that_is_no_part_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        SchedulerError, match='"report-2020" is no series and no cycle; known: covid-19-recovery'
    ):
        only(cast.real(), ["report-2020"])


@pytest.mark.parametrize(
    ("held_on", "summary_on", "late"),
    [
        (date(2020, 4, 29), date(2020, 5, 13), []),
        (date(2020, 6, 3), date(2020, 6, 19), [16]),
        (date(2020, 6, 10), date(2020, 6, 29), [19]),
    ],
)
def test_a_summary_is_late_from_day_15(held_on: date, summary_on: date, late: list[int]) -> None:
    """Story US-19: the summaries of 2020 took 14, 16 and 19 days."""
    session = a_session(on=held_on, summary="https://cities.example/summary", summary_on=summary_on)

    found = summaries_late(a_configuration(a_series(session)), date(2020, 12, 31))

    assert [days for _, days in found] == late


def test_a_summary_that_never_came_is_late() -> None:
    configuration = a_configuration(a_series(a_session(on=date(2020, 6, 3))))

    assert [days for _, days in summaries_late(configuration, date(2020, 6, 18))] == [15]
    assert summaries_late(configuration, date(2020, 6, 17)) == []


@pytest.mark.parametrize(
    "changes", [{"status": Status.CANCELLED}, {"held": True}, {"start": None, "end": None}]
)
def test_no_summary_is_expected_of_what_did_not_take_place(changes: dict[str, object]) -> None:
    configuration = a_configuration(a_series(a_session(on=date(2020, 6, 3), **changes)))

    assert summaries_late(configuration, date(2020, 12, 31)) == []


def test_the_day_of_a_session_is_the_one_there() -> None:
    """20:00 in Hamburg is the next morning in Melton."""
    (occurrence,) = occurrences_of(a_series(a_session(start=time(20), end=time(21))))

    assert occurrence.day_in(cast.member(MELTON).zone) == date(2027, 6, 15)


def test_a_festival_without_hours_is_not_over_before_its_last_day() -> None:
    festival = a_session(on=date(2027, 6, 14), end_on=date(2027, 6, 18), start=None, end=None)
    (occurrence,) = occurrences_of(a_series(festival))

    assert not occurrence.is_over(at("2027-06-18T20:00:00+02:00"))
    assert occurrence.is_over(at("2027-06-19T00:00:00+02:00"))


def test_a_postponed_session_is_never_over() -> None:
    (occurrence,) = occurrences_of(a_series(a_session(status=Status.POSTPONED)))

    assert not occurrence.is_over(at("2030-01-01T00:00:00+00:00"))
