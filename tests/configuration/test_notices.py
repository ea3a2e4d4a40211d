"""notices.yaml: each rule says when, to whom, and only what fits its kind of mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from scheduler.configuration.notices import NoticesForm, to_rules
from scheduler.model.notices import Days, Kind, MinutesBefore, WorkingDayAfter, WorkingDaysBefore
from tests.configuration.desk import Desk, real_notices, rule, with_change

NOTICES = """\
sessions:
  announcement:
    to:
      - coordinator
    at: "09:00"
  invitation:
    to:
      - coordinator
    days_before: 28
  reminders:
    day-before:
      to:
        - coordinator
      working_days_before: 1
    hour-before:
      to:
        - coordinator
      minutes_before: 60
      enabled: no
  changed:
    to:
      - coordinator
      - deputy
  cancelled:
    to:
      - coordinator
  follow_up:
    to:
      - coordinator
    days_after: 21
    at: "10:30"
reports:
  opened:
    to:
      - coordinator
  reminders:
    days-7:
      to:
        - mayor
      days_before: 7
      on_working_day: yes
"""


def read(desk: Desk, content: str = NOTICES) -> NoticesForm:
    form = desk.notices(content)
    assert form is not None, desk.said
    return form


def test_rules_of_sessions_are_read(desk: Desk) -> None:
    rules = to_rules(read(desk).sessions)

    assert [(one.id, one.kind, one.when, one.enabled) for one in rules] == [
        ("announcement", Kind.ANNOUNCEMENT, Days(0, time(9)), True),
        ("invitation", Kind.INVITATION, Days(-28, time(9)), True),
        ("day-before", Kind.REMINDER, WorkingDaysBefore(1, time(9)), True),
        ("hour-before", Kind.REMINDER, MinutesBefore(60), False),
        ("changed", Kind.CHANGED, None, True),
        ("cancelled", Kind.CANCELLED, None, True),
        ("follow-up", Kind.FOLLOW_UP, Days(21, time(10, 30)), True),
    ]
    assert desk.said == []


def test_rules_of_reports_are_read(desk: Desk) -> None:
    rules = to_rules(read(desk).reports)

    assert rule(rules, "days-7").when == Days(-7, time(9), on_working_day=True)
    assert rule(rules, "days-7").to == ("mayor",)
    assert rule(rules, "opened").when is None


LETTER = ("mayor", "coordinator", "national-commission")


@pytest.mark.parametrize(
    ("name", "kind", "to", "when"),
    [
        ("moved", Kind.REPORT_MOVED, ("coordinator",), None),
        (
            "digest-days-7",
            Kind.REPORT_DIGEST,
            ("national-coordinator",),
            Days(-7, time(9), on_working_day=True),
        ),
        ("overdue", Kind.REPORT_OVERDUE, ("mayor", "coordinator"), WorkingDayAfter(1, time(9))),
        ("received", Kind.REPORT_RECEIVED, ("coordinator",), None),
        ("renewed", Kind.REPORT_RENEWED, LETTER, None),
        ("incomplete", Kind.REPORT_INCOMPLETE, LETTER, None),
        ("no-progress", Kind.REPORT_NO_PROGRESS, LETTER, None),
        ("not-submitted", Kind.REPORT_NOT_SUBMITTED, LETTER, None),
    ],
)
def test_mails_that_a_file_does_not_speak_of_have_their_rules(
    desk: Desk, name: str, kind: Kind, to: tuple[str, ...], when: object
) -> None:
    """A file that is older than these mails stays whole."""
    found = rule(to_rules(read(desk).reports), name)

    assert (found.kind, found.to, found.when, found.enabled) == (kind, to, when, True)


def test_what_a_file_writes_of_them_counts(desk: Desk) -> None:
    more = '  digest:\n    enabled: no\n  overdue:\n    days_after: 3\n    at: "10:00"\n    to: [deputy]\n'
    rules = to_rules(read(desk, NOTICES + more).reports)

    assert not rule(rules, "digest-days-7").enabled
    assert rule(rules, "overdue").when == WorkingDayAfter(3, time(10))
    assert rule(rules, "overdue").to == ("deputy",)


def test_a_digest_rests_where_its_reminder_does(desk: Desk) -> None:
    rules = to_rules(read(desk, f"{NOTICES}      enabled: no\n").reports)

    assert not rule(rules, "digest-days-7").enabled


def test_the_mayor_is_copied_on_the_last_two_reminders_of_the_sample() -> None:
    """Story US-24.2."""
    rules = to_rules(real_notices().reports)

    reminders = [one for one in rules if one.kind is Kind.REPORT_REMINDER]
    assert [one.id for one in reminders if "mayor" in one.to] == ["days-7", "days-1"]
    assert all("coordinator" in one.to for one in reminders)


def test_the_sample_writes_out_what_holds_without_it(desk: Desk) -> None:
    silent = to_rules(read(desk).reports)

    for one in to_rules(real_notices().reports):
        if one.kind is not Kind.REPORT_REMINDER and one.kind is not Kind.REPORT_DIGEST:
            assert one == replace(rule(silent, one.id), when=one.when)


def test_every_role_of_a_rule_is_kept(desk: Desk) -> None:
    rules = to_rules(read(desk).sessions)

    assert rule(rules, "changed").to == ("coordinator", "deputy")


@pytest.mark.parametrize("word", ["yes", "true", "on", "YES", "Yes"])
def test_yes_is_written_in_many_ways(desk: Desk, word: str) -> None:
    rules = to_rules(read(desk, with_change(NOTICES, "enabled: no", f"enabled: {word}")).sessions)

    assert rule(rules, "hour-before").enabled


def test_an_hour_in_the_night_is_warned_of(desk: Desk) -> None:
    form = desk.notices(with_change(NOTICES, 'at: "10:30"', 'at: "22:30"'))

    assert form is not None
    assert desk.said == [
        "file.yaml:31:9: warning: 22:30 lies in the quiet hours, so these mails wait for 07:00; "
        "write another hour"
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            "      - deputy",
            "      - deputi",
            '23:9: error: "deputi" is no role; did you mean "deputy"?',
            id="typing error in a role",
        ),
        pytest.param(
            "      - deputy",
            "      - governor",
            '23:9: error: "governor" is no role; known: coordinator, deputy, mayor',
            id="unknown role",
        ),
        pytest.param(
            "    to:\n      - coordinator\n      - deputy",
            "    enabled: yes",
            '20:3: error: the rule "changed" names no role; write to: with a list, such as - coordinator',
            id="no role",
        ),
        pytest.param(
            "  changed:\n    to:\n      - coordinator\n      - deputy\n",
            "",
            '1:1: error: the rule "changed" names no role; write to: with a list, such as - coordinator',
            id="no rule",
        ),
        pytest.param(
            "    to:\n      - coordinator\n      - deputy",
            "    to: coordinator",
            '21:9: error: a list is needed here; begin each item on its own line with "- "',
            id="no list",
        ),
        pytest.param(
            "    days_before: 28\n",
            "",
            '6:3: error: the rule "invitation" does not say when; write days_before',
            id="no moment",
        ),
        pytest.param(
            "      working_days_before: 1",
            "      working_days_before: 1\n      days_before: 1",
            '11:5: error: the rule "day-before" names 2 moments: days_before, working_days_before; keep one',
            id="two moments",
        ),
        pytest.param(
            "    days_after: 21",
            "    days_before: 21",
            '30:5: error: "days_before" does not fit "follow_up"; '
            "here may stand: days_after, at, on_working_day",
            id="moment of another kind",
        ),
        pytest.param(
            "      - deputy",
            '      - deputy\n    at: "09:00"',
            '24:5: error: "at" does not fit "changed"; remove the line',
            id="hour for what is told when it is known",
        ),
        pytest.param(
            '    at: "09:00"',
            "    on_working_day: yes",
            '5:5: error: "on_working_day" does not fit "announcement"; here may stand: at',
            id="working day for a day that staff set",
        ),
        pytest.param(
            "    day-before:",
            "    follow-up:",
            '11:5: error: "follow-up" is the name of another rule; write another name',
            id="reminder named like another rule",
        ),
        pytest.param(
            "    day-before:",
            "    Day before:",
            '11:5: error: "Day before" is no id; '
            "use small letters a to z, digits and hyphens, such as third-wednesday",
            id="name with a blank",
        ),
        pytest.param(
            "enabled: no",
            "enabled: maybe",
            '19:16: error: "maybe" is neither yes nor no; write yes or no',
            id="neither yes nor no",
        ),
        pytest.param(
            "days_before: 28",
            "days_before: -28",
            '9:18: error: "-28" is no whole number from 0 to 400',
            id="negative days",
        ),
        pytest.param(
            "days_before: 28",
            "days_before: four weeks",
            '9:18: error: "four weeks" is no whole number from 0 to 400',
            id="days in words",
        ),
        pytest.param(
            "reports:\n",
            "reports:\n  overdue:\n    days_before: 1\n",
            '34:5: error: "days_before" does not fit "overdue"; here may stand: days_after, at',
            id="overdue before the deadline",
        ),
        pytest.param(
            "reports:\n",
            'reports:\n  digest:\n    at: "09:00"\n',
            '34:5: error: "at" does not fit "digest"; remove the line',
            id="hour for a digest",
        ),
        pytest.param(
            "reports:\n",
            "reports:\n  renewed:\n    days_after: 1\n",
            '34:5: error: "days_after" does not fit "renewed"; remove the line',
            id="moment for a letter",
        ),
        pytest.param(
            "reports:\n",
            "reports:\n  digest:\n    to:\n      - national-cordinator\n",
            '35:9: error: "national-cordinator" is no role; did you mean "national-coordinator"?',
            id="typing error in an office",
        ),
        pytest.param(
            "reports:\n",
            "reports:\n  digest:\n    to:\n      - coordinator\n",
            '35:9: error: "coordinator" is no role; known: national-coordinator, national-commission',
            id="a digest for a city",
        ),
        pytest.param(
            "      - deputy",
            "      - national-commission",
            '23:9: error: "national-commission" is no role; known: coordinator, deputy, mayor',
            id="office for a webinar",
        ),
        pytest.param(
            "    days-7:",
            "    digest-days-7:",
            '37:5: error: "digest-days-7" begins like the names of the lists for national coordinators; '
            "write another name",
            id="reminder named like a digest",
        ),
        pytest.param(
            "    days-7:",
            "    no-progress:",
            '37:5: error: "no-progress" is the name of another rule; write another name',
            id="reminder named like a letter",
        ),
        pytest.param(
            "  follow_up:",
            "  follow-up:",
            '27:3: error: "follow-up" is no key that can stand here; did you mean "follow_up"?',
            id="typing error in a key",
        ),
    ],
)
def test_a_mistake_is_said_in_one_sentence(desk: Desk, old: str, new: str, problem: str) -> None:
    desk.notices(with_change(NOTICES, old, new))

    assert desk.said == [f"file.yaml:{problem}"]
