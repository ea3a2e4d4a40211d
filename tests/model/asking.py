"""How the tests of rules ask: when is this rule due, there?"""

from __future__ import annotations

from datetime import datetime

from scheduler.model.cycles import Cycle
from scheduler.model.members import Member
from scheduler.model.moments import Question, Since, announced_as_a_whole, due_moments
from scheduler.model.network import Network
from scheduler.model.notices import Kind, NoticeRule
from scheduler.model.programme import Occurrence, occurrences_of
from scheduler.model.series import Series
from tests import cast
from tests.cast import at

#: Long before the sessions of `a_series`: nothing has been edited since.
APRIL = Since(at("2027-04-01T08:00:00+00:00"))


def applied(text: str) -> Since:
    """Everything came into force at that instant."""
    return Since(at(text))


def cycle(cycle_id: str) -> Cycle:
    return next(one for one in cast.real().cycles if one.id == cycle_id)


def rule_of(part: Series | Cycle, rule_id: str) -> NoticeRule:
    return next(rule for rule in part.rules if rule.id == rule_id)


def due(
    rule: str | NoticeRule,
    city: str | Member,
    part: Series | Cycle | None = None,
    since: Since = APRIL,
    network: Network | None = None,
) -> list[datetime]:
    """The instants at which a rule is due for a city: of the announcement, or of the first occurrence."""
    part = part or cast.a_series()
    network = network or cast.real().network
    the_rule = rule_of(part, rule) if isinstance(rule, str) else rule
    occurrence: Occurrence | None = occurrences_of(part)[0]
    if the_rule.kind is Kind.ANNOUNCEMENT and isinstance(part, Series):
        occurrence = announced_as_a_whole(part, since, network)
    if occurrence is None:
        return []
    member = cast.member(city) if isinstance(city, str) else city
    return list(due_moments(Question(occurrence, the_rule, network, since), member))
