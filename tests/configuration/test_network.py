"""network.yaml: who the network is, and what its words mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from scheduler.model.audience import Audience
from scheduler.model.members import Span
from scheduler.model.network import Mailbox, Network, Partner
from scheduler.model.notices import QuietHours
from tests import cast
from tests.configuration.desk import Desk, with_change

NETWORK = """\
name: Global Network of Learning Cities
organiser: UNESCO Institute for Lifelong Learning
sender:
  name: Secretariat
  address: webinars@cities.example
reply_to: webinars@cities.example
uid_domain: cities.example
zone: Europe/Berlin
place: Hamburg
zone_labels:
  CET: Europe/Berlin
intakes:
  - 2020-09-23
regions:
  africa: Africa
  arab-states: Arab States
audiences:
  World: everyone
  Some:
    regions:
      - africa
    languages:
      - fr
    joined:
      - 2020-09
    members:
      - melton
    except:
      - doha
quiet_hours:
  from: "21:00"
  to: "07:00"
"""

#: How sentences go on.
AUDIENCES = "write everyone, or keys such as regions, languages, countries"
NOBODY = f"this audience names nobody; {AUDIENCES}"
ZONES = "write a place such as Europe/Berlin, or +01:00"


def read(desk: Desk, content: str = NETWORK) -> Network:
    found = desk.network(content)
    assert found is not None
    return found[0]


def test_a_network_is_read_whole(desk: Desk) -> None:
    network = read(desk)

    assert network.sender == Mailbox("Secretariat", "webinars@cities.example")
    assert network.intakes == (date(2020, 9, 23),)
    assert network.quiet_hours == QuietHours(time(21), time(7))
    assert desk.said == []


def test_what_is_left_out_has_its_default(desk: Desk) -> None:
    network = read(desk)

    assert network.settle == timedelta(minutes=10)
    assert network.default_length_minutes == 60
    assert network.languages == ("en",)
    assert network.apply == "confirm"
    assert network.only_to == ()


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("bounces@mail.cities.example", "bounces@mail.cities.example"),
        ("None", "none"),
        (f"{'a' * 30}@b.example", None),
    ],
)
def test_bounces_have_a_mailbox_of_their_own_or_none(desk: Desk, written: str, read_as: str | None) -> None:
    network = read(desk, with_bounces(written))

    assert network.bounces == (read_as or written)
    assert desk.said == []


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (
            f"{'a' * 31}@b.example",
            "has 31 letters, and behind it must stand the number of a mail; write a mailbox",
        ),
        ("bounces", "is no mail address"),
    ],
)
def test_a_mailbox_that_cannot_take_bounces_is_refused(desk: Desk, written: str, problem: str) -> None:
    desk.network(with_bounces(written))

    assert problem in desk.said[0]


def test_a_sender_whose_mails_cannot_be_marked_is_warned_of(desk: Desk) -> None:
    read(desk, NETWORK.replace("webinars@cities", f"{'a' * 31}@cities"))

    (said,) = desk.said
    assert "no bounce is taken in; write bounces: with a mailbox of at most 30 letters" in said


def with_bounces(written: str) -> str:
    line = "  address: webinars@cities.example\n"
    assert line in NETWORK
    return NETWORK.replace(line, f"{line}  bounces: {written}\n")


def test_an_audience_is_read_with_all_its_lists(desk: Desk) -> None:
    found = desk.network(NETWORK)

    assert found is not None
    assert found[1].audiences["World"] == Audience("World", everyone=True)
    assert found[1].audiences["Some"] == Audience(
        "Some",
        regions=("africa",),
        languages=("fr",),
        joined=(Span(date(2020, 9, 1), date(2020, 9, 30)),),
        members=("melton",),
        left_out=("doha",),
    )


@pytest.mark.parametrize(
    "written", ["cities.example", "@cities.example", ".cities.example", "'*.cities.example'"]
)
def test_only_to_is_a_domain_however_it_is_written(desk: Desk, written: str) -> None:
    written = written if written.startswith("'") else f'"{written}"'
    network = read(desk, f"{NETWORK}only_to:\n  - {written}\n")

    assert network.may_write_to("mayor@cities.example")
    assert network.may_write_to("mayor@doha.cities.example")
    assert not network.may_write_to("mayor@othercities.example")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            "place: Hamburg",
            "plaice: Hamburg",
            '9:1: error: "plaice" is no key that can stand here; did you mean "place"?',
            id="typing error in a key",
        ),
        pytest.param("place: Hamburg\n", "", '1:1: error: "place" is missing; write it', id="missing"),
        pytest.param(
            "place: Hamburg", "place:", '9:1: error: nothing stands behind "place"; write it', id="left empty"
        ),
        pytest.param(
            "place: Hamburg",
            'place: " "',
            "9:8: error: this text is empty; write it, or leave the line out",
            id="blank",
        ),
        pytest.param(
            "place: Hamburg",
            "place:\n  - Hamburg",
            "10:3: error: a text is needed here",
            id="list in place of a text",
        ),
        pytest.param(
            "place: Hamburg",
            "place: |\n  Ham\n  burg",
            "9:8: error: this text must stand on one line",
            id="two lines",
        ),
        pytest.param(
            "zone: Europe/Berlin\np",
            "zone: Europe/Atlantis\np",
            f'8:7: error: zone "Europe/Atlantis" is unknown; {ZONES}',
            id="unknown zone",
        ),
        pytest.param(
            "CET: Europe/Berlin",
            'CET: "+25:00"',
            f'11:8: error: zone "+25:00" is unknown; {ZONES}',
            id="impossible offset",
        ),
        pytest.param(
            "CET: Europe/Berlin",
            "CET: Europe/Berlin\n  cet: Europe/Paris",
            '12:3: error: the label "cet" is "CET" in other letters; keep one of the two',
            id="label twice",
        ),
        pytest.param(
            "World: everyone",
            "World: everyone\n  world: everyone",
            '19:3: error: the label "world" is "World" in other letters; keep one of the two',
            id="audience twice",
        ),
        pytest.param(
            "World: everyone",
            "World: everybody",
            f'18:10: error: "everybody" is no audience; {AUDIENCES}',
            id="no audience",
        ),
        pytest.param(
            "World: everyone",
            "World:",
            f"18:9: error: {NOBODY}",
            id="audience left empty",
        ),
        pytest.param(
            "World: everyone",
            "World:\n    regions:",
            f"19:5: error: {NOBODY}",
            id="audience with an empty list",
        ),
        pytest.param(
            "World: everyone",
            "World:\n    except:\n      - doha",
            f"19:5: error: {NOBODY}",
            id="audience of exceptions only",
        ),
        pytest.param(
            "    languages:",
            "    langauges:",
            '22:5: error: "langauges" is no key that can stand here; did you mean "languages"?',
            id="typing error in an audience",
        ),
        pytest.param(
            "      - africa",
            "      - afrika",
            '21:9: error: the region "afrika" is not among the regions of this file',
            id="unknown region",
        ),
        pytest.param(
            "      - fr",
            "      - French",
            '23:9: error: "french" is no language code; write two small letters, such as fr',
            id="language in words",
        ),
        pytest.param(
            "    languages:\n      - fr",
            "    countries:\n      - Brazil",
            '23:9: error: "Brazil" is no country code; write two capitals, such as BR',
            id="country in words",
        ),
        pytest.param(
            "      - 2020-09\n",
            "      - 2020-13\n",
            '25:9: error: "2020-13" is no month; write year-month, such as 2020-09',
            id="month 13",
        ),
        pytest.param(
            "      - 2020-09\n",
            "      - 0000-09\n",
            "25:9: error: 0000-09 is too far away; write a year from 1970 to 2037",
            id="year 0",
        ),
        pytest.param(
            "  - 2020-09-23",
            "  - 2026-02-30",
            "13:5: error: 2026-02-30 is not in the calendar; write a day that exists",
            id="30 February",
        ),
        pytest.param(
            '  from: "21:00"',
            '  from: "9 pm"',
            '31:9: error: "9 pm" is no time of day; write hours and minutes in quotes, such as "13:00"',
            id="hour in words",
        ),
        pytest.param(
            "  address: webinars@cities.example",
            "  address: webinars at x.example",
            '5:12: error: "webinars at x.example" is no mail address; An email address must have an @-sign.',
            id="address",
        ),
        pytest.param(
            "uid_domain: cities.example",
            "uid_domain: our cities",
            '7:13: error: "our cities" is no domain; write it as it stands behind the @ of an address',
            id="domain",
        ),
        pytest.param(
            "place: Hamburg",
            "place: Hamburg\napply: automatic",
            '10:8: error: "automatic" is not known here; write auto or confirm',
            id="another word",
        ),
        pytest.param(
            "place: Hamburg",
            "place: Hamburg\nsettle_minutes: ten",
            '10:17: error: "ten" is no whole number from 0 to 1440',
            id="number in words",
        ),
        pytest.param(
            "place: Hamburg",
            "place: Hamburg\nmax_mails_per_hour: 0",
            '10:21: error: "0" is no whole number from 1 to 10000000',
            id="no mails at all",
        ),
        pytest.param(
            'quiet_hours:\n  from: "21:00"\n  to: "07:00"\n',
            "quiet_hours: none\n",
            "30:14: error: keys and values are needed here; write key: value on lines of their own",
            id="text in place of keys",
        ),
    ],
)
def test_a_mistake_is_said_in_one_sentence(desk: Desk, old: str, new: str, problem: str) -> None:
    desk.network(with_change(NETWORK, old, new))

    assert desk.said == [f"file.yaml:{problem}"]


def test_a_text_that_swallowed_the_rest_of_the_file_is_not_repeated_whole(desk: Desk) -> None:
    desk.network(with_change(NETWORK, "  - 2020-09-23", f'  - "2020-09-23 {"x" * 5000}"'))

    assert len(desk.said) == 1
    assert len(desk.said[0]) < 250
    assert "…" in desk.said[0]


def test_a_sign_that_cannot_be_seen_is_named(desk: Desk) -> None:
    """A blank of no width, as it comes along with a text from a web page."""
    desk.network(with_change(NETWORK, "      - africa", "      - afri\u200bca"))

    assert desk.said == [
        'file.yaml:21:9: error: "afri<U+200B>ca" is no id; '
        "use small letters a to z, digits and hyphens, such as third-wednesday"
    ]


def test_a_list_in_place_of_the_whole_is_one_sentence(desk: Desk) -> None:
    desk.network("- name: x\n")

    assert desk.said == ["file.yaml:1:1: error: this file must be made of keys and values; write key: value"]


@pytest.mark.parametrize(
    "address",
    [
        '"a b"@x.example',
        "a@[127.0.0.1]",
        "a@x.example.",
        "a(comment)@x.example",
        "<a@x.example>",
        f"{'a' * 65}@x.example",
        f"a@{'x' * 300}.example",
        "a@x.example,b@x.example",
        "a b@x.example",
        "a@localhost",
        "señor@x.example",
        "a@x.example RCPT TO:<b@x.example>",
    ],
)
def test_an_address_that_a_mail_server_could_misread_is_refused(desk: Desk, address: str) -> None:
    """In the place from which all mail is sent."""
    quoted = address.replace('"', '\\"')

    desk.network(with_change(NETWORK, "reply_to: webinars@cities.example", f'reply_to: "{quoted}"'))

    assert len(desk.said) == 1
    assert desk.said[0].startswith("file.yaml:6:11: error: ")
    assert "is no mail address" in desk.said[0]


def test_a_domain_in_other_letters_becomes_the_one_that_servers_know(desk: Desk) -> None:
    network = read(desk, with_change(NETWORK, "reply_to: webinars@cities", "reply_to: webinars@städte"))

    assert network.reply_to == "webinars@xn--stdte-hra.example"


def test_the_real_network_writes_to_nobody_but_made_up_addresses() -> None:
    network = cast.real().network

    assert network.may_write_to("learningcity@doha.example")
    assert not network.may_write_to("learningcities@unesco.org")


PARTNERS = f"""{NETWORK}partners:
  - id: moja
    name: MOJA
    clocks:
      Dakar: Africa/Dakar
      Kilifi County: "+03:00"
  - id: dvv
    name: DVV International
"""


def test_partners_are_read_with_their_clocks(desk: Desk) -> None:
    """Story US-21.1."""
    assert read(desk, PARTNERS).partners == (
        Partner("moja", "MOJA", (("Dakar", "Africa/Dakar"), ("Kilifi County", "+03:00"))),
        Partner("dvv", "DVV International"),
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("Africa/Dakar", "Africa/Daker", f'37:14: error: zone "Africa/Daker" is unknown; {ZONES}'),
        ("id: dvv", "id: moja", '39:9: error: the id "moja" stands here twice; write another'),
        (
            "id: dvv",
            "id: DVV International",
            '39:9: error: "DVV International" is no id; use small letters a to z, digits and hyphens, '
            "such as third-wednesday",
        ),
        (
            '"+03:00"\n',
            '"+03:00"\n' + "".join(f"      Town {n}: UTC\n" for n in range(5)),
            "37:7: error: this list is too long; write at most 6 items",
        ),
    ],
)
def test_a_partner_that_cannot_be_understood_is_refused(desk: Desk, old: str, new: str, problem: str) -> None:
    desk.network(with_change(PARTNERS, old, new))

    assert desk.said == [f"file.yaml:{problem}"]


def test_without_a_number_fifty_mails_an_hour_may_leave_for_each_contact() -> None:
    small, large = cast.a_configuration(members=(cast.MANTES,)), cast.real()
    said = replace(large, network=replace(large.network, max_mails_per_hour=500))

    contacts = sum(len(member.contacts) for member in large.members)
    assert (small.most_an_hour, large.most_an_hour, said.most_an_hour) == (20_000, 50 * contacts, 500)
