"""How the letters in which a round ends leave: a named person looks, and then releases them (story US-25).

Nothing of this happens by itself. A release is one transaction: what the letters say goes into the log, the
mails into the outbox, and memberships that are not renewed end, from the day that the round's file names.
Who is just reading does not see half of it, and what changed since somebody looked is not released.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import count

from scheduler import logs
from scheduler.configuration.problems import did_you_mean
from scheduler.errors import CasesRefused, ConfigurationMoved, PlanOutdated
from scheduler.model.cases import ENDING, LETTERS, Case, Learnt, Move, State
from scheduler.model.cycles import Cycle
from scheduler.model.history import History
from scheduler.model.members import MAYOR, Member
from scheduler.model.notices import REPORTS, Kind
from scheduler.service.apply import Decided, put_anew
from scheduler.service.cases import cycle_of, fire_letters, foresee_letters, rule_of
from scheduler.service.in_force import InForce, read_in_force
from scheduler.service.letters import Letters
from scheduler.service.links import Links
from scheduler.service.passed import read_passed
from scheduler.service.planning import Plan, draw_up, read_ground
from scheduler.service.proof import Reach, Round, Standing, read_round
from scheduler.service.verdicts import why_not
from scheduler.store import cases, configurations, holds, ledger, outbox
from scheduler.store.database import Connection, Database
from scheduler.store.holds import Hold
from scheduler.store.outbox import Delivery

_log = logs.get("releasing")

#: Stands in the log where a letter has the city's secret address or its code.
SECRET = "…"  # noqa: S105 - it stands for one, and is none
#: How far ahead it is looked what an end of a membership changes: sessions are announced months before.
_AHEAD = timedelta(days=731)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Text:
    """What one letter says, with SECRET in the place of what only its readers may know."""

    #: slug
    member: str
    role: str
    language: str
    subject: str
    body: str

    def __str__(self) -> str:
        return f"Subject: {self.subject}\n\n{self.body}"


@dataclass(frozen=True)
class Bundle:
    """The cases with one outcome that are released together."""

    state: State
    #: ordered by slug
    cases: tuple[Case, ...]
    #: the mails, as rows that are not there yet
    rows: tuple[Delivery, ...]
    #: slug -> what its letter says, to the mayor where there is one
    texts: Mapping[str, Text]

    @property
    def kind(self) -> Kind:
        return LETTERS[self.state]

    @property
    def roles(self) -> Mapping[str, int]:
        """Role -> how many letters go to one; the addressee first."""
        return Counter(row.role for row in sorted(self.rows, key=_is_copy))

    @property
    def sample(self) -> Text | None:
        """One of the texts: a mayor's, in English, which staff read, where there is such a one."""
        texts = sorted(self.texts.values(), key=lambda text: (_is_copy(text), text.language != "en"))
        return texts[0] if texts else None


def _is_copy(one: Delivery | Text) -> bool:
    """A letter is written to the mayor; the others get the same."""
    return one.role != MAYOR


@dataclass(frozen=True)
class Effect:
    """What changes besides the letters, because memberships end."""

    #: slugs of those that end
    members: tuple[str, ...] = ()
    #: kinds of mails about webinars -> how many are not sent any more
    stopped: Mapping[Kind, int] = field(default_factory=dict)
    #: invitations that stand in calendars, and are cancelled there
    cancelled: int = 0
    #: mails that wait already, and are withdrawn
    withdrawn: int = 0


@dataclass(frozen=True)
class Release:
    """What would be released, as somebody has looked at it."""

    in_force: InForce
    cycle: Cycle
    bundles: tuple[Bundle, ...]
    #: slugs of cities where nobody can be written to: they wait for a later release
    left_out: tuple[str, ...]
    #: cities whose membership is to end, and that no mail of this round has reached; but for those left out
    unreached: tuple[Standing, ...]
    effect: Effect
    #: what people hold back, that holds the letters as well
    held: tuple[Hold, ...]
    #: why nothing can be released: sentences
    obstacles: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not any(bundle.cases for bundle in self.bundles)

    @property
    def letters(self) -> int:
        return sum(len(bundle.rows) for bundle in self.bundles)

    @property
    def cities(self) -> int:
        return sum(len(bundle.cases) for bundle in self.bundles)

    @property
    def later(self) -> int:
        """Letters that wait for the morning there."""
        return sum(row.due_at > row.inserted_at for bundle in self.bundles for row in bundle.rows)

    @property
    def silent(self) -> tuple[State, ...]:
        """Outcomes of which no letter is sent: the rule is switched off."""
        return tuple(one.state for one in self.bundles if rule_of(self.cycle, one.kind) is None)

    @property
    def not_allowed(self) -> int:
        """Letters that `only_to` in network.yaml will stop."""
        network = self.in_force.network
        rows = (row for bundle in self.bundles for row in bundle.rows)
        return sum(not network.may_write_to(row.address) for row in rows)

    @property
    def last_day(self) -> date | None:
        """Of memberships that end with it."""
        return self.cycle.membership_ends - _DAY if self.cycle.membership_ends else None

    @property
    def ends(self) -> tuple[tuple[str, date], ...]:
        """(slug, last day) of memberships that are not renewed."""
        return tuple(
            (case.member, self.last_day)
            for bundle in self.bundles
            for case in bundle.cases
            if bundle.state in ENDING and self.last_day
        )

    @cached_property
    def hash(self) -> str:
        """Names what is in force, the cases as they are, and who gets which letter."""
        named = [self.cycle.id, self.in_force.hash]
        for bundle in self.bundles:
            named += [bundle.state.value, *map(repr, bundle.cases)]
            named += [f"{row.contact_id} {row.role} {row.address}" for row in bundle.rows]
        named += [*self.left_out, "", *(one.case.member for one in self.unreached)]
        return hashlib.sha256("\n".join(named).encode()).hexdigest()[:12]

    def check_plan(self, plan: str) -> None:
        """Raises PlanOutdated where this is not what was shown under that hash."""
        if plan != self.hash:
            raise PlanOutdated(f"{_OUTDATED}; look at it as it is now, {self.hash}: {_command(self.cycle)}")


_OUTDATED = "what a release would do has changed since it was shown, and nothing was released"


def _command(cycle: Cycle) -> str:
    return f"scheduler cases release {cycle.id}"


@dataclass(frozen=True)
class Releasing:
    """Every method raises DatabaseAway, NothingInForce, SchedulerError for a round that is not in force."""

    database: Database
    #: for the secret addresses that letters print; they are left out of the log
    links: Links
    #: the installation's, as for `put_in_force`
    key: bytes | None = None

    async def look(
        self,
        cycle: str,
        *,
        outcomes: Collection[State] = (),
        cities: Sequence[str] = (),
        now: datetime,
        tell: Callable[[int, int], None] = lambda _done, _of: None,
    ) -> Release:
        """What would be released; touches nothing. outcomes, cities (slugs): only these, where any is named.
        tell: takes how many cases are written of so far, and of how many; in another thread.

        Raises CasesRefused with a sentence for each city that is named, and cannot be released.
        """
        async with self.database.read() as connection:
            in_force = await read_in_force(connection)
            of = cycle_of(in_force.cycles, cycle)
            known = await cases.read(connection, cycle)
            problems = tuple(_problems(in_force, of, known, cities, outcomes))
            if problems:
                raise CasesRefused(problems)
            chosen = list(_chosen(known, outcomes, cities))
            rows = await _rows(connection, in_force, of, chosen, now)
            codes = await cases.codes(connection, cycle)
            whole = await read_round(connection, in_force, of, now)
            held = tuple(hold for hold in await holds.read(connection) if hold.covers(cycle))
        left_out = tuple(_left_out(of, chosen, rows))
        chosen = [case for case in chosen if case.member not in left_out]
        writer = _Writer(Letters(in_force, self.links), of, codes, now)
        bundles = await asyncio.to_thread(lambda: tuple(_bundles(chosen, rows, writer, tell)))
        release = Release(
            in_force,
            of,
            bundles,
            left_out,
            tuple(_unreached(whole, chosen)),
            Effect(),
            held,
            tuple(_obstacles(of, bundles)),
        )
        return replace(release, effect=await self._effect(release, now))

    async def release(self, seen: Release, *, by: str, now: datetime) -> None:
        """What somebody has looked at leaves, whole or not at all. by: their name, for the log.

        Raises CasesRefused where something stands in the way, PlanOutdated where anything changed since.
        """
        if seen.obstacles:
            raise CasesRefused(seen.obstacles)
        if seen.is_empty:
            return
        if seen.ends:
            await self._release_with_ends(seen, by, now)
        else:
            async with self.database.write() as connection:
                await ledger.hold(connection)
                await _check_in_force(connection, seen, has_ends=False)
                await _write(connection, seen, by, now)
                await ledger.raise_generation(connection)
        for case in (case for bundle in seen.bundles for case in bundle.cases):
            _log.info(
                "a letter is released",
                action="release",
                cycle=seen.cycle.id,
                member=case.member,
                outcome=case.state.value,
            )

    async def _release_with_ends(self, seen: Release, by: str, now: datetime) -> None:
        """Memberships that end are another configuration; it comes into force with the letters."""

        async def also(connection: Connection) -> None:
            await _check_in_force(connection, seen, has_ends=True)
            await _write(connection, seen, by, now)

        decided = Decided(Learnt(ends=seen.ends))
        try:
            await put_anew(self.database, now=now, by=by, decided=decided, also=also, key=self.key)
        except ConfigurationMoved as error:
            raise _outdated(seen) from error

    async def _effect(self, release: Release, now: datetime) -> Effect:
        """By the very plan that `scheduler plan` draws up, with and without the ends."""
        if not release.ends:
            return Effect()
        before, after = release.in_force, _ended(release)
        slugs = tuple(m.slug for m in after.configuration.members if m != before.members[m.slug])
        ground = await read_ground(self.database, now, key=self.key)
        async with self.database.read() as connection:
            ids = [before.member_ids[slug] for slug in slugs]
            waiting = await outbox.unsent_to(connection, ids)
            passed = await read_passed(connection, before, waiting, now)

        def plan_of(in_force: InForce) -> Plan:
            return draw_up(in_force.configuration, ground, now=now, until=now + _AHEAD, members=slugs)

        plans = [await asyncio.to_thread(plan_of, one) for one in (before, after)]
        went, goes = ({kind: tally.mails for kind, tally in plan.kinds.items()} for plan in plans)
        less = {kind: mails - goes.get(kind, 0) for kind, mails in went.items() if kind not in REPORTS}
        return Effect(
            slugs,
            {kind: number for kind, number in less.items() if number > 0},
            goes.get(Kind.CANCELLED, 0) - went.get(Kind.CANCELLED, 0),
            sum(
                not why_not(row, before, now, passed[row.id])
                and bool(why_not(row, after, now, passed[row.id]))
                for row in waiting
            ),
        )


def _ended(release: Release) -> InForce:
    """What will be in force, as far as what is sent goes."""
    known = release.in_force
    configuration = Learnt(ends=release.ends).applied_to(known.configuration)
    return InForce(
        known.id, known.hash, configuration, known.since, known.revisions, known.member_ids, known.tzdata
    )


# which cases


def _chosen(known: Sequence[Case], outcomes: Collection[State], cities: Collection[str]) -> Iterator[Case]:
    """Those that wait for a release."""
    for case in known:
        is_meant = not cities or case.member in cities
        if is_meant and _waits(case) and (not outcomes or case.state in outcomes):
            yield case


def _waits(case: Case) -> bool:
    return case.state in LETTERS and case.released_at is None


def _problems(
    in_force: InForce,
    cycle: Cycle,
    known: Sequence[Case],
    cities: Sequence[str],
    outcomes: Collection[State],
) -> Iterator[str]:
    """Of cities that are named one by one, why their letters cannot be released."""
    by_city = {case.member: case for case in known}
    for slug in cities:
        case = by_city.get(slug)
        if case is None:
            is_member = slug in in_force.members
            instead = did_you_mean(slug, in_force.members, "see: scheduler cases list")
            yield f"{slug} is not concerned by {cycle.id}" if is_member else f"{slug} is no member; {instead}"
        elif case.released_at:
            yield f"{slug}: its letter was released already, on {case.released_at:%Y-%m-%d %H:%M} UTC"
        elif case.state not in LETTERS:
            record = f"scheduler cases mark {slug} OUTCOME --cycle {cycle.id}"
            yield f"{slug} is {case.state}, and no outcome is recorded yet; first: {record}"
        elif outcomes and case.state not in outcomes:
            yield f"{slug} is {case.state}, which is not the outcome that --outcome names"


def _left_out(
    cycle: Cycle, chosen: Sequence[Case], rows: Mapping[State, Sequence[Delivery]]
) -> Iterator[str]:
    """A letter that reaches nobody ends nothing."""
    written_to = {row.member for found in rows.values() for row in found}
    for case in chosen:
        if case.member not in written_to and rule_of(cycle, LETTERS[case.state]):
            yield case.member


def _unreached(whole: Round, chosen: Sequence[Case]) -> Iterator[Standing]:
    """Of those whose membership is to end."""
    ending = {case.member for case in chosen if case.state in ENDING}
    for standing in whole.standings:
        if standing.case.member in ending and standing.reach is not Reach.TOLD:
            yield standing


def _obstacles(cycle: Cycle, bundles: Sequence[Bundle]) -> Iterator[str]:
    if not any(bundle.cases for bundle in bundles):
        return
    file = f"cycles/{cycle.id}.yaml"
    if cycle.held:
        yield f"{cycle.id} vanished from the files, so nothing is sent for it; put {file} back"
    ending = [bundle for bundle in bundles if bundle.state in ENDING]
    if ending and cycle.membership_ends is None:
        yield (
            f"{file} does not say when memberships end that are not renewed; write membership_ends: "
            "with the first day without membership, such as 2022-07-01, and then: scheduler apply"
        )
    for bundle in ending:
        if rule_of(cycle, bundle.kind) is None:
            key = bundle.state.value.replace(" ", "_")
            yield (
                f'the letter "{key}" is switched off for {cycle.id}, and no membership ends without one; '
                f"take enabled: no out of notices: {key}: in {file} or in notices.yaml"
            )


# what the letters are


async def _rows(
    connection: Connection, in_force: InForce, cycle: Cycle, chosen: Sequence[Case], now: datetime
) -> dict[State, list[Delivery]]:
    found = {}
    for state in LETTERS:
        ids = [in_force.member_ids[case.member] for case in chosen if case.state is state]
        found[state] = await foresee_letters(connection, in_force, cycle, LETTERS[state], ids, now)
    return found


@dataclass(frozen=True)
class _Writer:
    """Writes each letter as it would be written now."""

    letters: Letters
    cycle: Cycle
    #: slug -> its code, where the survey has made one
    codes: Mapping[str, str]
    now: datetime

    def text(self, row: Delivery, case: Case) -> Text:
        code = self.codes.get(case.member, "")
        history = History(case=_released(case, self.cycle, self.now), code=code)
        letter, envelope, _ = self.letters.compose(row, history, self.now)
        # whatever is personal is a secret, but the name of the city
        names = (*letter.subject.names, *letter.plain.names)
        personal = {**dict.fromkeys(names, SECRET), "city": envelope.city}
        secrets = (envelope.feed, code, self.letters.links.code(self.cycle.id, case.member))
        subject, body = (_without(part.fill(personal), secrets) for part in (letter.subject, letter.plain))
        member = self.letters.in_force.members[case.member]
        return Text(case.member, row.role, member.languages[0], subject, body.replace("\r\n", "\n").strip())


def _without(text: str, secrets: Collection[str]) -> str:
    for secret in filter(None, secrets):
        text = text.replace(secret, SECRET)
    return text


def _bundles(
    chosen: Sequence[Case],
    rows: Mapping[State, Sequence[Delivery]],
    writer: _Writer,
    tell: Callable[[int, int], None],
) -> Iterator[Bundle]:
    """Of each outcome that there is, in the order of LETTERS."""
    done = count(1)
    for state in LETTERS:
        theirs = {case.member: case for case in chosen if case.state is state}
        if not theirs:
            continue
        first: dict[str, Delivery] = {}
        for row in sorted(rows[state], key=_is_copy):
            first.setdefault(row.member, row)
        texts = {}
        for slug, case in theirs.items():
            if slug in first:
                texts[slug] = writer.text(first[slug], case)
            tell(next(done), len(chosen))
        yield Bundle(state, tuple(theirs.values()), tuple(rows[state]), texts)


# what is written


def _released(case: Case, cycle: Cycle, now: datetime) -> Case:
    ends = cycle.membership_ends if case.state in ENDING else None
    return replace(case, released_at=now, ends_on=ends - _DAY if ends else None)


async def _check_in_force(connection: Connection, seen: Release, *, has_ends: bool) -> None:
    """What was in force when somebody looked still is, or has just been replaced by the release itself."""
    latest = await configurations.latest(connection)
    known = None if latest is None else latest.replaces if has_ends else latest.hash
    if known != seen.in_force.hash:
        raise _outdated(seen)


async def _write(connection: Connection, seen: Release, by: str, now: datetime) -> None:
    """In a transaction that holds the ledger: nobody else decides of these cases meanwhile."""
    ids = seen.in_force.member_ids
    moves: list[Move] = []
    for bundle in seen.bundles:
        slugs = [case.member for case in bundle.cases]
        if tuple(await cases.read(connection, seen.cycle.id, slugs)) != bundle.cases:
            raise _outdated(seen)
        moves += _moves(seen, bundle, now)
    await cases.write(connection, moves, ids, by)
    for bundle in seen.bundles:
        theirs = [ids[case.member] for case in bundle.cases]
        foreseen = await foresee_letters(connection, seen.in_force, seen.cycle, bundle.kind, theirs, now)
        letters = await fire_letters(connection, seen.in_force, seen.cycle, bundle.kind, theirs, now)
        if _to_whom(foreseen) != _to_whom(bundle.rows) or letters != len(bundle.rows):
            raise _outdated(seen)
    said = ", ".join(f"{bundle.state}: {len(bundle.cases)}" for bundle in seen.bundles)
    await ledger.note(connection, now, by, "release", seen.cycle.id, f"{said}; letters: {seen.letters}")


def _to_whom(rows: Sequence[Delivery]) -> list[tuple[int, str]]:
    return sorted((row.contact_id, row.address) for row in rows)


def _moves(seen: Release, bundle: Bundle, now: datetime) -> Iterator[Move]:
    roles: dict[str, dict[str, None]] = {}
    for row in sorted(bundle.rows, key=_is_copy):
        roles.setdefault(row.member, {})[row.role] = None
    for case in bundle.cases:
        after, text = _released(case, seen.cycle, now), bundle.texts.get(case.member)
        if text:
            said = f"the letter that says “{case.state}” is released, to {', '.join(roles[case.member])}"
        else:
            said = f"closed without a letter: “{case.state}” is switched off in this round"
        ends = f"; its membership ends on {after.ends_on}" if after.ends_on else ""
        yield Move(case, after, now, said + ends, str(text) if text else None)


def _outdated(seen: Release) -> PlanOutdated:
    return PlanOutdated(f"{_OUTDATED}; look again: {_command(seen.cycle)}")


def names_of(release: Release, slugs: Collection[str]) -> list[str]:
    """Of cities, as people call them."""
    members: Mapping[str, Member] = release.in_force.members
    return [members[slug].name if slug in members else slug for slug in slugs]
