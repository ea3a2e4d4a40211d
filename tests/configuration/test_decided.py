"""What people decided of cases, and the files say otherwise: `check` names each difference."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from scheduler.configuration.advice.decided import find_decided
from scheduler.model.cases import Case, State
from scheduler.model.cycles import Duty
from tests.configuration.house import House

REPORT = "cycles/report-2021.yaml"
DEADLINE = datetime(2021, 12, 31, 22, 59, 59, tzinfo=UTC)
AGAIN = "; to go by the files again: scheduler cases decide"


def case(member: str, decision: Duty | None = None, **more: object) -> Case:
    state = more.pop("state", State.DUE)
    return Case("report-2021", member, state, DEADLINE, DEADLINE, DEADLINE, decision=decision, **more)  # type: ignore[arg-type]


def said(house: House, *cases: Case) -> list[str]:
    return [str(one).replace(f"{house.folder}/", "") for one in find_decided(house.load(), cases, DEADLINE)]


def test_a_decision_about_an_undecided_city_is_noted(house: House) -> None:
    line = house.line_of(REPORT, "who:")

    assert said(house, case("garissa", Duty.DUE)) == [
        f"{REPORT}:{line}:1: note: a person decided that garissa must report, and by the files it is "
        "undecided: the decision counts"
    ]


@pytest.mark.parametrize(
    ("lines", "slug", "decision", "sentence"),
    [
        (
            "  also:\n    - doha\n",
            "doha",
            Duty.EXCEPTED,
            "a person decided that doha need not report, and by the files it must report",
        ),
        (
            "  exempt:\n    melton: Flood\n",
            "melton",
            Duty.DUE,
            "a person decided that melton must report, and by the files it need not report",
        ),
    ],
)
def test_a_decision_against_the_files_is_said_where_the_city_stands(
    house: House, lines: str, slug: str, decision: Duty, sentence: str
) -> None:
    house.change(REPORT, "who:\n  joined_before: 2020-09\n", f"who:\n  joined_before: 2020-09\n{lines}")
    line = house.line_of(REPORT, lines.splitlines()[1])

    (found,) = said(house, case(slug, decision))

    assert found.startswith(f"{REPORT}:{line}:")
    assert found.endswith(f"note: {sentence}: the decision counts{AGAIN} {slug} undecided")


def test_a_decision_that_the_files_share_is_not_spoken_of(house: House) -> None:
    assert said(house, case("melton", Duty.DUE), case("melton"), case("nobody", Duty.DUE)) == []


def test_a_membership_that_ended_and_goes_on_in_the_table_is_warned_of(house: House) -> None:
    ended = case("melton", state=State.INCOMPLETE, ends_on=date(2022, 6, 30))
    line = house.line_of("members.csv", "melton,Melton,")

    (found,) = said(house, ended)

    assert found.startswith(f"members.csv:{line}:")
    assert found.endswith(
        "warning: the membership of melton ends on 2022-06-30 with the outcome of report-2021, and here "
        "it goes on: the outcome counts; write the last day behind the start: to 2022-06-30"
    )


def test_a_membership_that_ends_there_as_well_is_not_spoken_of(house: House) -> None:
    text = (house.folder / "members.csv").read_text("utf-8")
    (row,) = (line for line in text.splitlines() if line.startswith("melton,"))
    cells = row.split(",")
    cells[8] = f"{cells[8]} to 2022-06-30"
    (house.folder / "members.csv").write_text(text.replace(row, ",".join(cells)), "utf-8")

    assert said(house, case("melton", state=State.INCOMPLETE, ends_on=date(2022, 6, 30))) == []


def test_a_membership_that_an_extension_keeps_is_not_spoken_of(house: House) -> None:
    """Trap 32: who was noted as not submitted, and has more time, is asked again."""
    extension = "extensions:\n  - until: 2022-02-28\n    because: Flood\n"
    house.change(REPORT, "\nwho:\n", f"\n{extension}who:\n")

    assert said(house, case("melton", state=State.NOT_SUBMITTED, ends_on=date(2022, 6, 30))) == []


def test_where_members_cannot_be_read_nothing_is_said(house: House) -> None:
    (house.folder / "members.csv").unlink()

    assert said(house, case("garissa", Duty.DUE)) == []
