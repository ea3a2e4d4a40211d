"""What calendar items say: short in public feeds, whole where only the invited read it."""

from __future__ import annotations

from datetime import date, datetime

from scheduler.ical.events import Words
from scheduler.languages import Language
from scheduler.model import times
from scheduler.model.cycles import Cycle
from scheduler.model.members import Member
from scheduler.model.network import Network, Partner
from scheduler.model.programme import Occurrence
from scheduler.model.series import ProgrammeItem, Series, Session

#: Feeds that everybody reads stay small: octets of a description, as written with its escapes.
_PUBLIC_OCTETS = 199
#: A summary and a description together, so that 2,000 items fit into 1 MB (rule 56): letters of other scripts
#: take two and three octets. Beside a long title a description still has room for the hour; for a partner,
#: for organisers and one more place.
_ITEM_OCTETS, _LEAST_OCTETS, _LEAST_OF_PARTNERS = 223, 75, 92
#: What of a partner's room the hours of its places may take: the organisers are to have some, too.
_SHARE_OF_CLOCKS = 0.6


def private_words(
    occurrence: Occurrence, zone: str, network: Network, language: Language, *, is_over: bool = False
) -> Words:
    """For an invitation or the feed of one city: its own hour, and how to join (rule 60).

    is_over: recording and summary are named; before the session there are none.
    """
    session = occurrence.session
    assert session is not None  # noqa: S101 - asked of sessions only
    say = language.say
    reason = say("Reason: {reason}", reason=session.reason) if session.reason else ""
    parts = [_hours(occurrence, zone, network, language), reason, _about(occurrence)]
    if not occurrence.is_cancelled:
        parts += [_languages(session, language), "\n".join(session.join.lines(say))]
        by_language = language.own_first(session.joins)
        parts += [f"{name}: {' · '.join(join.lines(say))}" for name, join in by_language]
        parts += [_item(item) for item in session.programme]
        parts += _outcomes(session, language) if is_over else []
    location = "" if occurrence.is_cancelled else _link(session, language) or say("Online")
    return Words(_summary(occurrence, language), "\n".join(part for part in parts if part), location)


def public_words(
    occurrence: Occurrence, network: Network, language: Language, *, is_over: bool = False
) -> Words:
    """For feeds that everybody may read: no link, number or pass code, and short (under 200 octets).

    A recording that is too long an address for that is left to the feeds of the cities.
    """
    session, series = occurrence.session, occurrence.of
    assert session is not None  # noqa: S101 - asked of sessions only
    summary, parts = _summary(occurrence, language), []
    room = _room(summary, _LEAST_OCTETS)
    if occurrence.starts_at:
        clock = language.home_clock(occurrence.starts_at, network)
        parts.append(f"{language.hours(occurrence.starts_at, None, network.zone)} {clock}")
    more = _outcomes(session, language)[:1] if is_over else []
    parts += more if _octets([*parts, *more]) <= room else []
    title = "" if series.title == session.title else _cut(series.title, room - _octets(["", *parts]))
    text = "\n".join([title, *parts] if title else parts)
    return Words(summary, text, language.say("Online"))


def case_words(occurrence: Occurrence, zone: str, network: Network, language: Language) -> Words:
    """A city's own deadline: the moment there and in Hamburg. Its code is a secret, so it is left out."""
    cycle, at = occurrence.of, occurrence.last_moment
    assert isinstance(cycle, Cycle)  # noqa: S101 - asked of deadlines only
    here = language.span(at, None, zone)
    home = f"{language.span(at, None, network.zone)} {language.home_clock(at, network)}"
    lines = (
        language.say("Until {here} here; {home}.", here=here, home=home),
        language.say("Submit it at {link}", link=cycle.public_address),
    )
    title = language.say("Deadline: {title}", title=cycle.title)
    return Words(title, "\n".join(lines), "", cycle.public_address)


def cycle_words(cycle: Cycle, network: Network, language: Language) -> Words:
    """The deadline of all, as a day; its hour differs by city."""
    deadline = cycle.deadline_of_all
    if deadline.is_in_the_city:
        day = language.full_date(deadline.on)
        text = language.say("Until the end of {day} in each city. See the city's own calendar.", day=day)
        return Words(language.say("Deadline: {title}", title=cycle.title), text)
    at = deadline.instant
    home = f"{language.span(at, None, network.zone)} {language.home_clock(at, network)}"
    text = language.say("Until {home}. Hour and day differ by city: see the city's own calendar.", home=home)
    return Words(language.say("Deadline: {title}", title=cycle.title), text)


def partner_words(
    occurrence: Occurrence, partner: Partner, network: Network, language: Language, *, is_over: bool = False
) -> Words:
    """For the feed of a partner (story US-21.1): its places' hours and who organises it, as short as all that
    everybody may read. What has no room is left out, from the end."""
    session, series = occurrence.session, occurrence.of
    assert session is not None  # noqa: S101 - asked of sessions only
    assert isinstance(series, Series)  # noqa: S101 - a session is of one
    summary = _summary(occurrence, language)
    room = _room(summary, _LEAST_OF_PARTNERS)
    hours = _clocks(occurrence, partner, network, language, int(room * _SHARE_OF_CLOCKS))
    organisers = language.listed(session.organisers or series.organisers)
    parts = [part for part in (hours, _cut(organisers, room - _octets([hours, ""]))) if part]
    more = _outcomes(session, language)[:1] if is_over else []
    parts += more if _octets([*parts, *more]) <= room else []
    whole = [series.title, *parts]
    text = "\n".join(whole if _octets(whole) <= room else parts)
    return Words(summary, text, language.say("Online"))


def closing_words(member: Member, last_day: date, network: Network, language: Language) -> Words:
    """The one item that is left in a city's calendar when its membership is over (story US-25.3)."""
    named = {"city": member.name, "network": network.name}
    lines = (
        language.say(
            "The membership of {city} in the {network} ended on {date}.",
            date=language.full_date(last_day),
            **named,
        ),
        language.say("This calendar will no longer be updated; you can remove it."),
        language.say("Questions: {address}", address=network.reply_to),
    )
    return Words(language.say("{network}: the membership of {city} has ended", **named), "\n".join(lines))


def _room(summary: str, least: int) -> int:
    """Octets for a public description beside its summary; some are always there."""
    return min(_PUBLIC_OCTETS, max(least, _ITEM_OCTETS - _octets([summary])))


def _clocks(occurrence: Occurrence, partner: Partner, network: Network, language: Language, room: int) -> str:
    """Gives "11:00 Dakar, 14:00 Kilifi County; 13:00 Hamburg time (CEST, UTC+2)", as many as have room.

    room: octets; the home hour is always there.
    """
    at = occurrence.starts_at
    if at is None:
        return ""
    home = f"{language.hours(at, None, network.zone)} {language.home_clock(at, network)}"
    there = [_there(at, place, zone, network, language) for place, zone in partner.clocks]
    while there and _octets([", ".join(there), home]) > room:
        there.pop()
    if not there:
        return home
    return language.say("{elsewhere}; {home}", elsewhere=", ".join(there), home=home)


def _there(at: datetime, place: str, zone: str, network: Network, language: Language) -> str:
    """Gives "11:00 Dakar", "01:00 Apia (the next day)"."""
    relation = language.relation(times.local_date(at, zone), times.local_date(at, network.zone))
    hour = f"{language.hours(at, None, zone)} {place}"
    return f"{hour} ({relation})" if relation else hour


def _languages(session: Session, language: Language) -> str:
    if not session.languages:
        return ""
    names = language.listed(language.name_of(code) for code in session.languages)
    return language.say("Languages: {languages}", languages=names)


def _link(session: Session, language: Language) -> str:
    """The common link, or that of the reader's own language, or the first one."""
    links = [session.join.link, *(join.link for _, join in language.own_first(session.joins))]
    return next((link for link in links if link), "")


def _outcomes(session: Session, language: Language) -> list[str]:
    found = []
    if session.recording:
        found.append(language.say("Recording: {link}", link=session.recording))
    if session.summary:
        found.append(language.say("Summary: {link}", link=session.summary))
    return found


def _summary(occurrence: Occurrence, language: Language) -> str:
    if occurrence.is_postponed:
        return language.say("{title} (postponed, a new date follows)", title=occurrence.title)
    if occurrence.is_tentative and not occurrence.is_cancelled:
        return language.say("{title} (time to be announced)", title=occurrence.title)
    return occurrence.title


def _hours(occurrence: Occurrence, zone: str, network: Network, language: Language) -> str:
    """Gives "06:00 here, 13:00 Hamburg time (CEST, UTC+2)"."""
    if occurrence.is_postponed:
        return language.say("Postponed, a new date follows")
    if occurrence.starts_at is None:
        return "" if occurrence.is_cancelled else language.say("Time to be announced")
    here = language.hours(occurrence.starts_at, None, zone)
    home = language.hours(occurrence.starts_at, None, network.zone)
    clock = language.home_clock(occurrence.starts_at, network)
    return language.say("{here} here, {home} {clock}", here=here, home=home, clock=clock)


def _about(occurrence: Occurrence) -> str:
    session, series = occurrence.session, occurrence.of
    assert isinstance(series, Series)  # noqa: S101 - asked of sessions only
    # staff write links into descriptions: what is off has none
    description = session.description if session and not occurrence.is_cancelled else ""
    return "\n".join(part for part in (series.title, description) if part)


def _item(item: ProgrammeItem) -> str:
    names = ", ".join(speaker.name for speaker in item.speakers)
    return f"- {item.title}: {names}" if names else f"- {item.title}"


def _octets(parts: list[str]) -> int:
    """As a calendar writes them: line ends, commas, semicolons and backslashes take two."""
    text = "\n".join(parts)
    return len(text.encode()) + sum(text.count(character) for character in "\n,;\\")


def _cut(text: str, most_octets: int) -> str:
    """The text, or its beginning and an ellipsis; nothing where not even that has room."""
    if _octets([text]) <= most_octets:
        return text
    kept = text[:most_octets]
    while kept and _octets([kept.rstrip() + "…"]) > most_octets:
        kept = kept[:-1]
    return kept.rstrip() + "…" if kept else ""
