"""Exports of LimeSurvey, in each form that it writes: what is read of them, and what is refused."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from scheduler.configuration.lists import survey
from scheduler.configuration.lists.headings import Question, read_headings
from scheduler.configuration.lists.survey import Export, read_participants, read_survey
from scheduler.configuration.problems import Problems
from scheduler.model.drafts import TooLong
from tests import limesurvey
from tests.limesurvey import (
    BOTH,
    CODES,
    EM_CODES,
    SHORT,
    TEXTS,
    UNDERSCORES,
    as_csv,
    as_xlsx,
    response,
    rows_of,
)

CODE = "k3yx2mq7p4wz5abc"
WHEN = "2021-12-10 14:23:05"
NAME = "results-survey2021.csv"
FORMS = {
    "codes": CODES,
    "texts": TEXTS,
    "both": BOTH,
    "short": SHORT,
    "underscores": UNDERSCORES,
    "em": EM_CODES,
}


def words(number: int) -> str:
    return " ".join(["word"] * number)


def read(folder: Path, octets: bytes, name: str = NAME) -> tuple[Export | None, list[str]]:
    """The export, and what is said of it without the name of its folder."""
    path, problems = folder / name, Problems()
    path.write_bytes(octets)
    export = read_survey(path, None, {}, problems)
    return export, [str(problem).replace(f"{folder}/", "") for problem in problems.in_order()]


def told(folder: Path, octets: bytes, name: str = NAME) -> Export:
    export, said = read(folder, octets, name)
    assert export is not None, said
    return export


@pytest.mark.parametrize("headings", FORMS.values(), ids=FORMS)
def test_every_form_of_headings_says_the_same(headings: tuple[str, ...], tmp_path: Path) -> None:
    row = response(CODE, WHEN, G01Q01="Melton", G02Q04=words(251))

    (found,) = told(tmp_path, as_csv(rows_of(row), headings)).responses

    assert (found.code, found.submitted, found.last_page) == (CODE, datetime.fromisoformat(WHEN), 4)
    assert (found.started, found.touched) == (
        datetime.fromisoformat("2021-11-02 10:15:00"),
        datetime.fromisoformat("2021-11-05 16:40:12"),
    )
    assert (found.answered, found.unanswered) == ((1, 4), (2, 3, 5))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_separator_is_the_one_by_which_columns_are_known(delimiter: str, tmp_path: Path) -> None:
    headings = tuple(heading.replace("city", "city, town; or county,,,,;;;;") for heading in TEXTS)

    export = told(tmp_path, as_csv(rows_of(response(CODE, WHEN)), headings, delimiter))

    assert export.responses[0].code == CODE


def test_the_order_of_columns_does_not_matter(tmp_path: Path) -> None:
    row = rows_of(response(CODE, WHEN, G01Q01="Melton"))[0]

    (found,) = told(tmp_path, as_csv([row[::-1]], CODES[::-1])).responses

    assert (found.code, found.answered) == (CODE, (1,))


def test_a_workbook_says_the_same_as_csv(tmp_path: Path) -> None:
    rows = rows_of(
        response(CODE, WHEN, G01Q01="Melton", G02Q04=f"two\nlines {words(251)}"),
        response("abcd2345abcd2345", **{"G01Q02[SQ002]": "12"}),
    )

    of_sheet = told(tmp_path, as_xlsx(rows), "export.xlsx").responses

    assert [(one.code, one.submitted, one.answered) for one in of_sheet] == [
        (CODE, datetime.fromisoformat(WHEN), (1, 4)),
        ("abcd2345abcd2345", None, (2,)),
    ]
    assert [one.line for one in of_sheet] == [2, 3]


def test_a_draft_has_no_date_of_submission(tmp_path: Path) -> None:
    (found,) = told(tmp_path, as_csv(rows_of(response(CODE)))).responses

    assert (found.submitted, found.last_page) == (None, 2)


def test_words_are_counted_by_the_limit_of_the_round(tmp_path: Path) -> None:
    """US-24.3: 250 words pass, 251 are marked."""
    path, problems = tmp_path / "export.csv", Problems()
    path.write_bytes(as_csv(rows_of(*(response(CODE, WHEN, G02Q04=words(n)) for n in (250, 251)))))

    export = read_survey(path, None, {4: 250}, problems)

    assert export is not None
    assert [one.too_long for one in export.responses] == [(), (TooLong(4, 251, 250),)]


def test_without_such_a_limit_the_heading_says_it(tmp_path: Path) -> None:
    rows = rows_of(response(CODE, WHEN, G02Q04=words(251)))

    assert told(tmp_path, as_csv(rows, BOTH)).responses[0].too_long == (TooLong(4, 251, 250),)


def test_signs_count_as_words_in_an_answer(tmp_path: Path) -> None:
    rows = rows_of(response(CODE, WHEN, G02Q04="学" * 251))

    assert told(tmp_path, as_csv(rows, BOTH)).responses[0].too_long == (TooLong(4, 251, 250),)


@pytest.mark.parametrize("cell", ["", None, "N/A", "-oth-", "  \n"])
def test_what_the_survey_writes_for_nothing_is_no_answer(cell: str | None, tmp_path: Path) -> None:
    (found,) = told(tmp_path, as_csv(rows_of(response(CODE, G01Q01=cell)))).responses

    assert 1 in found.unanswered


@pytest.mark.parametrize(
    "hostile",
    [
        '=HYPERLINK("http://evil.example")',
        "\x00\x07\x1b[31m",
        "<script>alert(1)</script>",
        '"\r\n,;',
        "\u202e",
    ],
)
def test_a_hostile_answer_is_an_answer_like_any_other(hostile: str, tmp_path: Path) -> None:
    (found,) = told(tmp_path, as_csv(rows_of(response(CODE, G01Q01=hostile)))).responses

    assert found.answered == (1,)
    assert hostile not in repr(found)


def test_an_answer_that_a_workbook_has_as_a_formula_is_one_too(tmp_path: Path) -> None:
    (found,) = told(tmp_path, as_xlsx(rows_of(response(CODE, G01Q01="=1+1"))), "export.xlsx").responses

    assert found.answered == (1,)


def test_a_code_stands_in_no_text_of_ours(tmp_path: Path) -> None:
    export = told(tmp_path, as_csv(rows_of(response(CODE))))

    assert CODE not in repr(export)


def test_an_empty_survey_has_no_responses(tmp_path: Path) -> None:
    """LimeSurvey writes one row with nothing in it then."""
    assert told(tmp_path, as_csv([[""] * len(CODES)])).responses == ()


def test_all_bad_lines_are_named(tmp_path: Path) -> None:
    rows = rows_of(
        response(CODE, "10.12.2021 14:23"),
        response(CODE, WHEN),
        response(CODE, "2021-02-30 10:00:00"),
        response(CODE, lastpage="four"),
    )
    rows.append(["9", WHEN])

    export, said = read(tmp_path, as_csv(rows))

    no_time = "is not a time as LimeSurvey writes it, 2021-12-10 14:23:05"
    assert export is None
    assert [line.split(";")[0] for line in said] == [
        f"{NAME}:2:1: error: submitdate {no_time}",
        f"{NAME}:4:1: error: submitdate {no_time}",
        f"{NAME}:5:1: error: lastpage is no number",
        f"{NAME}:6:1: error: this row has 2 cells, the first line has 20",
    ]
    assert all(CODE not in line for line in said)


def test_a_thousand_bad_lines_are_not_all_said(tmp_path: Path) -> None:
    rows = rows_of(*(response(CODE, "yesterday") for _ in range(1000)))

    _, said = read(tmp_path, as_csv(rows))

    assert len(said) == 201
    assert "from here on nothing was looked at" in said[-1]


def test_a_survey_without_dates_is_refused_once(tmp_path: Path) -> None:
    rows = rows_of(*(response(CODE, "1980-01-01 00:00:00") for _ in range(3)))

    _, said = read(tmp_path, as_csv(rows))

    (line,) = said
    assert "keeps no dates" in line
    assert "scheduler cases mark" in line


@pytest.mark.parametrize(
    ("left_out", "what"),
    [("token", "no column has the cities' codes"), ("submitdate", "no column says when")],
)
def test_a_column_that_is_needed_is_named(left_out: str, what: str, tmp_path: Path) -> None:
    at = CODES.index(left_out)
    row = [cell for n, cell in enumerate(rows_of(response(CODE, WHEN))[0]) if n != at]

    _, said = read(tmp_path, as_csv([row], [code for code in CODES if code != left_out]))

    assert [what in line for line in said] == [True]


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        (b"", "the first line is empty"),
        (b"city,mail\r\nMelton,1\r\n", "this is no export of responses"),
        ("id,token,submitdate\n1,ä".encode("latin-1"), "not saved as UTF-8"),
        ("\ufeffid\ttoken".encode("utf-16"), "saved as UTF-16"),
        (b'id,token,submitdate\n1,"never closed,', "quotation mark"),
        (b"PK\x03\x04", "this is a spreadsheet, not CSV"),
    ],
)
def test_what_is_no_export_is_refused_in_one_sentence(octets: bytes, what: str, tmp_path: Path) -> None:
    export, said = read(tmp_path, octets)

    assert export is None
    assert [what in line for line in said] == [True]


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "MAX_BYTES", 100)

    _, said = read(tmp_path, as_csv(rows_of(response(CODE, WHEN))))

    assert ["larger than 100 bytes" in line for line in said] == [True]


def test_how_far_the_file_is_gets_told(tmp_path: Path) -> None:
    path, seen = tmp_path / "export.csv", []
    path.write_bytes(as_csv(rows_of(*(response(CODE, WHEN) for _ in range(200)))))

    read_survey(path, None, {}, Problems(), lambda done, of: seen.append((done, of)))

    assert seen[-1] == (path.stat().st_size,) * 2
    assert seen == sorted(seen)


# which columns are questions


def numbers(*headings: str) -> list[int]:
    return [question.number for question in read_headings(("token", "submitdate", *headings), {}).questions]


def test_numbers_stand_in_the_codes() -> None:
    assert numbers("Q12", "Q07", "G01Q03") == [3, 7, 12]


def test_where_two_codes_have_one_number_the_place_counts() -> None:
    assert numbers("G1Q1", "G2Q1", "G2Q2") == [1, 2, 3]


def test_parts_of_a_numbered_question_are_one() -> None:
    assert numbers("Q12a", "Q12b", "Q13") == [12, 13]


def test_the_columns_of_one_question_count_as_one() -> None:
    found = read_headings(("Access code", "Date submitted", "Men? [A][1]", "Men? [A][2]", "Why?", "Why?"), {})

    assert found.questions == (Question(1, (2, 3)), Question(2, (4,)), Question(3, (5,)))


# participants


def test_participants_are_read_as_limesurvey_lists_them(tmp_path: Path) -> None:
    path, problems = tmp_path / "tokens_2021.csv", Problems()
    path.write_bytes(
        limesurvey.participants([("1", "Ann", "Melton", "ann@melton.example", "Xy~_45", "melton")])
    )

    found = read_participants(path, problems)

    assert found is not None
    assert [(one.line, one.code, one.names, one.address) for one in found] == [
        (2, "Xy~_45", ("melton", "Melton"), "ann@melton.example")
    ]
    assert "Xy~_45" not in repr(found)
