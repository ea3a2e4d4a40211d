"""Which member is meant by a name, as people write it (US-20)? The right one or a question, never a guess."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from scheduler.model.members import Member
from scheduler.model.network import Country

#: Letters that Unicode does not take apart, with what a plain keyboard has in their place.
_LETTERS = str.maketrans(
    {"ı": "i", "đ": "d", "ð": "d", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "ŧ": "t"}
)
#: Signs in the place of an apostrophe that Unicode counts as letters or as signs of their own.
_APOSTROPHES = frozenset("`ʹʻʼʽʾʿˈˊˋ´ꞌ")
#: "La Paz (Baja California Sur)"
_QUALIFIED = re.compile(r"(?P<bare>[^()]+)\((?P<qualifier>[^()]+)\)\s*")
_PARTS = re.compile(r"[,;()]")
_IDLE_ASCII = re.compile(r"[^a-z0-9$+<=>^|~]+")
#: Nothing that is longer is the name of a place.
_LONGEST = 200
#: So alike must a name be to stand in a question.
_NEAR, _MOST_NEAR = 0.75, 3


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """What is left of a name when case, accents, apostrophes, hyphens, blanks and brackets do not matter.

    I, ı, İ and i are one letter, as on a Turkish keyboard. To fold twice changes nothing.
    """
    if text.isascii():  # says the same, in a tenth of the time
        return _IDLE_ASCII.sub("", text.lower())
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
    return "".join(sign for sign in unicodedata.normalize("NFKD", plain) if not _is_idle(sign))


def _is_idle(sign: str) -> bool:
    """An accent, an apostrophe, a blank, punctuation or an invisible sign."""
    if sign.isascii():
        return _IDLE_ASCII.fullmatch(sign.lower()) is not None
    if sign in _APOSTROPHES or unicodedata.combining(sign):
        return True
    return unicodedata.category(sign)[0] in "PZC"


@dataclass(frozen=True)
class Match:
    """What a name found."""

    asked: str
    #: the one that is surely meant
    member: Member | None
    #: otherwise whoever may be meant: several, or one whose name other places have too
    candidates: tuple[Member, ...] = ()


@dataclass(frozen=True)
class _Claim:
    """One member has this name."""

    member: Member
    #: what the name must be followed by: "Baja California Sur"; empty = it may stand alone
    qualifier: str = ""


class Names:
    """All names of all members: slugs, names and aliases.

    Matches are exact but for what `fold` makes equal; "Buan" is not Busan. These are the rules:

    - A slug names its member.
    - A name or alias names its member, unless another member has it too.
    - The first part of a name or alias with brackets, "La Paz (Baja California Sur)" or "Macao (PT)", is
      a name that other places have too. It needs the words in the brackets: "La Paz, Baja California Sur".
      The country is enough where staff wrote the first part alone as a name or alias ("La Paz, Mexico"),
      for then it is the only one of its country; of a "Nam-gu (Busan)" there are more in the country.
    - Yet a member's own name, written with all its accents, is that member: "Mação", but not "Macao".
    - Any name may be followed by the country, its name or code, and then must be of that country.
    """

    def __init__(self, members: Iterable[Member], countries: Iterable[Country] = ()) -> None:
        self.members = tuple(members)
        known = tuple(countries)
        self._countries = _country_codes(self.members, known)
        # of several names of one country the first is the one to show
        self._country_names = {country.code: country.name for country in reversed(known)}
        self._by_slug = {member.slug: member for member in self.members}
        self._claims: dict[str, list[_Claim]] = {}
        for member in self.members:
            self._enter(member)

    def _enter(self, member: Member) -> None:
        found = {fold(name): "" for name in (member.slug, member.name, *member.aliases)}
        for name in (member.name, *member.aliases):
            if qualified := _QUALIFIED.fullmatch(name):
                found[fold(qualified["bare"])] = qualified["qualifier"]
        for name, qualifier in found.items():
            if name:
                self._claims.setdefault(name, []).append(_Claim(member, qualifier))

    def find(self, text: str) -> Match:
        """The member that a name means, or whoever it may mean. Nobody at all: no candidates either."""
        text = text.strip()
        if member := self._by_slug.get(text):
            return Match(text, member)
        if len(text) > _LONGEST:
            return Match(text, None)
        claims = self._claims.get(fold(text))
        if not claims:
            return self._find_qualified(text)
        if len(claims) == 1 and (not claims[0].qualifier or _is_own(text, claims[0].member)):
            return Match(text, claims[0].member)
        return Match(text, None, _members(claims))

    def _find_qualified(self, text: str) -> Match:
        """ "La Paz, Mexico", "La Paz (MX)", "Nam-gu, Busan, Republic of Korea"."""
        parts = [part for part in _PARTS.split(text) if fold(part)]
        for size in range(len(parts) - 1, 0, -1):
            name, qualifiers = " ".join(parts[:size]), parts[size:]
            if claims := self._claims.get(fold(name)):
                fitting = [claim for claim in claims if self._fits(claim, name, qualifiers)]
                member = fitting[0].member if len(fitting) == 1 else None
                return Match(text, member, () if member else _members(fitting or claims))
        return Match(text, None)

    def _fits(self, claim: _Claim, name: str, qualifiers: list[str]) -> bool:
        """Each qualifier is true of it, and together they say enough."""
        says_enough = not claim.qualifier
        for qualifier in qualifiers:
            in_brackets = bool(claim.qualifier) and fold(qualifier) == fold(claim.qualifier)
            country = self._countries.get(fold(qualifier)) == claim.member.country
            if not in_brackets and not country:
                return False
            says_enough = says_enough or in_brackets or self._is_only_one(claim, name)
        return says_enough

    def _is_only_one(self, claim: _Claim, name: str) -> bool:
        """Its country has no other of this name: staff wrote it alone, or with the country in brackets."""
        member = claim.member
        alone = fold(name) in {fold(word) for word in (member.name, *member.aliases)}
        return alone or self._countries.get(fold(claim.qualifier)) == member.country

    def country_of(self, member: Member) -> str:
        """The name of its country; the code where no name is known."""
        return self._country_names.get(member.country, member.country)

    def near(self, text: str) -> tuple[Member, ...]:
        """Members with a name that looks alike, the nearest first: for a question, never to go on with."""
        close = difflib.get_close_matches(fold(text[:_LONGEST]), self._claims, _MOST_NEAR, _NEAR)
        found = {claim.member.slug: claim.member for name in close for claim in self._claims[name]}
        return tuple(found.values())


def _members(claims: list[_Claim]) -> tuple[Member, ...]:
    return tuple(claim.member for claim in claims)


def _is_own(text: str, member: Member) -> bool:
    """It is the member's own name with all its accents; small and capital letters do not matter."""
    own, written = (unicodedata.normalize("NFC", name).casefold() for name in (member.name, text))
    return own == written


def _country_codes(members: Iterable[Member], countries: Iterable[Country]) -> dict[str, str]:
    """Folded code or name -> code; "Iran" too where the name is "Iran (Islamic Republic of)"."""
    codes = {fold(member.country): member.country for member in members}
    for country in countries:
        codes[fold(country.code)] = country.code
        codes[fold(country.name)] = country.code
        if qualified := _QUALIFIED.fullmatch(country.name):
            codes[fold(qualified["bare"])] = country.code
    return codes
