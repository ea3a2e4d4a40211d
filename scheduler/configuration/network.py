"""network.yaml -> the network, and the words of all other files."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import BeforeValidator, Field

from scheduler.configuration.document import Document
from scheduler.configuration.problems import Place, Problems
from scheduler.configuration.schema import (
    Clock,
    Day,
    Form,
    Id,
    Minutes,
    Month,
    SettleMinutes,
    Text,
    fill_in,
    one_line,
    say,
)
from scheduler.configuration.vocabulary import Vocabulary, intake_span
from scheduler.errors import UnknownZone
from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.network import Mailbox, Network, Region
from scheduler.model.notices import QuietHours


def read_address(value: object) -> str:
    """An address that is safe on the wire: no comments, quoted local parts or address literals."""
    text = one_line(value)
    try:
        return str(validate_email(text, check_deliverability=False).normalized)
    except EmailNotValidError as error:
        say(f'"{text[:100]}" is no mail address', str(error))


Address = Annotated[str, BeforeValidator(read_address)]


class MailboxForm(Form):
    name: Text
    address: Address


class AudienceForm(Form):
    regions: list[Id] = Field(default_factory=list)
    countries: list[Text] = Field(default_factory=list)
    languages: list[Text] = Field(default_factory=list)
    members: list[Id] = Field(default_factory=list)
    joined: list[Month] = Field(default_factory=list)
    left_out: list[Id] = Field(default_factory=list, alias="except")


def _everyone(value: Any) -> Any:
    if isinstance(value, str):
        if value.strip().lower() != "everyone":
            say(f'"{value}" is no audience', "write everyone, or keys such as regions, languages, countries")
        return {}
    if isinstance(value, dict) and not value:
        say("this audience names nobody", "write everyone, or keys such as regions, languages, countries")
    return value


class QuietHoursForm(Form):
    begin: Clock = Field(alias="from")
    end: Clock = Field(alias="to")


class NetworkForm(Form):
    name: Text
    organiser: Text
    sender: MailboxForm
    reply_to: Address
    uid_domain: Text
    zone: Text
    place: Text
    zone_labels: dict[Text, Text] = Field(default_factory=dict)
    intakes: list[Day] = Field(default_factory=list)
    regions: dict[Id, Text]
    audiences: dict[Text, Annotated[AudienceForm, BeforeValidator(_everyone)]]
    quiet_hours: QuietHoursForm
    settle_minutes: SettleMinutes = 10
    default_length_minutes: Minutes = 60
    languages: list[Text] = Field(default_factory=lambda: ["en"])
    apply: Literal["auto", "confirm"] = "confirm"
    only_to: list[Text] = Field(default_factory=list)


def read_network(document: Document, problems: Problems) -> tuple[Network, Vocabulary] | None:
    form = fill_in(NetworkForm, document, problems)
    if form is None:
        return None
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
        only_to=tuple(domain.lower().removeprefix(".") for domain in form.only_to),
    )
    audiences = {label: _audience(label, part) for label, part in form.audiences.items()}
    return network, Vocabulary(form.zone_labels, audiences, network.intakes)


def _check_zones(form: NetworkForm, document: Document, problems: Problems) -> None:
    named = [(form.zone, document.place("zone"))]
    named += [(zone, document.place("zone_labels", label)) for label, zone in form.zone_labels.items()]
    for zone, place in named:
        _check_zone(zone, place, problems)


def _check_zone(zone: str, place: Place, problems: Problems) -> None:
    try:
        times.check_zone(zone)
    except UnknownZone:
        problems.error(
            place, f'the zone "{zone}" is unknown', "write a place such as Europe/Berlin, or +01:00"
        )


def _check_audiences(form: NetworkForm, document: Document, problems: Problems) -> None:
    for label, audience in form.audiences.items():
        for position, region in enumerate(audience.regions):
            if region not in form.regions:
                place = document.place("audiences", label, "regions", position)
                problems.error(place, f'the region "{region}" is not among the regions of this file')


def _audience(label: str, form: AudienceForm) -> Audience:
    return Audience(
        label=label,
        everyone=form == AudienceForm(),
        regions=tuple(form.regions),
        countries=tuple(code.upper() for code in form.countries),
        languages=tuple(code.lower() for code in form.languages),
        members=tuple(form.members),
        joined=tuple(intake_span(month) for month in form.joined),
        left_out=tuple(form.left_out),
    )
