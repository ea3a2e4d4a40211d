"""Which members something is for."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.model.members import Member, Span


@dataclass(frozen=True)
class Audience:
    """Whoever fits every list that is given (a region *and* a language), and the members named one by one."""

    #: the words staff used, shown to people
    label: str
    everyone: bool = False
    #: region ids, ISO country codes, mail languages
    regions: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    #: intakes, as spans of days in which a membership began
    joined: tuple[Span, ...] = ()
    #: slugs that are meant besides
    members: tuple[str, ...] = ()
    #: slugs that are not meant in spite of all the above
    left_out: tuple[str, ...] = ()

    def includes(self, member: Member) -> bool:
        if member.slug in self.left_out:
            return False
        return self.everyone or member.slug in self.members or self._fits(member)

    def _fits(self, member: Member) -> bool:
        fits = (
            (self.regions, member.region in self.regions),
            (self.countries, member.country in self.countries),
            (self.languages, member.languages[0] in self.languages),
            (self.joined, any(member.joined_in(intake) for intake in self.joined)),
        )
        asked = [fit for given, fit in fits if given]
        return bool(asked) and all(asked)
