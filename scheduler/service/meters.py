"""What ops look at, as Prometheus reads it; docs/watching.md has them all, and a test holds the two together.

Counters count what this process did; gauges say how all of the installation stood when it was last looked
at, whichever process did it. No label ever holds an address, an id or somebody's words.
"""

from __future__ import annotations

import platform
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from scheduler.mail.post import Fate
from scheduler.model import times
from scheduler.model.notices import Kind
from scheduler.store import bounces
from scheduler.store.counts import Unsent, oldest
from scheduler.store.losses import Loss
from scheduler.store.outbox import FAILED, MISSED, SENT
from scheduler.store.suppressions import EVERYTHING, WEBINARS

#: Seconds between the moment a mail was due and the mail server's 250.
_LATENESS = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 86400, 3 * 86400)

# the moment at which each counter was made is no news
disable_created_metrics()  # type: ignore[no-untyped-call]

_KINDS = tuple(kind.value for kind in Kind)
_BOUNCES = tuple(kind.value for kind in bounces.Kind if kind is not bounces.Kind.SETTLED)


@dataclass
class Meters:
    """Counters of this process, and what the outbox looked like when it was last counted."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self._make_those_of_mails()
        self._make_those_of_the_service()
        ProcessCollector(registry=self.registry)
        says = ("version", "tzdata", "python")
        build = self._gauge("build_info", "Always 1; the labels say what runs here.", *says)
        release = version("learning-cities-scheduler")
        build.labels(release, times.tzdata_version(), platform.python_version()).set(1)

    def _make_those_of_mails(self) -> None:
        self._ended = {
            SENT: self._counter("mails_sent", "Mails that the mail server took.", "kind"),
            FAILED: self._counter("mails_failed", "Mails that were given up with a reason.", "kind"),
            MISSED: self._counter("mails_missed", "Mails of no use any more when their turn came.", "kind"),
        }
        for counter in self._ended.values():
            for kind in _KINDS:  # a rate needs a first value, which is none of the mails
                counter.labels(kind)
        what = "Attempts to hand a mail over, by what became of them."
        self._attempts = self._counter("attempts", what, "kind", "fate")
        #: looked up once, for each mail comes by here
        self._tried: dict[tuple[Kind, Fate], tuple[Counter, Histogram]] = {}
        what = "From the moment a mail was due to the mail server's 250."
        self._lateness = Histogram(
            "scheduler_lateness_seconds", what, ("kind",), buckets=_LATENESS, registry=self.registry
        )
        self._due = self._gauge("mails_due", "Mails that are due, not sent, and not held back.", "kind")
        self._held = self._gauge("mails_held", "Mails that wait for a person to let them go.", "kind")
        what = "Mails that are not sent yet, by their state."
        self._deliveries = self._gauge("deliveries", what, "kind", "state")
        what = "Mails that were missed, failed or held within the last 24 hours."
        self._lost = self._gauge("mails_lost", what, "kind", "state")
        what = "How long the oldest mail that is due, not sent and not held back has been due."
        self._oldest = self._gauge("oldest_due_seconds", what)
        what = "Mails on their way: what a crash now would repeat at the most."
        self._in_flight = self._gauge("in_flight", what)
        what = "1 while the mail server is away, until it has answered again."
        self._breaker = self._gauge("breaker_open", what)
        what = "Reports of mail servers and readers that were taken in within the last 14 days."
        self._bounces = self._gauge("bounces", what, "kind")
        what = "Addresses that are not written to any more, by what they do not get."
        self._suppressed = self._gauge("suppressed_addresses", what, "scope")

    def _make_those_of_the_service(self) -> None:
        self.tick_age = self._gauge("tick_age_seconds", "How long ago the clock ticked.")
        self._jobs = self._counter("clock_faults", "Jobs of the clock that failed, or had to be mended.")
        what = "Tasks of the service that failed and were started again."
        self._faults = self._counter("task_failures", what, "task")
        self.database_up = self._gauge("database_up", "1 while the database answers and can be written to.")
        self.leads = self._gauge("leads", "1 in the one replica that plans and reads the files.")
        self.holds = self._gauge("holds", "Sessions, series and rounds that are held back.")
        self.warnings = self._gauge("warnings", "Things that wait for a person; /health/ready names them.")
        self._feeds = self._counter("feed_requests", "Requests for feeds.", "feed", "status")
        #: looked up once: a conditional request costs little more than this
        self._asked: dict[tuple[str, int], Counter] = {}
        what = "Connections closed on clients that were slow, large, malformed, unread or of a crowd."
        self._cut = self._counter("connections_cut", what, "why")

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"scheduler_{name}", what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"scheduler_{name}", what, labels, registry=self.registry)

    # what happens

    def delivered(self, kind: Kind, fate: Fate, lateness: timedelta) -> None:
        """One attempt."""
        tried = self._tried.get((kind, fate))
        if tried is None:
            labels = self._attempts.labels(kind.value, fate.value), self._lateness.labels(kind.value)
            tried = self._tried[kind, fate] = labels
        attempts, latenesses = tried
        attempts.inc()
        if fate is Fate.SENT:
            latenesses.observe(max(0.0, lateness.total_seconds()))

    def ended(self, kind: Kind, state: str, mails: int = 1) -> None:
        """Nothing more becomes of so many mails; those that gave way to others are not counted."""
        if state in self._ended:
            self._ended[state].labels(kind.value).inc(mails)

    def feed_asked(self, feed: str, status: int) -> None:
        """feed: the sort of feed, never its address."""
        asked = self._asked.get((feed, status))
        if asked is None:
            asked = self._asked[feed, status] = self._feeds.labels(feed, str(status))
        asked.inc()

    def cut(self, why: str) -> None:
        self._cut.labels(why).inc()

    def failed(self, task: str) -> None:
        self._faults.labels(task).inc()

    def missed_a_job(self) -> None:
        self._jobs.inc()

    # how it stands

    def watch_post(self, in_flight: Callable[[], int], is_away: Callable[[], bool]) -> None:
        """What is asked of the deliverer whenever somebody reads."""
        self._in_flight.set_function(in_flight)
        self._breaker.set_function(is_away)

    def counted(self, rows: Iterable[Unsent], now: datetime) -> None:
        """All that is still to be sent."""
        rows = list(rows)
        states, due, held = Tally[tuple[str, str]](), Tally[str](), Tally[str]()
        for row in rows:
            states[row.kind, row.state] += row.mails
            held[row.kind] += row.mails if row.is_held else 0
            due[row.kind] += 0 if row.is_held else row.due
        self._deliveries.clear()
        for (kind, state), mails in states.items():
            self._deliveries.labels(kind, state).set(mails)
        _show(self._due, due, _KINDS)
        _show(self._held, held, _KINDS)
        since = oldest(rows)
        self._oldest.set(max(0.0, (now - since).total_seconds()) if since else 0.0)

    def lost(self, losses: Iterable[Loss]) -> None:
        """What did not go out within a day."""
        found = Tally[tuple[str, str]]()
        for loss in losses:
            found[loss.kind.value, loss.state] += loss.mails
        self._lost.clear()
        for (kind, state), mails in found.items():
            self._lost.labels(kind, state).set(mails)

    def came_back(self, returned: Mapping[str, int], suppressed: Mapping[str, int]) -> None:
        """Reports by kind, and addresses by what they do not get."""
        _show(self._bounces, returned, _BOUNCES)
        _show(self._suppressed, suppressed, (WEBINARS, EVERYTHING))


def _show(gauge: Gauge, found: Mapping[str, int], names: Iterable[str]) -> None:
    """Each name with its number, where there is none with 0: who sums them up must find something."""
    for name in names:
        gauge.labels(name).set(found.get(name, 0))
