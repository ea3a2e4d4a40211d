"""Lists of cities hold slugs; whoever writes a name there is told the slug."""

from __future__ import annotations

from pathlib import Path

import pytest

from scheduler.configuration.slugs import slug_of
from tests.configuration.house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.copied_to(tmp_path / "config")


def of_slugs(house: House) -> list[str]:
    return [said.partition(": ")[2] for said in house.said() if "is no slug" in said]


@pytest.mark.parametrize("key", ["members", "except"])
@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("Medellín", "write its slug: medellin"),
        ("İZMİR", "write its slug: izmir"),
        ("São Nowhere", "write its slug, such as sao-nowhere"),
        ("北京的一个城", "write its slug, such as medellin"),
    ],
)
def test_the_name_of_a_city_in_an_audience_is_answered_with_its_slug(
    house: House, key: str, name: str, instead: str
) -> None:
    house.change("network.yaml", "  World: everyone\n", f"  World: everyone\n  Few:\n    {key}: [{name}]\n")

    assert of_slugs(house) == [f'error: "{name}" is no slug; {instead}']


def test_the_name_of_a_city_in_a_round_is_answered_with_its_slug(house: House) -> None:
    file = next((house.folder / "cycles").glob("*.yaml"))
    text = file.read_text("utf-8")
    assert "\nwho:\n" in text
    file.write_text(text.replace("\nwho:\n", "\nwho:\n  also: [Medellín]\n", 1), "utf-8")

    assert of_slugs(house) == ['error: "Medellín" is no slug; write its slug: medellin']


def test_a_slug_is_made_of_the_words_of_a_name() -> None:
    assert slug_of("L'Alcora, València") == "lalcora-valencia"
    assert slug_of("!") == ""
