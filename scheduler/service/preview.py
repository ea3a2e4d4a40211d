"""One mail as one city would see it, from the files as they are now: nothing is sent or written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.configuration.problems import did_you_mean, listed, quoted
from scheduler.errors import NotDue, SchedulerError
from scheduler.ical.events import Revision
from scheduler.languages import language
from scheduler.mail.messages import Envelope, Letter
from scheduler.mail.report_views import OFFICES
from scheduler.model import changes
from scheduler.model.cases import AWAITED, Case, Learnt, State, Terms, heads
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.history import NOTHING_PASSED, History
from scheduler.model.members import MAYOR, Contact, Member, Standing
from scheduler.model.moments import Since, announced_as_a_whole
from scheduler.model.network import Configuration
from scheduler.model.notices import (
    AWAITING,
    CORRECTIONS,
    OF_CASES,
    OUTCOMES,
    REPORTS,
    STATEFUL,
    Kind,
    NoticeRule,
)
from scheduler.model.programme import Occurrence, Window, occurrences_of, only
from scheduler.model.series import Series
from scheduler.model.slots import Group, Slot, chosen
from scheduler.model.told import REQUEST, Tellings, Told, is_needed, is_wanted, words_rest_on
from scheduler.service.engine import duty_of
from scheduler.service.in_force import InForce, read_in_force
from scheduler.service.letters import Letters
from scheduler.service.links import Links
from scheduler.service.one_member import LONG_AGO, slots_of_one
from scheduler.store import cases as store_cases
from scheduler.store import configurations, feed_addresses, histories
from scheduler.store.database import Database
from scheduler.store.duties import basis_of
from scheduler.store.outbox import Delivery, message_id
from scheduler.store.tellings import read_tellings

#: Stands for a city's own code: whoever looks at a preview, or gets a test, must not submit for the city.
CODE_OF_NOBODY = "code-of-the-city"
#: Beyond everything that files can name.
_FAR = timedelta(days=400 * 365)


@dataclass(frozen=True)
class Preview:
    """One mail before its parts are joined, and what it is about."""

    letter: Letter
    envelope: Envelope
    calendar: bytes | None
    delivery: Delivery
    occurrence: Occurrence
    #: only_to in network.yaml lets it go to this address
    may_go: bool

    @property
    def octets(self) -> bytes:
        """What would be handed over, but for the links to answer and to end the mails: they are nobody's."""
        return self.letter.addressed_to(self.envelope, self.calendar)


@dataclass(frozen=True)
class _Asked:
    """What is to be shown: a mail by one of these rules, of this occurrence, to this member."""

    configuration: Configuration
    part: Series | Cycle
    occurrence: Occurrence
    rules: tuple[NoticeRule, ...]
    member: Member
    #: what is in force; None: nothing, or no database
    before: InForce | None
    now: datetime
    #: which address of the city's calendar mails print now
    feed_generation: int
    #: (cycle, slug) -> the case as it is remembered
    cases: Mapping[tuple[str, str], Case]

    @property
    def case(self) -> Case | None:
        return self.cases.get((self.part.id, self.member.slug))

    @property
    def kind(self) -> Kind:
        return self.rules[0].kind


async def preview(
    configuration: Configuration,
    word: str,
    name: str,
    member: str,
    *,
    links: Links,
    now: datetime,
    database: Database | None,
    to: str = "",
) -> Preview:
    """word: a kind of mail, or the name of a rule; name: an occurrence or a series; member: a slug; to: an
    address in the place of the contact's.

    The mail is dated with the moment at which it goes out, or would have gone. Raises NotDue where the
    member would not get it, SchedulerError for a word or a name that is nothing.
    """
    cases = await _cases(database)
    configuration = Learnt.of(cases.values(), configuration, now).applied_to(configuration)
    part = _part_of(configuration, name)
    rules = _rules_of(part, word)
    before = await _in_force(database)
    city = _reader(configuration, part, rules[0].kind, member)
    occurrence = _occurrence_of(part, name, rules[0].kind, configuration, now).for_member(city)
    generation = await _feed_generation(database, city.slug)
    asked = _Asked(configuration, part, occurrence, rules, city, before, now, generation, cases)
    try:
        slot = _slot(asked)
        contact = _contact(asked, slot.rule)
        contact_id, history = await _history(database, asked, contact)
        _check_news(asked, history.told)
        if isinstance(part, Cycle):
            history = _of_case(asked, part, history)
    except NotDue as error:
        raise NotDue(str(error), _gets(asked, await _tellings(database, now))) from None
    if to:
        contact, contact_id = replace(contact, address=to), 0
    return _composed(asked, slot, contact, contact_id, history, links)


async def _in_force(database: Database | None) -> InForce | None:
    if database is None:
        return None
    async with database.read() as connection:
        if not await configurations.latest_id(connection):
            return None
        return await read_in_force(connection)


async def _cases(database: Database | None) -> dict[tuple[str, str], Case]:
    if database is None:
        return {}
    async with database.read() as connection:
        return await store_cases.by_place(connection)


async def _feed_generation(database: Database | None, member: str) -> int:
    if database is None:
        return 0
    async with database.read() as connection:
        return await feed_addresses.printed_of(connection, member)


async def _tellings(database: Database | None, now: datetime) -> Tellings | None:
    if database is None:
        return None
    async with database.read() as connection:
        return await read_tellings(connection, now)


async def _history(database: Database | None, asked: _Asked, contact: Contact) -> tuple[int, History]:
    """The contact's id, and what passed; where it was told nothing yet, what is in force counts as told, for
    by the time of a change it would be."""
    contact_id, history = 0, NOTHING_PASSED
    if database:
        place, about = (asked.member.slug, contact.role, contact.address), asked.occurrence
        async with database.read() as connection:
            found = await histories.of_contact(connection, place, about.id, about.starts_at, asked.now)
        contact_id, history = found or (contact_id, history)
    return contact_id, history if history.told else replace(history, told=_in_force_as_told(asked))


def _in_force_as_told(asked: _Asked) -> Told | None:
    before, name = asked.before, asked.occurrence.id
    known = before.occurrences.get(name) if before else None
    if asked.kind is Kind.REPORT_MOVED and isinstance(asked.part, Cycle):
        announced = occurrences_of(replace(asked.part, extensions=()))[0]
        return Told.of((known or announced).for_member(asked.member), 0, "")
    if asked.kind not in CORRECTIONS or before is None or known is None or known.is_off:
        return None
    if not known.invites(asked.member, before.network):
        return None
    sequence = before.revisions[name].sequence
    return Told.of(known, sequence, REQUEST)


# of a report


def _reader(configuration: Configuration, part: Series | Cycle, kind: Kind, member: str) -> Member:
    """The city itself; of a digest the one that stands for all of its national coordinator's."""
    members = {one.slug: one for one in configuration.members}
    if kind is Kind.REPORT_DIGEST and isinstance(part, Cycle):
        groups = heads(part, configuration.members)
        member = next((first for first, cities in groups.items() if member in cities), member)
    return members[member]


def _of_case(asked: _Asked, cycle: Cycle, history: History) -> History:
    """With the case as it is; of a letter as it would be if what causes the letter had just been said."""
    case = asked.case
    if asked.kind in OF_CASES:
        case = _caused(asked, cycle)
    elif asked.kind is not Kind.REPORT_DIGEST and case and case.state not in AWAITED:
        raise NotDue(f"{asked.member.name} is asked for no report in {cycle.id} any more: {case.state}")
    missing: tuple[str, ...] = ()
    if asked.kind is Kind.REPORT_DIGEST:
        cities = heads(cycle, asked.configuration.members).get(asked.member.slug, ())
        missing = tuple(slug for slug in cities if _is_awaited(asked.cases.get((cycle.id, slug))))
        if not missing:
            raise NotDue(f"all reports of its national coordinator's cities have come for {cycle.id}")
    return replace(history, case=case, missing=missing, code=CODE_OF_NOBODY)


def _is_awaited(case: Case | None) -> bool:
    """A case that is not known yet will be."""
    return case is None or case.state in AWAITED


def _caused(asked: _Asked, cycle: Cycle) -> Case:
    """A report came before its deadline, or now; or never, where that is what the letter says."""
    terms = Terms.of(cycle, asked.member)
    plain = Case(cycle.id, asked.member.slug, State.OPEN, asked.now, terms.opens_at, terms.deadline_at)
    known = asked.case or plain
    if asked.kind is Kind.REPORT_NOT_SUBMITTED:
        return replace(known, deadline_at=terms.deadline_at, submitted_at=None)
    came_at = asked.now if asked.kind is Kind.REPORT_RECEIVED else min(asked.now, terms.deadline_at)
    return replace(known, deadline_at=terms.deadline_at, submitted_at=known.submitted_at or came_at)


# what is asked for


def _part_of(configuration: Configuration, name: str) -> Series | Cycle:
    names = {o.id: part for part in configuration.parts for o in occurrences_of(part)}
    names |= {part.id: part for part in configuration.parts}
    if name in names:
        return names[name]
    instead = did_you_mean(
        name, names, f"known series and rounds: {listed(p.id for p in configuration.parts)}"
    )
    raise SchedulerError(f"the files have no {quoted(name)}; {instead}")


def _rules_of(part: Series | Cycle, word: str) -> tuple[NoticeRule, ...]:
    wanted = word.strip().casefold().replace("_", "-")
    if isinstance(part, Cycle) and wanted == Kind.REMINDER:
        wanted = Kind.REPORT_REMINDER.value
    found = tuple(rule for rule in part.rules if wanted in (rule.kind.value, rule.id))
    if found:
        return found
    words = dict.fromkeys(word for rule in part.rules for word in (rule.kind.value, rule.id))
    raise SchedulerError(
        f"{part.id} has no mail {quoted(word)}; {did_you_mean(wanted, words, f'known: {listed(words)}')}"
    )


def _occurrence_of(
    part: Series | Cycle, name: str, kind: Kind, configuration: Configuration, now: datetime
) -> Occurrence:
    if kind is Kind.ANNOUNCEMENT and isinstance(part, Series):
        whole = announced_as_a_whole(part, Since(now), configuration.network)
        if whole is None:
            raise NotDue(f"{part.id} has no session that takes place, so it is not announced")
        return whole
    found = {occurrence.id: occurrence for occurrence in occurrences_of(part)}
    if name in found:
        return found[name]
    raise SchedulerError(f"{name} is a series; write one of its sessions: {listed(found)}")


def _slot(asked: _Asked) -> Slot:
    """The earliest slot of the rules; of news, as if the files came into force now; of a letter, as if what
    causes it had just been said."""
    if asked.kind in OF_CASES:
        return _slot_of_letter(asked)
    slots = _slots(asked, asked.now) if asked.kind in CORRECTIONS else _as_they_go(asked)
    if asked.kind is Kind.REPORT_MOVED and isinstance(asked.part, Cycle) and not slots:
        slots = _slots(asked, Terms.of(asked.part, asked.member).opens_at)  # the round is over
    for slot in slots:
        if slot.occurrence.id == asked.occurrence.id and slot.rule.id in {rule.id for rule in asked.rules}:
            return slot
    raise NotDue(_why_not_due(asked))


def _slot_of_letter(asked: _Asked) -> Slot:
    enabled = next((rule for rule in asked.rules if rule.enabled), None)
    if enabled is None or not _must_report(asked):
        raise NotDue(_why_not_due(asked))
    return Slot(asked.occurrence, enabled, asked.now, (Group((asked.member,)),))


def _must_report(asked: _Asked) -> bool:
    return isinstance(asked.part, Cycle) and asked.part.duty(asked.member) is Duty.DUE


def _as_they_go(asked: _Asked) -> list[Slot]:
    """All that the member gets of the part. An invitation whose day lies before the session came into force
    goes out then; a reminder whose moment was earlier is shown as it would have been."""
    created = asked.before.since.created if asked.before else {}
    came_into_force = created.get(asked.occurrence.id, asked.now)
    late = {
        (s.occurrence.id, s.rule.id): s for s in _slots(asked, came_into_force) if s.rule.kind in STATEFUL
    }
    slots = (late.get((s.occurrence.id, s.rule.id), s) for s in _slots(asked, LONG_AGO))
    return sorted(slots, key=lambda slot: slot.due_at)


def _slots(asked: _Asked, applied_at: datetime) -> list[Slot]:
    part = asked.part
    announced_at = asked.before.since.occurrences.get(part.id) if asked.before else None
    window = Window(applied_at, applied_at + _FAR)
    return slots_of_one(
        asked.configuration, part, asked.member, window, announced_at or asked.now, applied_at
    )


def _contact(asked: _Asked, rule: NoticeRule) -> Contact:
    """The first who is written to; of a letter its addressee."""
    positions: Sequence[int] = chosen(asked.member, rule.to)
    if not positions:
        roles = " or ".join(rule.to)
        files = "members.csv" if {*rule.to}.isdisjoint(OFFICES) else "members.csv and countries.csv"
        raise NotDue(f"{asked.member.name} has no {roles} in {files}, so nobody there gets it")
    if asked.kind in OUTCOMES:
        positions = sorted(positions, key=lambda position: asked.member.contacts[position].role != MAYOR)
    return asked.member.contacts[positions[0]]


# why not


def _check_news(asked: _Asked, told: Told | None) -> None:
    """A change, or a cancellation, is told only against what was told before. Raises NotDue."""
    if asked.kind not in CORRECTIONS:
        return
    name, city, occurrence = asked.occurrence.id, asked.member.name, asked.occurrence
    if asked.kind is Kind.REPORT_MOVED:
        if told is None or not is_needed(asked.kind, told, occurrence, asked.now):
            raise NotDue(f"{city} has no other deadline in {name} than it was told, so it gets no such mail")
        return
    if asked.before is None:
        raise NotDue("nothing is in force yet, so nothing has changed")
    if told is None or not (told.is_invited or is_needed(asked.kind, told, occurrence, asked.now)):
        raise NotDue(f"{city} is not invited to {name} as things are, so it is told of no change")
    if asked.kind is Kind.CHANGED and not is_needed(asked.kind, told, occurrence, asked.now):
        raise NotDue(f"the files say of {name} what {city} was told, so it gets no such mail")


def _why_not_due(asked: _Asked) -> str:
    """One sentence."""
    occurrence, member, city = asked.occurrence, asked.member, asked.member.name
    network, rules = asked.configuration.network, asked.rules
    enabled = [rule for rule in rules if rule.enabled]
    if not enabled:
        return f"the rule {rules[0].id} is switched off for {asked.part.id}"
    if asked.kind in REPORTS:
        duty = asked.part.duty(member) if isinstance(asked.part, Cycle) else Duty.NOT_CONCERNED
        if duty is not Duty.DUE:
            return f"{city} need not report in {asked.part.id}: {duty.value}"
        if asked.kind is Kind.REPORT_MOVED:
            return f"the deadline of {asked.part.id} is over for {city}, so nobody is told of a new one"
        return f"no such mail falls before the deadline of {asked.part.id} for {city}"
    if asked.kind is Kind.CANCELLED:
        return f"{occurrence.id} takes place and {city} is invited, so nothing is cancelled"
    if occurrence.is_cancelled:
        return f"{occurrence.id} is cancelled"
    if occurrence.session and not occurrence.session.audience.includes(member):
        return f"{city} is not invited: {occurrence.id} is for {occurrence.session.audience.label}"
    day = occurrence.day_in(network.zone)
    standing = member.standing(day)
    if standing is not Standing.MEMBER:
        return f"{city} is {'undecided' if standing is Standing.UNDECIDED else 'no member'} on {day}"
    if asked.kind is Kind.CHANGED:
        return f"{occurrence.id} is over, so nobody is told of a change"
    if occurrence.session and occurrence.starts_at is None:
        return f"the time of {occurrence.id} is not known yet"
    if asked.kind is Kind.FOLLOW_UP:
        return f"{occurrence.id} has neither a recording nor a summary yet"
    if asked.kind is Kind.REMINDER:
        return f"the moment of {enabled[0].id} lies before {city} hears of {occurrence.id}"
    return f"{city} is invited to nothing of it that is still to come when it would go out"


def _gets(asked: _Asked, told: Tellings | None) -> tuple[str, ...]:
    """What the member gets of the occurrence, or of the whole series, in its own time; where there is a
    database, what is still to go out, and is wanted."""
    words, zone = language("en"), asked.member.zone
    is_whole = asked.kind is Kind.ANNOUNCEMENT
    return tuple(
        f"{slot.rule.id}, {slot.occurrence.id}: {words.span(slot.due_at, None, zone)} there"
        for slot in _as_they_go(asked)
        if is_whole or slot.occurrence.id in (asked.occurrence.id, asked.part.id)
        if slot.rule.kind not in CORRECTIONS | {Kind.REPORT_DIGEST} and chosen(asked.member, slot.rule.to)
        if told is None or asked.before is None or _is_to_come(slot, asked, told, asked.before.since)
    )


def _is_to_come(slot: Slot, asked: _Asked, told: Tellings, since: Since) -> bool:
    """One of the contacts will get it, as the plan has it."""
    occurrence, rule = slot.occurrence, slot.rule
    if rule.kind in AWAITING and asked.member.slug in told.come.get(occurrence.id, ()):
        return False
    at = occurrence.starts_at if occurrence.session else occurrence.ends_at
    basis = words_rest_on(rule.kind, at, since.rule_changed_at(occurrence, rule))
    had = told.done.get((occurrence.id, rule.id, basis), frozenset())
    declined = told.declined(occurrence.id)
    for position in chosen(asked.member, rule.to):
        contact = asked.member.contacts[position]
        number = told.number(asked.member, contact)
        knows = told.knows(occurrence, number) if rule.kind in STATEFUL else None
        is_barred, ended = told.is_barred(contact), told.has_ended(contact)
        wants = not is_barred and is_wanted(rule.kind, ended, number in declined)
        if (
            wants
            and number not in had
            and (knows is None or is_needed(rule.kind, knows, occurrence, asked.now))
        ):
            return slot.useful_by > asked.now
    return False


# the mail


def _composed(
    asked: _Asked, slot: Slot, contact: Contact, contact_id: int, history: History, links: Links
) -> Preview:
    in_force, told = _as_in_force(asked), history.told
    row = _delivery(slot, in_force, asked.member, contact, contact_id, told)
    # whoever looks at it and clicks must not answer for the city, nor end its mails
    delivery = replace(row, feed_generation=asked.feed_generation, contact_id=0)
    if asked.kind in OF_CASES and history.case:
        case = history.case
        delivery = replace(delivery, starts_at=case.submitted_at, ends_at=case.deadline_at)
    if asked.kind is Kind.INVITATION and history.is_invited:
        history = NOTHING_PASSED  # as it was when it went out
    if history.first == delivery.message_id:
        history = replace(history, first="")  # it went out already, and answers no mail but itself
    letter, envelope, calendar = Letters(in_force, links).compose(delivery, history, slot.due_at)
    may_go = asked.configuration.network.may_write_to(contact.address)
    return Preview(letter, envelope, calendar, delivery, slot.occurrence, may_go)


def _as_in_force(asked: _Asked) -> InForce:
    """The files as if they were in force, with the SEQUENCE that would give."""
    before, name = asked.before, asked.occurrence.id
    known = before.revisions.get(name) if before else None
    sequence = known.sequence + _is_revised(asked) if known else 0
    revision = Revision(sequence, asked.now)
    ids = dict.fromkeys((member.slug for member in asked.configuration.members), 0)
    since = before.since if before else Since(LONG_AGO)
    return InForce(0, "", asked.configuration, since, {name: revision}, ids)


def _is_revised(asked: _Asked) -> bool:
    """The files change the occurrence in a way that calendars must know."""
    if asked.before is None:
        return False
    part, name = asked.part.id, asked.occurrence.id
    is_known = any(known.id == part for known in asked.before.configuration.parts)
    before = changes.marks(only(asked.before.configuration, [part])) if is_known else {}
    return name in before and before[name][0] != changes.marks(only(asked.configuration, [part]))[name][0]


def _delivery(
    slot: Slot, in_force: InForce, member: Member, contact: Contact, contact_id: int, told: Told | None
) -> Delivery:
    """The row that the slot would make for this contact."""
    duty = duty_of(slot, in_force)
    is_first = told is None or (slot.rule.kind is Kind.INVITATION and told.method == REQUEST)
    grown = 0 if is_first or told is None else told.sequence + 1
    sequence = max(duty.revision, grown) if duty.method else duty.revision
    basis = str(sequence) if duty.method else basis_of(duty)
    uid = f"{duty.uid}.{member.slug}" if duty.uid_by_member else duty.uid
    return Delivery(
        id=0,
        notice_key="",
        message_id=message_id(duty.occurrence, duty.rule, basis, contact_id, duty.uid_domain),
        contact_id=contact_id,
        member=member.slug,
        role=contact.role,
        address=contact.address,
        name=contact.name,
        is_listed=True,
        occurrence=duty.occurrence,
        rule=duty.rule,
        kind=duty.kind,
        uid=f"{uid}@{duty.uid_domain}",
        method=duty.method,
        sequence=sequence,
        starts_at=duty.starts_at,
        ends_at=duty.ends_at,
        status=duty.status,
        place=duty.place,
        days=duty.days,
        due_at=duty.due_at,
        useful_by=duty.useful_by,
        inserted_at=duty.due_at,
        attempts=0,
        first_try_at=None,
        sent_at=None,
        receipt=None,
        zone=None,
    )
