"""`scheduler members`, on a copy of the real configuration (US-20, US-11)."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.cli.members_import import replace_file
from scheduler.errors import SchedulerError
from tests.cast import CONFIG, ROOT
from tests.cli.typed import Done, surroundings, typed
from tests.cli.workbook import workbook

HEADER = "slug,name,country,region,zone,languages,weekend,memberships,coordinator"
TUNJA = "tunja-2,Tunja Norte,CO,latin-america-and-the-caribbean,,es,Sat-Sun,2027-09-01,staff@tunja.example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(CONFIG, tmp_path / "config")


def found(*words: str) -> list[str]:
    done = typed("members", "find", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def listed(*words: str) -> Done:
    return typed("members", "list", "--on", "2026-11-21", *words)


def last(done: Done) -> str:
    return done.stdout.splitlines()[-1]


def imported(folder: Path, content: str | bytes, *words: str, name: str = "list.csv") -> Done:
    file = folder.parent / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = typed("members", "import", str(file), "--config", str(folder), *words)
    done.stdout = done.stdout.replace(f"{folder.parent}/", "")
    return done


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Canning", "Australia/Perth"),
        ("Wyndham", "Australia/Melbourne"),
        ("Lagoa (Azores)", "Atlantic/Azores"),
        ("Câmara de Lobos", "Atlantic/Madeira"),
        ("Culiacán", "America/Mazatlan"),
        ("Araguaína", "America/Araguaina"),
    ],
)
def test_the_zone_is_that_of_the_city_not_of_the_country(name: str, zone: str) -> None:
    """US-20.5"""
    (line,) = (line for line in found(name) if line.startswith("  zone "))

    assert line.split(":")[0].split() == ["zone", zone]
    assert " in Hamburg (UTC+" in line


def test_a_question_about_one_day_is_answered_with_its_source_and_its_doubt() -> None:
    """US-20.6"""
    lines = found("Muharraq", "--on", "2021-06-01")

    assert lines[-1] == (
        '  2021-06-01   member, by "2019 to unknown" (stated); the day it began is not known, so it counts'
        " from 2020-01-01; in doubt: the day it ended is not known, so it is taken to last until the next one"
        " begins; sources: U2024, U2019"
    )
    assert "    2024-02, announced: counts from 2024-02-14" in lines
    assert any(line.startswith("    U2019: UIL, 2019-07-17: intake of 38 cities") for line in lines)


def test_a_membership_of_which_nothing_is_known_is_undecided() -> None:
    assert found("Gunpo", "--on", "2026-01-01")[-1] == (
        '  2026-01-01   undecided, by "unknown" (unknown); in doubt: it counts from no day, as the day it'
        " began is not known, and until then the city gets nothing; sources: P1"
    )


def test_before_it_joined_a_city_is_no_member() -> None:
    assert found("Doha", "--on", "2021-12-31")[-1] == "  2021-12-31   no member"


def test_a_city_is_shown_with_all_that_is_written_of_it() -> None:
    lines = found("Izmir")

    assert lines[0] == "İzmir (izmir)"
    assert "  country      Türkiye (TR)" in lines
    assert "  region       Europe and North America" in lines
    assert "  languages    English (en), Turkish (tr)" in lines
    assert "  weekend      Sat-Sun" in lines
    assert "  coordinator  learningcity@izmir.example" in lines


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "La Paz",
            '"La Paz" is not surely a member: other places have this name; if you mean La Paz (Baja'
            " California Sur), Mexico, write la-paz-baja-california-sur",
        ),
        ("Busan", '"Busan" is no member; did you mean buan (Buan, KR) or bursa (Bursa, TR)?'),
        ("Cotonou", '"Cotonou" is no member; write a name or slug that is in members.csv'),
        ("a\x1b[31m", '"a<U+001B>[31m" is no member; write a name or slug that is in members.csv'),
    ],
    ids=["several places", "near", "none", "hostile"],
)
@pytest.mark.parametrize("command", [("members", "find"), ("plan", "--member")], ids=["find", "plan"])
def test_what_is_not_surely_a_member_is_a_question(command: tuple[str, ...], name: str, said: str) -> None:
    done = typed(*command, name)

    assert (done.returncode, done.stderr) == (1, f"error: {said}\n")


def test_a_country_may_be_called_as_english_has_it() -> None:
    assert found("Gunpo, South Korea")[0] == found("Gunpo, Republic of Korea")[0] == "Gunpo (gunpo)"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "OK: 336 of 336 members on 2026-11-21"),
        (("--audience", "World"), "OK: 336 of 336 members on 2026-11-21"),
        (("--audience", "latin america / caribbean"), "OK: 57 of 336 members on 2026-11-21"),
        (("--audience", "Arab countries"), "OK: 46 of 336 members on 2026-11-21"),
        (("--audience", "Francophone countries"), "OK: 23 of 336 members on 2026-11-21"),
        (
            ("--audience", "Francophone countries", "--region", "Africa"),
            "OK: 15 of 336 members on 2026-11-21",
        ),
        (("--region", "africa", "--region", "arab-states"), "OK: 82 of 336 members on 2026-11-21"),
        (("--country", "South Korea", "--language", "English"), "OK: 35 of 336 members on 2026-11-21"),
        (("--zone", "America/Mazatlan"), "OK: 2 of 336 members on 2026-11-21"),
        (("--standing", "undecided"), "OK: 5 of 336 members on 2026-11-21"),
    ],
)
def test_a_list_is_narrowed_down(words: tuple[str, ...], said: str) -> None:
    """US-11.1 and 11.2: the list is shown before anything is sent."""
    assert last(listed(*words)) == said


def test_a_list_has_a_line_for_each_member() -> None:
    lines = listed("--zone", "America/Mazatlan").stdout.splitlines()

    assert [line.split("  ")[0] for line in lines[:3]] == ["name", "Culiacán", "La Paz (Baja California Sur)"]
    assert lines[1].split()[1:] == ["culiacan", "MX", "America/Mazatlan", "es", "member"]
    assert lines[0].index("country") == lines[1].index("MX") == lines[2].index("MX")


def test_a_list_for_programs_is_json() -> None:
    rows = json.loads(listed("--country", "TR", "--json").stdout)

    izmir = next(row for row in rows if row["slug"] == "izmir")
    assert izmir == {
        "name": "İzmir",
        "slug": "izmir",
        "country": "TR",
        "zone": "Europe/Istanbul",
        "language": "en",
        "standing": "member",
    }


@pytest.mark.parametrize(
    ("option", "word", "meant"),
    [
        ("--audience", "Arab contries", "Arab countries"),
        ("--region", "afrika", "Africa"),
        ("--country", "Mexiko", "Mexico"),
        ("--zone", "America/Bogotta", "America/Bogota"),
        ("--standing", "membr", "member"),
        ("--language", "Frensh", "French"),
    ],
)
def test_a_typing_error_in_a_filter_gets_a_suggestion(option: str, word: str, meant: str) -> None:
    """US-11.3"""
    done = listed(option, word)

    assert done.returncode == 2
    assert f'did you mean "{meant}"?' in " ".join(done.stderr.replace("│", " ").split())


def test_an_import_shows_what_it_would_do_and_writes_nothing_unasked(folder: Path) -> None:
    done = imported(folder, "slug,coordinator\nmedellin,new@medellin.example\n")

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[:3] == [
        "changed: 1 member",
        "  medellin  Medellín",
        '    coordinator: "learningcity@medellin.example" → "new@medellin.example"',
    ]
    assert done.stdout.splitlines()[3].startswith(
        "gone: 335 members of members.csv not in list.csv; they stay as they are: porto-novo, sao-filipe"
    )
    assert last(done) == "Nothing was written; to write this to members.csv, say it with --yes"
    assert (folder / "members.csv").read_bytes() == (CONFIG / "members.csv").read_bytes()


def test_an_import_writes_its_rows_and_no_other_sign(folder: Path) -> None:
    before = (folder / "members.csv").read_bytes()

    done = imported(folder, f"{HEADER}\n{TUNJA}\n", "--yes")

    assert last(done) == (
        "OK: members.csv is written: 1 added, 0 changed, 0 unchanged, 336 not in the list and kept; then:"
        " scheduler plan"
    )
    row = TUNJA.replace("Norte,", "Norte,,").replace("-09-01,", "-09-01,,")
    assert (folder / "members.csv").read_bytes() == before + f"{row},,,,\n".encode()
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in CONFIG.iterdir())


def test_the_same_import_again_has_nothing_to_change(folder: Path) -> None:
    imported(folder, f"{HEADER}\n{TUNJA}\n", "--yes")

    again = imported(folder, f"{HEADER}\n{TUNJA}\n")

    assert last(again) == (
        "OK: nothing to change in members.csv: 0 added, 0 changed, 1 unchanged, 336 not in the list and kept"
    )


def test_a_byte_order_mark_stays(folder: Path) -> None:
    members = folder / "members.csv"
    members.write_bytes(b"\xef\xbb\xbf" + members.read_bytes().replace(b"\n", b"\r\n"))
    before = members.read_bytes()

    imported(folder, "slug,note\nmedellin,x\n", "--yes")

    line = next(line for line in before.splitlines() if line.startswith(b"medellin,"))
    assert members.read_bytes() == before.replace(line, line + b"x")


def test_a_list_with_one_bad_line_writes_nothing(folder: Path) -> None:
    bad = TUNJA.replace("tunja-2,Tunja Norte", "tunja-3,Tunja Sur").replace("Sat-Sun", "Sonntag")

    done = imported(folder, f"{HEADER}\n{TUNJA}\n{bad}\n", "--yes")

    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        'list.csv:3:58: error: "Sonntag" is no weekend; write a day or a span of days, such as Sun or'
        " Fri-Sat",
        "Not usable: 1 error; nothing was written",
    ]
    assert (folder / "members.csv").read_bytes() == (CONFIG / "members.csv").read_bytes()


def test_a_spreadsheet_is_imported_and_its_cells_are_named(folder: Path) -> None:
    good = workbook(["name", "note"], ["İZMİR", "asked"])
    bad = workbook(["name", "zone"], ["Izmir", "Europe/Istambul"])

    refused = imported(folder, bad, "--yes", name="list.xlsx")
    done = imported(folder, good, "--yes", name="list.xlsx")

    assert refused.stdout.splitlines()[0] == (
        'list.xlsx:2:2: error: cell B2: zone "Europe/Istambul" is unknown; did you mean "Europe/Istanbul"?'
    )
    assert '  izmir  İzmir\n    note: (empty) → "asked"' in done.stdout
    assert last(done).startswith("OK: members.csv is written: 0 added, 1 changed")


def test_members_that_are_gone_are_taken_out_when_that_is_said(folder: Path) -> None:
    lines = (CONFIG / "members.csv").read_text("utf-8").splitlines(keepends=True)
    without = "".join(line for line in lines if not line.startswith("caracas,"))

    done = imported(folder, without, "--remove-gone", "--yes")

    assert (folder / "members.csv").read_text("utf-8") == without
    assert done.stdout.splitlines()[:2] == [
        "gone: 1 member of members.csv not in list.csv; they are taken out. If a city left the network,"
        " write the end into memberships instead",
        "  caracas  Caracas, VE",
    ]


def test_a_member_that_another_file_names_is_not_taken_out(folder: Path) -> None:
    network = folder / "network.yaml"
    text = network.read_text("utf-8")
    one = "  One:\n    members:\n      - caracas\n"
    network.write_text(text.replace("  World: everyone\n", f"  World: everyone\n{one}", 1), "utf-8")
    lines = (CONFIG / "members.csv").read_text("utf-8").splitlines(keepends=True)
    without = "".join(line for line in lines if not line.startswith("caracas,"))

    done = imported(folder, without, "--remove-gone", "--yes")

    assert done.returncode == 1
    assert 'error: "caracas" is no member in members.csv' in done.stdout
    assert last(done) == "Not usable: 1 error without these members; nothing was written"
    assert (folder / "members.csv").read_bytes() == (CONFIG / "members.csv").read_bytes()


def test_what_somebody_else_has_written_meanwhile_is_not_overwritten(folder: Path) -> None:
    members = folder / "members.csv"
    seen = members.read_bytes()
    members.write_bytes(seen + b"\n")

    with pytest.raises(SchedulerError, match="was changed by somebody in the meantime"):
        replace_file(members, seen, b"new")

    assert members.read_bytes() == seen + b"\n"
    assert list(folder.glob(".*")) == []


def test_a_file_keeps_its_rights(folder: Path) -> None:
    members = folder / "members.csv"
    members.chmod(0o640)

    replace_file(members, members.read_bytes(), b"new")

    assert members.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(("answer", "is_written"), [(b"y\n", True), (b"n\n", False)])
def test_at_a_terminal_it_asks(folder: Path, answer: bytes, is_written: bool) -> None:
    file = folder.parent / "list.csv"
    file.write_text("slug,note\nmedellin,asked\n", "utf-8")
    command = [sys.executable, "-m", "scheduler", "members", "import", str(file), "--config", str(folder)]
    keyboard, screen = pty.openpty()

    os.write(keyboard, answer)
    done = subprocess.run(  # noqa: S603
        command, stdin=screen, capture_output=True, cwd=ROOT, env=surroundings({}), check=True
    )

    os.close(keyboard)
    os.close(screen)
    assert b"Write this to" in done.stdout
    assert (b",asked\n" in (folder / "members.csv").read_bytes()) is is_written


def test_a_list_that_is_not_there_is_one_sentence(folder: Path) -> None:
    done = typed("members", "import", str(folder / "no.csv"), "--config", str(folder))

    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"{folder}/no.csv:1:1: error: this file is missing"
