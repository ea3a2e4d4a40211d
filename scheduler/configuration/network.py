"""network.yaml -> the network, and the words of all other files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import BeforeValidator, Field, model_validator

from scheduler.configuration.document import Document
from scheduler.configuration.problems import Place, Problems, quoted
from scheduler.configuration.schema import (
    Clock,
    CountryCode,
    Day,
    Form,
    Id,
    Language,
    Minutes,
    Month,
    SettleMinutes,
    Text,
    fill_in,
    one_line,
    say,
)
from scheduler.configuration.vocabulary import Vocabulary, folded, intake_span
from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.network import Mailbox, Network, Region
from scheduler.model.notices import QuietHours

_DOMAIN = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
_WRITE_AN_AUDIENCE = "write everyone, or keys such as regions, languages, countries"


def read_address(value: object) -> str:
    """An address that is safe on the wire: ASCII, no comments, quoted local parts or address literals.

    A domain with other letters is turned into the ASCII form that mail servers know it by.
    """
    text = one_line(value)
    try:
        address = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError as error:
        say(f"{quoted(text)} is no mail address", str(error))
    return str(address.ascii_email)


def read_domain(value: object) -> str:
    text = one_line(value).lower()
    if not _DOMAIN.fullmatch(text):
        say(f"{quoted(text)} is no domain", "write it as it stands behind the @ of an address")
    return text


def read_domains_below(value: object) -> str:
    """A domain; "@", "." or "*." in front of it say nothing more."""
    return read_domain(one_line(value).lstrip("*@."))


Address = Annotated[str, BeforeValidator(read_address)]
Domain = Annotated[str, BeforeValidator(read_domain)]
DomainsBelow = Annotated[str, BeforeValidator(read_domains_below)]


class MailboxForm(Form):
    name: Text
    address: Address


class AudienceForm(Form):
    regions: list[Id] = Field(default_factory=list)
    countries: list[CountryCode] = Field(default_factory=list)
    languages: list[Language] = Field(default_factory=list)
    members: list[Id] = Field(default_factory=list)
    joined: list[Month] = Field(default_factory=list)
    left_out: list[Id] = Field(default_factory=list, alias="except")

    @model_validator(mode="after")
    def _names_somebody(self) -> AudienceForm:
        if not (self.regions or self.countries or self.languages or self.members or self.joined):
            say("this audience names nobody", _WRITE_AN_AUDIENCE)
        return self


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
    begin: Clock = Field(alias="from")
    end: Clock = Field(alias="to")


class NetworkForm(Form):
    name: Text
    organiser: Text
    sender: MailboxForm
    reply_to: Address
    uid_domain: Domain
    zone: Text
    place: Text
    zone_labels: dict[Text, Text] = Field(default_factory=dict)
    intakes: list[Day] = Field(default_factory=list)
    regions: dict[Id, Text]
    audiences: dict[Text, Annotated[AudienceForm | None, BeforeValidator(_everyone)]]
    quiet_hours: QuietHoursForm
    settle_minutes: SettleMinutes = 10
    default_length_minutes: Minutes = 60
    languages: list[Language] = Field(default_factory=lambda: ["en"])
    apply: Literal["auto", "confirm"] = "confirm"
    only_to: list[DomainsBelow] = Field(default_factory=list)


def read_network(document: Document, problems: Problems) -> tuple[Network, Vocabulary] | None:
    form = fill_in(NetworkForm, document, problems)
    if form is None:
        return None
    _refuse_twins("zone_labels", form.zone_labels, document, problems)
    _refuse_twins("audiences", form.audiences, document, problems)
    _check_zones(form, document, problems)
    _check_audiences(form, document, problems)
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
    )
    audiences = {
        label: _audience(label, part) if part else Audience(label, everyone=True)
        for label, part in form.audiences.items()
    }
    return network, Vocabulary(form.zone_labels, audiences, network.zone, network.intakes)


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
    for zone, place in named:
        _check_zone(zone, place, problems)


def _check_zone(zone: str, place: Place, problems: Problems) -> None:
    if not times.is_zone(zone):
        problems.error(
            place, f"the zone {quoted(zone)} is unknown", "write a place such as Europe/Berlin, or +01:00"
        )


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
