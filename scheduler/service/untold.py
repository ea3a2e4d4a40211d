"""What of a change nobody is told by mail, and why: so that silence is never a surprise either."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scheduler.model import times
from scheduler.model.cycles import Cycle
from scheduler.model.difference import SIGNIFICANT, Change, What
from scheduler.model.members import Member, Standing
from scheduler.model.notices import REMINDERS, STATEFUL, Kind
from scheduler.model.programme import Occurrence
from scheduler.model.told import REQUEST
from scheduler.service.planning import Plan
from scheduler.store.installation import HELD

#: Contacts that are named one by one.
_SHOWN = 6


@dataclass(frozen=True)
class Untold:
    """Something that changes, or somebody, and why there is no mail."""

    what: str
    why: str


def untold(plan: Plan) -> Iterator[Untold]:
    """Of what is held back, of each change, then of the members as a whole."""
    yield from _held_back(plan)
    yield from _barred(plan)
    for change in plan.difference.changes:
        if why := _why_silent(change, plan):
            yield Untold(change.occurrence.id, why)
    for change in plan.difference.changes:
        yield from _skipped_reminders(change, plan)
    yield from _without_standing(plan)


def _held_back(plan: Plan) -> Iterator[Untold]:
    if not plan.ground.may_send:
        yield Untold("everything", HELD)
    for hold in plan.ground.holds:
        mails = sum(m.mails for m in plan.mailings if hold.covers(m.occurrence.id, m.rule.kind))
        because = f" ({hold.because})" if hold.because else ""
        why = f"held by {hold.held_by}{because}: its {mails:,} mails wait for scheduler resume {hold.subject}"
        yield Untold(hold.subject, why)


def _barred(plan: Plan) -> Iterator[Untold]:
    """Whose mail came back is told nothing, whatever changes."""
    told = plan.ground.told
    names = [
        f"{member.slug} {contact.role}"
        for group in (plan.groups if told.barred else ())
        for member in group.members
        for contact in member.contacts
        if told.is_barred(contact)
    ]
    if names:
        shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if names[_SHOWN:] else "")
        why = (
            f"mail to them came back, or they complained, so nothing is sent: {shown}; scheduler bounces list"
        )
        yield Untold(f"{len(names):,} contact{'' if len(names) == 1 else 's'}", why)


def _why_silent(change: Change, plan: Plan) -> str:
    """Empty where somebody is told."""
    occurrence, what = change.occurrence, set(change.what)
    # reminders follow anyway: they do not tell of the change
    if any(mailing.rule.kind in STATEFUL for mailing in plan.of(occurrence.id)):
        return ""
    if What.VANISHED in what:
        return "it is no longer in the files, so it is held: nothing goes out until staff decide"
    if What.GONE in what:
        return "it is over and leaves pages and feeds; to keep it there, put it back"
    if what <= {What.TEXTS, What.WRITING}:
        return f"{_words_of(change)}: nobody gets a mail"
    if plan.is_past(change):
        return "it is over"
    if occurrence.session is None:
        return _why_of_round(change, plan)
    if SIGNIFICANT & what:
        return _why_no_news(occurrence, plan)
    if What.NEW in what and occurrence.starts_at is None:
        return "its time is to be announced: invitations go out once there is one"
    if What.NEW in what:
        return _why_no_invitation(occurrence, plan)
    return "nobody comes in or goes out who would have to be told now"


def _words_of(change: Change) -> str:
    if What.TEXTS in change.what:
        return f"other words ({', '.join(change.texts)}), which the calendars show"
    return "written in another way, which changes nothing for anybody"


def _why_of_round(change: Change, plan: Plan) -> str:
    """Who was told the old deadline hears of the new one, unless its report has come."""
    occurrence = change.occurrence
    if not plan.ground.told.states(occurrence.id):
        return "nobody was told of the round yet; its opening will say how it is then"
    if not any(rule.kind is Kind.REPORT_MOVED and rule.enabled for rule in occurrence.of.rules):
        return "the rule `moved` is switched off; those who were told read it in the next reminder"
    return "nobody who was told of it has another deadline now, or is still asked for a report"


def _why_no_news(occurrence: Occurrence, plan: Plan) -> str:
    """Of a significant change of a session."""
    invited = [told for told in plan.ground.told.states(occurrence.id) if told.method == REQUEST]
    if not invited:
        later = "" if occurrence.is_cancelled else "; the invitation will say how it is then"
        return f"nobody has been invited to it yet{later}"
    kind = Kind.CANCELLED if occurrence.is_cancelled else Kind.CHANGED
    if not any(rule.kind is kind and rule.enabled for rule in occurrence.of.rules):
        return f"the rule `{kind.value}` is switched off"
    if not occurrence.is_cancelled and not any(told.differs_from(occurrence) for told in invited):
        return "all who were invited know it so already"
    begins, now = occurrence.starts_at, plan.window.start
    if occurrence.is_over(now) or (begins and begins <= now):
        return "it lies in the past now, and the calendars of those who were invited keep the old time"
    return "its mails go out after this span, or the contacts can no longer be written to"


def _why_no_invitation(occurrence: Occurrence, plan: Plan) -> str:
    rules = [rule for rule in occurrence.of.rules if rule.kind is Kind.INVITATION and rule.enabled]
    if not rules:
        return "the rule for invitations is switched off"
    if not plan.roll.invited(occurrence):
        return "no member is invited on that day"
    return "its invitation lies outside this span"


def _skipped_reminders(change: Change, plan: Plan) -> Iterator[Untold]:
    """A rule whose moment has passed for a session that is still to come sends nothing late."""
    occurrence = change.occurrence
    if occurrence.starts_at is None or occurrence.is_off or occurrence.starts_at not in plan.window:
        return
    if not {What.NEW, What.MOVED, What.ON_AGAIN, What.BACK} & set(change.what):
        return
    sent = {mailing.rule.id for mailing in plan.of(occurrence.id)}
    rules = (rule for rule in occurrence.of.rules if rule.kind in REMINDERS and rule.enabled)
    skipped = [rule.id for rule in rules if rule.id not in sent]
    part = occurrence.of
    if skipped and (plan.roll.due(part) if isinstance(part, Cycle) else plan.roll.invited(occurrence)):
        yield Untold(occurrence.id, f"the moment of {', '.join(skipped)} has passed; it is not sent late")


def _without_standing(plan: Plan) -> Iterator[Untold]:
    """Members that get nothing at all."""
    network = plan.configuration.network
    day = times.local_date(plan.window.start, network.zone)
    by_standing: dict[Standing, list[Member]] = {}
    for member in plan.configuration.members:
        by_standing.setdefault(member.standing(day), []).append(member)
    if undecided := by_standing.get(Standing.UNDECIDED, []):
        names = ", ".join(member.name for member in undecided)
        why = f"nobody knows since when they belong; write a date in members.csv: {names}"
        yield Untold(f"{len(undecided)} undecided on {day}", why)
    barred = sum(
        not any(network.may_write_to(c.address) for c in m.contacts) for m in plan.configuration.members
    )
    if barred:
        yield Untold(f"{barred:,} in the list", "only_to in network.yaml does not allow their addresses")
    if outside := by_standing.get(Standing.NO_MEMBER, []):
        yield Untold(f"{len(outside)} in the list", f"no members on {day}")
