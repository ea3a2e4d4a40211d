"""Everything that can be fetched, ready: feeds, downloads and pages of what is in force.

Made anew, off the event loop, when something else comes into force and when time changes a feed by itself;
a city's own feed, and another language, when they are asked for the first time. What comes out the same stays
the same, with its tag and its date.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from scheduler import logs
from scheduler.languages import Language, language
from scheduler.model.members import Member
from scheduler.service.clock import Bell, Clock
from scheduler.service.feed_addresses import FeedAddresses, digest_of
from scheduler.service.feeds import Feed, Feeds
from scheduler.service.in_force import InForce
from scheduler.service.links import Links
from scheduler.web.pages import Asset, build_pages
from scheduler.web.served import Served, gone, make_served

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


#: A path, or the short name of a city, and the language it is asked for in.
_Wanted = tuple[str, str]


@dataclass(frozen=True)
class _Edition:
    """What is served until `until`, of one configuration."""

    in_force: InForce
    addresses: FeedAddresses
    feeds: Feeds
    #: since when it is served, to the next full second
    since: datetime
    until: datetime
    #: everything that is public, in the language of the network
    public: dict[str, Served]
    #: what the editions before had of cities and in other languages: the same octets keep their date
    before: dict[_Wanted, Served]
    #: the same of this edition, made when it is first asked for
    made: dict[_Wanted, Served] = field(default_factory=dict)
    #: items of feeds are shared, so what is asked for first is made one by one
    making: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class Shelf:
    #: reads what is in force; None before the first configuration
    in_force: Callable[[], Awaitable[InForce | None]]
    clock: Clock
    links: Links
    #: reads which secret addresses are open, whenever the bell rings; without it each city's first one is
    addresses: Callable[[InForce], Awaitable[FeedAddresses]] | None = None
    #: SHA-256 of the open secret paths that were asked for, for whoever writes that down and clears it
    used: set[bytes] = field(default_factory=set)
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
            if in_force is None:
                return
            addresses = await self._addresses(in_force)
            if known and known.in_force is in_force and now < known.until:
                self._edition = replace(known, addresses=addresses)
                return
            made = await asyncio.to_thread(self._make, in_force, addresses, now)
            self._edition = self._published(made)
            _log.info("feeds and pages were made", action="shelf", configuration=in_force.id)

    def at_hand(self, path: str) -> Served | None:
        """What is public and ready under a path: nothing but a look-up."""
        edition = self._edition
        return edition.public.get(path) if edition else None

    async def find(self, path: str, code: str = "") -> Served | None:
        """What is served under a path; None for nothing.

        code: the language of the texts, where it is one that we have texts in. A city's feed, and another
        language, are made when they are asked for first.
        """
        edition = self._edition
        if edition is None:
            return None
        if served := edition.public.get(path):
            return await self._in_language(edition, path, code) or served
        digest = digest_of(path)
        member = edition.in_force.members.get(edition.addresses.open.get(digest, ""))
        if member is None:
            return None
        self.used.add(digest)
        known = edition.in_force.network.languages
        words = _asked_for(code, known) or language(member.languages[0], known)
        make = partial(self._city, edition, member, words)
        return await _made_once(edition, (member.slug, words.code), make)

    async def _in_language(self, edition: _Edition, path: str, code: str) -> Served | None:
        """A page or public calendar in another language than the first one; None where that is not asked."""
        words = _asked_for(code, edition.in_force.network.languages)
        if words is None or words == edition.feeds.words:
            return None
        if page := edition.public.get(f"{path}?lang={words.code}"):
            return page
        if not edition.feeds.has(path):
            return None
        make = partial(self._other, edition, path, words)
        return await _made_once(edition, (path, words.code), make)

    async def _addresses(self, in_force: InForce) -> FeedAddresses:
        if self.addresses:
            return await self.addresses(in_force)
        first = {digest_of(self.links.city_feed_path(slug)): slug for slug in in_force.members}
        return FeedAddresses(first)

    def _make(self, in_force: InForce, addresses: FeedAddresses, now: datetime) -> _Edition:
        known = self._edition
        feeds = Feeds(in_force, self.links, now, known.feeds if known else None)
        turns = feeds.turns()
        following = bisect_left(turns, now)  # at a turn itself not everything has turned
        since = turns[following - 1] if following else now
        until = turns[following] + _JUST_AFTER if following < len(turns) else now + timedelta(days=1)
        public = dict(self._public(feeds, since, now, known.public if known else {}))
        before = {**known.before, **known.made} if known else {}
        wanted = {wanted: served for wanted, served in before.items() if _may_be_asked(wanted, feeds)}
        return _Edition(in_force, addresses, feeds, since, until, public, wanted)

    def _published(self, edition: _Edition) -> _Edition:
        """What is new in it was last changed now: nobody can have had it before, and who had other octets
        until this very second must not be told that they are the same. What a process before this one served
        is not known, so to a program that knows only dates all of the first edition is new."""
        known = self._edition.public if self._edition else {}
        since = _next_second(self.clock.now())
        for path, served in edition.public.items():
            if served is not known.get(path):
                edition.public[path] = replace(served, modified_at=since)
        return replace(edition, since=since)

    def _public(
        self, feeds: Feeds, modified_at: datetime, now: datetime, before: Mapping[str, Served]
    ) -> Iterator[tuple[str, Served]]:
        published = list(feeds.public_feeds())
        for feed in (*published, *feeds.downloads()):
            yield feed.path, _calendar(feed, modified_at, before.get(feed.path))
        for asset in build_pages(feeds.in_force, published, now, self.links.base_url):
            yield asset.path, _page(asset, modified_at, before.get(asset.path))

    def _other(self, edition: _Edition, path: str, words: Language) -> Served:
        feed = edition.feeds.in_language(path, words)
        return _calendar(feed, edition.since, edition.before.get((path, words.code)))

    def _city(self, edition: _Edition, member: Member, words: Language) -> Served:
        if edition.feeds.is_closed(member):
            return gone("city")
        octets = edition.feeds.city_feed(member, words).octets
        before = edition.before.get((member.slug, words.code))
        return before if before and before.octets == octets else _private(octets, edition.since)


async def _made_once(edition: _Edition, wanted: _Wanted, make: Callable[[], Served]) -> Served:
    if wanted not in edition.made:
        async with edition.making:
            if wanted not in edition.made:
                edition.made[wanted] = await asyncio.to_thread(make)
                edition.before.pop(wanted, None)
    return edition.made[wanted]


def _may_be_asked(wanted: _Wanted, feeds: Feeds) -> bool:
    """It is of a city or a calendar that is still there, in a language that still has texts."""
    name, code = wanted
    is_there = name in feeds.in_force.members or feeds.has(name)
    return is_there and _asked_for(code, feeds.in_force.network.languages) is not None


def _asked_for(code: str, known: tuple[str, ...]) -> Language | None:
    """The language of this code; None where there are no texts in it."""
    words = language(code, known)
    return words if words.code == code else None


def _next_second(now: datetime) -> datetime:
    """HTTP knows no parts of seconds."""
    return now if now.microsecond == 0 else now.replace(microsecond=0) + timedelta(seconds=1)


def _calendar(feed: Feed, modified_at: datetime, before: Served | None) -> Served:
    """before: what was served there; it is taken over while its octets are the same."""
    if before and before.octets == feed.octets:
        return before
    folder, _, file = feed.path.rpartition("/")
    is_file = folder == "/sessions"
    disposition = f'attachment; filename="{file}"' if is_file else "inline"
    return make_served(
        feed.octets,
        media_type=_CALENDAR,
        modified_at=modified_at,
        sort="session" if is_file else _sort(feed.path),
        cache=_PUBLIC,
        more=(("content-disposition", disposition), ("access-control-allow-origin", "*")),
    )


def _private(octets: bytes, modified_at: datetime) -> Served:
    return make_served(
        octets,
        media_type=_CALENDAR,
        modified_at=modified_at,
        sort="city",
        cache=_PRIVATE,
        more=(("content-disposition", "inline"), ("x-robots-tag", "noindex")),
    )


def _page(asset: Asset, modified_at: datetime, before: Served | None) -> Served:
    if before and before.octets == asset.octets:
        return before
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
