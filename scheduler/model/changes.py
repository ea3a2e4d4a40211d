"""Configuration then, configuration now -> what changed, and for whom it matters.

Significant (time, status, place or link): raises SEQUENCE and is told to those who were invited.
Visible (title, speakers, texts): changes the feeds and LAST-MODIFIED only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from scheduler.model.cycles import Cycle
from scheduler.model.members import Member
from scheduler.model.moments import Since
from scheduler.model.network import Configuration, Network
from scheduler.model.notices import NoticeRule
from scheduler.model.programme import Occurrence, occurrences_of
from scheduler.model.series import Series, Session

#: A round goes on after its last deadline: reports are read, letters released. So long it stays, held, where
#: it vanished from the files.
ROUND_STAYS = timedelta(days=365)


def fingerprint(value: object) -> str:
    """A short text that differs where two frozen values differ."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:32]


def marks(configuration: Configuration) -> dict[str, tuple[str, str]]:
    """occurrence id -> (fingerprint of what is significant, fingerprint of all that shows)."""
    network = configuration.network
    return {name: marks_of for part in configuration.parts for name, marks_of in _marks_of(part, network)}


def marks_of_new_ends(before: Configuration | None, after: Configuration) -> dict[str, tuple[str, str]]:
    """The same of each end of a membership that is news, so that it is remembered since when it is known
    (US-25.3). Nobody reads the calendar of who had left before there was any."""
    known = _ends(before) if before else _ends(after)
    return {name: (mark, mark) for name, mark in _ends(after).items() if name not in known}


def _ends(configuration: Configuration) -> dict[str, str]:
    ends = ((m, period.until) for m in configuration.members for period in m.memberships)
    return {ending(member, last_day): fingerprint(last_day) for member, last_day in ends if last_day}


def ending(member: Member, last_day: date) -> str:
    """What the end of a membership is called; no session's id has two points."""
    return f"membership-ended.{member.slug}.{last_day}"


def rule_marks(configuration: Configuration) -> Iterator[tuple[str, str, str]]:
    """(series or cycle id, rule id, fingerprint of the rule)."""
    for part in configuration.parts:
        for rule in part.rules:
            yield part.id, rule.id, fingerprint(_meaning(rule))


def carry_over(before: Configuration, proposal: Configuration, now: datetime) -> Configuration:
    """The proposal, with the sessions and rounds to come that merely vanished from the files kept, but held.

    Nothing that was promised is cancelled by a deleted line: `status: cancelled` cancels (DESIGN, 5.3).
    """
    kept = {series.id: series for series in proposal.series}
    for series in before.series:
        present = kept.get(series.id)
        names = {session.id for session in present.sessions} if present else set()
        vanished = tuple(
            replace(occurrence.session, held=True)
            for occurrence in occurrences_of(series)
            if occurrence.session and occurrence.session.id not in names and not occurrence.is_over(now)
        )
        if vanished:
            base = present or replace(series, sessions=())
            kept[series.id] = replace(base, sessions=(*base.sessions, *vanished))
    present_cycles = {cycle.id for cycle in proposal.cycles}
    vanished_cycles = tuple(
        replace(cycle, held=True)
        for cycle in before.cycles
        if cycle.id not in present_cycles and cycle.last_instant + ROUND_STAYS > now
    )
    return replace(proposal, series=tuple(kept.values()), cycles=(*proposal.cycles, *vanished_cycles))


def held(configuration: Configuration) -> list[str]:
    """The ids of sessions and rounds that vanished from the files and wait for a decision."""
    return [o.id for part in configuration.parts for o in occurrences_of(part) if o.is_held]


def starts(configuration: Configuration) -> dict[str, datetime | None]:
    """occurrence id -> when it starts, for what is told differently when a near session is moved away."""
    return {o.id: o.starts_at for part in configuration.parts for o in occurrences_of(part)}


def _marks_of(part: Series | Cycle, network: Network) -> Iterator[tuple[str, tuple[str, str]]]:
    """An item names its series and the hour of the network, too: they show as well."""
    around: tuple[object, ...] = (network.name, network.place, network.zone, network.organiser)
    if isinstance(part, Series):
        whole = (part.title, part.description, part.organisers)
        yield part.id, (fingerprint(part.announced), fingerprint(whole))
        around = (*around, *whole, tuple(partner.clocks for partner in network.partners))
    for occurrence in occurrences_of(part):
        shows = (_shown(occurrence.session or part), around)
        yield occurrence.id, (fingerprint(_significant(occurrence)), fingerprint(shows))


def _shown(part: Session | Series | Cycle) -> object:
    """Of a round what calendars print: who must report, and reminders, are no news to them; more time for a
    city is written down with its case. To be held is a state of ours."""
    if isinstance(part, Cycle):
        return (part.title, part.deadline_of_all, part.public_address)
    return part if isinstance(part, Series) else replace(part, held=False)


def _significant(occurrence: Occurrence) -> object:
    session = occurrence.session
    status = (session.status, session.join) if session else None
    found = (occurrence.on, occurrence.starts_at, occurrence.ends_at, status)
    if session is None or not (session.end_on or session.joins):
        return found  # as it was before these keys were: what is in force must not seem changed
    return (*found, session.end_on, session.joins)


def _meaning(rule: NoticeRule) -> object:
    return (rule.kind, rule.to, rule.when, rule.enabled)


def since_if_applied(
    since: Since, before: Configuration | None, after: Configuration, now: datetime
) -> Since:
    """Since when all would be as it is, if `after` came into force now; as the ledger writes it down."""
    if before is None:
        return Since(now)
    occurrences, created = dict(since.occurrences), dict(since.created)
    started, rules = dict(since.started), dict(since.rules)
    were, began = marks(before), starts(before)
    for name, (significant, _) in marks(after).items():
        if name not in were:
            occurrences[name] = created[name] = now
        elif were[name][0] != significant:
            occurrences[name] = now
            if at := began.get(name):
                started[name] = at
    known = {(part, rule): print_ for part, rule, print_ in rule_marks(before)}
    for part, rule, print_ in rule_marks(after):
        if known.get((part, rule)) != print_:
            rules[part, rule] = now
    return Since(now, occurrences, rules, created, started)
