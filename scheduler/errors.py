"""Every way this service says no. The docstring of an error is its message where it has no other."""

from __future__ import annotations

from datetime import date, time


class SchedulerError(Exception):
    """Something was asked that this service does not do; the message says what, and what to do instead."""


class UnknownZone(SchedulerError):
    """A zone name that is no place of the tz database and no offset such as +01:00."""

    def __init__(self, zone: str) -> None:
        super().__init__(f'zone "{zone}" is unknown')
        self.zone = zone


class WallTimeError(SchedulerError):
    """A wall time that is not exactly one instant in its zone."""

    why = "is not one instant"

    def __init__(self, day: date, at: time, zone: str) -> None:
        super().__init__(f"{day.isoformat()} {at:%H:%M} {self.why} in {zone}")
        self.day, self.at, self.zone = day, at, zone


class NonexistentLocalTime(WallTimeError):
    """A wall time that the clocks jump over."""

    why = "does not exist (the clocks go forward over it)"


class AmbiguousLocalTime(WallTimeError):
    """A wall time that the clocks show twice."""

    why = "exists twice (the clocks go back over it)"


class ConfigurationRefused(SchedulerError):
    """The configuration has errors; nothing was changed."""


class SettingsRefused(SchedulerError):
    """A setting of the environment that cannot be used; the message never holds its value."""


class NothingInForce(SchedulerError):
    """No configuration is in force yet: apply one first."""


class PlanOutdated(SchedulerError):
    """The files, or what is in force, changed since this plan was shown; nothing was put in force."""


class OlderClocks(SchedulerError):
    """What is in force was computed with a newer tz database, and by this program's some hours are others."""


class ConfigurationMoved(SchedulerError):
    """Another configuration came into force in the meantime; look again before applying."""


class ReplyRefused(SchedulerError):
    """A mail that is taken for no answer to an invitation; nothing was changed."""


class ReportRefused(SchedulerError):
    """A mail that is taken for no report of a mail server about one of ours; nothing was changed."""


class NoReport(ReportRefused):
    """Nobody's mistake: an automatic answer of a person, a receipt, or a word that a mail is late."""


class KeyNeeded(SchedulerError):
    """Contacts were erased here, and only with the installation's secret key can it be told who they are.

    Without it somebody who was erased could come back.
    """

    def __init__(self) -> None:
        super().__init__(
            "contacts were erased here, and only the installation's secret key of that time tells who: set "
            "SCHEDULER_SECRET_KEY to it, or SCHEDULER_DATA to the folder that holds it; if it is lost, take "
            "them out of members.csv, then: scheduler members readmit --all"
        )


class CasesRefused(SchedulerError):
    """Something was said of cases that cannot be; nothing was changed."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        #: one sentence for each case
        self.problems = problems


class NoSuchCase(SchedulerError):
    """A round that is not in force, or a member that is none or not concerned by it."""


class KeyReused(SchedulerError):
    """This Idempotency-Key was used before for something else; nothing was changed. Take a new one."""


class NotDue(SchedulerError):
    """A mail that this member does not get."""

    def __init__(self, why: str, gets: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        #: what it does get, a line each
        self.gets = gets


class DatabaseTooNew(SchedulerError):
    """The database was written by a newer program than this one; install that version or newer."""


class DatabaseUnusable(SchedulerError):
    """A database that cannot be reached, or a file that is none. It is left as it is."""


class DatabaseInUse(SchedulerError):
    """A `scheduler serve` is at work on this database; stop it first."""


class DatabaseAway(SchedulerError):
    """The database does not answer for now; what was begun is rolled back."""


class MessageRefused(SchedulerError):
    """A header would not be as it was meant, as with an address in other letters; it is not sent."""


class MailUrlRefused(SchedulerError):
    """The address of a mail server that cannot be used. It holds a password, so no message quotes it."""


class RelayAway(SchedulerError):
    """The mail server takes nothing at present: it is away, busy, or not to be trusted."""

    def __init__(self, said: str, code: int | None = None, *, needs_a_person: bool = False) -> None:
        super().__init__(said)
        #: the server's reply code, where there was a reply
        self.code = code
        #: certificate, log-in, STARTTLS, sender: it stays so until a person mends it
        self.needs_a_person = needs_a_person
