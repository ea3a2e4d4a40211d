"""Which city is it? (US-20) The names and aliases are those of the real members.csv."""

from __future__ import annotations

from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.model.members import Member
from scheduler.model.names import Names, fold
from tests import cast

_BEYOND_LETTERS_WITH_ACCENTS = 0x3000


@lru_cache(maxsize=1)
def real() -> Names:
    return Names(cast.real().members, cast.real().countries)


def found(text: str, names: Names | None = None) -> str | None:
    member = (names or real()).find(text).member
    return member.slug if member else None


def asked(text: str) -> list[str]:
    return [member.slug for member in real().find(text).candidates]


def a_city(slug: str, name: str, country: str, *aliases: str) -> Member:
    return Member(slug, name, aliases, country, "", "", (), (), (), ())


@pytest.mark.parametrize(
    "written", ["Izmir", "İzmir", "IZMIR", "izmir", "ızmir", "IZMİR", "i̇zmi̇r", " Izmir ", "I\u0307zmir"]
)
def test_every_i_of_turkish_is_one_letter(written: str) -> None:
    """US-20.1. Python's 'İzmir'.lower() has a combining dot."""
    assert found(written) == "izmir"


@pytest.mark.parametrize(
    ("written", "slug"),
    [
        ("Medellin", "medellin"),
        ("Kiev", "kyiv"),
        ("Den Bosch", "s-hertogenbosch"),
        ("Londonderry", "derry-city-and-strabane"),
        ("Mytilene", "lesbos"),
        ("Fès", "fez"),
        ("Chisinau", "chisinau"),
    ],
)
def test_an_alias_finds_its_row(written: str, slug: str) -> None:
    """US-20.2"""
    assert found(written) == slug


@pytest.mark.parametrize(
    ("written", "slug"),
    [
        ("’s-Hertogenbosch", "s-hertogenbosch"),
        ("s Hertogenbosch", "s-hertogenbosch"),
        ("L‘Alcora", "lalcora"),
        ("N´Zérékoré", "nzerekore"),
        ("NʼZEREKORE", "nzerekore"),
        ("Xi’an", "xian"),
        ("Al Ula", "alula"),
        ("Mayo Baleo", "mayo-baleo"),
        ("Sønderborg", "sonderborg"),
        ("Sa Dec", "sa-dec"),
        ("zivinice", "zivinice"),
        ("Ferg'ona", "fergana"),
        ("Nam-gu Busan", "nam-gu-busan"),
    ],
)
def test_accents_apostrophes_and_hyphens_do_not_matter(written: str, slug: str) -> None:
    assert found(written) == slug


@pytest.mark.parametrize(
    ("written", "slug"),
    [
        ("La Paz", "la-paz-baja-california-sur"),
        ("Santiago", "santiago-mexico"),
        ("San Justo", "san-justo-santa-fe"),
        ("Nam-gu", "nam-gu-busan"),
        ("Seo-gu", "seo-gu-gwangju"),
        ("Lagoa", "lagoa-azores"),
        ("Macao", "macao"),
        ("La Paz, Bolivia", "la-paz-baja-california-sur"),
        ("Santiago, Chile", "santiago-mexico"),
        ("Córdoba, Spain", "cordoba"),
        ("Nam-gu, KR", "nam-gu-busan"),
        ("Lagoa, Portugal", "lagoa-azores"),
    ],
)
def test_a_name_that_other_places_have_is_a_question(written: str, slug: str) -> None:
    """US-20.3; the country is not enough where it has several of that name."""
    assert found(written) is None
    assert asked(written) == [slug]


@pytest.mark.parametrize(
    ("written", "slug"),
    [
        ("La Paz, Mexico", "la-paz-baja-california-sur"),
        ("la paz (mx)", "la-paz-baja-california-sur"),
        ("La Paz, Baja California Sur, Mexico", "la-paz-baja-california-sur"),
        ("Santiago (MX)", "santiago-mexico"),
        ("San Justo, Santa Fe", "san-justo-santa-fe"),
        ("San Justo; Argentina", "san-justo-santa-fe"),
        ("Nam-gu, Busan, Republic of Korea", "nam-gu-busan"),
        ("Lagoa (Azores)", "lagoa-azores"),
        ("Macao (PT)", "macao"),
        ("Tehran, Iran", "tehran"),
        ("Bayan-Öndör, Orkhon, Mongolia", "bayan-ondor-orkhon"),
    ],
)
def test_with_its_country_or_what_stands_in_brackets_it_is_found(written: str, slug: str) -> None:
    assert found(written) == slug


def test_a_name_with_all_its_accents_is_the_member() -> None:
    assert found("Mação") == found("MAÇÃO") == "macao"


@pytest.mark.parametrize(
    "written", ["Busan", "Incheon", "Cangzhou", "Huye", "Cotonou", "Riyad", "", "()", "?", "😀"]
)
def test_who_is_no_member_is_not_found(written: str) -> None:
    """US-20.3 and 20.4"""
    match = real().find(written)

    assert (match.member, match.candidates) == (None, ())


def test_names_that_look_alike_stay_apart() -> None:
    names = ("Buan", "Derby", "Derry", "Riyadh", "Riyadh Al Khabra", "Icheon")

    assert [found(name) for name in names] == [
        "buan",
        "derby",
        "derry-city-and-strabane",
        "riyadh",
        "riyadh-al-khabra",
        "icheon",
    ]


def test_what_looks_alike_is_only_proposed() -> None:
    assert [member.slug for member in real().near("Busan")] == ["buan", "bursa"]


def test_a_name_of_two_members_is_a_question_until_the_country_is_said() -> None:
    names = Names([a_city("leon-ni", "León", "NI"), a_city("leon-mx", "León", "MX")])

    assert len(names.find("León").candidates) == 2
    assert found("León, MX", names) == "leon-mx"


def test_a_slug_names_its_member_whatever_others_are_called() -> None:
    names = Names([a_city("derby", "Derby", "GB"), a_city("derby-us", "Derby (US)", "US", "Derby")])

    assert found("derby", names) == "derby"
    assert found("Derby", names) is None


def test_every_real_name_finds_its_row_or_asks_for_it() -> None:
    for member in cast.real().members:
        for name in (member.slug, member.name, *member.aliases):
            match = real().find(name)

            assert match.member is member or (match.member is None and member in match.candidates), name


def test_every_real_name_with_its_country_is_surely_nobody_else() -> None:
    for member in cast.real().members:
        for name in (member.name, *member.aliases):
            assert found(f"{name}, {member.country}") == member.slug


def test_to_fold_a_sign_twice_changes_nothing() -> None:
    signs = map(chr, range(_BEYOND_LETTERS_WITH_ACCENTS))

    assert [sign for sign in signs if fold.__wrapped__(once := fold.__wrapped__(sign)) != once] == []


@given(st.text(max_size=40))
def test_to_fold_a_text_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet="LaPz,;() -MX'İ\u0307中", max_size=300))
def test_whatever_is_asked_has_an_answer(text: str) -> None:
    match = real().find(text)

    assert match.member is None or not match.candidates
    real().near(text)
