"""Ids that are in force and no longer in the files."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from scheduler.model.network import Configuration
from scheduler.model.renames import Rename, find_renames
from scheduler.model.series import Series, Session
from tests import cast

REAL = next(series for series in cast.real().series if series.id == "covid-19-recovery")
FIRST, SECOND = REAL.sessions[:2]


def configuration(*sessions: Session) -> Configuration:
    series: tuple[Series, ...] = (replace(REAL, sessions=sessions),)
    return replace(cast.real(), series=series)


def renames(before: Configuration, proposal: Configuration) -> list[Rename]:
    return list(find_renames(before, proposal))


def test_another_id_with_the_same_title_is_a_rename() -> None:
    moved = replace(FIRST, id="other", on=date(2030, 1, 1))

    found = renames(configuration(FIRST, SECOND), configuration(moved, SECOND))

    assert found == [Rename(REAL.id, "other", FIRST.id)]


def test_another_id_at_the_same_hour_is_a_rename() -> None:
    retitled = replace(FIRST, id="other", title="Other")

    found = renames(configuration(FIRST, SECOND), configuration(retitled, SECOND))

    assert found == [Rename(REAL.id, "other", FIRST.id)]


def test_a_session_that_goes_and_one_that_comes_are_two() -> None:
    other = replace(FIRST, id="other", title="Other", on=FIRST.on + timedelta(days=1))

    assert renames(configuration(FIRST), configuration(other)) == []


def test_where_several_are_alike_nothing_is_guessed() -> None:
    before = [replace(FIRST, id=f"b{n}", on=FIRST.on + timedelta(days=n)) for n in range(2)]
    after = [replace(FIRST, id=f"a{n}", on=FIRST.on + timedelta(days=9 + n)) for n in range(2)]

    assert renames(configuration(*before), configuration(*after)) == []


def test_a_moved_session_that_keeps_its_id_is_none() -> None:
    assert renames(configuration(FIRST), configuration(replace(FIRST, on=date(2030, 1, 1)))) == []
