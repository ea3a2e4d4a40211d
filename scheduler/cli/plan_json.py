"""The plan for programs: everything, nothing cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from scheduler.model import times
from scheduler.model.cases import Move
from scheduler.model.difference import Change, MemberChange, invited, other_hour
from scheduler.model.local_hours import Night, Surprise
from scheduler.model.notices import Kind
from scheduler.model.plan import Mailing, Tally
from scheduler.model.programme import Occurrence
from scheduler.service.planning import Plan
from scheduler.service.untold import untold


def plan_json(plan: Plan) -> dict[str, Any]:
    """Instants in UTC, ISO 8601; `local` is the wall time there."""
    applied = plan.ground.applied
    return {
        "plan": plan.hash or None,
        "in_force": applied
        and {"hash": applied.hash, "since": _iso(applied.applied_at), "by": applied.applied_by},
        "refused": plan.ground.refused or None,
        "from": _iso(plan.window.start),
        "until": _iso(plan.window.end),
        "changes": [_change(change, plan) for change in plan.difference.changes],
        "rules": [
            {"part": one.part, "rule": one.rule, "is_new": one.before is None, "is_gone": one.after is None}
            for one in plan.difference.rules
        ],
        "parts": [{"part": part, "what": name} for part, name in plan.difference.parts],
        "members": [_member_change(one) for one in plan.difference.members],
        "network": list(plan.difference.network),
        "cases": [_move(one) for one in plan.cases],
        "mails": _tallies(plan.kinds),
        "days": [
            {"date": str(day), "mails": {kind.value: number for kind, number in kinds.items()}}
            for day, kinds in plan.by_day().items()
        ],
        "mailings": [_mailing(mailing) for mailing in plan.mailings],
        "answers": [{"id": name, **vars(count)} for name, count in plan.answers.items()],
        "ended": plan.ended,
        "unusual": [row for surprise in plan.surprises() for row in _surprise(surprise, plan)],
        "night": [_night(night, plan) for night in plan.nights()],
        "clocks": str(plan.ground.clocks) if plan.ground.clocks else None,
        "untold": [{"what": one.what, "why": one.why} for one in untold(plan)],
    }


def _change(change: Change, plan: Plan) -> dict[str, Any]:
    network = plan.configuration.network
    return {
        "id": change.occurrence.id,
        "part": change.occurrence.of.id,
        "what": [what.value for what in change.what],
        "before": change.before and _occurrence(change.before),
        "after": _occurrence(change.occurrence),
        "invited": invited(change.occurrence, plan.groups, network),
        "other_hour": other_hour(change, plan.groups, network),
        "entering": [member.slug for member in change.entering],
        "leaving": [member.slug for member in change.leaving],
        "texts": list(change.texts),
        "mails": _tallies(plan.kinds_of(change.occurrence.id)),
    }


def _occurrence(occurrence: Occurrence) -> dict[str, Any]:
    return {
        "title": occurrence.title,
        "date": str(occurrence.on),
        "starts_at": _iso(occurrence.starts_at),
        "ends_at": _iso(occurrence.ends_at),
        "zone": occurrence.zone,
        "status": occurrence.status.value,
        "audience": occurrence.session.audience.label if occurrence.session else None,
    }


def _member_change(change: MemberChange) -> dict[str, Any]:
    what = "added" if change.before is None else "gone" if change.after is None else "changed"
    return {"slug": change.slug, "what": what, "fields": list(change.fields)}


def _move(move: Move) -> dict[str, Any]:
    return {
        "cycle": move.after.cycle,
        "member": move.after.member,
        "before": move.before.state.value if move.before else None,
        "after": move.after.state.value,
        "deadline_at": _iso(move.after.deadline_at),
        "why": move.reason,
    }


def _tallies(by_kind: Mapping[Kind, Tally]) -> list[dict[str, Any]]:
    return [
        {
            "kind": kind.value,
            "mails": one.mails,
            "members": one.members,
            "languages": dict(one.languages),
            "first_at": _iso(one.first_at),
            "last_at": _iso(one.last_at),
        }
        for kind, one in by_kind.items()
    ]


def _mailing(mailing: Mailing) -> dict[str, Any]:
    return {
        "due_at": _iso(mailing.due_at),
        "occurrence": mailing.occurrence.id,
        "kind": mailing.rule.kind.value,
        "rule": mailing.rule.id,
        "mails": mailing.mails,
    }


def _surprise(surprise: Surprise, plan: Plan) -> Iterable[dict[str, Any]]:
    for (here, usual), members in surprise.hours.items():
        yield {
            "id": surprise.occurrence.id,
            "local": here.isoformat(),
            "usual": usual.isoformat(),
            "members": [member.slug for member in plan.roll.of(members, members.bit_count())],
        }


def _night(night: Night, plan: Plan) -> dict[str, Any]:
    return {
        "id": night.occurrence.id,
        "date": str(night.occurrence.day_in(plan.configuration.network.zone)),
        "of": night.invited.bit_count(),
        # wall time there -> members
        "members": {
            here.isoformat(): [member.slug for member in plan.roll.of(members, members.bit_count())]
            for here, members in sorted(night.awake_at.items())
        },
    }


def member_json(plan: Plan, slug: str) -> dict[str, Any]:
    """Everything that one city will get, in its own time."""
    member = next(one for one in plan.configuration.members if one.slug == slug)
    mails = [
        {
            "due_at": _iso(mailing.due_at),
            "local": times.local(mailing.due_at, member.zone).isoformat(),
            "kind": mailing.rule.kind.value,
            "rule": mailing.rule.id,
            "occurrence": mailing.occurrence.id,
            "starts_local": _local(mailing.occurrence.starts_at, member.zone),
            "to": [contact.role for _, contact in mailing.contacts()],
        }
        for mailing in plan.mailings
    ]
    return {
        "member": slug,
        "zone": member.zone,
        "plan": plan.hash or None,
        "mails": mails,
        "answers": [
            {
                "occurrence": occurrence.id,
                "role": contact.role,
                "answer": answer.value,
                "is_outdated": starts_at != occurrence.starts_at,
            }
            for occurrence in plan.ahead
            for contact, answer, starts_at in plan.ground.told.said_by(member, occurrence.id)
        ],
        "ended": [contact.role for contact in member.contacts if plan.ground.told.has_ended(contact)],
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _local(at: datetime | None, zone: str) -> str | None:
    return times.local(at, zone).isoformat() if at else None
