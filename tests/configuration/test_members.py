"""members.csv and countries.csv: who belongs since when, and who is written to."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest

from scheduler.model.members import Contact, Member, Membership, Span
from scheduler.model.network import Country
from tests.configuration.desk import Desk

COLUMNS = ("slug", "name", "aliases", "country", "region", "zone", "languages", "weekend", "memberships")
CONTACTS = ("certainty", "coordinator", "deputy", "mayor")
DOHA = {
    "slug": "doha",
    "name": "Doha",
    "aliases": "Ad Dawhah|Al Dawhah",
    "country": "QA",
    "region": "arab-states",
    "zone": "Asia/Qatar",
    "languages": "ar|en",
    "weekend": "Fri-Sat",
    "memberships": "2022-09",
    "certainty": "announced",
    "coordinator": "learningcity@doha.example",
    "deputy": "",
    "mayor": "Ms Amina <mayor@doha.example>",
}


def table(*rows: dict[str, str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, (*COLUMNS, *CONTACTS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def doha(desk: Desk, **cells: str) -> Member:
    (member,) = desk.members(table(DOHA | cells))
    return member


def column(name: str, /, **cells: str) -> int:
    """Of the first sign of a cell in the row of Doha."""
    names = (*COLUMNS, *CONTACTS)
    before = [(DOHA | cells)[other] for other in names[: names.index(name)]]
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(before)
    return len(text.getvalue()) + 2 if before else 1


def test_a_row_becomes_a_member(desk: Desk) -> None:
    intake = date(2022, 9, 2)

    assert doha(desk) == Member(
        slug="doha",
        name="Doha",
        aliases=("Ad Dawhah", "Al Dawhah"),
        country="QA",
        region="arab-states",
        zone="Asia/Qatar",
        languages=("ar", "en"),
        weekend=(4, 5),
        memberships=(Membership(Span(intake, intake), None, "announced"),),
        contacts=(
            Contact("coordinator", "learningcity@doha.example"),
            Contact("mayor", "mayor@doha.example", "Ms Amina"),
            Contact("national-coordinator", "learningcities@qatar.example"),
            Contact("national-commission", "commission@qatar.example"),
        ),
    )


def test_a_country_with_one_zone_gives_it_to_its_cities(desk: Desk) -> None:
    assert doha(desk, zone="").zone == "Asia/Qatar"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Sat-Sun", (5, 6)),
        ("Fri-Sat", (4, 5)),
        ("Sun", (6,)),
        ("fri", (4,)),
        ("Fri - Sun", (4, 5, 6)),
        ("Sun-Mon", (6, 0)),
    ],
)
def test_a_weekend_is_a_span_of_days(desk: Desk, written: str, expected: tuple[int, ...]) -> None:
    assert doha(desk, weekend=written).weekend == expected


#: How sentences begin and go on.
AN_ID = "use small letters a to z, digits and hyphens, such as third-wednesday"
NO_REGION = 'the region "{}" is not in network.yaml'
REGIONS = (
    "africa, arab-states, asia-and-the-pacific, europe-and-north-america, latin-america-and-the-caribbean"
)
A_LANGUAGE = "write two small letters, such as fr"
A_WEEKEND = "write a day or a span of days, such as Sun or Fri-Sat"
THREE_DAYS = "write at most three days, such as Fri-Sun"
ONE_FOR_EACH = "write one for each, separated by |"
ONE_OF_TWO = "keep one of the two"
NO_MEMBERSHIP = "write 2020-09-23, 2020-09, 2020, by 2020-09 or unknown, and to END if it ended"

DAY, MONTH_END, YEAR_END = date(2024, 2, 14), date(2019, 7, 31), date(2019, 12, 31)


@pytest.mark.parametrize(
    ("written", "began", "until"),
    [
        ("2019-07-15", Span(date(2019, 7, 15), date(2019, 7, 15)), None),
        ("2019-07", Span(date(2019, 7, 1), MONTH_END), None),
        ("2024-02", Span(DAY, DAY), None),
        ("2019", Span(date(2019, 1, 1), YEAR_END), None),
        ("by 2019-07", Span(None, MONTH_END), None),
        ("unknown", Span(None, None), None),
        ("2019-07 to 2027-06-30", Span(date(2019, 7, 1), MONTH_END), date(2027, 6, 30)),
        ("2019 to 2019-06", Span(date(2019, 1, 1), YEAR_END), date(2019, 6, 30)),
        ("2024-02 to 2024-02", Span(DAY, DAY), date(2024, 2, 29)),
        ("2019-07 to 2020", Span(date(2019, 7, 1), MONTH_END), date(2020, 12, 31)),
    ],
)
def test_a_membership_is_read_as_the_manual_says(
    desk: Desk, written: str, began: Span, until: date | None
) -> None:
    """A month of an intake is its day; as an end, a month is its last day."""
    (membership,) = doha(desk, memberships=written).memberships

    assert (membership.began, membership.until) == (began, until)


def test_a_period_with_an_unknown_end_lasts_until_the_next_begins(desk: Desk) -> None:
    first, second = doha(
        desk, memberships="2019 to unknown|2024-02", certainty="stated|announced"
    ).memberships

    assert first.until == date(2024, 2, 13)
    assert second.began == Span(DAY, DAY)
    assert (first.certainty, second.certainty) == ("stated", "announced")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        pytest.param(
            "Sep-20",
            '"Sep-20" may be a month or a day: a spreadsheet program has rewritten this cell; '
            "write it as 2020-09, in a cell formatted as text",
            id="rewritten by a spreadsheet program",
        ),
        pytest.param(
            "20. Sep",
            f'"20. Sep" is no membership; {NO_MEMBERSHIP}',
            id="day in words",
        ),
        pytest.param(
            "09/2020",
            f'"09/2020" is no membership; {NO_MEMBERSHIP}',
            id="month in another order",
        ),
        pytest.param(
            "by 2020",
            f'"by 2020" is no membership; {NO_MEMBERSHIP}',
            id="by a year",
        ),
        pytest.param("2020-13", '"2020-13" is no month; write year-month, such as 2020-09', id="month 13"),
        pytest.param(
            "2020-02-30", "2020-02-30 is not in the calendar; write a day that exists", id="30 February"
        ),
        pytest.param("9999", "9999 is too far away; write a year from 1970 to 2037", id="year 9999"),
        pytest.param("0001-01-01", "0001-01-01 is too far away; write a year from 1970 to 2037", id="year 1"),
        pytest.param(
            "2019 to 2018", '"2019 to 2018" ends before it begins; write START to END', id="ends first"
        ),
        pytest.param(
            "2019|2024-02",
            "a period begins before the one before it has ended; write START to END|START, oldest first",
            id="the first has no end",
        ),
        pytest.param(
            "2024-02|2019 to 2022",
            "a period begins before the one before it has ended; write START to END|START, oldest first",
            id="the wrong way round",
        ),
    ],
)
def test_a_membership_that_is_wrong_is_one_sentence(desk: Desk, written: str, problem: str) -> None:
    desk.members(table(DOHA | {"memberships": written, "certainty": ""}))

    assert desk.said == [f"members.csv:2:{column('memberships')}: error: memberships: {problem}"]


@pytest.mark.parametrize(
    ("name", "written", "problem"),
    [
        ("slug", "Doha", f'slug: "Doha" is no id; {AN_ID}'),
        ("name", "", '"name" is empty; write it'),
        ("country", "XX", 'the country "XX" is not in countries.csv; add it there'),
        ("region", "Arab States", f'{NO_REGION.format("Arab States")}; did you mean "arab-states"?'),
        ("region", "moon", f"{NO_REGION.format('moon')}; known: {REGIONS}"),
        ("zone", "Asia/Quatar", 'zone "Asia/Quatar" is unknown; did you mean "Asia/Qatar"?'),
        ("zone", "AST", 'zone "AST" is unknown; write a place such as America/Bogota'),
        ("languages", "", '"languages" is empty; write it'),
        ("languages", "Arabic", f'languages: "arabic" is no language code; {A_LANGUAGE}'),
        ("weekend", "", f'"" is no weekend; {A_WEEKEND}'),
        ("weekend", "Friday", f'"Friday" is no weekend; {A_WEEKEND}'),
        ("weekend", "Mon-Sun", f'"Mon-Sun" would leave 0 working days; {THREE_DAYS}'),
        ("memberships", "", '"memberships" is empty; write it'),
        ("certainty", "stated|announced", f"periods: 1, words of certainty: 2; {ONE_FOR_EACH}"),
        ("coordinator", "", "doha has no coordinator; write an address"),
        ("coordinator", "a@x.example|A@X.example", f"an address stands twice in coordinator; {ONE_OF_TWO}"),
    ],
)
def test_a_cell_that_is_wrong_is_one_sentence(desk: Desk, name: str, written: str, problem: str) -> None:
    desk.members(table(DOHA | {name: written}))

    assert desk.said == [f"members.csv:2:{column(name)}: error: {problem}"]


def test_a_country_with_several_zones_leaves_the_choice_to_its_cities(desk: Desk) -> None:
    desk.members(table(DOHA | {"zone": "", "country": "BR"}))

    assert desk.said == [
        f"members.csv:2:{column('zone')}: error: BR has several zones, so this member needs its own; "
        "write a place such as America/Bogota"
    ]


@pytest.mark.parametrize(
    "address",
    [
        '"a b"@x.example',
        "a@[127.0.0.1]",
        "a@x.example.",
        "a(comment)@x.example",
        "<a@x.example> b",
        "Ann <a@x.example>, Bob <b@x.example>",
        f"{'a' * 300}@x.example",
        "a@x.example,b@x.example",
        "mailto:a@x.example",
        "a@localhost",
        "señor@x.example",
        "=HYPERLINK(1)",
        "-",
    ],
)
def test_an_address_that_a_mail_server_could_misread_is_refused(desk: Desk, address: str) -> None:
    """The reason is said once, and the member is not said to have no contact besides."""
    desk.members(table(DOHA | {"coordinator": address}))

    assert len(desk.said) == 1
    assert desk.said[0].startswith(f"members.csv:2:{column('coordinator')}: error: coordinator: ")
    assert "is no mail address" in desk.said[0]


@pytest.mark.parametrize("address", ["a@x.example\r\nRCPT TO:<b@x.example>", "a@x.example\nBcc: b@x.example"])
def test_an_address_on_two_lines_is_refused(desk: Desk, address: str) -> None:
    desk.members(table(DOHA | {"coordinator": address}))

    assert desk.said == [
        f"members.csv:2:{column('coordinator')}: error: this cell has several lines, a tab, or more than "
        "10,000 characters; write a short text on one line"
    ]


def test_several_contacts_of_a_role_stand_behind_bars(desk: Desk) -> None:
    member = doha(desk, coordinator="a@x.example | Ms B <b@x.example>")

    assert [(c.address, c.name) for c in member.contacts if c.role == "coordinator"] == [
        ("a@x.example", ""),
        ("b@x.example", "Ms B"),
    ]


def test_the_same_address_in_two_roles_is_two_contacts(desk: Desk) -> None:
    member = doha(desk, mayor="learningcity@doha.example")

    assert [contact.role for contact in member.contacts][:2] == ["coordinator", "mayor"]


def test_the_address_that_mails_come_from_is_nobodys(desk: Desk) -> None:
    """Rule 13: no calendar program takes an invitation from itself."""
    desk.members(table(DOHA | {"mayor": "Webinars@learning-cities.example"}))

    assert desk.said == [
        f"members.csv:2:{column('mayor')}: error: mayor: this is the address that the mails come from "
        "(sender in network.yaml); write another one: no calendar program takes an invitation from itself"
    ]


def test_an_address_outside_the_safety_catch_is_warned_of(desk: Desk) -> None:
    doha(desk, mayor="mayor@unesco.org")

    assert desk.said == [
        f"members.csv:2:{column('mayor')}: warning: mail to doha is refused: "
        "only_to in network.yaml names other domains; add the domain there, or remove only_to"
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Info@Cities.example", "info@cities.example"),
        ("info@müller.example", "info@xn--mller-kva.example"),
    ],
    ids=["capital letters", "letters of a domain"],
)
def test_an_address_of_two_members_is_warned_of(desk: Desk, first: str, second: str) -> None:
    """P05: written in another way it is still the same mailbox."""
    desk.members(
        table(
            DOHA | {"coordinator": first},
            DOHA
            | {
                "slug": "twin",
                "name": "Twin",
                "aliases": "",
                "mayor": second,
                "coordinator": "a@twin.example",
            },
        )
    )

    at = column("mayor", slug="twin", name="Twin", aliases="", coordinator="a@twin.example")
    assert desk.said == [
        f"members.csv:3:{at}: warning: {second} is an address of doha (line 2) too; "
        "write the city's own, if it has one"
    ]


@pytest.mark.parametrize("aliases", ["Dóha", "Another|al-dawhah", "doha"])
def test_a_name_of_two_members_is_warned_of(desk: Desk, aliases: str) -> None:
    """Neither is found by it any more, however it is written."""
    own = {"slug": "twin", "name": "Twin", "coordinator": "a@twin.example", "mayor": ""}

    desk.members(table(DOHA, DOHA | own | {"aliases": aliases}))

    name = aliases.rpartition("|")[2]
    assert desk.said == [
        f'members.csv:3:11: warning: "{name}" is a name of doha (line 2) too; '
        "neither is found by it: add what tells them apart in brackets, or leave it out"
    ]


@pytest.mark.parametrize(
    ("zone", "is_odd"), [("Asia/Qatar", False), ("Asia/Riyadh", False), ("Europe/Berlin", True)]
)
def test_clocks_that_no_place_of_the_country_has_are_warned_of(desk: Desk, zone: str, is_odd: bool) -> None:
    desk.members(table(DOHA | {"zone": zone}))

    said = f"warning: {zone} is no zone of Qatar (QA); its clocks are those of Asia/Qatar"
    assert desk.said == [f"members.csv:2:{column('zone')}: {said}"] * is_odd


@pytest.mark.parametrize("sign", ["\u200b", "\u2060", "\u00ad"])
def test_a_sign_that_nobody_sees_stands_in_no_name(desk: Desk, sign: str) -> None:
    assert desk.members(table(DOHA | {"name": f"Do{sign}ha"})) == ()

    said = f"error: an invisible sign (U+{ord(sign):04X}) stands in name; delete it"
    assert desk.said == [f"members.csv:2:{column('name')}: {said}"]


def test_letters_of_some_languages_are_joined_by_a_sign(desk: Desk) -> None:
    """A Persian name needs the zero-width non-joiner."""
    assert doha(desk, name="می\u200cبد").name == "می\u200cبد"


def test_addresses_that_differ_in_a_dot_are_two(desk: Desk) -> None:
    """On most mail servers they are two mailboxes."""
    rows = [
        DOHA | {"slug": slug, "name": slug, "aliases": "", "coordinator": address, "mayor": ""}
        for slug, address in (("one", "learning.city@x.example"), ("two", "learningcity@x.example"))
    ]

    desk.members(table(*rows))

    assert desk.said == []


def test_a_slug_stands_once(desk: Desk) -> None:
    members = desk.members(table(DOHA, DOHA | {"name": "Another"}))

    assert [member.name for member in members] == ["Doha"]
    assert desk.said == [
        'members.csv:3:1: error: the slug "doha" stands on line 2 already; '
        "a slug names one member for ever; write another"
    ]


def test_all_bad_rows_are_said_and_the_good_ones_read(desk: Desk) -> None:
    names = [{"slug": f"city-{n}", "name": f"City {n}", "aliases": ""} for n in range(6)]
    own = [one | {"coordinator": f"a@{one['slug']}.example", "mayor": ""} for one in names]
    rows = [DOHA | cells | {"weekend": "Fri" if n % 2 else "?"} for n, cells in enumerate(own)]

    members = desk.members(table(*rows))

    assert [member.slug for member in members] == ["city-1", "city-3", "city-5"]
    assert [sentence.partition(": ")[0] for sentence in desk.said] == [
        f"members.csv:{n}:{column('weekend', slug='city-0', name='City 0', aliases='')}" for n in (2, 4, 6)
    ]


def test_names_with_apostrophes_and_other_letters_are_kept(desk: Desk) -> None:
    names = ["'s-Hertogenbosch", "N'Zérékoré", "İzmir", "Sa Đéc", "L’Alcora", "Xi'an"]
    rows = [DOHA | {"slug": f"city-{n}", "name": name} for n, name in enumerate(names)]

    assert [member.name for member in desk.members(table(*rows))] == names


COUNTRIES = "country,name,national_coordinator,national_commission\n"


def test_a_country_is_read_with_its_offices(desk: Desk) -> None:
    found = desk.countries(f"{COUNTRIES}NO,Norway,cities@norway.example,unesco@norway.example\nQA,,,\n")

    assert found == (
        Country("NO", "Norway", "cities@norway.example", "unesco@norway.example"),
        Country("QA", "QA", "", ""),
    )


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (
            "Norway,Norway,,",
            '3:1: error: country: "Norway" is no country code; write two capitals, such as BR',
        ),
        ("QA,Qatar,,", '3:1: error: the country "QA" stands on line 2 already; keep one of the two'),
        (
            "NO,Norway,norway,",
            '3:11: error: national_coordinator: "norway" is no mail address; '
            "An email address must have an @-sign.",
        ),
    ],
    ids=["name in place of a code", "twice", "address"],
)
def test_a_country_that_is_wrong_is_one_sentence(desk: Desk, row: str, problem: str) -> None:
    desk.countries(f"{COUNTRIES}QA,Qatar,,\n{row}\n")

    assert desk.said == [f"countries.csv:{problem}"]
