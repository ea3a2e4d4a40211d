"""A name that is not surely one member, as a question to whoever wrote it (US-20)."""

from __future__ import annotations

from scheduler.configuration.problems import quoted
from scheduler.model.members import Member
from scheduler.model.names import Match, Names

#: So many members can be told apart in one sentence.
_MOST = 6


def question(names: Names, match: Match) -> tuple[str, str]:
    """What is wrong with the name, and what to write instead; `match` has no member."""
    if not match.candidates:
        return f"{quoted(match.asked)} is no member", _did_you_mean(names.near(match.asked))
    if len(match.candidates) > 1:
        what = f"{quoted(match.asked)} may be {len(match.candidates)} members"
        return what, f"write {_either(match.candidates)}"
    member = match.candidates[0]
    what = f"{quoted(match.asked)} is not surely a member: other places have this name"
    return what, f"if you mean {member.name}, {names.country_of(member)}, write {member.slug}"


def _did_you_mean(near: tuple[Member, ...]) -> str:
    if not near:
        return "write a name or slug that is in members.csv"
    return f"did you mean {_either(near)}?"


def _either(members: tuple[Member, ...]) -> str:
    """'derby (Derby, GB) or buan (Buan, KR)'; the slug is what is sure to be understood."""
    said = [f"{member.slug} ({member.name}, {member.country})" for member in members[:_MOST]]
    if len(members) > _MOST:
        return f"one of {len(members)}, such as {', '.join(said)}"
    return " or ".join(said)
