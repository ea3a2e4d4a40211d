"""Old and new of what is no session: rules, settings of the network, members, in the words of the files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time, timedelta

from scheduler.configuration.problems import printable
from scheduler.model.difference import MemberChange, RuleChange
from scheduler.model.members import Contact, Membership
from scheduler.model.network import Configuration, Mailbox, Region
from scheduler.model.notices import (
    Days,
    MinutesBefore,
    NoticeRule,
    QuietHours,
    WorkingDayAfter,
    WorkingDaysBefore,
)

#: Fields that have another name in network.yaml.
_KEYS = {"settle": "settle_minutes"}


def rule_line(change: RuleChange) -> str:
    before, after = change.before, change.after
    name = f"{change.part}: the rule {change.rule}"
    if before is None or after is None:
        return f"{name} is {'new' if before is None else 'gone'}"
    if before.enabled != after.enabled:
        return (
            f"{name} is switched {'on' if after.enabled else 'off'}; nothing goes out for moments that passed"
        )
    return f"{name}: {_rule(before)} → {_rule(after)}; nothing goes out for moments that passed"


def network_line(name: str, before: Configuration | None, after: Configuration) -> str:
    was, now = (getattr(one.network, name, None) if one else None for one in (before, after))
    if was is None and now is None:
        return f"{name}: another one"
    return f"network.yaml, {_KEYS.get(name, name)}: {_value(was)} → {_value(now)}"


def member_lines(change: MemberChange) -> Iterator[str]:
    """What differs, a line each."""
    for name in change.fields:
        was, now = getattr(change.before, name), getattr(change.after, name)
        yield f"{name}: {_value(was)} → {_value(now)}"


def _rule(rule: NoticeRule) -> str:
    """Gives "7 days before at 09:00, to coordinator"."""
    return f"{_when(rule)}, to {', '.join(rule.to)}"


def _when(rule: NoticeRule) -> str:
    when = rule.when
    match when:
        case MinutesBefore():
            return f"{when.minutes} minutes before"
        case WorkingDaysBefore():
            return f"{when.days} working days before at {when.at:%H:%M}"
        case WorkingDayAfter():
            return f"the first working day from {when.days} days after at {when.at:%H:%M}"
        case Days():
            side = "after" if when.days > 0 else "before"
            working = ", on a working day" if when.on_working_day else ""
            return f"{abs(when.days)} days {side} at {when.at:%H:%M}{working}"
        case None:
            return "as soon as there is something to tell"


def _value(value: object) -> str:
    """In one line, as near to the file as can be."""
    match value:
        case None | "" | ():
            return "nothing"
        case tuple():
            return ", ".join(map(_value, value))
        case timedelta():
            return f"{value // timedelta(minutes=1)} minutes"
        case QuietHours():
            return f"{value.begin:%H:%M} to {value.end:%H:%M}"
        case Mailbox():
            return printable(f"{value.name} <{value.address}>")
        case Region():
            return printable(value.name)
        case Contact():
            return printable(f"{value.role} {value.address}")
        case Membership():
            began = value.began.first if value.began.first == value.began.last else value.began.last
            return f"since {began or 'unknown'}{f' to {value.until}' if value.until else ''}"
        case date() | time():
            return str(value)
        case _:
            return printable(str(value))
