"""What `scheduler check --fix` may write: only the spans that were understood; every other byte stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.configuration.document import read_document
from scheduler.configuration.problems import Problems, Rewrite
from scheduler.configuration.series import read_series
from scheduler.configuration.writing.rewriting import rewrite, rewritten
from scheduler.model.series import Series
from tests.configuration.desk import Desk, real_network, real_notices

HEAD = "id: talks\ntitle: Talks\naudience: World\n"
LISTED = f"{HEAD}sessions:\n"
#: Why a time line that is understood stays as it stands.
RARE = "it rewrites only when: and a text right behind it"
#: The beginning of a session, and that of a series by rule.
ONE = f"{LISTED}  - id: a\n    date: 2027-06-14\n"
WEEKLY = "every: wednesday\nfrom: 2027-06-01\ncount: 1\n"


def read(folder: Path, octets: bytes) -> tuple[Series | None, Problems]:
    path, problems = folder / "file.yaml", Problems()
    path.write_bytes(octets)
    document = read_document(path, problems)
    series = document and read_series(document, *real_network(), real_notices(), problems)
    return series or None, problems


def fixed(folder: Path, octets: bytes) -> bytes:
    return rewritten(octets, read(folder, octets)[1].rewrites)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            f'{ONE}    when: "13:00–14:30, Central European Time"\n',
            f'{ONE}    start: "13:00"\n    end: "14:30"\n    zone: Europe/Berlin\n',
            id="the form of the story",
        ),
        pytest.param(
            LISTED + "  -   when:   18.00-20.00 GMT+9   # as printed  \n      id: a\n      date: 2027-06-14",
            LISTED + '  -   start: "18:00"\n      end: "20:00"\n      zone: "+09:00"   # as printed  \n'
            "      id: a\n      date: 2027-06-14",
            id="first key, with a comment, no line end",
        ),
        pytest.param(
            LISTED + "  - {id: a, when: '12 EAT', date: 2027-06-14, length_minutes: 60}\n",
            LISTED
            + '  - {id: a, start: "12:00", zone: Africa/Nairobi, date: 2027-06-14, length_minutes: 60}\n',
            id="inside braces",
        ),
        pytest.param(
            f"{ONE}    when: >-\n      13:00\n      to 14:00 UTC\n\n# end\n",
            f'{ONE}    start: "13:00"\n    end: "14:00"\n    zone: UTC\n\n# end\n',
            id="over several lines",
        ),
        pytest.param(
            f"{ONE}    zone: EAT\n    when: 13-14h\n",
            f'{ONE}    zone: EAT\n    start: "13:00"\n    end: "14:00"\n',
            id="the zone stands beside it",
        ),
        pytest.param(
            f"{ONE}    when: 23:00-1:00 UTC next day\n",
            f'{ONE}    start: "23:00"\n    end: "01:00"\n    end_date: 2027-06-15\n    zone: UTC\n',
            id="over midnight",
        ),
        pytest.param(
            f"{HEAD}when: 13-14 Hamburg time\n{WEEKLY}",
            f'{HEAD}start: "13:00"\nend: "14:00"\nzone: Europe/Berlin\n{WEEKLY}',
            id="of a whole series",
        ),
        pytest.param(
            f"{HEAD}{WEEKLY}details:\n  2027-06-02:\n    when: 9-10 UTC\n",
            f'{HEAD}{WEEKLY}details:\n  2027-06-02:\n    start: "09:00"\n    end: "10:00"\n    zone: UTC\n',
            id="of one date of a rule",
        ),
    ],
)
def test_a_time_line_is_written_in_its_canonical_form(tmp_path: Path, before: str, after: str) -> None:
    assert fixed(tmp_path, before.encode()).decode() == after
    assert read(tmp_path, after.encode())[0] == read(tmp_path, before.encode())[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            LISTED + "  - title: Green skills\n    date: 2027-06-14\n",
            LISTED + "  - id: green-skills\n    title: Green skills\n    date: 2027-06-14\n",
            id="made of the title",
        ),
        pytest.param(
            LISTED + "  - id: talk\n    date: 2027-06-14\n  -\n     title: Talk\n     date: 2027-06-15\n"
            "  - {title: Talk, date: 2027-06-16}\n  - date: 2027-06-17\n",
            LISTED + "  - id: talk\n    date: 2027-06-14\n  -\n     id: talk-2\n     title: Talk\n"
            "     date: 2027-06-15\n  - {id: talk-3, title: Talk, date: 2027-06-16}\n"
            "  - id: session\n    date: 2027-06-17\n",
            id="different from the others",
        ),
    ],
)
def test_an_id_that_is_missing_is_written_as_the_first_key(tmp_path: Path, before: str, after: str) -> None:
    assert fixed(tmp_path, before.encode()).decode() == after
    assert read(tmp_path, after.encode())[0] is not None


def test_what_is_understood_is_written_although_the_rest_is_wrong(tmp_path: Path) -> None:
    content = (
        LISTED + "  - title: One\n    staus: x\n    date: 2027-06-14\n    when: 13-14 UTC\n"
        "  - id: two\n    date: 2027-06-15\n    when: 13:00 IST\n"
        "  - id: three\n    date: soon\n    when: 13-14 UTC\n"
    )

    after = fixed(tmp_path, content.encode()).decode()

    assert after == content.replace("  - title: One", "  - id: one\n    title: One").replace(
        "2027-06-14\n    when: 13-14 UTC", '2027-06-14\n    start: "13:00"\n    end: "14:00"\n    zone: UTC'
    )


def test_a_series_is_not_written_while_a_session_cannot_be_looked_at(tmp_path: Path) -> None:
    """CEST may be wrong for the date that is not there yet."""
    content = (
        f"{HEAD}when: 13-14 CEST\nsessions:\n  - id: a\n    date: 2027-06-14\n  - id: b\n    date: soon\n"
    )

    assert fixed(tmp_path, content.encode()).decode() == content


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("    when: # as printed\n      13-14 UTC\n", RARE),
        ("    when: > # as printed\n      13-14 UTC\n", RARE),
        ("    ? when\n    : 13-14 UTC\n", RARE),
        ("    end:\n    when: 13-14 UTC\n", '"end" stands beside it, empty'),
    ],
    ids=["comment before", "comment in a folded text", "question mark", "a key without a value"],
)
def test_a_rarer_shape_is_understood_and_left_alone_with_the_reason(
    tmp_path: Path, lines: str, reason: str
) -> None:
    content = f"{LISTED}  - id: a\n    date: 2027-06-14\n{lines}".encode()

    series, problems = read(tmp_path, content)

    assert series is not None
    assert problems.rewrites == []
    assert [said.sentence for said in problems.in_order()] == [
        f"understood as 13:00–14:00 UTC; scheduler check --fix leaves it: {reason}"
    ]


@pytest.mark.parametrize("order", [("\r\n", "\n"), ("\n", "\r\n")])
def test_new_lines_end_as_most_lines_around_them(tmp_path: Path, order: tuple[str, str]) -> None:
    """Somebody's program wrote one line of the session in its own way, the line of the hours."""
    around, odd = order
    head = (f"{LISTED}  - id: a\n    title: A\n    date: 2027-06-14\n").replace("\n", around)
    content = f"{head}    when: 13-14 UTC{odd}    reason: none{around}"

    after = fixed(tmp_path, content.encode()).decode()

    lines = around.join(('    start: "13:00"', '    end: "14:00"', "    zone: UTC"))
    assert after == f"{head}{lines}{odd}    reason: none{around}"


def test_an_offer_is_said_in_a_note(desk: Desk) -> None:
    desk.series(f"{LISTED}  - id: a\n    date: 2027-06-14\n    when: 13–14:30 Hamburg time\n")

    assert desk.said == [
        "file.yaml:7:11: note: understood as 13:00–14:30 Europe/Berlin; scheduler check --fix writes it so"
    ]


# the property

BOM = b"\xef\xbb\xbf"
TIME_LINES = [
    *('"13:00–14:30, Central European Time"', "'13:00 to 15:00 (SAST) 14:00 - 16:00 (EAT)'", "12 EAT"),
    *("18.00-20.00 GMT+9", "11:00 - 23:30 UTC", '"13:00 IST"', "23:00-01:00 UTC (next day)", "2:00-1:00 CET"),
]


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Series files as people leave them: comments, blanks, umlauts, no id, a mistake here and there."""
    lines = [draw(st.sampled_from(["# Série\t", "", "   "])), *HEAD.splitlines(), "sessions:"]
    for number in range(draw(st.integers(1, 4))):
        keys = [
            f"title: Überblick {number}",
            f"date: {draw(st.sampled_from(['2027-06-14', '2027-12-14', 'soon']))}   # Datum",
            f"when: {draw(st.sampled_from(TIME_LINES))}",
            *draw(st.lists(st.sampled_from(["reason:  a b", "staus: x", "# note"]), max_size=2, unique=True)),
            *draw(st.sampled_from([[], [f"id: own-{number}"]])),
        ]
        keys = draw(st.permutations(keys))
        if draw(st.booleans()) and not any("#" in key for key in keys):
            lines.append(f"  - {{{', '.join(keys)}}}")
        else:
            first, *rest = sorted(keys, key=lambda key: key.startswith("#"))
            lines += [f"  - {first}{draw(st.sampled_from(['', '  ']))}", *(f"    {key}" for key in rest)]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return draw(st.sampled_from([b"", BOM])) + (end.join(lines) + draw(st.sampled_from(["", end]))).encode()


@given(content=files())
def test_a_file_that_was_mended_once_is_mended(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It says the same, a second run finds nothing to write, and all else stays byte for byte."""
    folder = tmp_path_factory.getbasetemp()
    series, problems = read(folder, content)

    after = rewritten(content, problems.rewrites)

    again, more = read(folder, after)
    assert more.rewrites == []
    assert series is None or again == series
    assert errors_but_ids(more) == errors_but_ids(problems)
    assert unchanged(content, problems.rewrites, after)


def errors_but_ids(problems: Problems) -> list[str]:
    """What is wrong, wherever it stands now."""
    said = (f"{one.what}; {one.instead}" for one in problems.in_order() if one.severity == "error")
    return sorted(one for one in said if not one.startswith('"id" is missing'))


def unchanged(content: bytes, rewrites: list[Rewrite], after: bytes) -> bool:
    """What lies between the spans comes again, in its order."""
    text, rest, here = content.removeprefix(BOM).decode(), after.removeprefix(BOM).decode(), 0
    for one in sorted(rewrites):
        kept = text[here : one.start] + one.text
        if not rest.startswith(kept):
            return False
        rest, here = rest[len(kept) :], one.end
    return rest == text[here:] and content.startswith(BOM) == after.startswith(BOM)


def test_of_two_spans_that_overlap_the_first_is_taken() -> None:
    spans = [Rewrite("f", 2, 5, "X"), Rewrite("f", 0, 3, "Y"), Rewrite("f", 5, 5, "!")]

    assert rewrite("abcdefg", spans) == "Yde!fg"
