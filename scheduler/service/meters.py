"""What ops look at, as Prometheus reads it."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from scheduler.mail.post import Fate
from scheduler.model import times
from scheduler.model.notices import Kind

#: Seconds between the moment a mail was due and the mail server's 250.
_LATENESS = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 86400, 3 * 86400)


@dataclass
class Meters:
    """Counters of this process, and what the outbox looked like when it was last counted."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        to = self.registry
        self._attempts = Counter(
            "scheduler_attempts",
            "Attempts to hand a mail over, by what became of them.",
            ("kind", "fate"),
            registry=to,
        )
        self._lateness = Histogram(
            "scheduler_lateness_seconds",
            "From due to sent.",
            ("kind",),
            buckets=_LATENESS,
            registry=to,
        )
        self._deliveries = Gauge(
            "scheduler_deliveries", "Rows of the outbox.", ("kind", "state"), registry=to
        )
        self._oldest = Gauge(
            "scheduler_oldest_due_seconds",
            "Age of the oldest mail that is due and not sent.",
            registry=to,
        )
        self._rests = Gauge("scheduler_breaker_open", "1 while the mail server is away.", registry=to)
        self._feeds = Counter(
            "scheduler_feed_requests", "Requests for feeds.", ("feed", "status"), registry=to
        )
        #: looked up once: a conditional request costs little more than this
        self._asked: dict[tuple[str, int], Counter] = {}
        self._faults = Counter("scheduler_task_failures", "Tasks that failed.", ("task",), registry=to)
        self._jobs = Counter("scheduler_clock_faults", "Jobs that failed or were missed.", registry=to)
        self.tick_age = Gauge("scheduler_tick_age_seconds", "Since the clock ticked last.", registry=to)
        self.holds = Gauge("scheduler_holds", "Sessions, series and rounds that people hold.", registry=to)
        self.warnings = Gauge("scheduler_warnings", "Things that wait for a person.", registry=to)
        build = Gauge("scheduler_build_info", "What runs here.", ("version", "tzdata", "python"), registry=to)
        build.labels(
            version("learning-cities-scheduler"), times.tzdata_version(), platform.python_version()
        ).set(1)

    def delivered(self, kind: Kind, fate: Fate, lateness: timedelta) -> None:
        self._attempts.labels(kind.value, fate.value).inc()
        if fate is Fate.SENT:
            self._lateness.labels(kind.value).observe(max(0.0, lateness.total_seconds()))

    def counted(self, rows: dict[tuple[str, str], int], oldest_due: datetime | None, now: datetime) -> None:
        """rows: (kind, state) -> number."""
        self._deliveries.clear()
        for (kind, state), number in rows.items():
            self._deliveries.labels(kind, state).set(number)
        age = now - oldest_due if oldest_due else timedelta(0)
        self._oldest.set(max(0.0, age.total_seconds()))

    def rests(self, is_open: bool) -> None:
        self._rests.set(int(is_open))

    def feed_asked(self, feed: str, status: int) -> None:
        """feed: the sort of feed, never its address."""
        asked = self._asked.get((feed, status))
        if asked is None:
            asked = self._asked[feed, status] = self._feeds.labels(feed, str(status))
        asked.inc()

    def failed(self, task: str) -> None:
        self._faults.labels(task).inc()

    def missed_a_job(self) -> None:
        self._jobs.inc()
