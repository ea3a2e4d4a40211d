"""Every difference is said, and only what differs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.model.cycles import Deadline
from scheduler.model.difference import What, compare
from scheduler.model.moments import Since
from scheduler.model.network import Configuration
from scheduler.model.plan import plan_mailings
from scheduler.model.programme import Window
from scheduler.model.series import Status
from scheduler.model.slots import group_members
from tests import cast
from tests.cast import a_configuration, a_series, a_session, at
from tests.edits import Edit, edits

APRIL = at("2027-04-20T08:00:00+00:00")
YEAR = Window(APRIL, APRIL + timedelta(days=365))


@settings(max_examples=60)
@given(edit=edits())
def test_nothing_changes_exactly_where_nothing_differs(edit: Edit) -> None:
    assert compare(edit.before, edit.after).is_empty == (edit.before == edit.after)
    assert compare(edit.before, edit.before).is_empty


@settings(max_examples=25)
@given(edit=edits(), day=st.dates(date(2027, 6, 5), date(2027, 7, 10)))
def test_moving_one_session_touches_it_and_its_notices_only(edit: Edit, day: date) -> None:
    first, *others = edit.before.series[0].sessions
    series = replace(edit.before.series[0], sessions=(replace(first, on=day), *others))
    after = replace(edit.before, series=(series, *edit.before.series[1:]))
    moved = f"{first.id}.{series.id}"

    changed = {change.occurrence.id for change in compare(edit.before, after).changes}

    assert changed <= {moved}
    # the announcement of the series goes to those for whom a session lies ahead
    assert untouched(edit.before, {moved, series.id}) == untouched(after, {moved, series.id})


def untouched(configuration: Configuration, but: set[str]) -> Counter[tuple[object, str, str]]:
    groups = group_members(configuration)
    found = Counter[tuple[object, str, str]]()
    for one in plan_mailings(configuration, groups, YEAR, Since(APRIL)):
        if one.occurrence.id not in but:
            found[one.due_at, one.occurrence.id, one.rule.id] += one.mails
    return found


def only_change(**changes: object) -> tuple[What, ...]:
    """What is said of a session of which just this differs."""
    plain = a_session()
    before, after = (a_configuration(a_series(one)) for one in (plain, replace(plain, **changes)))  # type: ignore[arg-type]
    (change,) = compare(before, after).changes
    return change.what


def test_an_hour_that_is_taken_back_is_open_again() -> None:
    assert only_change(start=None, end=None) == (What.OPEN,)


def test_another_zone_with_the_same_hours_is_another_writing() -> None:
    assert only_change(zone="Europe/Paris") == (What.WRITING,)


def test_the_reason_of_a_cancellation_is_no_other_word() -> None:
    assert only_change(status=Status.CANCELLED, reason="the speaker is ill") == (What.CANCELLED,)


def test_a_session_that_is_over_and_dropped_is_gone() -> None:
    old = a_session(id="old")
    before, after = a_configuration(a_series(old, a_session())), a_configuration(a_series(a_session()))

    (change,) = compare(before, after).changes

    assert (change.what, change.occurrence.id) == ((What.GONE,), "old.talks")


def test_a_deadline_that_moves_is_a_change_of_its_round_alone() -> None:
    real = cast.real()
    cycle = real.cycles[-1]
    moved = replace(
        cycle,
        deadline=Deadline(cycle.deadline.on + timedelta(days=15), cycle.deadline.at, cycle.deadline.zone),
    )
    after = replace(real, cycles=(*real.cycles[:-1], moved))

    difference = compare(real, after)

    assert [(change.occurrence.id, change.what) for change in difference.changes] == [
        (cycle.id, (What.MOVED,))
    ]
    assert str(difference) == "1 changed"


def test_another_name_of_a_country_is_said() -> None:
    real = cast.real()
    first, *others = real.countries

    difference = compare(real, replace(real, countries=(replace(first, name="Elsewhere"), *others)))

    assert difference.network == ("countries",)
