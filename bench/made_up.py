"""A configuration of any size, made of the real one: the same rows, words and hours, only more of them.

Deterministic: the same numbers give the same files, byte for byte.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

CONFIG = Path(__file__).parent.parent / "config"

#: The first day on which a series may begin; the others begin up to eleven weeks later.
FIRST_DAY = date(2027, 1, 4)
#: Between two sessions of a series.
EVERY = timedelta(days=28)
_HOURS = ("09:00", "10:30", "12:00", "13:00", "14:30", "16:00", "18:00")
_ZONES = ("Europe/Berlin", "Central European Time", "America/Bogota", "Asia/Seoul", "Africa/Nairobi")
#: Sessions of real series, in turn.
_TITLES = (
    "Equity and inclusion",
    "Family, community support, intergenerational learning and the parental role",
    "Higher education, role of institutions",
    "Migrants and refugees: measures taken",
    "Mental health, health, and well-being",
    "Distance education",
    "New ways of governance, partnership and education",
    "Education for Sustainable Development",
)


def write_configuration(folder: Path, series: int, sessions: int, members: int) -> None:
    """A folder that `scheduler check` accepts, of so many series, sessions of each, and members."""
    folder.mkdir(parents=True)
    (folder / "series").mkdir()
    (folder / "cycles").mkdir()
    for name in ("notices.yaml", "countries.csv", "seasons.yaml"):
        if (CONFIG / name).exists():
            shutil.copyfile(CONFIG / name, folder / name)
    shutil.copyfile(CONFIG / "cycles" / "report-2027.yaml", folder / "cycles" / "report-2027.yaml")
    regions, countries = _write_members(folder / "members.csv", members)
    audiences = list(_audiences(regions, countries))
    network = (CONFIG / "network.yaml").read_text(encoding="utf-8")
    added = "".join(f"  {label}:\n    {key}:\n      - {value}\n" for label, key, value in audiences)
    network = network.replace("\naudiences:\n", f"\naudiences:\n{added}", 1)
    (folder / "network.yaml").write_text(network, encoding="utf-8")
    labels = ["World", *(label for label, _, _ in audiences)]
    for number in range(series):
        text = _series(number, sessions, labels[number % len(labels)])
        (folder / "series" / f"series-{number:04}.yaml").write_text(text, encoding="utf-8")


def _write_members(path: Path, number: int) -> tuple[list[str], list[str]]:
    """The real rows, over and over, each time with another slug and other addresses."""
    with (CONFIG / "members.csv").open(encoding="utf-8", newline="") as real:
        rows = list(csv.DictReader(real))
    with path.open("w", encoding="utf-8", newline="") as made_up:
        writer = csv.DictWriter(made_up, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        for position in range(number):
            round_, place = divmod(position, len(rows))
            writer.writerow(_again(rows[place], round_) if round_ else rows[place])
    return sorted({row["region"] for row in rows}), sorted({row["country"] for row in rows})


def _again(row: dict[str, str], round_: int) -> dict[str, str]:
    addresses = {key: row[key].replace("@", f"@r{round_}.") for key in ("coordinator", "mayor")}
    return {
        **row,
        **addresses,
        "slug": f"{row['slug']}-r{round_}",
        "name": f"{row['name']} R{round_}",
        "aliases": "",
    }


def _audiences(regions: list[str], countries: list[str]) -> Iterator[tuple[str, str, str]]:
    for region in regions:
        yield f"Region {region}", "regions", region
    for country in countries:
        yield f"Cities of {country}", "countries", country


def _series(number: int, sessions: int, audience: str) -> str:
    begin = FIRST_DAY + timedelta(days=number % 77)
    length = (45, 60, 90)[number % 3]
    lines = [
        f"id: series-{number:04}",
        f"title: Series {number} of the learning cities",
        "description: An hour each month in which one topic is shared among all cities of the network.",
        f"announced: {begin - timedelta(days=40)}",
        f"audience: {audience}",
        f"zone: {_ZONES[number % len(_ZONES)]}",
        f'start: "{_HOURS[number % len(_HOURS)]}"',
        "",
        "sessions:",
    ]
    for position in range(sessions):
        title = _TITLES[(number + position) % len(_TITLES)]
        lines += [
            f"  - id: talk-{position + 1}",
            f'    title: "{title}"',
            f"    date: {begin + position * EVERY}",
            f"    length_minutes: {length}",
            "    join:",
            "      platform: Zoom",
            "      kind: Webinar ID",
            f'      id: "9{number:05}{position:03}"',
            f"      link: https://meet.learning-cities.example/series-{number:04}/talk-{position + 1}",
            "    programme:",
            "      - title: Opening address",
            "        speakers:",
            "          - name: Ms Alexandra Agudelo Ruiz",
            "            role: Secretary of Education",
            "            city: Medellín",
        ]
    return "\n".join(lines) + "\n"
