"""Check and the schemas refuse the same shapes: what the one refuses, the other does."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler.model import times
from scheduler.model.recurrence import PATTERN, UnknownRecurrence, read_every
from tests.configuration.desk import Desk
from tests.configuration.editor import faults

HEAD = "id: talks\ntitle: Talks\naudience: World\n"
A_SESSION = "{id: one, date: 2027-03-17}"
#: key -> values that are right by themselves; "" is a key with nothing behind it
OF_A_SERIES = {
    "when": ['"13:00-14:00 Europe/Berlin"', ""],
    "start": ['"13:00"', ""],
    "end": ['"14:00"', ""],
    "sessions": [f"[{A_SESSION}]", "[]", ""],
    "every": ["third wednesday", ""],
    "from": ["2027-01-01", ""],
    "until": ["2027-06-30", ""],
    "count": ["6", ""],
    "except": ["[2027-03-17]", "[]", ""],
    "move": ["{2027-02-17: 2027-02-18}", ""],
    "details": ["{2027-04-21: {title: Books}}", ""],
}
OF_A_SESSION = {
    "when": ['"13:00 Europe/Berlin"', ""],
    "start": ['"13:00"', ""],
    "end": ['"14:00"', ""],
    "end_date": ["2027-03-18", ""],
    "length_minutes": ["90", "90.0", ""],
    "title": ["Books", ""],
    "join": ["{link: https://meet.example/a}", "{link: }", ""],
    "status": ["cancelled", ""],
    "languages": ["[en, fr]", "{en: , fr: {platform: Zoom}}", ""],
}
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def some_of(values: dict[str, list[str]]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({}, optional={key: st.sampled_from(few) for key, few in values.items()})


def refused(desk: Desk, text: str) -> bool:
    """What the reader of a series says of it; the desk itself compares what is right with the schema."""
    return desk.series(text) is None


@QUICK
@given(keys=some_of(OF_A_SERIES))
def test_keys_of_a_series_are_refused_by_both_or_by_none(desk: Desk, keys: dict[str, str]) -> None:
    text = HEAD + "".join(f"{key}: {value}\n" for key, value in keys.items())

    assert bool(faults(text, "series")) == refused(desk, text)


@QUICK
@given(keys=some_of(OF_A_SESSION))
def test_keys_of_a_session_are_refused_by_both_or_by_none(desk: Desk, keys: dict[str, str]) -> None:
    if keys.get("end_date") and not (keys.get("end") or keys.get("length_minutes")):
        keys |= {"end": '"14:00"'}  # may stand in the series too, so no schema can say that it is missing
    if (keys.get("end") or keys.get("end_date")) and not (keys.get("start") or keys.get("when")):
        keys |= {"start": '"13:00"'}
    lines = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    text = f"{HEAD}sessions:\n  - id: one\n    date: 2027-03-17\n{lines}"

    assert bool(faults(text, "series")) == refused(desk, text)


@pytest.mark.parametrize(
    "line",
    [
        "every: fifth wednesday",
        "every: every second wednesday",
        "every: every 53 weeks",
        "every: day week",
        "from: 9999-01-01",
        "from: 2038-01-01",
        "from: 2027-02-29",
        "from: 2027-04-31",
        'title: ""',
        'title: "  "',
        "zone: []",
        "expected_sessions: -1",
        "expected_sessions: 60.5",
        "id: -5",
    ],
)
def test_a_value_that_check_refuses_is_marked(desk: Desk, line: str) -> None:
    keys = {"id": "talks", "title": "Talks", "audience": "World", "every": "wednesday", "from": "2027-01-01"}
    key, _, value = line.partition(": ")
    text = "".join(f"{k}: {v}\n" for k, v in {**keys, "count": "6", key: value}.items())

    assert refused(desk, text)
    assert faults(text, "series")


@given(
    words=st.lists(
        st.sampled_from(
            ["every", "other", "first", "fifth", "two", "2", "52", "53", "0", "week", "weeks", "on", "Friday"]
        ),
        min_size=1,
        max_size=5,
    )
)
def test_rules_are_the_same_to_both(words: list[str]) -> None:
    text = f"{HEAD}every: '{'  '.join(words)}'\nfrom: 2027-01-01\ncount: 6\n"
    try:
        read_every(" ".join(words))
        is_known = True
    except UnknownRecurrence:
        is_known = False

    assert bool(faults(text, "series")) != is_known


def test_a_pattern_of_rules_holds_small_letters_only() -> None:
    """It is made of the words alone, so that editors get it in letters of both kinds."""
    assert PATTERN.lower() == PATTERN
    assert "\\" not in PATTERN


@given(
    year=st.integers(times.FIRST_YEAR - 2, times.LAST_YEAR + 2),
    month=st.integers(0, 13),
    day=st.integers(0, 32),
)
def test_days_are_the_same_to_both(year: int, month: int, day: int) -> None:
    text = f"{HEAD}every: wednesday\nfrom: {year}-{month:02}-{day:02}\ncount: 6\n"
    try:
        exists = times.FIRST_YEAR <= date(year, month, day).year <= times.LAST_YEAR
    except ValueError:
        exists = False

    assert bool(faults(text, "series")) != exists


@pytest.mark.parametrize("value", ["http://meet.example/a", "HTTP://meet.example/a"])
@pytest.mark.parametrize("key", ["recording", "summary"])
def test_an_address_that_is_not_encrypted_is_refused_by_both(desk: Desk, key: str, value: str) -> None:
    text = f"{HEAD}sessions:\n  - id: one\n    date: 2027-03-17\n    {key}: {value}\n"

    assert refused(desk, text)
    assert faults(text, "series")
    assert desk.said[-1].endswith(
        f'"{value}" is not encrypted; write https:// in place of http://, or leave the line out'
    )


WHO = "id: a\ntitle: A\nperiod: {from: 2027-01, to: 2027-12}\nopens: 2028-01-01\n"
DEADLINE = "deadline: 2028-03-01 12:00 Europe/Berlin\nsubmit_at: https://r.example\n"


@pytest.mark.parametrize(
    ("who", "is_right"),
    [
        ("{joined_before: 2020-09}", True),
        ("{joined: [2020-09], also: }", True),
        ("{also: [hamburg]}", True),
        ("{also: {hamburg: Asked for it}}", True),
        ("{also: {}}", False),
        ("{joined: []}", False),
        ("{joined_before: , also: []}", False),
        ("{excepted: [2020-09]}", False),
        ("{}", False),
    ],
)
def test_who_must_report_is_said_to_both(desk: Desk, who: str, is_right: bool) -> None:
    text = f"{WHO}{DEADLINE}who: {who}\n"

    assert (desk.cycle(text) is not None) == is_right
    assert (faults(text, "cycle") == []) == is_right


ALL = "who: {joined: [2020-09]}\n"


@pytest.mark.parametrize(
    ("extra", "is_right"),
    [
        ("extensions: [{until: 2028-04-01, because: Flood}]", True),
        ("extensions: [{until: 2028-04-01 12:00 Europe/Berlin, because: Flood, members: [hamburg]}]", True),
        ("extensions: []", True),
        ("extensions:", True),
        ("extensions: [{until: 2028-04-01, because: }]", False),
        ("extensions: [{until: April, because: Flood}]", False),
        ("extensions: [{until: 2028-04-01, because: Flood, members: }]", False),
        ("extensions: [{until: 2028-04-01, because: Flood, countries: []}]", False),
        ("membership_ends: 2028-07-01", True),
        ("reapply: {from: 2028-07-01, to: 2028-08-01}", True),
        ("reapply: {from: 2028-07-01}", False),
        ("word_limits: {250: [12, 13], 400: ['9']}", True),
        ("word_limits: {many: [12]}", False),
        ("word_limits: {250: [1000]}", False),
    ],
)
def test_what_a_round_may_say_besides_is_the_same_to_both(desk: Desk, extra: str, is_right: bool) -> None:
    text = f"{WHO}{DEADLINE}{ALL}{extra}\n"

    assert (desk.cycle(text) is not None) == is_right
    assert (faults(text, "cycle") == []) == is_right


@pytest.mark.parametrize(
    ("address", "is_right"),
    [
        ("https://r.example/a?token={code}", True),
        ("https://r.example/a/{code}", True),
        ("https://{code}.example/a", False),
        ("https://r.example/{code}/a", False),
        ("https://r.example/{code}?token={code}", False),
        ("https://r.example/a?token={TOKEN}", False),
        ("http://r.example/a", False),
    ],
)
def test_where_a_code_may_stand_is_the_same_to_both(desk: Desk, address: str, is_right: bool) -> None:
    text = f"{WHO}deadline: 2028-03-01 anywhere on earth\nsubmit_at: {address}\n{ALL}"

    assert (desk.cycle(text) is not None) == is_right
    assert (faults(text, "cycle") == []) == is_right
