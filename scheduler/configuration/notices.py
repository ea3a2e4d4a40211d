"""notices.yaml and the overrides of a series or cycle -> notice rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import time
from typing import Any

from pydantic import Field

from scheduler.configuration.document import Document
from scheduler.configuration.problems import Problems, did_you_mean, listed, quoted
from scheduler.configuration.schema import (
    Clock,
    DaysAway,
    Form,
    Id,
    Minutes,
    Text,
    WorkingDays,
    YesNo,
    fill_in,
)
from scheduler.model.members import (
    CITY_ROLES,
    COORDINATOR,
    MAYOR,
    NATIONAL_COMMISSION,
    NATIONAL_COORDINATOR,
    OFFICES,
)
from scheduler.model.network import Network
from scheduler.model.notices import (
    OUTCOMES,
    Days,
    Kind,
    MinutesBefore,
    NoticeRule,
    When,
    WorkingDayAfter,
    WorkingDaysBefore,
)

_MOMENTS = ("days_before", "working_days_before", "minutes_before", "days_after")


class RuleForm(Form):
    to: list[Text] | None = Field(
        None,
        description="list of roles: coordinator, deputy, mayor (columns of members.csv; a deputy column may "
        "be added there); of reports also national-coordinator and national-commission (countries.csv)",
        examples=[["coordinator"]],
    )
    at: Clock | None = Field(
        None, description="hour of the city's own day, in quotes. Only the announcement counts in Hamburg"
    )
    days_before: DaysAway | None = Field(None, description="days before")
    working_days_before: WorkingDays | None = Field(
        None, description="working days before, by the city's own weekend"
    )
    minutes_before: Minutes | None = Field(None, description="minutes before")
    days_after: DaysAway | None = Field(None, description="days after")
    on_working_day: YesNo | None = Field(
        None,
        description="yes: moved back to the city's last working day before, when that day is none. "
        "Default no; for reminders of reports yes",
    )
    enabled: YesNo | None = Field(None, description="no: the rule is switched off. Default yes")

    def with_changes(self, other: RuleForm) -> RuleForm:
        """This rule, with what the other one writes; a new moment replaces the old one."""
        written = other.model_dump(exclude_none=True)
        base = self.model_dump(exclude_none=True)
        if any(moment in written for moment in _MOMENTS):
            base = {key: value for key, value in base.items() if key not in _MOMENTS}
        return RuleForm.model_construct(**{**RuleForm().model_dump(), **base, **written})

    def when(self) -> When | None:
        at = self.at or time(9)
        if self.minutes_before is not None:
            return MinutesBefore(self.minutes_before)
        if self.working_days_before is not None:
            return WorkingDaysBefore(self.working_days_before, at)
        if self.days_before is not None:
            return Days(-self.days_before, at, bool(self.on_working_day))
        if self.days_after is not None:
            return Days(self.days_after, at, bool(self.on_working_day))
        return None if self.at is None else Days(0, at)


class SessionNoticesForm(Form):
    announcement: RuleForm = Field(
        RuleForm(),
        description="one mail for a whole series, on its `announced` date. `at` is the hour in Hamburg; "
        "then it waits for the end of the city's quiet hours",
    )
    invitation: RuleForm = Field(
        RuleForm(), description="one mail for each session, never before the announcement"
    )
    reminders: dict[Id, RuleForm] = Field(
        default_factory=dict, description="name: rule. The names are ours, such as week-before"
    )
    changed: RuleForm = Field(RuleForm(), description="time, place, link or status is new")
    cancelled: RuleForm = Field(RuleForm(), description="the session does not take place")
    follow_up: RuleForm = Field(
        RuleForm(),
        description="recording and summary. Goes out as soon as both are there, at the latest on the day "
        "given with what is there. Nothing goes out while neither is there",
    )


class ReportNoticesForm(Form):
    opened: RuleForm = Field(RuleForm(), description="the round begins, on its `opens` date")
    moved: RuleForm = Field(
        RuleForm(),
        description="the deadline is another one, for all or by an extension. Default: coordinator",
    )
    reminders: dict[Id, RuleForm] = Field(
        default_factory=dict, description="name: rule. The names are ours, such as days-90"
    )
    digest: RuleForm = Field(
        RuleForm(),
        description="with each of the reminders, one list of the reports that are still missing. "
        "Default: national-coordinator",
    )
    overdue: RuleForm = Field(
        RuleForm(),
        description="the deadline has passed and nothing has come. On a working day of the city: the day "
        "given, or the next one. Default: mayor and coordinator, the day after",
    )
    received: RuleForm = Field(RuleForm(), description="receipt for a report. Default: coordinator")
    renewed: RuleForm = Field(
        RuleForm(),
        description="letter: the membership goes on. Like the other letters it waits for `scheduler cases "
        "release`. Default of all letters: mayor, coordinator, national-commission",
    )
    incomplete: RuleForm = Field(RuleForm(), description="letter: not renewed, the report was incomplete")
    no_progress: RuleForm = Field(RuleForm(), description="letter: not renewed, no progress was shown")
    not_submitted: RuleForm = Field(RuleForm(), description="letter: not renewed, no report came")


class NoticesForm(Form):
    sessions: SessionNoticesForm = Field(description="mails about webinars")
    reports: ReportNoticesForm = Field(description="mails about reporting rounds")


NoticeForm = SessionNoticesForm | ReportNoticesForm

_DAY = ("at", "on_working_day")
#: Which kind of mail stands behind a key, and what can be said there of its moment.
_KINDS: Mapping[type[Form], Mapping[str, tuple[Kind, tuple[str, ...]]]] = {
    SessionNoticesForm: {
        "announcement": (Kind.ANNOUNCEMENT, ("at",)),
        "invitation": (Kind.INVITATION, ("days_before", *_DAY)),
        "reminders": (Kind.REMINDER, ("days_before", "working_days_before", "minutes_before", *_DAY)),
        "changed": (Kind.CHANGED, ()),
        "cancelled": (Kind.CANCELLED, ()),
        "follow_up": (Kind.FOLLOW_UP, ("days_after", *_DAY)),
    },
    ReportNoticesForm: {
        "opened": (Kind.REPORT_OPENED, ("at",)),
        "moved": (Kind.REPORT_MOVED, ()),
        "reminders": (Kind.REPORT_REMINDER, ("days_before", "working_days_before", *_DAY)),
        "digest": (Kind.REPORT_DIGEST, ()),
        "overdue": (Kind.REPORT_OVERDUE, ("days_after", "at")),
        "received": (Kind.REPORT_RECEIVED, ()),
        "renewed": (Kind.REPORT_RENEWED, ()),
        "incomplete": (Kind.REPORT_INCOMPLETE, ()),
        "no_progress": (Kind.REPORT_NO_PROGRESS, ()),
        "not_submitted": (Kind.REPORT_NOT_SUBMITTED, ()),
    },
}
#: Who may be written to by the rules of a form.
_ROLES: Mapping[type[Form], tuple[str, ...]] = {
    SessionNoticesForm: CITY_ROLES,
    ReportNoticesForm: (*CITY_ROLES, NATIONAL_COORDINATOR, NATIONAL_COMMISSION),
}


def _default(**written: Any) -> RuleForm:
    return RuleForm.model_construct(**{**RuleForm().model_dump(), **written})


_LETTER = _default(to=[MAYOR, COORDINATOR, NATIONAL_COMMISSION])
#: What holds where notices.yaml does not say it: files that are older than these mails stay whole.
_DEFAULTS: Mapping[Kind, RuleForm] = {
    Kind.REPORT_MOVED: _default(to=[COORDINATOR]),
    Kind.REPORT_DIGEST: _default(to=[NATIONAL_COORDINATOR]),
    Kind.REPORT_OVERDUE: _default(to=[MAYOR, COORDINATOR], days_after=1),
    Kind.REPORT_RECEIVED: _default(to=[COORDINATOR]),
    **dict.fromkeys(OUTCOMES, _LETTER),
}


def read_notices(document: Document, network: Network, problems: Problems) -> NoticesForm | None:
    form = fill_in(NoticesForm, document, problems)
    if form:
        for part, notices in (("sessions", form.sessions), ("reports", form.reports)):
            _check_words(notices, document, (part,), network, problems)
            _check_complete(notices, document, (part,), problems, whole=True)
    return form


def rules_of(
    base: NoticeForm | None,
    changes: NoticeForm | None,
    document: Document,
    network: Network,
    problems: Problems,
) -> tuple[NoticeRule, ...]:
    """The rules of notices.yaml with what one series or cycle writes differently, in its `notices`.

    base: None where notices.yaml itself is wrong, and says so.
    """
    if changes:
        _check_words(changes, document, ("notices",), network, problems)
    if base is None:
        return ()
    merged = merge(base, changes)
    if changes:
        _check_complete(merged, document, ("notices",), problems, whole=False)
    return to_rules(merged)


def merge(base: NoticeForm, changes: NoticeForm | None) -> NoticeForm:
    """The rules of notices.yaml with what one series or cycle writes differently."""
    if changes is None:
        return base
    merged: dict[str, Any] = {}
    for key, value in base:
        change = getattr(changes, key)
        if isinstance(value, RuleForm):
            merged[key] = value.with_changes(change)
        else:
            names = [*value, *(name for name in change if name not in value)]
            merged[key] = {
                name: value.get(name, RuleForm()).with_changes(change.get(name, RuleForm())) for name in names
            }
    return type(base).model_construct(**merged)


def to_rules(form: NoticeForm) -> tuple[NoticeRule, ...]:
    rules = []
    for name, key, written in _each(form):
        kind, _ = _KINDS[type(form)][key]
        rule = _whole(kind, written)
        enabled = rule.enabled is not False
        rules.append(NoticeRule(name, kind, tuple(rule.to or ()), _when(kind, rule), enabled))
    return tuple(rule for one in rules for rule in _with_rungs(one, rules))


def _whole(kind: Kind, written: RuleForm) -> RuleForm:
    return _DEFAULTS[kind].with_changes(written) if kind in _DEFAULTS else written


def _when(kind: Kind, rule: RuleForm) -> When | None:
    if kind is Kind.REPORT_OVERDUE:
        return WorkingDayAfter(rule.days_after or 1, rule.at or time(9))
    when = rule.when()
    if kind is Kind.REPORT_REMINDER and isinstance(when, Days) and rule.on_working_day is None:
        return replace(when, on_working_day=True)
    return when


def _with_rungs(rule: NoticeRule, rules: Sequence[NoticeRule]) -> Iterator[NoticeRule]:
    """The digest is a rule for each reminder, at the same moment."""
    if not rule.is_digest:
        yield rule
        return
    for rung in rules:
        if rung.kind is Kind.REPORT_REMINDER:
            enabled = rule.enabled and rung.enabled
            yield replace(rule, id=f"{rule.id}-{rung.id}", when=rung.when, enabled=enabled)


def _check_words(
    form: NoticeForm, document: Document, path: tuple[str, ...], network: Network, problems: Problems
) -> None:
    """Says what is wrong with the rules as they are written."""
    taken = {key.replace("_", "-") for key in _KINDS[type(form)]}
    for name, key, rule in _each(form):
        rule_path = _path(path, key, name)
        place = document.place_of_key(*rule_path)
        if key == "reminders" and name in taken:
            problems.error(place, f'"{name}" is the name of another rule', "write another name")
        if key == "reminders" and "digest" in taken and name.startswith("digest-"):
            what = f'"{name}" begins like the names of the lists for national coordinators'
            problems.error(place, what, "write another name")
        _, fitting = _KINDS[type(form)][key]
        for word in (*_MOMENTS, *_DAY):
            if getattr(rule, word) is not None and word not in fitting:
                instead = f"here may stand: {listed(fitting)}" if fitting else "remove the line"
                where = document.place_of_key(*rule_path, word)
                problems.error(where, f'"{word}" does not fit "{key}"', instead)
        moments = _moments(rule)
        if len(moments) > 1:
            what = f'the rule "{name}" names {len(moments)} moments: {listed(moments)}'
            problems.error(place, what, "keep one")
        for position, role in enumerate(rule.to or ()):
            roles = OFFICES if key == "digest" else _ROLES[type(form)]
            if role not in roles:
                instead = did_you_mean(role, roles, f"known: {listed(roles)}")
                where = document.place(*rule_path, "to", position)
                problems.error(where, f"{quoted(role)} is no role", instead)
        if rule.at and network.quiet_hours.hold(rule.at):
            end = network.quiet_hours.end
            what = f"{rule.at:%H:%M} lies in the quiet hours, so these mails wait for {end:%H:%M}"
            problems.warning(document.place(*rule_path, "at"), what, "write another hour")


def _check_complete(
    form: NoticeForm, document: Document, path: tuple[str, ...], problems: Problems, *, whole: bool
) -> None:
    """Says what the rules lack; `whole`: also those that this file does not write at all."""
    for name, key, rule in _each(form):
        if not (whole or document.has(*_path(path, key, name))):
            continue
        rule = _whole(_KINDS[type(form)][key][0], rule)
        place = document.place_of_key(*_path(path, key, name))
        possible = [word for word in _KINDS[type(form)][key][1] if word in _MOMENTS]
        if possible and not _moments(rule):
            problems.error(place, f'the rule "{name}" does not say when', f"write {' or '.join(possible)}")
        if not rule.to:
            instead = "write to: with a list, such as - coordinator"
            problems.error(place, f'the rule "{name}" names no role', instead)


def _moments(rule: RuleForm) -> list[str]:
    return [moment for moment in _MOMENTS if getattr(rule, moment) is not None]


def _path(path: tuple[str, ...], key: str, name: str) -> tuple[str, ...]:
    return (*path, key, name) if key == "reminders" else (*path, key)


def _each(form: NoticeForm) -> list[tuple[str, str, RuleForm]]:
    """(name of the rule, key in the file, the rule)."""
    found = []
    for key, value in form:
        if isinstance(value, RuleForm):
            found.append((key.replace("_", "-"), key, value))
        else:
            found += [(name, key, rule) for name, rule in value.items()]
    return found
