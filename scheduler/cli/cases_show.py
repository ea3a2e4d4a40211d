"""`scheduler cases show`: who was told what and when, with the mail server's answer: the proof for a city."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler import logs
from scheduler.cli.cases_list import draft_words, standing_json, write_json
from scheduler.cli.cases_round import CycleOption, find_cities, opened_round
from scheduler.cli.common import columns, counted, out
from scheduler.configuration.problems import printable
from scheduler.errors import SchedulerError
from scheduler.languages import language
from scheduler.model import times

if TYPE_CHECKING:
    from scheduler.service.proof import Proof, Round
    from scheduler.store.proofs import Mail

_MAILS = ("mail", "due", "what", "rule", "for", "state", "sent", "the mail server said")


def show(
    city: Annotated[str, typer.Argument(help="The city, by name or slug.", metavar="CITY")],
    named: CycleOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs; without addresses.")] = False,
) -> None:
    """Show the proof for one city: its duty and why, deadline, log, and every mail with what became of it."""
    whole, proof = asyncio.run(_read(city, named, datetime.now(UTC)))
    if as_json:
        write_json(_as_json(proof, whole))
        return
    for line in _lines(proof, whole):
        out.print(line)
    out.print(f"OK: {_in_one_line(proof)}")


async def _read(city: str, named: str | None, now: datetime) -> tuple[Round, Proof]:
    from scheduler.service.proof import read_proofs, read_round

    async with opened_round(named, now) as (database, in_force, cycle):
        (slug,) = find_cities(in_force.configuration, [city])
        async with database.read() as connection:
            whole = await read_round(connection, in_force, cycle, now, [slug])
            found = await read_proofs(connection, in_force, whole, [slug])
    if not found:
        raise SchedulerError(f"{slug} is not concerned by {cycle.id}, and never was")
    return whole, found[0]


def _in_one_line(proof: Proof) -> str:
    case = proof.standing.case
    told = f"told: {', '.join(proof.standing.told)}" if proof.standing.told else "nobody was told"
    mails = counted(len(proof.mails), "mail")
    return f"{case.member} in {case.cycle}: {case.state}; {mails}; {told}"


def _lines(proof: Proof, whole: Round) -> Iterator[str]:
    for name, value in _facts(proof, whole):
        yield f"{name:<12} {value}"
    zone = whole.network.zone
    if proof.log:
        yield ""
        yield f"log (times in {whole.network.place})"
        yield from columns([(_when(one.at, zone), *_moved(one)) for one in proof.log])
    for one in proof.log:
        if one.letter:
            yield ""
            yield f"the letter that was released on {_when(one.at, zone)}:"
            yield from (f"  {printable(line)}" for line in one.letter.splitlines())
    if proof.mails:
        yield ""
        yield f"mails (times in {whole.network.place})"
        yield from columns([_MAILS, *(_cells(mail, zone) for mail in proof.mails)])
    yield ""


def _facts(proof: Proof, whole: Round) -> Iterator[tuple[str, str]]:
    one, case = proof.standing, proof.standing.case
    yield "city", f"{case.member} ({printable(one.name)}), {printable(one.country)}"
    yield "round", f"{case.cycle}: {printable(whole.cycle.title)}"
    yield "duty", f"{proof.duty}; {printable('; '.join(proof.why))}"
    if one.is_due:
        yield "deadline", deadline_words(case.deadline_at, proof, whole)
    if one.extended_because:
        yield "extended", printable(one.extended_because)
    yield "state", f"{case.state} since {_when(case.since, whole.network.zone)}"
    if case.submitted_at:
        late = "; late: a person decides" if case.is_late else ""
        yield "submitted", f"{deadline_words(case.submitted_at, proof, whole)}{late}"
    if case.draft:
        yield "draft", draft_words(one)
    if case.released_at:
        arrived = f"arrived at: {', '.join(one.notified)}" if one.notified else "it has not arrived"
        yield "released", f"{_when(case.released_at, whole.network.zone)}; {arrived}"
    if case.ends_on:
        yield "member until", f"{case.ends_on}"
    yield from _notified(proof, whole)
    if one.reach and not proof.told:
        why = f": {printable(one.why_not)}" if one.why_not else ""
        yield "nobody told", f"{one.reach}{why}"


def _notified(proof: Proof, whole: Round) -> Iterator[tuple[str, str]]:
    """What bounced is not notified (story US-25.2)."""
    for told in proof.told:
        mails = f"{counted(told.mails, 'mail')}, the first on {_when(told.first_at, whole.network.zone)}, "
        last = f"the last on {_when(told.last_at, whole.network.zone)} ({printable(told.receipt)})"
        yield "told", f"{told.role} <{printable(told.address)}>: {mails if told.mails > 1 else ''}{last}"
    for missed in proof.unreached:
        yield "not reached", f"{missed.role} <{printable(missed.address)}>: {printable(missed.why)}"


def deadline_words(at: datetime, proof: Proof, whole: Round) -> str:
    """Both readings of a moment, there and in Hamburg, and the instant."""
    words, network = language("en"), whole.network

    def in_zone(zone: str) -> str:
        there = times.local(at, zone)
        return f"{words.full_date(there.date())}, {there:%H:%M:%S}"

    member = proof.standing.member
    there = f"{in_zone(member.zone)} in {printable(member.name)}; " if member else ""
    home = f"{in_zone(network.zone)} {words.home_clock(at, network)}"
    return f"{there}{home}; {at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _moved(line: Any) -> tuple[str, str, str]:
    before = f"{line.before} -> " if line.before and line.before != line.after else ""
    return printable(line.actor), f"{before}{line.after}", printable(line.reason)


def _cells(mail: Mail, zone: str) -> tuple[str, ...]:
    return (
        str(mail.id),
        _when(mail.due_at, zone),
        mail.kind.value,
        mail.rule,
        f"{mail.role} <{printable(mail.address)}>",
        mail.state,
        _when(mail.sent_at, zone) if mail.sent_at else "",
        printable(answer(mail)),
    )


def answer(mail: Mail) -> str:
    """What the mail server said of it, and what came back later; for what did not leave the reason."""
    words = mail.receipt if mail.state == "sent" else mail.reason or mail.reply
    parts = [words or ""]
    if mail.state == "failed" and mail.receipt:
        parts.append(f"it had been taken with: {mail.receipt}")
    if mail.returned_at:
        said = f": {mail.returned_said}" if mail.returned_said else ""
        parts.append(f"came back on {mail.returned_at:%Y-%m-%d} ({mail.returned}){said}")
    return "; ".join(part for part in parts if part)


def _when(at: datetime, zone: str) -> str:
    return f"{times.local(at, zone):%Y-%m-%d %H:%M}"


def _as_json(proof: Proof, whole: Round) -> dict[str, Any]:
    return {
        "cycle": whole.cycle.id,
        **standing_json(proof.standing),
        "duty": proof.duty.value,
        "why": list(proof.why),
        "log": [_plain(asdict(line)) for line in proof.log],
        "mails": [_plain(asdict(mail)) for mail in proof.mails],
        "told_by": [_plain(asdict(one)) for one in proof.told],
        "unreached": [_plain(asdict(one)) for one in proof.unreached],
    }


def _clean(name: str, value: Any) -> Any:
    """A letter keeps its lines."""
    return value if name == "letter" else logs.clean(value)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Without addresses, also in what a mail server said, and with instants in ISO 8601."""
    left_out = {"address", "cycle", "member"}
    return {
        name: value.isoformat() if isinstance(value, datetime) else _clean(name, value)
        for name, value in values.items()
        if name not in left_out
    }
