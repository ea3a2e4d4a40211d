"""seasons.yaml: what may stand there, and what is said of mistakes."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from scheduler.configuration.problems import Problems
from scheduler.configuration.seasons import read_seasons
from scheduler.model.seasons import Hours, Season

TEXT = """seasons:
  - title: Ramadan
    from: 2027-02-08
    to: 2027-03-09
    give_or_take_days: 1
    countries: [QA, SA]
    hours:
      from: "17:00"
      to: "19:30"
    text: at table
"""


def read(folder: Path, text: str) -> tuple[tuple[Season, ...], list[str]]:
    problems = Problems()
    path = folder / "seasons.yaml"
    path.write_text(text, encoding="utf-8")
    seasons = read_seasons(path, problems)
    return seasons, [str(problem).removeprefix(f"{folder}/") for problem in problems.in_order()]


def test_a_season_is_read(tmp_path: Path) -> None:
    seasons, said = read(tmp_path, TEXT)

    assert said == []
    assert seasons == (
        Season(
            title="Ramadan",
            first=date(2027, 2, 8),
            last=date(2027, 3, 9),
            give_or_take=timedelta(days=1),
            countries=("QA", "SA"),
            hours=Hours(time(17), time(19, 30)),
            text="at table",
        ),
    )


def test_the_file_may_be_missing(tmp_path: Path) -> None:
    problems = Problems()

    assert read_seasons(tmp_path / "seasons.yaml", problems) == ()
    assert problems.in_order() == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "to: 2027-03-09",
            "to: 2027-01-09",
            "4:9: error: this season ends before it begins; write from, then to",
        ),
        (
            'to: "19:30"',
            'to: "05:00"',
            "9:11: error: these hours end before they begin; write two seasons for hours around midnight",
        ),
        ("[QA, SA]", "[Qatar]", '6:17: error: "Qatar" is no country code; write two capitals, such as BR'),
        ("title: ", "titel: ", '2:5: error: "titel" is no key that can stand here; did you mean "title"?'),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, old: str, new: str, problem: str) -> None:
    _, said = read(tmp_path, TEXT.replace(old, new))

    assert said == [f"seasons.yaml:{problem}"]


@pytest.mark.parametrize(
    ("starts", "ends", "meets"),
    [
        ("15:00", "16:00", False),
        ("16:00", "17:00", False),
        ("16:30", "17:30", True),
        ("19:29", "20:00", True),
    ],
)
def test_hours_are_half_open(starts: str, ends: str, meets: bool) -> None:
    hours = Hours(time(17), time(19, 30))

    assert hours.meet(*(datetime.fromisoformat(f"2027-02-17T{at}") for at in (starts, ends))) is meets


@pytest.mark.parametrize(
    ("starts", "ends", "meets"),
    [
        ("2027-02-05T09:00", "2027-02-07T00:00", False),
        ("2027-02-05T09:00", "2027-02-07T12:00", True),
        ("2027-03-10T18:00", "2027-03-14T12:00", True),
        ("2027-03-11T18:00", "2027-03-11T19:00", False),
    ],
    ids=["over at midnight", "into its first day", "from its last day", "after it"],
)
def test_a_festival_of_several_days_may_run_into_a_season(starts: str, ends: str, meets: bool) -> None:
    season = Season("Ramadan", date(2027, 2, 8), date(2027, 3, 9), timedelta(days=1))

    assert season.meets(datetime.fromisoformat(starts), datetime.fromisoformat(ends)) is meets
