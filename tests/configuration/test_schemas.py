"""The schemas that editors read, the forms, and the opening comments of the files: all say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from scheduler.cli.manual import renew
from scheduler.configuration.load import load
from scheduler.configuration.schema import Form, forms_in
from scheduler.configuration.writing.json_schema import schema_of, schema_text
from scheduler.configuration.writing.kinds import KINDS, SCHEMAS, SERIES, Kind, files_in
from scheduler.configuration.writing.manual import WIDTH, key_list, with_key_list
from tests import cast
from tests.configuration.editor import faults
from tests.configuration.house import House

FILES = [pytest.param(kind, path, id=path.name) for kind, path in files_in(cast.CONFIG)]
EACH_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
#: What no pattern may escape: editors compile with the flag "u", which refuses it.
NEEDLESS_ESCAPE = re.compile(r"\\[^dDsSwWbB\\.^$*+?()\[\]{}|/]")

SERIES_FILE = """
id: inclusion
title: Inclusion
audience: World
zone: Europe/Berlin
start: "13:00"
sessions:
  - id: first
    date: 2027-03-17
"""


def all_forms(form: type[Form], without: tuple[type[Form], ...] = ()) -> Iterator[type[Form]]:
    yield form
    for field in form.model_fields.values():
        for inner in forms_in(field.annotation):
            if inner not in without:
                yield from all_forms(inner, without)


# held together


@EACH_KIND
def test_the_schema_in_the_folder_is_that_of_the_form(kind: Kind) -> None:
    """Out of date? `make manual` writes it anew."""
    committed = (cast.CONFIG / SCHEMAS / f"{kind.name}.json").read_text("utf-8")

    assert committed == schema_text(kind)


@pytest.mark.parametrize(("kind", "path"), FILES)
def test_a_file_begins_with_the_keys_of_its_form(kind: Kind, path: Path) -> None:
    """Out of date? `make manual` writes the list anew."""
    text = path.read_text("utf-8")

    assert key_list(kind) in text
    assert with_key_list(text, kind) == text


@pytest.mark.parametrize(("kind", "path"), FILES)
def test_the_first_line_leads_to_the_schema(kind: Kind, path: Path) -> None:
    first = path.read_text("utf-8").splitlines()[0]

    schema = path.parent / first.removeprefix("# yaml-language-server: $schema=")

    assert schema.resolve() == (cast.CONFIG / SCHEMAS / f"{kind.name}.json").resolve()


@EACH_KIND
def test_every_key_is_described(kind: Kind) -> None:
    silent = [
        f"{form.__name__}.{name}"
        for form in all_forms(kind.form)
        for name, field in form.model_fields.items()
        if not field.description
    ]

    assert silent == []


@EACH_KIND
def test_every_key_stands_in_the_list_or_in_that_of_another_file(kind: Kind) -> None:
    shown = {form for section in kind.sections for form in all_forms(section.form, kind.elsewhere)}

    words = set(key_list(kind).split())

    assert {info.alias or name for form in shown for name, info in form.model_fields.items()} <= words


@EACH_KIND
def test_no_line_of_a_list_is_too_long(kind: Kind) -> None:
    assert max(len(line) for line in key_list(kind).splitlines()) <= WIDTH


def test_a_list_is_made_anew_and_nothing_else(house: House) -> None:
    file = house.folder / "series" / "covid-19-recovery.yaml"
    before = file.read_bytes()
    house.change("series/covid-19-recovery.yaml", "#   sessions ", "#   sesions  never a key\n#   sessions ")

    changed = renew(house.folder)

    assert changed == [file]
    assert file.read_bytes() == before


def test_a_list_is_found_where_lines_end_as_on_windows() -> None:
    text = "# T\r\n#\r\n# Keys of a series\r\n#   old  words\r\n#\r\n# The end\r\n\r\nid: a\r\n"

    made = with_key_list(text, SERIES)

    assert made is not None
    assert made.replace(key_list(SERIES).replace("\n", "\r\n"), "LIST") == (
        "# T\r\n#\r\nLIST\r\n#\r\n# The end\r\n\r\nid: a\r\n"
    )


def test_a_file_without_a_list_gets_none() -> None:
    assert with_key_list("# only words\nid: a\n", SERIES) is None


def test_the_folder_of_schemas_is_no_part_of_the_configuration(house: House) -> None:
    (house.folder / SCHEMAS / "series.json").write_text("no JSON at all", "utf-8")

    assert load(house.folder).configuration is not None
    assert house.said() == House(cast.CONFIG).said()


# what editors make of it


@EACH_KIND
def test_a_schema_is_one(kind: Kind) -> None:
    Draft202012Validator.check_schema(schema_of(kind))


@pytest.mark.parametrize(("kind", "path"), FILES)
def test_an_editor_finds_no_fault_in_the_example(kind: Kind, path: Path) -> None:
    assert faults(path.read_text("utf-8"), kind.name) == []


@EACH_KIND
def test_patterns_are_read_by_editors_too(kind: Kind) -> None:
    patterns = re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', schema_text(kind))

    assert patterns
    assert [found for found in map(json.loads, patterns) if NEEDLESS_ESCAPE.search(found)] == []


@pytest.mark.parametrize(
    "line",
    [
        "status: canceled",
        "staus: cancelled",
        "date: 17.3.2027",
        "start: 1300",
        "end: half past two",
        "length_minutes: 0",
        "join: {id: 12345678}",
        "join: {id: '123 456 789 012'}",
        "join: {kind: Zoom}",
        "join: {link: meet.example}",
        "organisers: somebody",
        "programme: [{speakers: []}]",
        "summary_on: soon",
    ],
)
def test_a_slip_in_a_session_is_marked_while_typing(line: str) -> None:
    text = SERIES_FILE.replace(
        "    date: 2027-03-17", f"    {line}" if "date:" in line else f"    date: 2027-03-17\n    {line}"
    )

    assert faults(text, "series")


@pytest.mark.parametrize(
    "line",
    [
        "colour: blue",
        "except: [2027-03-17]",
        "every: third wednesday",
        "id: Inclusion 2027",
        "notices: {invitation: {enabled: maybe}}",
    ],
)
def test_a_slip_in_a_series_is_marked_while_typing(line: str) -> None:
    text = SERIES_FILE.replace("id: inclusion\n", "") if line.startswith("id:") else SERIES_FILE

    assert faults(text + line, "series")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("network", "World: everyone", "World: everybody"),
        ("network", "World: everyone", "World: {colours: [blue]}"),
        ("network", "World: everyone", "World: {}"),
        ("network", "apply: confirm", "apply: maybe"),
        ("network", "  africa: Africa", "  Africa: Africa"),
        ("network", "  - 2020-09-23", "  - 23.9.2020"),
        ("network", "settle_minutes: 10", "settle_minutes: ten"),
        ("notices", "days_before: 28", "days_befor: 28"),
        ("notices", "    days_before: 28", "    days_before: 401"),
    ],
)
def test_a_slip_in_the_other_files_is_marked_while_typing(name: str, old: str, new: str) -> None:
    text = (cast.CONFIG / f"{name}.yaml").read_text("utf-8")
    assert old in text

    assert faults(text.replace(old, new, 1), name)


@pytest.mark.parametrize(
    "line",
    [
        "title: 2027",
        "title: true",
        "start: 13:00",
        "start: to be announced",
        "length_minutes: '90'",
        "join: {id: 599801634}",
        "join: {id: 941 7298 7853, passcode: 4711}",
        "organisers: [2027, Some City]",
    ],
)
def test_what_check_takes_unquoted_an_editor_takes_too(line: str, house: House) -> None:
    """A mark that is wrong teaches people to look away."""
    text = SERIES_FILE + f"    {line}\n"
    (house.folder / "series" / "inclusion.yaml").write_text(text, "utf-8")

    assert not [said for said in house.said() if "error" in said]
    assert faults(text, "series") == []


@pytest.mark.parametrize("word", ["yes", "no", "Yes", "NO", "on", "true", "false", "'yes'"])
def test_every_way_to_say_yes_or_no_is_known_to_editors(word: str) -> None:
    text = f"{SERIES_FILE}notices: {{invitation: {{enabled: {word}}}}}\n"

    assert faults(text, "series") == []
