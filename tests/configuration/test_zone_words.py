"""What people call a zone, held against the tz database."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.configuration.zone_words import (
    AMBIGUOUS,
    BOTH_HALVES,
    READINGS,
    plain,
    readings_of,
    words_known,
    zone_word,
)
from scheduler.model import times

#: Each fortnight of a year.
DAYS = [date(2027, 1, 1) + timedelta(days=14 * number) for number in range(26)]
WORDS = [word for word in words_known() if word.isupper() and "/" not in word and zone_word(word)]
#: In the tz database these have figures for names; that they are said is known from elsewhere.
ONLY_FIGURES = {
    *("ART", "AZT", "BOT", "BRT", "BTT", "CLST", "CLT", "COT", "CVT", "FJT", "ICT", "IRST", "MUT", "MYT"),
    *("NPT", "PET", "SGT", "TRT", "UYT", "UZT", "VET", "PHT"),
}
#: Other languages, other names for UTC, and two countries.
ELSEWHERE = {"MESZ", "MEST", "GMT", "UT", "Z", "UK", "US", "USA"}


@pytest.mark.parametrize("word", WORDS)
def test_an_abbreviation_is_shown_by_the_clock_of_its_place(word: str) -> None:
    """On some day of the year, with the offset that it says."""
    found = zone_word(word)
    assert found

    moments = [times.moment(day, datetime.min.time(), found.zones[0]) for day in DAYS]

    names = {times.abbreviation(at, found.zones[0]) for at in moments}
    offsets = {times.local(at, found.zones[0]).strftime("%z") for at in moments}
    assert not found.offset or found.offset.replace(":", "") in offsets
    assert word in names or word in ONLY_FIGURES | ELSEWHERE


@pytest.mark.parametrize("word", AMBIGUOUS)
def test_a_name_with_several_readings_is_none_of_them(word: str) -> None:
    assert zone_word(word) is None
    assert len(readings_of(word)) > 1
    assert all(times.is_zone(zone) for _, zone in readings_of(word))


@pytest.mark.parametrize(
    ("word", "zone"),
    [
        ("GMT+9", "+09:00"),
        ("utc+5:45", "+05:45"),
        ("UTC−3:30", "-03:30"),
        ("GMT +02:00", "+02:00"),
        ("UTC–5", "-05:00"),
        ("Z", "UTC"),
    ],
)
def test_an_offset_has_the_sign_that_people_mean(word: str, zone: str) -> None:
    found = zone_word(word)

    assert found
    assert found.zones == (zone,)


@pytest.mark.parametrize("word", ["GMT+15", "UTC-13", "UTC+5:20", "GMT+", "Etc/GMT+9", "UTC+5.5", "GMT9"])
def test_an_offset_that_is_nowhere_is_unknown(word: str) -> None:
    assert zone_word(word) is None


@pytest.mark.parametrize(
    ("word", "zone"),
    [
        ("São Paulo", "America/Sao_Paulo"),
        ("sao paulo time", "America/Sao_Paulo"),
        ("St. John’s", "America/St_Johns"),
        ("Ho Chi Minh", "Asia/Ho_Chi_Minh"),
        ("Kyiv", "Europe/Kyiv"),
        ("Kiev", "Europe/Kiev"),
        ("Türkiye", "Europe/Istanbul"),
        ("Côte d'Ivoire", "Africa/Abidjan"),
        ("Republic of Korea", "Asia/Seoul"),
        ("Germany time", "Europe/Berlin"),
        ("Uruguay", "America/Montevideo"),
    ],
)
def test_towns_and_countries_are_known(word: str, zone: str) -> None:
    found = zone_word(word)

    assert found
    assert found.zones[0] == zone


@pytest.mark.parametrize(
    "word", ["Eastern", "Central time", "Hamburg", "North", "eat", "west", "cat", "", "time"]
)
def test_words_that_could_mean_anything_mean_nothing(word: str) -> None:
    """Hamburg is no town of the tz database; network.yaml says that it is the network's own."""
    assert zone_word(word) is None


@given(st.one_of(st.text(max_size=12), st.sampled_from(words_known())))
def test_every_word_that_is_known_means_a_zone(word: str) -> None:
    found = zone_word(word)

    assert found is None or all(times.is_zone(zone) for zone in found.zones)


@given(st.sampled_from(words_known()), st.integers(0, 30))
def test_an_accent_that_is_not_there_makes_another_word(word: str, at: int) -> None:
    accented = f"{word[: at + 1]}\u0306{word[at + 1 :]}"  # a breve, on any letter

    assert zone_word(accented) is None or plain(accented) in map(plain, words_known())


def test_labels_and_words_do_not_contradict_each_other() -> None:
    folded = {plain(word) for word in words_known() if zone_word(word)}

    assert not folded & (set(READINGS) | set(BOTH_HALVES) | set(AMBIGUOUS))
