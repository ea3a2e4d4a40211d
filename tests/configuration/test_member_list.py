"""Lists of members from elsewhere: what they would do to members.csv, or every problem at once (P05)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.configuration.lists.member_list import COLUMNS, Ground, Import, plan_import, read_list
from scheduler.configuration.problems import MOST_FINDINGS, Problems
from tests import cast
from tests.configuration.desk import Desk, real_countries, real_network, with_change
from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden"
HEADER = ",".join(COLUMNS[:9])
TABLE = f"""{HEADER},aliases,note
izmir,İzmir,TR,europe-and-north-america,Europe/Istanbul,en|tr,Sat-Sun,2019-07,coordinator@izmir.example,Izmir,
lalcora,"L'Alcora",ES,europe-and-north-america,Europe/Madrid,es,Sat-Sun,2022-09,staff@lalcora.example,,"as is"
la-paz-baja-california-sur,La Paz (Baja California Sur),MX,latin-america-and-the-caribbean,\
America/Mazatlan,es,Sat-Sun,2024-02,coordinator@la-paz.example,La Paz,
"""
TARTU = "tartu,Tartu,EE,europe-and-north-america,,en|et,Sat-Sun,2027-09-01,coordinator@tartu.example"
CHIA = "chia,Chía,CO,latin-america-and-the-caribbean,,es,Sat-Sun,2027-09-01,coordinator@chia.example"


@dataclass(frozen=True)
class Done:
    found: Import | None
    said: list[str]

    @property
    def whole(self) -> Import:
        assert self.found is not None, self.said
        return self.found

    @property
    def cells(self) -> dict[str, Mapping[str, str]]:
        return {change.row["slug"]: change.cells for change in self.whole.changed}


def imported(desk: Desk, content: str | bytes, table: str = TABLE, *, remove_gone: bool = False) -> Done:
    problems = Problems()
    listing = read_list(desk.write(content, "list.csv"), None, problems)
    ground = Ground(*real_network(), real_countries())
    found = plan_import(table, "members.csv", listing, ground, remove_gone=remove_gone, problems=problems)
    return Done(found, [str(problem).replace(f"{desk.folder}/", "") for problem in problems.in_order()])


@lru_cache(maxsize=1)
def real_table() -> str:
    return (cast.CONFIG / "members.csv").read_text("utf-8")


def test_a_list_with_some_columns_changes_these_and_no_others(desk: Desk) -> None:
    done = imported(desk, "slug;coordinator;note\nizmir;new@izmir.example;asked in May\n")

    assert done.cells == {"izmir": {"coordinator": "new@izmir.example", "note": "asked in May"}}
    assert done.whole.text == TABLE.replace(
        "coordinator@izmir.example,Izmir,", "new@izmir.example,Izmir,asked in May"
    )
    assert [row["slug"] for row in done.whole.gone] == ["lalcora", "la-paz-baja-california-sur"]


def test_a_member_is_found_by_its_name_which_is_then_not_written(desk: Desk) -> None:
    done = imported(desk, 'name,coordinator\nIzmir,a@izmir.example\n"La Paz, Mexico",b@la-paz.example\n')

    assert list(done.cells) == ["izmir", "la-paz-baja-california-sur"]
    assert all(list(cells) == ["coordinator"] for cells in done.cells.values())


def test_a_member_that_is_found_by_its_slug_may_be_renamed(desk: Desk) -> None:
    done = imported(desk, "slug,name\nlalcora,L'Alcora de Castelló\n")

    assert done.cells == {"lalcora": {"name": "L'Alcora de Castelló"}}


def test_an_empty_cell_empties_the_cell(desk: Desk) -> None:
    done = imported(desk, "slug,note\nlalcora,\n")

    assert done.cells == {"lalcora": {"note": ""}}


def test_a_new_member_follows_behind_the_last_one(desk: Desk) -> None:
    done = imported(desk, f"{HEADER}\n{CHIA}\n")

    assert done.whole.text == TABLE + f"{CHIA},,\n"
    assert [row["slug"] for row in done.whole.added] == ["chia"]


def test_rows_that_are_gone_stay_unless_their_end_is_said(desk: Desk) -> None:
    content = "slug\nizmir\nlalcora\n"

    kept, removed = imported(desk, content), imported(desk, content, remove_gone=True)

    assert kept.whole.text == TABLE
    assert removed.whole.text == "".join(TABLE.splitlines(keepends=True)[:3])


def test_a_column_that_members_csv_does_not_have_is_added_when_something_stands_in_it(desk: Desk) -> None:
    done = imported(desk, "slug,mayor,deputy\nizmir,,deputy@izmir.example\n")

    lines = done.whole.text.splitlines()
    assert done.whole.columns == ("deputy",)
    assert [line[-8:] for line in lines] == ["e,deputy", ".example", '"as is",', "La Paz,,"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False], ids=["closed", "open"])
def test_the_ends_of_lines_stay_as_they_are(desk: Desk, end: str, last: bool) -> None:
    table = TABLE.replace("\n", end)
    table = table if last else table.removesuffix(end)

    done = imported(
        desk, f"{HEADER},note\n{CHIA},\n{TABLE.splitlines()[1].replace(',Izmir,', ',hello')}\n", table
    )

    expected = TABLE.replace(",Izmir,\n", ",Izmir,hello\n") + f"{CHIA},,\n"
    assert done.whole.text == expected.replace("\n", end)[: None if last else -len(end)]


#: What the golden file calls it -> the list.
BAD_LISTS: dict[str, str | bytes] = {
    "unknown column": "slug,zne\nizmir,x\n",
    "no column known": "city,mail\nizmir,x\n",
    "a name that other places have": "name,note\nLa Paz,x\n",
    "new without a slug": "name,note\nSant'Anna di Évora,x\n",
    "neither slug nor name": "slug,note\n,x\n",
    "typing error in a slug": "slug,note\nizmr,x\n",
    "slug of one, name of another": "slug,name\nlalcora,Izmir\nizmr,Izmir\n",
    "twice": "slug,name\nizmir,İzmir\n,IZMIR\n",
    "a new one twice": f"{HEADER}\n{CHIA}\n{CHIA.replace('chia,', 'chia-2,')}\n",
    "two bad rows of three": f"{HEADER}\n{TARTU}\n{CHIA}\nTartu!{TARTU.removeprefix('tartu')}\n",
    "a month that a spreadsheet has rewritten": "slug,memberships\nizmir,Sep-20\n",
    "formulas": 'slug,name\nizmir,"=HYPERLINK(""https://evil.example"")"\nlalcora,@SUM(A1)\n',
    "one address in two ways": "slug,coordinator\nizmir,Staff@münchen.example|staff@xn--mnchen-3ya.EXAMPLE\n",
    "empty": "",
    "no rows": "slug,name\n",
    "a quotation mark left open": 'slug,name\nizmir,"Iz\nlalcora,L\n',
    "UTF-16": "slug\nizmir\n".encode("utf-16"),
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_a_list_with_anything_wrong_does_nothing(desk: Desk, name: str) -> None:
    done = imported(desk, BAD_LISTS[name])

    assert done.found is None
    assert done.said


def test_each_bad_line_is_said_by_its_number(desk: Desk) -> None:
    said = [
        f"{name}:\n" + "".join(f"  {line}\n" for line in imported(desk, BAD_LISTS[name]).said)
        for name in BAD_LISTS
    ]

    assert_golden(GOLDEN / "lists.txt", "".join(said).encode())


def test_dots_make_another_address(desk: Desk) -> None:
    done = imported(desk, "slug,coordinator\nizmir,a.b@izmir.example|ab@izmir.example\n")

    assert done.whole.changed
    assert done.said == []


def test_one_address_for_two_members_is_warned_of(desk: Desk) -> None:
    done = imported(desk, "slug,coordinator\nizmir,Staff@LALCORA.example\n")

    assert done.whole.changed
    assert done.said == [
        "list.csv:2:7: warning: Staff@lalcora.example is an address of lalcora (line 3) too;"
        " write the city's own, if it has one"
    ]


def test_what_was_wrong_in_members_csv_is_said_of_members_csv(desk: Desk) -> None:
    table = with_change(TABLE, "Europe/Istanbul", "Europe/Istambul")

    done = imported(desk, "slug,note\nlalcora,x\n", table)

    assert done.said == [
        'members.csv:2:41: error: zone "Europe/Istambul" is unknown; did you mean "Europe/Istanbul"?'
    ]


def test_a_list_may_mend_what_was_wrong(desk: Desk) -> None:
    table = with_change(TABLE, "Europe/Istanbul", "Europe/Istambul")

    done = imported(desk, "slug,zone\nizmir,Europe/Istanbul\n", table)

    assert done.whole.text == TABLE


def test_to_import_the_real_table_changes_nothing(desk: Desk) -> None:
    done = imported(desk, real_table(), real_table())

    assert done.whole.text == real_table()
    assert (done.whole.unchanged, done.whole.changed, done.whole.gone) == (336, (), ())


def test_the_real_table_without_its_slugs_is_found_again_by_names_and_countries(desk: Desk) -> None:
    rows = list(csv.DictReader(io.StringIO(real_table())))
    written = io.StringIO()
    table = csv.DictWriter(written, ("name", "country", "zone"), extrasaction="ignore")
    table.writeheader()
    table.writerows(rows)

    done = imported(desk, written.getvalue(), real_table())

    assert done.whole.unchanged == 336


NOTES = st.text(alphabet="abc ,;\"'|é=", max_size=12)


@settings(max_examples=40)
@given(notes=st.dictionaries(st.sampled_from(["izmir", "lalcora", "chia"]), NOTES, min_size=1))
def test_the_same_import_again_changes_nothing(
    notes: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    desk = Desk(tmp_path_factory.getbasetemp(), [])
    written = io.StringIO()
    csv.writer(written).writerows([["slug", "note"], *notes.items()])
    table = TABLE + f"{CHIA},,\n"

    done = imported(desk, written.getvalue(), table)

    if done.found is None:
        assert "begins like a formula" in done.said[0]
        return
    again = imported(desk, written.getvalue(), done.found.text)
    assert again.whole.text == done.found.text
    untouched = [line for line in table.splitlines() if line.split(",")[0] not in notes]
    assert [line for line in done.found.text.splitlines() if line in untouched] == untouched


@settings(max_examples=60)
@given(content=st.text(alphabet='slugname,;"\n\rizm =|', max_size=60))
def test_no_list_whatever_is_in_it_raises(content: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    desk = Desk(tmp_path_factory.getbasetemp(), [])

    done = imported(desk, f"slug,name,note\n{content}")

    assert done.found or done.said


def test_an_alias_of_another_city_is_refused(desk: Desk) -> None:
    """As a name it is; afterwards nobody could find either by it."""
    done = imported(desk, "slug,aliases\nlalcora,Alcora|IZMIR\n")

    assert done.found is None
    assert done.said[-1] == (
        'list.csv:2:9: error: "IZMIR" is a name of izmir too; '
        "add what tells them apart in brackets, or leave it out"
    )


def test_a_name_may_move_to_another_city(desk: Desk) -> None:
    done = imported(desk, "slug,aliases\nizmir,\nlalcora,Izmit\n")

    assert list(done.cells) == ["izmir", "lalcora"]


def test_each_part_of_a_cell_is_looked_at_for_a_formula(desk: Desk) -> None:
    done = imported(desk, "slug,aliases\nizmir,x|=1+1\n")

    assert done.said == [
        'list.csv:2:7: error: "=1+1" begins like a formula of a spreadsheet program; '
        "begin with a letter or a figure"
    ]


def test_ten_thousand_slugs_that_are_unknown_are_not_all_looked_up(desk: Desk) -> None:
    done = imported(desk, "slug,note\n" + "".join(f"izmr-{n},x\n" for n in range(10_000)), real_table())

    assert len(done.said) == MOST_FINDINGS + 1
    assert done.said[-1].startswith("list.csv:202:1: error: from here on nothing was looked at")
