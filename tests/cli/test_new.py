"""`scheduler new`: a file to begin with, from options, from a dialogue, from a list (story US-03)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler.configuration.load import load
from scheduler.configuration.text import find_control
from scheduler.model.series import Session
from tests.cast import ROOT
from tests.cli.typed import Done, surroundings, typed
from tests.configuration.house import House
from tests.golden import assert_golden

LISTS = ROOT / "tests" / "configuration" / "lists"
GOLDEN = ROOT / "tests" / "configuration" / "golden"

RULE = ("--title", "Libraries", "--audience", "world", "--every", "Third wednesday")
SPAN = ("--from", "2028-01-01", "--until", "2028-12-31", "--start", "13:00")
ROUND = {
    "--title": "Progress report 2029",
    "--from": "2027-05",
    "--to": "2029-04",
    "--opens": "2029-06-01",
    "--deadline": "2029-11-30 23:59:59 Europe/Berlin",
    "--submit-at": "https://reports.learning-cities.example/2029",
    "--joined-before": "2024-02",
}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.copied_to(tmp_path / "config")


def new(house: House, *words: str) -> Done:
    return typed("new", *words, "--config", str(house.folder))


def words_of(options: dict[str, str]) -> list[str]:
    return [word for option in options.items() for word in option]


def sessions_of(house: House, series_id: str) -> tuple[Session, ...]:
    configuration = load(house.folder).configuration
    assert configuration is not None
    return next(part for part in configuration.series if part.id == series_id).sessions


# options


def test_a_series_by_rule_passes_the_check(house: House) -> None:
    done = new(house, "series", *RULE, *SPAN)

    sessions = sessions_of(house, "libraries")
    assert done.returncode == 0
    assert [session.on.isoformat() for session in sessions][::11] == ["2028-01-19", "2028-12-20"]
    assert {session.audience.label for session in sessions} == {"World"}


def test_the_end_says_what_was_written_and_what_comes_next(house: House) -> None:
    done = new(house, "series", *RULE, *SPAN)

    file, where = house.folder / "series" / "libraries.yaml", f"--config {house.folder}"
    assert done.stdout.splitlines()[-7:] == [
        f"Written: {file}: a series of 12 sessions, from 2028-01-19 to 2028-12-20",
        "Next:",
        "  1. Open the file in an editor and fill in what is missing: links, speakers, a description.",
        f"  2. scheduler check {where}   says what is wrong or doubtful, in all files",
        f"  3. scheduler plan {where}    shows which mails would go out, to whom, and when",
        "  4. scheduler preview invitation 2028-01-19.libraries --member CITY "
        f"{where}   shows one mail as a city would see it",
        f"  5. scheduler apply {where}   puts it in force. Until then no mail goes out because of it.",
    ]


def test_dates_are_sessions_with_ids_of_their_titles(house: House) -> None:
    dates = ("--date", "2028-03-15 Green skills", "--date", "2028-04-19")

    new(house, "series", "--title", "Spring", "--audience", "World", *dates, "--start", "13:00")

    assert [(one.id, one.title) for one in sessions_of(house, "spring")] == [
        ("green-skills", "Green skills"),
        ("session-2", "Spring"),
    ]


def test_a_round_passes_the_check(house: House) -> None:
    done = new(house, "cycle", *words_of(ROUND), "--excepted", "2020-09")

    configuration = load(house.folder).configuration
    assert done.returncode == 0
    assert configuration is not None
    assert "progress-report-2029" in {cycle.id for cycle in configuration.cycles}


@pytest.mark.parametrize("words", ["end of day in the city", "anywhere on Earth"])
def test_a_round_may_have_a_policy_in_words(house: House, words: str) -> None:
    deadline = f"2029-11-30  {words.upper()}"
    address = "https://reports.learning-cities.example/2029?token={code}"

    done = new(house, "cycle", *words_of({**ROUND, "--deadline": deadline, "--submit-at": address}))

    text = (house.folder / "cycles" / "progress-report-2029.yaml").read_text("utf-8")
    assert done.returncode == 0, done.stderr
    assert f"\ndeadline: 2029-11-30 {words}\n" in text
    assert load(house.folder).configuration is not None


def test_a_file_begins_with_its_manual(house: House) -> None:
    new(house, "series", *RULE, *SPAN)

    lines = (house.folder / "series" / "libraries.yaml").read_text("utf-8").splitlines()

    assert lines[:2] == ["# yaml-language-server: $schema=../schema/series.json", "# Libraries"]
    assert "# Keys of a session" in lines
    assert "#     2028-01-19: (the new date)" in lines


def test_in_a_pipe_all_that_is_missing_is_named_at_once(house: House) -> None:
    done = new(house, "series", "--start", "13:00")

    assert done.returncode == 2
    assert done.stderr == "error: missing: --title, --audience, --every or --date\n"


def test_all_that_is_wrong_is_named_at_once(house: House) -> None:
    done = new(house, "series", *RULE, "--from", "2028-02-30", "--until", "soon", "--start", "25:00")

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: --from: 2028-02-30 is not in the calendar; write a day that exists",
        'error: --until: "soon" is no date; write year-month-day, such as 2027-03-17',
        'error: --start: "25:00" is no time of day; write hours and minutes, such as 13:00',
    ]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--to", "2027-04", "2027-04 is before 2027-05"),
        ("--deadline", "2029-11-30", "is written without hour and zone"),
        ("--deadline", "2029-11-30", "or 2021-12-31 end of day in the city; or 2021-12-31 anywhere on Earth"),
        ("--deadline", "2029-05-01 12:00 Europe/Berlin", "before 2029-06-01"),
        ("--deadline", "2029-05-01 anywhere on Earth", "before 2029-06-01"),
        ("--submit-at", "reports.example", "write it with https:// in front"),
        ("--submit-at", "https://{code}.example", "{code} cannot stand at this place"),
        ("--joined-before", "February", "names no intake"),
    ],
)
def test_a_wrong_answer_about_a_round_is_said(house: House, option: str, value: str, said: str) -> None:
    done = new(house, "cycle", *words_of({**ROUND, option: value}))

    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--audience", "Wrld"), 'did you mean "World"?'),
        (("--zone", "Europe/Berln"), 'did you mean "Europe/Berlin"?'),
        (("--end", "12:00"), "12:00 is no end for a start at 13:00"),
        (("--date", "2028-03-15"), "--every and --date do not go together"),
    ],
)
def test_a_wrong_answer_about_a_series_is_said(house: House, words: tuple[str, ...], said: str) -> None:
    done = new(house, "series", *RULE, *SPAN, *words)

    assert done.returncode == 2
    assert said in done.stderr


def test_a_sign_that_cannot_be_seen_is_refused(house: House) -> None:
    done = new(house, "series", "--title", "Half a \udce9 sign", *RULE[2:], *SPAN)

    assert done.returncode == 2
    assert done.stderr.startswith("error: --title: there is an invisible control character (U+DCE9) here")


def test_a_webinar_late_at_night_gets_no_end_of_the_next_day(house: House) -> None:
    new(house, "series", *RULE, *SPAN[:4], "--start", "23:30")

    assert {(session.end, session.length_minutes) for session in sessions_of(house, "libraries")} == {
        (None, 60)
    }


def test_no_file_is_ever_overwritten(house: House) -> None:
    words = ("series", *RULE, *SPAN, "--id", "covid-19-recovery")
    before = (house.folder / "series" / "covid-19-recovery.yaml").read_bytes()

    done = new(house, *words)

    assert done.returncode == 2
    assert 'the id "covid-19-recovery" is taken by' in done.stderr
    assert (house.folder / "series" / "covid-19-recovery.yaml").read_bytes() == before


def test_an_id_of_another_kind_is_taken_too(house: House) -> None:
    done = new(house, "series", *RULE, *SPAN, "--id", "report-2021")

    assert done.returncode == 2
    assert "cycles/report-2021.yaml" in done.stderr


def test_a_network_with_errors_is_mended_first(house: House) -> None:
    house.change("network.yaml", "place: Hamburg", "place:")

    done = new(house, "series", *RULE, *SPAN)

    assert done.returncode == 1
    assert "network.yaml must be mended first; nothing was written" in done.stderr
    assert not (house.folder / "series" / "libraries.yaml").exists()


TITLES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(
    lambda text: text.strip() and not find_control(text) and not set(text) & set("\n\r\t\x00")
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(TITLES)
def test_any_title_that_can_be_typed_is_written_well(house: House, title: str) -> None:
    done = new(house, "series", f"--title={title}", "--id", "hostile", *RULE[2:], *SPAN)

    file = house.folder / "series" / "hostile.yaml"
    assert done.returncode == 0, done.stderr
    assert {session.title for session in sessions_of(house, "hostile")} == {title.strip()}
    file.unlink()


# a person at a terminal


def test_a_person_is_asked_until_the_answer_is_right(house: House) -> None:
    typed_in = [
        "Libraries",
        "",
        "Wrld",
        "World",
        "2028-03-15, 2028-04-19",
        "13:00",
        "",
        "",
        "",
        "",
        "Books",
        "",
    ]

    shown, code = at_a_terminal(house, ["series"], typed_in)

    assert code == 0
    assert 'the audience "Wrld" is not defined in network.yaml; did you mean "World"?' in shown
    assert "Title of the webinar on Wednesday 2028-03-15" in shown
    assert [one.title for one in sessions_of(house, "libraries")] == ["Books", "Libraries"]


def at_a_terminal(house: House, words: list[str], lines: list[str]) -> tuple[str, int]:
    """What `scheduler new` shows a person who types these lines, and how it ends."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "scheduler", "new", *words, "--config", str(house.folder)]
    with subprocess.Popen(  # noqa: S603
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=surroundings({})
    ) as process:
        os.close(theirs)
        os.write(ours, "".join(f"{line}\n" for line in lines).encode())
        shown = b"".join(iter(lambda: _read(ours), b""))
        code = process.wait()
    os.close(ours)
    return shown.decode().replace("\r\n", "\n"), code


def _read(terminal: int) -> bytes:
    """The next piece; a terminal whose other side was closed ends with an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


# a list (story US-03)


def import_list(house: House, name: str, *words: str) -> Done:
    given_words = ("--title", "Response", "--id", "response-2024", *words)
    return typed(
        "new",
        "series",
        "--from",
        f"lists/{name}",
        *given_words,
        "--config",
        str(house.folder),
        cwd=LISTS.parent,
    )


def written(house: House) -> str:
    """The file without its opening comment."""
    text = (house.folder / "series" / "response-2024.yaml").read_text("utf-8")
    return text[text.index("\nid:") + 1 :]


def test_the_covid_list_becomes_a_series_with_every_doubt(house: House) -> None:
    """The golden files are the review: what staff read, and what stands in the file."""
    done = import_list(house, "covid-response.csv")

    said = done.stdout.replace(str(house.folder), "config")
    assert done.returncode == 0
    assert_golden(GOLDEN / "covid-response.txt", said.encode())
    assert_golden(GOLDEN / "covid-response.yaml", written(house).encode())


def test_the_covid_list_has_thirteen_sessions_and_three_without_a_time(house: House) -> None:
    import_list(house, "covid-response.csv")

    sessions = sessions_of(house, "response-2024")

    assert len(sessions) == 13
    assert [one.on.isoformat() for one in sessions if one.start is None] == [
        "2024-04-08",
        "2024-04-09",
        "2024-04-15",
    ]
    assert (f"{sessions[0].start:%H:%M}", sessions[0].end) == ("13:00", None)


def test_the_recovery_list_keeps_organisers_and_speakers(house: House) -> None:
    import_list(house, "recovery.csv", "--audience", "World")

    sessions = sessions_of(house, "response-2024")

    assert {f"{one.start:%H:%M}-{one.end:%H:%M}" for one in sessions} == {"13:00-14:30"}
    assert [item.title for item in sessions[0].programme][:1] == ["Opening address"]
    assert "  - PASCAL International Observatory" in written(house)


def lines_of(done: Done) -> list[str]:
    """Every problem, without the name of the list."""
    found = (line.split(".csv:", 1)[-1] for line in (done.stdout + done.stderr).splitlines())
    return [line for line in found if ": " in line]


def a_list(house: House, *lines: str) -> Path:
    path = house.folder.parent / "list.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def import_rows(house: House, *lines: str) -> Done:
    return new(house, "series", "--title", "T", "--id", "t", "--from", str(a_list(house, *lines)))


def test_other_names_of_columns_are_known_and_unknown_ones_are_named(house: House) -> None:
    head = "Date;Subject;Region;Start time;End time;Time zone;Meeting ID;Colour"

    done = import_rows(house, head, "2028-03-15;Books;World;13:00;14:00;Europe/Berlin;599 801 634;blue")

    (session,) = sessions_of(house, "t")
    assert (session.title, f"{session.start:%H:%M}", session.join.kind) == ("Books", "13:00", "Meeting ID")
    assert [line for line in lines_of(done) if "not read" in line] == [
        '1:1: note: these columns are not read: "Colour"; known are id, title, date, weekday, when, start, '
        "end, zone, audience, description, organisers, platform, kind, number, link, passcode, recording, "
        "summary, speakers"
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2028-03-15,Books,World,13:00 IST", "2:24: error:"),
        ("15.3.2028,Books,World,13:00 CET", '2:1: error: "15.3.2028" is no date'),
        ("2028-03-15,Books,Wrld,13:00 CET", '2:18: error: the audience "Wrld" is not defined'),
        ("2028-03-15,Books,,13:00 CET", "2:18: error: this row does not say who is invited"),
    ],
)
def test_what_cannot_be_understood_is_refused_at_its_cell(house: House, row: str, said: str) -> None:
    """Understood or refused, never half understood (story US-02): nothing is written."""
    done = import_rows(house, "date,title,audience,when", row)

    assert done.returncode == 1
    assert [line for line in lines_of(done) if line.startswith(said)]
    assert "Nothing was written" in done.stderr
    assert not (house.folder / "series" / "t.yaml").exists()


def test_hours_that_are_given_twice_must_agree(house: House) -> None:
    done = import_rows(
        house, "date,title,audience,when,start", "2028-03-15,Books,World,13:00-14:00 Europe/Berlin,14:00"
    )

    assert [line for line in lines_of(done) if line.endswith("one of the two is wrong")] == [
        '2:50: warning: "13:00-14:00 Europe/Berlin" says 13:00, the column start says "14:00"; '
        "one of the two is wrong"
    ]


def test_a_zone_in_a_cell_of_its_own_counts(house: House) -> None:
    import_rows(house, "date,title,audience,when,zone", "2028-03-15,Books,World,18:00-19:00,Asia/Seoul")

    (session,) = sessions_of(house, "t")
    assert session.zone == "Asia/Seoul"


def test_a_number_of_no_kind_is_a_doubt(house: House) -> None:
    done = import_rows(house, "date,title,audience,when,number", "2028-03-15,Books,World,13:00 CET,599801634")

    assert [line for line in lines_of(done) if "whether this is a Meeting ID or a Webinar ID" in line]


def test_a_wrong_weekday_is_refused(house: House) -> None:
    done = import_rows(
        house, "date,title,audience,when,weekday", "2024-04-01,Books,World,13:00 CET,Wednesday"
    )

    assert done.returncode == 1
    assert [line for line in lines_of(done) if line.startswith("2:") and "2024-04-01 is a Monday" in line]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "error"),
        ("date\n2028-03-15\n", "no column holds the title of a webinar"),
        ("colour\nblue\n", "no column holds the date of a webinar; call it date or day"),
        ('date,title\n2028-03-15,"open\n', "quotation mark"),
        ("date,title\n", "this table has no rows"),
    ],
)
def test_what_is_no_list_is_refused(house: House, content: str, said: str) -> None:
    path = house.folder.parent / "list.csv"
    path.write_text(content, "utf-8")

    done = new(house, "series", "--audience", "World", "--from", str(path))

    assert done.returncode == 1
    assert said in done.stderr


def test_a_spreadsheet_is_asked_for_as_csv(house: House) -> None:
    path = house.folder.parent / "list.xlsx"
    path.write_bytes(b"PK")

    done = new(house, "series", "--from", str(path))

    assert done.returncode == 1
    assert "save the list as CSV UTF-8" in done.stderr


def test_a_list_that_is_not_there_is_said(house: House) -> None:
    done = new(house, "series", "--from", "nowhere.csv")

    assert done.returncode == 1
    assert "nowhere.csv:1:1: error: this file is missing" in done.stderr


# columns that say the same


@pytest.mark.parametrize(
    ("line", "zone"),
    [
        ("13:00-14:00 GMT+10", "GMT+1"),
        ("13:00-14:00 GMT+1", "GMT+10"),
        ("13:00-14:00 WEST", "UTC"),
        ("13:00-14:00 EAT", "AT"),
        ("13:00-14:00 Europe/Berlin", "Europe/London"),
    ],
)
def test_a_zone_cell_that_contradicts_the_line_is_a_doubt(house: House, line: str, zone: str) -> None:
    """Whole words and meanings are compared: the letters of GMT+1 stand in GMT+10 too."""
    done = import_rows(house, "date,title,audience,when,zone", f"2028-07-12,Books,World,{line},{zone}")

    assert done.returncode == 0, done.stderr
    assert [
        said for said in lines_of(done) if f'the column zone says "{zone}"; one of the two is wrong' in said
    ]


@pytest.mark.parametrize(
    ("line", "zone"),
    [
        ("13:00-14:00 CET", "cet"),
        ("13:00-14:00 EAT", "Africa/Nairobi"),
        ("13:00-14:00 GMT+9", "Asia/Seoul"),
        ("13:00-14:00, Central European Time", "CET"),
    ],
)
def test_a_zone_cell_that_means_the_same_is_none(house: House, line: str, zone: str) -> None:
    row = f'2028-03-15,Books,World,"{line}",{zone}'

    done = import_rows(house, "date,title,audience,when,zone", row)

    assert done.returncode == 0, done.stderr
    assert not [said for said in lines_of(done) if "the column zone says" in said]


@pytest.mark.parametrize(
    ("head", "cells", "said"),
    [
        (
            "when,time",
            "13:00-14:00 CET,10:00",
            'the column when says "13:00-14:00 CET", the column time says',
        ),
        ("when,time", "13:00-14:00 CET,10:00-11:00", 'the column time says "10:00-11:00"'),
        (
            "when,Topic",
            "13:00-14:00 CET,Parks",
            'the column title says "Books", the column Topic says "Parks"',
        ),
        ("when,Title", "13:00-14:00 CET,Parks", 'the column Title says "Parks"; one of the two is wrong'),
        ("when,region", "13:00-14:00 CET,Africa", 'the column region says "Africa"'),
        ("start,begin,end", "13:00,14:00,15:00", 'the column begin says "14:00"'),
    ],
)
def test_two_columns_for_one_thing_must_agree(house: House, head: str, cells: str, said: str) -> None:
    done = import_rows(house, f"date,title,audience,{head}", f"2028-03-15,Books,World,{cells}")

    assert done.returncode == 0, done.stderr
    assert [line for line in lines_of(done) if ": warning: " in line and said in line]
    assert said.partition("says")[0] in written_as(house, "t")
    assert not [line for line in lines_of(done) if "not read" in line]


def written_as(house: House, series_id: str) -> str:
    return (house.folder / "series" / f"{series_id}.yaml").read_text("utf-8")


def test_two_columns_that_agree_are_no_doubt_and_an_empty_cell_is_filled_by_the_other(house: House) -> None:
    head = "date,day,title,Topic,audience,when,time"

    done = import_rows(
        house,
        head,
        "2028-03-15,Wednesday,Books,books,World,13:00-14:00 CET,13:00",
        "2028-04-19,2028-04-19,,Parks,World,,15:00-16:00 CET",
    )

    assert not [line for line in lines_of(done) if "the column" in line]
    assert [(one.title, f"{one.start:%H:%M}") for one in sessions_of(house, "t")] == [
        ("Books", "13:00"),
        ("Parks", "15:00"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "read"),
    [
        ("1 pm", "2:30 pm", "13:00-14:30"),
        ("1", "2 pm", "13:00-14:00"),
        ("13h", "14h30", "13:00-14:30"),
        ("13:00-14:30", "", "13:00-14:30"),
        ("13:00 CET", "14:00 CET", "13:00-14:00"),
    ],
)
def test_hours_in_cells_are_read_as_in_a_line(house: House, start: str, end: str, read: str) -> None:
    done = import_rows(house, "date,title,audience,start,end", f"2028-03-15,Books,World,{start},{end}")

    assert done.returncode == 0, done.stderr
    (session,) = sessions_of(house, "t")
    assert f"{session.start:%H:%M}-{session.end:%H:%M}" == read


@pytest.mark.parametrize(
    ("start", "end"), [("1", "2"), ("1300", ""), ("25:00", ""), ("to be announced", "soon")]
)
def test_hours_in_cells_that_are_none_are_refused_without_a_word_of_quotes(
    house: House, start: str, end: str
) -> None:
    done = import_rows(house, "date,title,audience,start,end", f"2028-03-15,Books,World,{start},{end}")

    assert done.returncode == 1
    assert [line for line in lines_of(done) if line.startswith("2:") and ": error: " in line]
    assert "quotes" not in done.stderr


# what is wrong with a whole list


def test_an_empty_list_is_told_which_columns_there_are(house: House) -> None:
    done = import_rows(house, "")

    said, *_ = lines_of(done)
    assert said.startswith(
        "1:1: error: the first line is empty; it must name the columns: date and title, and any"
    )
    assert "when, start, end, zone, audience" in said


def test_a_list_that_invites_nobody_says_so_once(house: House) -> None:
    done = import_list(house, "recovery.csv")

    assert done.returncode == 1
    (said,) = [line for line in lines_of(done) if ": error: " in line]
    assert (
        "this row does not say who is invited, nor does any other; use --audience with one of World" in said
    )


def test_a_person_is_asked_who_is_invited_by_a_list_that_does_not_say(house: House) -> None:
    path = a_list(house, "date,title,when", "2028-03-15,Books,13:00-14:00 CET")

    shown, code = at_a_terminal(house, ["series", "--from", str(path)], ["", "", "", *[""] * 6])

    assert code == 0, shown
    assert [one.audience.label for one in sessions_of(house, "list")] == ["World"]


def test_all_that_is_wrong_with_a_long_list_is_said_and_shortened(house: House) -> None:
    done = import_rows(house, "date,title,audience,when", *["2028-03-15,Books,World,13:00 IST"] * 2100)

    said = lines_of(done)
    assert done.returncode == 1
    assert [line for line in said if "2,100 rows, but a series has at most 2,000 sessions" in line]
    assert 50 <= len([line for line in said if "IST" in line]) <= 60


def test_the_help_says_that_a_list_can_be_read() -> None:
    help_text = " ".join(typed("new", "series", "--help").stdout.replace("│", " ").split())

    assert "--from 2027-01-01 or --from LIST.csv" in help_text


def test_a_proposed_end_says_why(house: House) -> None:
    shown, _ = at_a_terminal(house, ["series", *RULE, *SPAN], [""] * 5)

    assert "When does it end? After 60 minutes, unless you say another hour [14:00]" in shown
