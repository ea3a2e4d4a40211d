"""Everything that can be fetched, ready: feeds, downloads and pages of what is in force.

Made anew, off the event loop, when something else comes into force and when time changes a feed by itself;
a city's own feed when it is asked for the first time.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from scheduler import logs
from scheduler.service.clock import Bell, Clock
from scheduler.service.feeds import Feed, Feeds
from scheduler.service.in_force import InForce
from scheduler.service.links import Links
from scheduler.web.pages import Asset, build_pages
from scheduler.web.served import Served, make_served

#: A feed changes just after a session's end, not at it.
_JUST_AFTER = timedelta(seconds=1)
#: Clients look every few hours whatever we say; between two looks a proxy may answer for an hour.
_PUBLIC = "public, max-age=3600"
_PRIVATE = "private, no-cache"
_PAGE = "public, max-age=300"
_FOR_EVER = "public, max-age=31536000, immutable"
_CALENDAR = "text/calendar; charset=utf-8"
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)

_log = logs.get("shelf")


@dataclass(frozen=True)
class _Edition:
    """What is served until `until`, of one configuration."""

    in_force: InForce
    feeds: Feeds
    modified_at: datetime
    until: datetime
    public: dict[str, Served]
    #: SHA-256 of a secret path -> member; a look-up by digest tells nothing of near misses
    cities: dict[bytes, str]
    made: dict[str, Served] = field(default_factory=dict)
    #: items of feeds are shared, so the feeds of cities are made one by one
    making: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class Shelf:
    #: reads what is in force; None before the first configuration
    in_force: Callable[[], Awaitable[InForce | None]]
    clock: Clock
    links: Links
    bell: Bell = field(init=False)
    _edition: _Edition | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.bell = self.clock.bell()

    @property
    def is_empty(self) -> bool:
        """Nothing is in force yet."""
        return self._edition is None

    async def run(self) -> None:
        """For ever: an edition is replaced when it no longer holds."""
        while True:
            await self.refresh()
            await self.clock.sleep_until(self._edition.until if self._edition else None, self.bell)

    async def refresh(self) -> None:
        """Replaces the edition where it no longer holds; before the first configuration there is none."""
        async with self._one_at_a_time:
            now, in_force, known = self.clock.now(), await self.in_force(), self._edition
            if in_force is None or (known and known.in_force is in_force and now < known.until):
                return
            self._edition = await asyncio.to_thread(self._make, in_force, now)
            _log.info("feeds and pages were made", action="shelf", configuration=in_force.id)

    async def find(self, path: str) -> Served | None:
        """What is served under a path; None for nothing. A city's feed is made at its first reading."""
        edition = self._edition
        if edition is None:
            return None
        if path in edition.public:
            return edition.public[path]
        member = edition.cities.get(_digest(path))
        if member is None or member in edition.made:
            return edition.made.get(member or "")
        async with edition.making:
            if member not in edition.made:
                edition.made[member] = await asyncio.to_thread(self._city, edition, member)
        return edition.made[member]

    def _make(self, in_force: InForce, now: datetime) -> _Edition:
        feeds = Feeds(in_force, self.links, now)
        turns = feeds.turns()
        following = bisect_left(turns, now)  # at a turn itself not everything has turned
        modified_at = turns[following - 1] if following else now
        until = turns[following] + _JUST_AFTER if following < len(turns) else now + timedelta(days=1)
        public = dict(self._public(feeds, modified_at, now))
        cities = {_digest(self.links.city_feed_path(slug)): slug for slug in in_force.members}
        return _Edition(in_force, feeds, modified_at, until, public, cities)

    def _public(self, feeds: Feeds, modified_at: datetime, now: datetime) -> Iterator[tuple[str, Served]]:
        published = list(feeds.public_feeds())
        for feed in published:
            yield feed.path, _calendar(feed, modified_at, _sort(feed.path))
        for feed in feeds.downloads():
            file = feed.path.rpartition("/")[2]
            attached = ("content-disposition", f'attachment; filename="{file}"')
            yield feed.path, _calendar(feed, modified_at, "session", attached)
        for asset in build_pages(feeds.in_force, published, now, self.links.base_url):
            yield asset.path, _page(asset, modified_at)

    def _city(self, edition: _Edition, member: str) -> Served:
        feed = edition.feeds.city_feed(edition.in_force.members[member])
        return make_served(
            feed.octets,
            media_type=_CALENDAR,
            modified_at=edition.modified_at,
            sort="city",
            cache=_PRIVATE,
            more=(("content-disposition", "inline"), ("x-robots-tag", "noindex")),
        )


def _calendar(
    feed: Feed,
    modified_at: datetime,
    sort: str,
    disposition: tuple[str, str] = ("content-disposition", "inline"),
) -> Served:
    return make_served(
        feed.octets,
        media_type=_CALENDAR,
        modified_at=modified_at,
        sort=sort,
        cache=_PUBLIC,
        more=(disposition, ("access-control-allow-origin", "*")),
    )


def _page(asset: Asset, modified_at: datetime) -> Served:
    return make_served(
        asset.octets,
        media_type=asset.media_type,
        modified_at=modified_at,
        sort="page",
        cache=_FOR_EVER if asset.is_immutable else _PAGE,
        more=(("content-security-policy", _POLICY), ("x-frame-options", "DENY")),
    )


def _sort(path: str) -> str:
    """Gives "series" of "/feeds/series/talks.ics", "all" of "/feeds/all.ics"."""
    return path.split("/")[2].removesuffix(".ics")


def _digest(path: str) -> bytes:
    return sha256(path.encode("utf-8", "surrogatepass")).digest()
