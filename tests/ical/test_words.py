"""What calendar items say, and to whom."""

from __future__ import annotations

from scheduler.ical.words import private_words, public_words
from scheduler.languages import Language
from scheduler.model.series import Join, ProgrammeItem, Speaker, Status
from tests.cast import a_series, a_session, at
from tests.ical.reading import EN, NETWORK, session_of, the_session


def told(**changes: object) -> list[str]:
    """The lines of a description, as Medellín reads it."""
    words = private_words(the_session(**changes), "America/Bogota", NETWORK, EN)
    return words.description.split("\n")


def test_the_hour_there_comes_first() -> None:
    """US-18.2."""
    assert told()[0] == "06:00 here, 13:00 Hamburg time (CEST, UTC+2)"


def test_what_is_to_come_says_so_in_place_of_the_hour() -> None:
    assert told(start=None, end=None)[0] == "Time to be announced"


def test_what_is_postponed_says_so_in_place_of_the_hour() -> None:
    assert told(status=Status.POSTPONED, reason="A storm")[:2] == [
        "Postponed, a new date follows",
        "Reason: A storm",
    ]


def test_what_is_cancelled_without_an_hour_has_no_time_to_be_announced() -> None:
    words = private_words(
        the_session(start=None, end=None, status=Status.CANCELLED), "America/Bogota", NETWORK, EN
    )

    assert words.summary == "A first session"
    assert "announced" not in words.description


def test_the_invited_are_told_how_to_join() -> None:
    join = Join("Zoom", "Webinar ID", "94172987853", "https://meet.cities.example/1", "lantern")

    assert told(join=join)[-4:] == [
        "https://meet.cities.example/1",
        "Zoom",
        "Webinar ID: 941 7298 7853",
        "Passcode: lantern",
    ]


def test_a_number_of_no_kind_is_a_meeting_id() -> None:
    assert "Meeting ID: 626 174 989" in told(join=Join(id="626174989"))


def test_the_link_is_the_place() -> None:
    words = private_words(the_session(), "America/Bogota", NETWORK, EN)

    assert words.location == "https://meet.cities.example/1"


IN_TWO_LANGUAGES = {
    "join": Join(),
    "languages": ("en", "fr", "es"),
    "joins": (
        ("en", Join(link="https://meet.cities.example/en")),
        ("fr", Join("Zoom", "Meeting ID", "626174989", "https://meet.cities.example/fr")),
    ),
}


def test_each_language_has_its_link() -> None:
    assert told(**IN_TWO_LANGUAGES)[-3:] == [
        "Languages: English, French and Spanish",
        "English: https://meet.cities.example/en",
        "French: https://meet.cities.example/fr · Zoom · Meeting ID: 626 174 989",
    ]


def test_the_readers_own_language_comes_first() -> None:
    words = private_words(the_session(**IN_TWO_LANGUAGES), "America/Bogota", NETWORK, Language("fr"))

    assert words.location == "https://meet.cities.example/fr"
    assert words.description.split("\n")[-2].startswith("français: https://meet.cities.example/fr")


def test_without_a_link_the_place_is_online() -> None:
    words = private_words(the_session(join=Join()), "America/Bogota", NETWORK, EN)

    assert words.location == "Online"


def test_the_programme_names_its_speakers() -> None:
    talk = ProgrammeItem("Libraries", (Speaker("Alice", "Mayor", "Cork"), Speaker("Bob")))

    assert told(programme=(talk, ProgrammeItem("Questions")))[-2:] == [
        "- Libraries: Alice, Bob",
        "- Questions",
    ]


def test_recording_and_summary_are_named_afterwards() -> None:
    occurrence = the_session(recording="https://r.example/1", summary="https://s.example/1")

    after = private_words(occurrence, "America/Bogota", NETWORK, EN, is_over=True).description
    before = private_words(occurrence, "America/Bogota", NETWORK, EN).description

    assert after.endswith("Recording: https://r.example/1\nSummary: https://s.example/1")
    assert "example/1" not in before.replace("https://meet.cities.example/1", "")


def test_everybody_may_read_the_series_with_the_hour_in_hamburg() -> None:
    words = public_words(the_session(), NETWORK, EN)

    assert words.description == "Talks among cities\n13:00 Hamburg time (CEST, UTC+2)"


def test_a_winter_session_is_on_central_european_time() -> None:
    winter = session_of(a_series(a_session(on=at("2027-01-20T12:00:00+00:00").date())))

    assert public_words(winter, NETWORK, EN).description.endswith("13:00 Hamburg time (CET, UTC+1)")
