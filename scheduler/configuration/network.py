"""network.yaml -> the network, and the words of all other files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from scheduler.configuration.addresses import read_address
from scheduler.configuration.document import Document
from scheduler.configuration.problems import Place, Problems, quoted
from scheduler.configuration.schema import (
    AlsoAs,
    Clock,
    CountryCode,
    Day,
    Form,
    Id,
    Language,
    Minutes,
    Month,
    MostMails,
    SettleMinutes,
    Text,
    fill_in,
    filled,
    hint,
    in_any_letters,
    one_line,
    say,
)
from scheduler.configuration.slugs import Slug
from scheduler.configuration.vocabulary import Vocabulary, folded, intake_span
from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.network import NO_BOUNCES, Mailbox, Network, Partner, Region
from scheduler.model.notices import QuietHours

_DOMAIN = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
#: More would not fit the short texts of public calendars.
_MOST_CLOCKS = 6
_WRITE_AN_AUDIENCE = "write everyone, or keys such as regions, languages, countries"


def read_domain(value: object) -> str:
    text = one_line(value).lower()
    if not _DOMAIN.fullmatch(text):
        say(f"{quoted(text)} is no domain", "write it as it stands behind the @ of an address")
    return text


def read_domains_below(value: object) -> str:
    """A domain; "@", "." or "*." in front of it say nothing more."""
    return read_domain(one_line(value).lstrip("*@."))


Address = Annotated[
    str,
    BeforeValidator(read_address),
    hint(
        "A mail address.",
        "webinars@learning-cities.example",
        pattern=r"[^\s@]+@[^\s@]+",
        instead="write it as name@domain",
    ),
]
Domain = Annotated[
    str,
    BeforeValidator(read_domain),
    hint("A domain.", "learning-cities.example", pattern=r"[A-Za-z0-9]+(?:[-.][A-Za-z0-9]+)*"),
]
DomainsBelow = Annotated[
    str,
    BeforeValidator(read_domains_below),
    hint(
        "A domain; all below it are meant too.",
        "example",
        pattern=r"[*@.]*[A-Za-z0-9]+(?:[-.][A-Za-z0-9]+)*",
    ),
]


#: Letters before the @ of a mailbox that takes bounces back: an address has room for 64 (RFC 5321, section
#: 4.5.3.1.1), and behind these stand the number of a mail and its signature.
LONGEST_BOUNCES = 30


def read_bounces(value: object) -> str:
    """An address with room behind its name, or the word none."""
    if one_line(value).lower() == NO_BOUNCES:
        return NO_BOUNCES
    address = read_address(value)
    name = address.rpartition("@")[0]
    if len(name) > LONGEST_BOUNCES:
        what = f"{quoted(name)} has {len(name)} letters, and behind it must stand the number of a mail"
        say(what, f"write a mailbox of at most {LONGEST_BOUNCES} letters before the @, or none")
    return address


Bounces = Annotated[
    str,
    BeforeValidator(read_bounces),
    hint(
        "A mail address, or the word none.",
        "bounces@learning-cities.example",
        "none",
        pattern=rf"(?:{in_any_letters([NO_BOUNCES])})|[^\s@]{{1,{LONGEST_BOUNCES}}}@[^\s@]+",
        instead=f"write it as name@domain, the name of at most {LONGEST_BOUNCES} letters, or none",
    ),
]


class MailboxForm(Form):
    name: Text = Field(description="the name that people see")
    address: Address = Field(description="the address; calendars show it as the organiser")
    bounces: Bounces | None = Field(
        None,
        description="mailbox to which mail servers send back what they cannot deliver. Each mail adds its "
        "own mark: bounces@ becomes bounces+b17.k3v...@, which the mail server must let out and in (plus "
        "addressing). none: no such marks, so that no bounce is taken in. Default: the `address`",
    )


class AudienceForm(Form):
    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [filled(k) for k in ("regions", "countries", "languages", "joined", "members")]
        }
    )

    regions: list[Id] = Field(default_factory=list, description="ids from `regions`")
    countries: list[CountryCode] = Field(default_factory=list, description="two-letter codes, such as BR")
    languages: list[Language] = Field(
        default_factory=list, description="mail language, the first one in members.csv"
    )
    joined: list[Month] = Field(default_factory=list, description="month of an intake, such as 2020-09")
    members: list[Slug] = Field(
        default_factory=list, description="short names (slug) from members.csv, added to the rest"
    )
    left_out: list[Slug] = Field(
        default_factory=list,
        alias="except",
        description="short names (slug) to leave out, taken away last",
    )

    @model_validator(mode="after")
    def _names_somebody(self) -> AudienceForm:
        if not (self.regions or self.countries or self.languages or self.members or self.joined):
            say("this audience names nobody", _WRITE_AN_AUDIENCE)
        return self


_EVERYONE = AlsoAs(
    {
        "type": "string",
        "description": "All members of the network.",
        "pattern": rf"^\s*(?:{in_any_letters(['everyone'])})\s*$",
        "default": "everyone",
    }
)


def _everyone(value: Any) -> Any:
    """The word everyone is no form: None stands for it."""
    if value is None:
        say("this audience names nobody", _WRITE_AN_AUDIENCE)
    if not isinstance(value, str):
        return value
    if value.strip().lower() != "everyone":
        say(f"{quoted(value)} is no audience", _WRITE_AN_AUDIENCE)
    return None


class QuietHoursForm(Form):
    begin: Clock = Field(alias="from", description="clock time in quotes")
    end: Clock = Field(alias="to", description="clock time in quotes, on the next morning if it is earlier")


class PartnerForm(Form):
    id: Id = Field(
        description="small letters, figures and hyphens: the address of its calendar ends in it. Never "
        "change it"
    )
    name: Text = Field(description="as the page of calendars names it")
    clocks: dict[Text, Text] = Field(
        default_factory=dict,
        description="place: its zone, an IANA zone or a fixed difference. The calendar gives the hour there "
        "beside the home one",
        examples=[{"Dakar": "Africa/Dakar", "Durban": "Africa/Johannesburg"}],
        max_length=_MOST_CLOCKS,
    )


class NetworkForm(Form):
    name: Text = Field(description="name of the network, as the mails print it")
    organiser: Text = Field(description="who runs the network; organiser of every series that names none")
    sender: MailboxForm = Field(description="the From line of all mails")
    reply_to: Address = Field(description="where answers go")
    uid_domain: Domain = Field(
        description="last part of the hidden key of each calendar entry. Never change it once mails went "
        "out: calendars would show everything twice"
    )
    zone: Text = Field(description="the home time zone (IANA name)", examples=["Europe/Berlin"])
    place: Text = Field(
        description='the town that mails name beside the home hour: "13:00 Hamburg time"',
        examples=["Hamburg"],
    )
    country: CountryCode | None = Field(
        None,
        description="two-letter code of the country whose public holidays `scheduler check` warns of. "
        "Default: the country of `zone`",
    )
    zone_labels: dict[Text, Text] = Field(
        default_factory=dict,
        description='label: what it means, an IANA zone or a fixed difference such as "+01:00"',
        examples=[{"CET": "Europe/Berlin"}],
    )
    intakes: list[Day] = Field(
        default_factory=list,
        description="days on which new members were announced. A member that joined in such a month counts "
        "from that day; see README.md beside this file",
    )
    regions: dict[Id, Text] = Field(description="id: name. The ids stand in members.csv")
    audiences: dict[
        Text,
        Annotated[AudienceForm | None, BeforeValidator(_everyone), _EVERYONE],
    ] = Field(
        description="label: who is meant. Small or capital letters do not matter in a label. Either the word "
        "everyone, or one or more of the lists below; a city is meant when it is in each of the first four "
        "that stand there",
    )
    quiet_hours: QuietHoursForm = Field(
        description="hours on the city's own clock in which no mail is sent that can wait"
    )
    settle_minutes: SettleMinutes = Field(
        10,
        description="minutes to wait after an edit before cities are told; a second edit in that time "
        "replaces the first. Default 10",
    )
    default_length_minutes: Minutes = Field(
        60, description="length of a session without an end, in minutes. Default 60"
    )
    languages: list[Language] = Field(
        default_factory=lambda: ["en"],
        description="languages we have texts for; all other cities get English. Default en",
    )
    apply: Literal["auto", "confirm"] = Field(
        "confirm",
        description="confirm: an edit waits until a person says `scheduler apply`. auto: an edit that passes "
        "the check is used by itself. Default confirm",
    )
    only_to: list[DomainsBelow] = Field(
        default_factory=list,
        description="mail leaves only to addresses below these domains. Without this key: to all",
    )
    max_mails_per_hour: MostMails | None = Field(
        None,
        description="when so many mails have left within an hour, the service holds all others and asks, so "
        "that a mistake does not reach everybody again and again. Default: 50 for each contact in "
        "members.csv, and at least 20000",
    )
    partners: list[PartnerForm] = Field(
        default_factory=list,
        description="list of organisations that republish the sessions that are `public`; each has a "
        "calendar at /feeds/partner/ and its id",
    )


def read_network(document: Document, problems: Problems) -> tuple[Network, Vocabulary] | None:
    form = fill_in(NetworkForm, document, problems)
    if form is None:
        return None
    _look_at_return_path(form.sender, document, problems)
    _refuse_twins("zone_labels", form.zone_labels, document, problems)
    _refuse_twins("audiences", form.audiences, document, problems)
    _check_zones(form, document, problems)
    _check_audiences(form, document, problems)
    _refuse_twin_partners(form, document, problems)
    network = Network(
        name=form.name,
        organiser=form.organiser,
        sender=Mailbox(form.sender.name, form.sender.address),
        reply_to=form.reply_to,
        uid_domain=form.uid_domain,
        zone=form.zone,
        place=form.place,
        intakes=tuple(form.intakes),
        regions=tuple(Region(key, name) for key, name in form.regions.items()),
        quiet_hours=QuietHours(form.quiet_hours.begin, form.quiet_hours.end),
        settle=timedelta(minutes=form.settle_minutes),
        default_length_minutes=form.default_length_minutes,
        languages=tuple(form.languages),
        apply=form.apply,
        only_to=tuple(form.only_to),
        max_mails_per_hour=form.max_mails_per_hour,
        country=form.country,
        bounces=form.sender.bounces or "",
        partners=tuple(Partner(one.id, one.name, tuple(one.clocks.items())) for one in form.partners),
    )
    audiences = {
        label: _audience(label, part) if part else Audience(label, everyone=True)
        for label, part in form.audiences.items()
    }
    return network, Vocabulary(form.zone_labels, audiences, network.zone, network.intakes, network.place)


def _look_at_return_path(sender: MailboxForm, document: Document, problems: Problems) -> None:
    name = sender.address.rpartition("@")[0]
    if sender.bounces is None and len(name) > LONGEST_BOUNCES:
        what = f"the name before the @ has {len(name)} letters, too many to mark mails: no bounce is taken in"
        instead = f"write bounces: with a mailbox of at most {LONGEST_BOUNCES} letters before the @"
        problems.warning(document.place("sender", "address"), what, instead)


def _refuse_twins(key: str, labels: Iterable[str], document: Document, problems: Problems) -> None:
    seen: dict[str, str] = {}
    for label in labels:
        first = seen.setdefault(folded(label), label)
        if first != label:
            what = f'the label {quoted(label)} is "{first}" in other letters'
            problems.error(document.place_of_key(key, label), what, "keep one of the two")


def _check_zones(form: NetworkForm, document: Document, problems: Problems) -> None:
    named = [(form.zone, document.place("zone"))]
    named += [(zone, document.place("zone_labels", label)) for label, zone in form.zone_labels.items()]
    for number, partner in enumerate(form.partners):
        path = ("partners", number, "clocks")
        named += [(zone, document.place(*path, place)) for place, zone in partner.clocks.items()]
    for zone, place in named:
        _check_zone(zone, place, problems)


def _check_zone(zone: str, place: Place, problems: Problems) -> None:
    if not times.is_zone(zone):
        problems.error(
            place, f"zone {quoted(zone)} is unknown", "write a place such as Europe/Berlin, or +01:00"
        )


def _refuse_twin_partners(form: NetworkForm, document: Document, problems: Problems) -> None:
    seen: set[str] = set()
    for number, partner in enumerate(form.partners):
        if partner.id in seen:
            place = document.place("partners", number, "id")
            problems.error(place, f'the id "{partner.id}" stands here twice', "write another")
        seen.add(partner.id)


def _check_audiences(form: NetworkForm, document: Document, problems: Problems) -> None:
    for label, audience in form.audiences.items():
        for position, region in enumerate(audience.regions if audience else ()):
            if region not in form.regions:
                place = document.place("audiences", label, "regions", position)
                problems.error(place, f'the region "{region}" is not among the regions of this file')


def _audience(label: str, form: AudienceForm) -> Audience:
    return Audience(
        label=label,
        regions=tuple(form.regions),
        countries=tuple(form.countries),
        languages=tuple(form.languages),
        members=tuple(form.members),
        joined=tuple(intake_span(month) for month in form.joined),
        left_out=tuple(form.left_out),
    )
