"""A folder of files: everything that is wrong, in all of them, in one run, and each thing once."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from scheduler.configuration.advice.advisor import advise
from scheduler.configuration.cycle_form import CycleForm, ExtensionForm, ReapplyForm, WhoForm
from scheduler.configuration.load import load
from scheduler.configuration.network import AudienceForm, NetworkForm, PartnerForm, QuietHoursForm
from scheduler.configuration.notices import NoticesForm, ReportNoticesForm, RuleForm, SessionNoticesForm
from scheduler.configuration.problems import Severity
from scheduler.configuration.series_form import DetailsForm, JoinForm, SeriesForm, SessionForm
from tests import cast
from tests.cli.typed import started
from tests.configuration.house import House
from tests.golden import assert_golden

HERE = Path(__file__).parent
YAML_FILES = sorted(cast.CONFIG.rglob("*.yaml"))

THIRD_WEDNESDAY = "series/third-wednesday-2027.yaml"
RECOVERY = "series/covid-19-recovery.yaml"
REPORT = "cycles/report-2021.yaml"
EXTENSION = "extensions:\n  - until: 2022-02-28\n    because: Flood\n"


def test_the_real_configuration_has_no_error() -> None:
    loaded = load(cast.CONFIG)

    assert loaded.configuration is not None
    assert len(loaded.configuration.members) == 336


def test_the_real_configuration_warns_of_summer_dates_only(house: House) -> None:
    """Story US-01: one warning for each date on which CET may be read in two ways."""
    problems = house.load().problems

    assert house.said() == []
    assert Counter(Path(problem.place.file).name for problem in problems) == {
        "covid-19-recovery.yaml": 4,
        "covid-19-response.yaml": 10,
    }


def test_a_whole_broken_folder_is_explained() -> None:
    """All problems of all files in one run, by `check` as a process; the diff of this file is the review."""
    done = started("check", "--config", "broken", cwd=HERE)

    assert_golden(HERE / "golden" / "problems.txt", done.stdout.encode())
    assert done.returncode == 1
    assert done.stderr == ""


def test_no_hostile_file_brings_the_command_down(house: House) -> None:
    series = house.folder / "series"
    (house.folder / THIRD_WEDNESDAY).unlink()  # what is said of the next week differs by the day
    for number, content in enumerate(
        [
            b"[" * 100_000,
            b"x" * 2_000_000,
            b"\0",
            b"a: !!python/name:os.system",
            b"\xff\xfe",
            b"- " * 9999,
            b"%",
        ]
    ):
        (series / f"hostile-{number}.yaml").write_bytes(content)
    (series / "s\udce9rie\n.yaml").write_text("id: [")
    (series / "folder.yaml").mkdir()
    (series / "nowhere.yaml").symlink_to(series / "none")
    (series / "circle.yaml").symlink_to(series / "circle.yaml")

    done = started("check", "--config", str(house.folder))

    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "Not usable: 11 errors, 21 warnings, 9 notes"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    loaded = load(tmp_path / "none")

    assert [str(problem) for problem in loaded.problems] == [
        f"{tmp_path}/none:1:1: error: there is no such folder; "
        "name the right one with --config or SCHEDULER_CONFIG"
    ]


@settings(max_examples=40)
@given(
    file=st.sampled_from(["network.yaml", "notices.yaml", "members.csv", "countries.csv", RECOVERY, REPORT]),
    where=st.floats(0, 1),
    drop=st.integers(0, 30),
    word=st.one_of(
        st.sampled_from(["\n", "- ", ": ", '"', "\t", ",", ";", "|", "{}", "[]", "&", "#"]),
        st.text(max_size=3),
    ),
)
def test_no_edit_of_a_real_file_raises(
    file: str, where: float, drop: int, word: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Somewhere in it something is deleted, and something else is written."""
    house = House.copied_to(tmp_path_factory.mktemp("edited") / "config")
    text = (house.folder / file).read_text("utf-8")
    cut = int(where * len(text))
    (house.folder / file).write_text(text[:cut] + word + text[cut + drop :], "utf-8", "replace")

    loaded = house.load()
    advice = advise(loaded, date(2026, 11, 22)) if loaded.configuration is None else []

    errors = [problem for problem in loaded.problems if problem.severity is Severity.ERROR]
    assert (loaded.configuration is None) is bool(errors)
    assert all("\n" not in str(problem) for problem in [*loaded.problems, *advice])


# every file


def test_mistakes_in_different_files_are_said_in_one_run(house: House) -> None:
    house.change("network.yaml", "place: Hamburg\n", "place: Hamburg\nzone_label: x\n")
    house.change(THIRD_WEDNESDAY, "\naudience: World\n", "\naudiense: World\n")
    house.change(REPORT, "\ndeadline: 2021-12-31 23:59:59 Europe/Berlin", "\ndeadline: 2021-12-31")
    house.change("notices.yaml", "  changed:\n    to:\n", "  changed:\n    two:\n")

    files = [sentence.partition(":")[0] for sentence in house.said()]

    assert files == [REPORT, "network.yaml", "notices.yaml", THIRD_WEDNESDAY]


@pytest.mark.parametrize("file", ["network.yaml", "notices.yaml", "members.csv", "countries.csv"])
def test_a_file_that_is_missing_is_one_sentence(house: House, file: str) -> None:
    (house.folder / file).unlink()

    assert house.load().configuration is None
    assert house.said() == [f"{file}:1:1: error: this file is missing"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfea", b"a: &x 1\n", b"- a\n"])
@pytest.mark.parametrize("file", ["network.yaml", "notices.yaml", RECOVERY, REPORT])
def test_a_file_that_cannot_be_read_is_one_sentence(house: House, file: str, content: bytes) -> None:
    (house.folder / file).write_bytes(content)

    assert house.load().configuration is None
    assert len(house.said()) == 1


@pytest.mark.parametrize("zone", ["Europe/Berln", "+99:00", "CET"])
def test_a_wrong_zone_of_the_network_is_said_there_only(house: House, zone: str) -> None:
    """All series that name no zone would have the same complaint."""
    house.change("network.yaml", "\nzone: Europe/Berlin", f'\nzone: "{zone}"')
    house.change(THIRD_WEDNESDAY, "\nzone: Europe/Berlin\n", "\n")

    line = house.line_of("network.yaml", f'zone: "{zone}"')
    assert house.said() == [
        f'network.yaml:{line}:7: error: zone "{zone}" is unknown; '
        "write a place such as Europe/Berlin, or +01:00"
    ]


def test_a_wrong_meaning_of_a_label_is_said_there_only(house: House) -> None:
    house.change("network.yaml", "  CET: Europe/Berlin", "  CET: Europe/Hamburg")

    (sentence,) = house.said()

    assert sentence.startswith("network.yaml:")
    assert 'zone "Europe/Hamburg" is unknown' in sentence


def test_a_series_may_stand_in_a_file_with_another_ending(house: House) -> None:
    (house.folder / THIRD_WEDNESDAY).rename(house.folder / "series" / "third.YML")

    configuration = house.load().configuration

    assert configuration is not None
    assert len(configuration.series) == 3


@pytest.mark.parametrize("name", ["talks.yaml.txt", "talks", "talks.yaml~", "talks.json"])
def test_a_file_that_is_not_read_is_named(house: House, name: str) -> None:
    """As text editors of Windows save it: nobody would notice that a series is missing."""
    (house.folder / "series" / name).write_text("id: talks\n")

    assert house.load().configuration is not None
    assert house.said() == [
        f"series/{name}:1:1: warning: this file is not read; "
        "give it a name that ends in .yaml, or move it elsewhere"
    ]


@pytest.mark.parametrize("name", ["._covid-19-recovery.yaml", ".talks.yaml.swp", "README.md"])
def test_what_other_programs_put_beside_the_files_is_left_alone(house: House, name: str) -> None:
    (house.folder / "series" / name).write_bytes(b"\x00\x05\x16\x07")

    assert house.load().configuration is not None
    assert house.said() == []


# names that files have in common


def test_an_id_names_one_series_or_cycle(house: House) -> None:
    house.change(THIRD_WEDNESDAY, "\nid: third-wednesday-2027", "\nid: report-2021")

    line = house.line_of(REPORT, "id: report-2021")
    assert house.said() == [
        f'{REPORT}:{line}:5: error: the id "report-2021" is taken by {THIRD_WEDNESDAY}; '
        "ids are names for ever; write another"
    ]


def test_a_copied_file_needs_an_id_of_its_own(house: House) -> None:
    copy = house.folder / "series" / "copy.yaml"
    copy.write_text((house.folder / THIRD_WEDNESDAY).read_text("utf-8"), "utf-8")

    (sentence,) = house.said()

    assert 'the id "third-wednesday-2027" is taken by series/copy.yaml' in sentence


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("network.yaml", "    languages:\n      - fr\n", "    members:\n      - meltn\n"),
        (
            "network.yaml",
            "    languages:\n      - fr\n",
            "    languages:\n      - fr\n    except:\n      - meltn\n",
        ),
        (REPORT, "    - 2020-09\n", "    - 2020-09\n  also:\n    - meltn\n"),
        (REPORT, "    - 2020-09\n", "    - 2020-09\n  also:\n    meltn: Flood\n"),
        (REPORT, "    - 2020-09\n", "    - 2020-09\n  exempt:\n    meltn: Flood\n"),
        (REPORT, "\nwho:\n", f"\n{EXTENSION}    members:\n      - meltn\nwho:\n"),
    ],
    ids=["audience", "audience, except", "also", "also with a reason", "exempt", "extension"],
)
def test_a_city_that_is_no_member_is_named(house: House, file: str, old: str, new: str) -> None:
    path = house.folder / file
    before, mark, after = path.read_text("utf-8").rpartition(old)
    path.write_text(before + (new if mark else "") + after, "utf-8")

    errors = [sentence for sentence in house.said() if ": error: " in sentence]

    line = house.line_of(file, "meltn")
    assert len(errors) == 1
    assert errors[0].startswith(f"{file}:{line}:")
    assert errors[0].endswith('error: "meltn" is no member in members.csv; did you mean "melton"?')


def test_a_city_whose_row_is_wrong_is_not_said_to_be_missing(house: House) -> None:
    house.change("network.yaml", "    languages:\n      - fr\n", "    members:\n      - melton\n")
    house.change("members.csv", "\nmelton,Melton,", "\nmelton,,")

    assert not [sentence for sentence in house.said() if "no member in members.csv" in sentence]


def test_a_country_that_nobody_lives_in_is_named(house: House) -> None:
    house.change("network.yaml", "    languages:\n      - fr\n", "    countries:\n      - BJ\n      - NO\n")

    line = house.line_of("network.yaml", "- NO")
    assert house.said() == [
        f'network.yaml:{line}:9: error: the country "NO" is not in countries.csv; '
        "add it there, or look for a typing error"
    ]


def test_an_extension_for_a_country_that_nobody_lives_in_is_named(house: House) -> None:
    house.change(REPORT, "\nwho:\n", f"\n{EXTENSION}    countries:\n      - NO\nwho:\n")

    line = house.line_of(REPORT, "- NO")
    assert house.said() == [
        f'{REPORT}:{line}:9: error: the country "NO" is not in countries.csv; '
        "add it there, or look for a typing error"
    ]


def test_an_extension_for_the_name_of_a_city_is_told_its_slug(house: House) -> None:
    house.change(REPORT, "\nwho:\n", f"\n{EXTENSION}    members:\n      - Izmir\nwho:\n")

    line = house.line_of(REPORT, "- Izmir")
    assert house.said() == [f'{REPORT}:{line}:9: error: "Izmir" is no slug; write its slug: izmir']


def test_norway_is_a_country(house: House) -> None:
    """Elsewhere NO is read as no."""
    house.change("network.yaml", "    languages:\n      - fr\n", "    countries:\n      - NO\n      - FR\n")
    with (house.folder / "countries.csv").open("a", encoding="utf-8") as countries:
        countries.write("NO,Norway,,\n")

    configuration = house.load().configuration

    assert configuration is not None
    sessions = (session for series in configuration.series for session in series.sessions)
    audience = next(one.audience for one in sessions if one.audience.label == "Francophone countries")
    assert audience.countries == ("NO", "FR")


def test_an_audience_of_nobody_is_warned_of(house: House) -> None:
    house.change("network.yaml", "    languages:\n      - fr\n", "    languages:\n      - xx\n")

    line = house.line_of("network.yaml", "  Francophone countries:")
    assert house.said() == [
        f'network.yaml:{line}:3: warning: the audience "Francophone countries" fits no member; '
        "look at its lists"
    ]


def test_a_round_for_nobody_is_warned_of(house: House) -> None:
    house.change("cycles/report-2022.yaml", "  joined:\n    - 2020-09", "  joined:\n    - 2020-11")

    line = house.line_of("cycles/report-2022.yaml", "who:")
    assert house.said() == [
        f"cycles/report-2022.yaml:{line}:1: warning: no member must report in this round; look at its months"
    ]


# the manual in the files


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: path.name)
def test_a_file_begins_with_its_manual(path: Path) -> None:
    manual = manual_of(path)

    assert len(manual.splitlines()) > 20
    assert "Keys" in manual
    assert "The commonest edit" in manual


@pytest.mark.parametrize(
    ("folder", "forms"),
    [
        ("network.yaml", (NetworkForm, AudienceForm, QuietHoursForm, PartnerForm)),
        ("notices.yaml", (NoticesForm, SessionNoticesForm, ReportNoticesForm, RuleForm)),
        ("series", (SeriesForm, SessionForm, DetailsForm, JoinForm)),
        ("cycles", (CycleForm, WhoForm, ExtensionForm, ReapplyForm)),
    ],
)
def test_a_manual_names_every_key(folder: str, forms: tuple[type[BaseModel], ...]) -> None:
    keys = {info.alias or name for form in forms for name, info in form.model_fields.items()}

    for path in YAML_FILES:
        if folder in (path.name, path.parent.name):
            words = set(manual_of(path).replace(",", " ").split())
            assert keys <= words, path.name


def manual_of(path: Path) -> str:
    lines = path.read_text("utf-8").splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(lines[:end])
