"""Which cities are meant by a label of config/network.yaml (story US-11)."""

from __future__ import annotations

from datetime import date

import pytest

from scheduler.configuration.document import read_document
from scheduler.configuration.network import read_network
from scheduler.configuration.problems import Place, Problems
from scheduler.configuration.vocabulary import Vocabulary
from scheduler.model.audience import Audience
from scheduler.model.members import Member, Span
from tests import cast
from tests.cast import DOHA, MANTES, MEDELLIN, MELTON

AFRICA, EUROPE = "africa", "europe-and-north-america"


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    problems = Problems()
    document = read_document(cast.CONFIG / "network.yaml", problems)
    assert document is not None
    found = read_network(document, problems)
    assert found is not None
    return found[1]


def meant_by(audience: Audience) -> list[Member]:
    return [member for member in cast.real().members if audience.includes(member)]


def named(vocabulary: Vocabulary, label: str) -> Audience:
    audience = vocabulary.audience(label, Place("here"), Problems())
    assert audience is not None
    return audience


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("World", 336),
        ("Latin America / Caribbean", 57),
        ("Arab countries", 46),
        ("Francophone countries", 23),
    ],
)
def test_a_label_means_exactly_its_cities(vocabulary: Vocabulary, label: str, expected: int) -> None:
    assert len(meant_by(named(vocabulary, label))) == expected


@pytest.mark.parametrize("label", ["world", "WORLD", "World ", "latin america /\u00a0caribbean"])
def test_capitals_and_blanks_of_a_label_do_not_matter(vocabulary: Vocabulary, label: str) -> None:
    assert named(vocabulary, label) in vocabulary.audiences.values()


def test_francophone_means_the_mail_language(vocabulary: Vocabulary) -> None:
    """15 cities in Africa and 8 in Europe, none of them because French is official there."""
    regions = [member.region for member in meant_by(named(vocabulary, "Francophone countries"))]

    assert (regions.count(AFRICA), regions.count(EUROPE)) == (15, 8)


def test_a_city_must_be_in_every_list_that_is_given() -> None:
    africa_in_french = Audience("here", regions=(AFRICA,), languages=("fr",))

    meant = meant_by(africa_in_french)

    assert len(meant) == 15
    assert {(member.region, member.languages[0]) for member in meant} == {(AFRICA, "fr")}


def test_members_named_one_by_one_are_meant_besides() -> None:
    audience = Audience("here", countries=("QA",), members=(MELTON,))

    assert MELTON in {member.slug for member in meant_by(audience)}
    assert DOHA in {member.slug for member in meant_by(audience)}
    assert MEDELLIN not in {member.slug for member in meant_by(audience)}


def test_a_city_left_out_is_not_meant_in_spite_of_all() -> None:
    audience = Audience("here", everyone=True, members=(MELTON,), left_out=(MELTON,))

    assert len(meant_by(audience)) == 335


def test_only_the_first_language_counts() -> None:
    """The second one is what people speak there, the first is what we write."""
    city = cast.member("bahir-dar")

    assert city.languages == ("en", "am")
    assert not Audience("here", languages=("am",)).includes(city)
    assert Audience("here", languages=("en",)).includes(city)


def test_a_cohort_is_who_surely_joined_in_its_month() -> None:
    september = Audience("here", joined=(Span(date(2020, 9, 1), date(2020, 9, 30)),))

    assert len(meant_by(september)) == 41


def test_an_audience_without_any_list_means_nobody() -> None:
    assert meant_by(Audience("here", left_out=(MANTES,))) == []
