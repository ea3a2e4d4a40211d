"""P01 to P03: what must be refused, quickly, in little memory, and with a place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import cast
from tests.configuration.desk import Desk
from tests.configuration.house import House

SERIES = "id: talks\ntitle: Talks\naudience: World\nsessions:\n  - id: one\n    date: 2027-03-17\n"
#: Ten times ten times … of one word: three thousand million of them, in 200 octets.
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
#: What P03 calls a second: so often the time in which libyaml alone takes 360,000 events, on any machine.
LIMIT = 4
REFERENCE = """
import time, yaml
begin = time.process_time()
for event in yaml.parse("- a: b\\n" * 90_000, Loader=yaml.CSafeLoader):
    pass
reference = time.process_time() - begin
"""
MEASURED = """
import json, resource, sys, time
from pathlib import Path
from scheduler.configuration.document import read_document
from scheduler.configuration.problems import Problems

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1 / 1024)

found = {}
for name in sys.argv[1:]:
    before, begin, problems = peak(), time.process_time(), Problems()
    document = read_document(Path(name), problems)
    seconds = time.process_time() - begin
    found[Path(name).stem] = (document is None, problems.errors(), seconds, (peak() - before) / 1024**2)
print(json.dumps((reference, found)))
"""


def test_a_hostile_file_is_refused_quickly_and_in_little_memory(tmp_path: Path) -> None:
    """P03: in less than a second, and with less than 100 MB more; as a process, whose peak can be seen."""
    hostile = {
        "bomb": BOMB.encode(),
        "deep": b"[" * 100_000,
        "deep-mappings": b"{a: " * 100_000,
        "deep-blocks": b"- " * 100_000,
        "huge": b"x: y\n" * 10_000_000,
        "tag": b"a: !!python/object/apply:os.system ['id']",
        "long-line": b"a: " + b"x" * 990_000 + b"\0",
    }
    for name, content in hostile.items():
        (tmp_path / f"{name}.yaml").write_bytes(content)

    command = [
        sys.executable,
        "-c",
        REFERENCE + MEASURED,
        *(str(path) for path in sorted(tmp_path.iterdir())),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cast.ROOT, check=True)  # noqa: S603

    reference, found = json.loads(done.stdout)
    assert found.keys() == hostile.keys()
    for refused, errors, seconds, megabytes in found.values():
        assert (refused, errors) == (True, 1)
        assert seconds < LIMIT * reference
        assert megabytes < 100


def sessions(number: int, *keys: str) -> str:
    """A session in each line; {n} in a key is its number."""
    each = "".join("  - {" + ", ".join(keys).replace("{n}", str(n)) + "}\n" for n in range(number))
    return f"id: x\ntitle: X\naudience: World\nsessions:\n{each}"


WORDY = {
    "series": {
        "keys": "".join(f"k{n}: 1\n" for n in range(9_999)),
        "many-keys": "{" + ",".join(f"k{n}: 1" for n in range(90_000)) + "}",
        "keys-of-sessions": sessions(4, *(f"k{n}: 1" for n in range(9_000))),
        "items": f"id: x\ntitle: X\naudience: World\nsessions: [{'a,' * 470_000}]\n",
        "no-ids": sessions(9_000, "date: 2027-01-01", "when: 13:00 CET"),
        "zones": sessions(1_900, "id: s{n}", "date: 2027-01-01", 'start: "13:00"', "zone: Europe/Berlx{n}"),
        "words": sessions(1_900, "id: s{n}", "date: 2027-01-01", "when: '13:00 Berlim{n}'"),
    },
    "members": {
        "columns": "," * 15_000_000,
        "lines": "slug" + "\n" * 15_000_000,
        "rows": "SLUG\n" + "c,c,XX,africa,Africa/Cairro{n},en,Sat,2020,a@b.example\n" * 19_000,
        "too-many-rows": "SLUG\n" + "c,c,XX,africa,Africa/Cairro{n},en,Sat,2020,a@b.example\n" * 250_000,
    },
}
READ = """
import json, resource, sys, time
from pathlib import Path
from scheduler.configuration.load import load

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1 / 1024)

folder, found = Path(sys.argv[1]), {}
load(folder)
begin = time.process_time()
load(folder)
usual = time.process_time() - begin
for extra in sorted((folder.parent / "extra").iterdir()):
    place = folder / ("members.csv" if extra.suffix == ".csv" else "series/x.yaml")
    kept = place.read_bytes() if place.exists() else None
    place.write_bytes(extra.read_bytes())
    before, begin = peak(), time.process_time()
    loaded = load(folder)
    seconds = time.process_time() - begin - usual
    found[extra.stem] = (loaded.configuration is None, seconds, (peak() - before) / 1024**2)
    place.write_bytes(kept) if kept else place.unlink()
print(json.dumps((reference, found)))
"""


def test_a_wordy_file_under_the_cap_is_refused_as_quickly(tmp_path: Path) -> None:
    """P03: nothing is looked up for the ten thousandth key, item, word or row that is wrong."""
    House.copied_to(tmp_path / "config")
    (tmp_path / "extra").mkdir()
    for name, text in WORDY["series"].items():
        (tmp_path / "extra" / f"{name}.yaml").write_text(text)
    for name, text in WORDY["members"].items():
        header = "slug,name,country,region,zone,languages,weekend,memberships,coordinator"
        (tmp_path / "extra" / f"{name}.csv").write_text(text.replace("SLUG", header))

    command = [sys.executable, "-c", REFERENCE + READ, str(tmp_path / "config")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cast.ROOT, check=True)  # noqa: S603

    reference, found = json.loads(done.stdout)
    assert found.keys() == {name for files in WORDY.values() for name in files}
    for refused, seconds, megabytes in found.values():
        assert refused
        assert seconds < LIMIT * reference
        assert megabytes < 100


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("id: talks\ntitle: [Talks\nzone: UTC\n", "2:8: error: a bracket opens here and is not closed"),
        (
            "id: talks\ntitel: Talks\n",
            '2:1: error: "titel" is no key that can stand here; did you mean "title"?',
        ),
        ("id: talks\nid: others\n", '2:1: error: the key "id" stands here twice; keep one of the two'),
        ("id: talks\n\ttitle: Talks\n", "2:1: error: there is a tab here; indent with blanks"),
        ("id: talks\ntitle: Séance\n".encode("latin-1"), "2:9: error: this file is not saved as UTF-8"),
        (b"id: ta\0lks\n", "1:7: error: there is an invisible control character (U+0000) here; delete it"),
    ],
    ids=["syntax", "unknown key", "duplicate key", "tab", "Latin-1", "NUL"],
)
def test_a_broken_edit_is_said_with_its_place(desk: Desk, content: str | bytes, problem: str) -> None:
    """P01."""
    assert desk.series(content) is None

    assert any(sentence.startswith(f"file.yaml:{problem}") for sentence in desk.said)


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbf" + SERIES.encode(), SERIES.replace("\n", "\r\n").encode()]
)
def test_marks_and_line_ends_of_other_systems_are_read(desk: Desk, content: bytes) -> None:
    """P01: a byte order mark, CRLF."""
    assert desk.series(content) is not None

    assert desk.said == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("date: 2027-03-17", "date: 013", '"013" is no date'),
        ("date: 2027-03-17", "date: 2026-02-30", "2026-02-30 is not in the calendar"),
        ("audience: World", "audience: World\nzone: Europe/Atlantis", 'zone "Europe/Atlantis" is unknown'),
    ],
)
def test_what_yaml_would_make_of_it_does_not_matter(desk: Desk, old: str, new: str, said: str) -> None:
    """P02: each is refused with the value that was written."""
    assert desk.series(SERIES.replace(old, new)) is None

    assert said in desk.said[0]


def test_an_hour_without_quotes_is_an_hour(desk: Desk) -> None:
    """P02: other readers of YAML make the number 630 of it."""
    series = desk.series(f"{SERIES}    start: 10:30\n")

    assert series is not None
    assert f"{series.sessions[0].start:%H:%M}" == "10:30"


@pytest.mark.parametrize("sign", ["\u202a", "\u202e", "\u2066", "\u2069"])
def test_a_sign_that_turns_the_text_behind_it_is_refused(desk: Desk, sign: str) -> None:
    """It would make a mail read otherwise than its file does."""
    assert desk.document(f"title: Learning {sign}for all\n") is None

    assert desk.said == [
        f"file.yaml:1:17: error: there is an invisible control character (U+{ord(sign):04X}) here; delete it"
    ]


@pytest.mark.parametrize("sign", ["\u200e", "\u200f"])
def test_a_mark_of_right_to_left_writing_may_stay(desk: Desk, sign: str) -> None:
    assert desk.document(f"title: {sign}العربية\n") is not None


def test_such_a_sign_as_an_escape_is_refused(desk: Desk) -> None:
    assert desk.document('title: "Learning \\u202e for all"\n') is None


def test_one_bad_row_of_ten_thousand_is_found(house: House) -> None:
    """P05: nothing is usable, and the row is named by its number."""
    path = house.folder / "members.csv"
    header, row, *_ = path.read_text("utf-8").splitlines()
    rows = [row.replace("porto-novo", f"city-{n}").replace(",Porto-Novo,", f",C{n},") for n in range(10_000)]
    rows[4_998] = rows[4_998].replace("Sat-Sun", "Sat-Sat-Sun")
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")

    loaded = house.load()

    assert loaded.configuration is None
    bad = [problem for problem in loaded.problems if problem.place.file == str(path)]
    assert [problem.place.line for problem in bad] == [5_000]
