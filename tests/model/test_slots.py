"""The plan is computed on groups of members that are alike, and must be what each member would get alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.model.members import Contact, Membership, Span
from scheduler.model.moments import Since
from scheduler.model.network import Configuration
from scheduler.model.notices import Days, Kind, NoticeRule, WorkingDaysBefore
from scheduler.model.programme import Window
from scheduler.model.series import Status
from scheduler.model.slots import Group, Slot, find_slots, group_members, latest_only
from tests import cast
from tests.cast import DOHA, MANTES, MEDELLIN, MELTON, a_configuration, a_series, a_session, at
from tests.model.asking import APRIL, applied, cycle

#: One notice of the plan: when, which occurrence, which rule, whom.
Notice = tuple[datetime, str, str, str]

YEAR = Window(APRIL.applied_at, APRIL.applied_at + timedelta(days=365))

SLUGS = [member.slug for member in cast.real().members]
#: Applied before the first session of each series and cycle, so that nothing is left out for being old.
EARLY = applied("2020-01-01T00:00:00+00:00")


def notices(slots: Sequence[Slot]) -> set[Notice]:
    return {(s.due_at, s.occurrence.id, s.rule.id, member.slug) for s in slots for member in s.members()}


def plan(configuration: Configuration, window: Window = YEAR, since: Since = APRIL) -> list[Slot]:
    return find_slots(configuration, group_members(configuration), window, since)


@lru_cache(maxsize=1024)
def alone(slug: str) -> frozenset[Notice]:
    """All that one city gets for the whole real configuration, worked out for this city only."""
    configuration = cast.real()
    window = Window(EARLY.applied_at, at("2028-06-01T00:00:00+00:00"))
    (member,) = (m for m in configuration.members if m.slug == slug)
    return frozenset(notices(find_slots(configuration, [Group((member,))], window, EARLY)))


@settings(max_examples=60)
@given(
    slugs=st.sets(st.sampled_from(SLUGS), min_size=1, max_size=25),
    parts=st.sets(st.sampled_from([part.id for part in cast.real().parts]), min_size=1),
    days=st.tuples(st.integers(0, 3000), st.integers(1, 400)),
)
def test_the_plan_of_groups_is_the_union_of_the_plans_of_members(
    slugs: set[str], parts: set[str], days: tuple[int, int]
) -> None:
    configuration = replace(
        cast.real(),
        members=tuple(m for m in cast.real().members if m.slug in slugs),
        series=tuple(s for s in cast.real().series if s.id in parts),
        cycles=tuple(c for c in cast.real().cycles if c.id in parts),
    )
    start = EARLY.applied_at + timedelta(days=days[0])
    window = Window(start, start + timedelta(days=days[1]))

    together = notices(plan(configuration, window, EARLY))

    assert together == {
        notice for slug in slugs for notice in alone(slug) if notice[0] in window and is_of(notice, parts)
    }


def is_of(notice: Notice, parts: set[str]) -> bool:
    return notice[1].rpartition(".")[2] in parts


@settings(max_examples=25)
@given(
    start=st.integers(0, 3000 * 24),
    hours=st.tuples(st.integers(0, 500), st.integers(1, 500)),
    slugs=st.sets(st.sampled_from(SLUGS), min_size=1, max_size=5),
)
def test_windows_tile(start: int, hours: tuple[int, int], slugs: set[str]) -> None:
    """What is due in [a, c) is what is due in [a, b), then what is due in [b, c)."""
    configuration = replace(cast.real(), members=tuple(m for m in cast.real().members if m.slug in slugs))
    a = EARLY.applied_at + timedelta(hours=start)
    b, c = a + timedelta(hours=hours[0]), a + timedelta(hours=sum(hours))

    parts = [plan(configuration, Window(*ends), EARLY) for ends in ((a, b), (b, c))]

    assert [*parts[0], *parts[1]] == plan(configuration, Window(a, c), EARLY)


def test_groups_part_the_members() -> None:
    grouped = [member.slug for group in group_members(cast.real()) for member in group.members]

    assert sorted(grouped) == sorted(SLUGS)


def test_members_of_a_group_are_alike_for_every_audience_and_cycle() -> None:
    configuration = cast.real()
    audiences = {session.audience for series in configuration.series for session in series.sessions}

    for group in group_members(configuration):
        assert len({m.zone for m in group.members}) == 1
        assert all(len({a.includes(m) for m in group.members}) == 1 for a in audiences)
        assert all(len({c.duty(m) for m in group.members}) == 1 for c in configuration.cycles)


def test_groups_are_far_fewer_than_members() -> None:
    assert len(group_members(cast.open_house())) < len(SLUGS) / 2


def test_planning_twice_gives_the_same() -> None:
    configuration = a_configuration(a_series(), a_series(id="others"))

    assert plan(configuration) == plan(configuration)


def test_slots_are_ordered_by_instant() -> None:
    instants = [slot.due_at for slot in plan(cast.real(), Window(YEAR.start, YEAR.end), EARLY)]

    assert instants == sorted(instants)


def test_a_session_causes_these_notices_and_no_others() -> None:
    """For one city; whether there is anything to change or cancel is known only from what it was told."""
    found = {(s.due_at, s.rule.id) for s in plan(a_configuration(a_series(), members=(MANTES,)))}

    assert found == {
        (at("2027-04-01T10:10:00+02:00"), "changed"),
        (at("2027-05-03T09:00:00+02:00"), "announcement"),
        (at("2027-05-17T09:00:00+02:00"), "invitation"),
        (at("2027-06-07T09:00:00+02:00"), "week-before"),
        (at("2027-06-11T09:00:00+02:00"), "working-day-before"),
    }


def test_moving_one_session_changes_only_its_own_notices() -> None:
    one, other = a_session(), a_session(id="second", on=date(2027, 6, 21))
    before = notices(plan(a_configuration(a_series(one, other), members=(MANTES, MELTON))))

    moved = replace(other, on=date(2027, 6, 22), start=time(9), end=time(10))
    after = notices(plan(a_configuration(a_series(one, moved), members=(MANTES, MELTON))))

    assert {notice[1] for notice in before ^ after} == {"second.talks"}


def test_a_rule_that_is_switched_off_gives_no_slots() -> None:
    rules = tuple(replace(rule, enabled=False) for rule in a_series().rules)

    assert plan(a_configuration(a_series(rules=rules), members=(MANTES,))) == []


def test_a_held_session_gives_no_slots() -> None:
    configuration = a_configuration(a_series(a_session(held=True)), members=(MANTES,))

    assert plan(configuration) == []


def test_a_held_round_gives_no_slots() -> None:
    held = replace(cycle("report-2027"), held=True)

    assert plan(replace(cast.real(), series=(), cycles=(held,))) == []


def test_a_cancelled_session_gives_its_cancellation_only() -> None:
    configuration = a_configuration(a_series(a_session(status=Status.CANCELLED)), members=(MANTES,))

    assert [slot.rule.kind for slot in plan(configuration)] == [Kind.CANCELLED]


def test_many_working_days_before_are_found_however_far_the_session_is() -> None:
    """Sixty working days are twelve weeks: a window that ends long before the session must show them."""
    rule = NoticeRule("early", Kind.REMINDER, ("coordinator",), WorkingDaysBefore(60, time(9)))
    session = a_session(on=date(2027, 10, 4))
    configuration = a_configuration(a_series(session, rules=(rule,)), members=(DOHA,))

    (slot,) = plan(configuration, Window(at("2027-07-01T00:00:00+00:00"), at("2027-07-20T00:00:00+00:00")))

    assert slot.due_at == at("2027-07-12T09:00:00+03:00")


def test_a_slot_counts_the_contacts_of_its_roles() -> None:
    (slot,) = (
        s for s in plan(a_configuration(a_series())) if s.rule.id == "announcement" and MANTES in slugs_of(s)
    )

    both = replace(slot, rule=replace(slot.rule, to=("coordinator", "mayor")))

    assert both.count() == 2 * slot.count() == 2 * len(slugs_of(slot))


def slugs_of(slot: Slot) -> list[str]:
    return [member.slug for member in slot.members()]


def test_an_address_that_holds_two_roles_counts_once() -> None:
    address = "mayor@mantes.example"
    city = replace(cast.member(MANTES), contacts=(Contact("coordinator", address), Contact("mayor", address)))
    rule = days_before(7, "coordinator", "mayor")
    configuration = replace(a_configuration(a_series(rules=(rule,))), members=(city,))

    assert [slot.count() for slot in plan(configuration)] == [1]


def test_who_has_no_contact_of_a_role_is_not_counted() -> None:
    city = replace(cast.member(MANTES), contacts=(Contact("mayor", "mayor@mantes.example"),))
    configuration = replace(a_configuration(a_series()), members=(city,))

    assert {slot.count() for slot in plan(configuration)} == {0}


# several reminders due together


def due_together(*rules: NoticeRule, members: tuple[str, ...] = (MANTES,)) -> list[Slot]:
    """All slots of a session with these rules, as after a long outage."""
    return plan(a_configuration(a_series(rules=rules), members=members))


def days_before(number: int, *to: str) -> NoticeRule:
    return NoticeRule(f"days-{number}", Kind.REMINDER, to or ("coordinator",), Days(-number, time(9)))


def test_of_several_reminders_the_latest_is_kept() -> None:
    slots = due_together(days_before(14), days_before(7), days_before(1))

    kept, replaced = latest_only(slots)

    assert [slot.rule.id for slot in kept] == ["days-1"]
    assert [slot.rule.id for slot in replaced] == ["days-14", "days-7"]


def test_each_group_keeps_the_latest_of_its_own() -> None:
    """In Melton the day before has come, in Medellín it has not yet."""
    slots = due_together(days_before(7), days_before(1), members=(MELTON, MEDELLIN))
    now = at("2027-06-13T08:00:00+00:00")

    kept, _ = latest_only([slot for slot in slots if slot.due_at <= now])

    assert {(slug, slot.rule.id) for slot in kept for slug in slugs_of(slot)} == {
        (MELTON, "days-1"),
        (MEDELLIN, "days-7"),
    }


def test_reminders_of_different_sessions_do_not_replace_each_other() -> None:
    series = a_series(a_session(), a_session(id="second"), rules=(days_before(7),))

    kept, replaced = latest_only(plan(a_configuration(series, members=(MANTES,))))

    assert [slot.occurrence.id for slot in kept] == ["first.talks", "second.talks"]
    assert replaced == []


def test_a_reminder_never_takes_the_place_of_an_invitation() -> None:
    configuration = a_configuration(a_series(), members=(MANTES,))
    slots = [s for s in plan(configuration) if s.rule.id in ("invitation", "working-day-before")]

    kept, replaced = latest_only(slots)

    assert kept == slots
    assert replaced == []


def test_a_reminder_to_the_mayor_takes_nothing_from_the_coordinator() -> None:
    slots = due_together(days_before(7, "coordinator", "mayor"), days_before(1, "mayor"))

    kept, replaced = latest_only(slots)

    assert [(slot.rule.id, slot.rule.to) for slot in kept] == [
        ("days-7", ("coordinator",)),
        ("days-1", ("mayor",)),
    ]
    assert [(slot.rule.id, slot.rule.to) for slot in replaced] == [("days-7", ("mayor",))]


def test_an_ended_membership_is_a_group_of_its_own() -> None:
    ended = Membership(Span(date(2019, 7, 1), date(2019, 7, 1)), date(2022, 6, 30), "test")
    configuration = a_configuration(a_series(), members=(MANTES,))
    twin = replace(configuration.members[0], slug="twin", memberships=(ended,))

    groups = group_members(replace(configuration, members=(*configuration.members, twin)))

    assert [[member.slug for member in group.members] for group in groups] == [[MANTES], ["twin"]]
