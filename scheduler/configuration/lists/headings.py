"""The first line of an export of LimeSurvey: which column is what, in each form that it can write.

It writes question codes (`Q3[SQ001]`, or `Q3_SQ001`), whole texts ("How many? [Men]"), texts cut short
("Date last actio.. "), or both ("Q3. How many?"); blanks may be underscores, and texts have HTML in them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

#: What LimeSurvey keeps of a response besides its answers -> how it calls that, for people; its German,
#: French and Spanish words too, as its administration may be in those.
_TEXTS: Mapping[str, tuple[str, ...]] = {
    "id": ("response id", "antwort id", "id de la réponse", "id de respuesta"),
    "submitdate": ("date submitted", "datum abgeschickt", "date de soumission", "fecha de envío"),
    "lastpage": ("last page", "letzte seite", "dernière page", "última página"),
    "startlanguage": ("start language", "start-sprache", "langue de départ", "lenguaje inicial"),
    "seed": ("seed", "zufallsstartwert", "tête de série", "semilla"),
    "token": ("access code", "token", "zugangscode", "zugangsschlüssel", "code d'accès", "código de acceso"),
    "startdate": ("date started", "datum gestartet", "date de lancement", "fecha de inicio"),
    "datestamp": (
        *("date last action", "datum letzte aktivität", "date de la dernière action"),
        "fecha de la última acción",
    ),
    "ipaddr": ("ip address", "ip-adresse", "adresse ip", "dirección ip"),
    "refurl": ("referrer url", "url referrer"),
    "quota_exit": ("quota exit",),
    "interviewtime": ("total time", "gesamtzeit"),
    "tid": ("access code id", "token id"),
    "participant_id": ("participant id",),
    "firstname": ("first name", "vorname"),
    "lastname": ("last name", "nachname"),
    "email": ("email address", "e-mail-adresse"),
    "emailstatus": ("email status",),
    "language": ("language code",),
    "blacklisted": ("blocklisted", "blacklisted"),
    "sent": ("invitation sent date",),
    "remindersent": ("last reminder sent date",),
    "remindercount": ("total numbers of sent reminders", "total number of sent reminders"),
    "completed": ("completed",),
    "usesleft": ("uses left",),
    "validfrom": ("valid from",),
    "validuntil": ("valid until",),
}
_BY_TEXT = {text: name for name, texts in _TEXTS.items() for text in texts}
#: Attributes of a participant; how long somebody took; how many files, which is 0 where there are none.
_NO_QUESTION = re.compile(
    r"attribute_\d+\b|grouptime\d+|(?:group|question) time\b|filecount\b|.*[\[_]filecount\]?$", re.IGNORECASE
)
_COMMENT = re.compile(r"(?:[\[_][^\[\]_]*comment\]?)$", re.IGNORECASE)
#: So much of a text that was cut short must be left to know it again.
_LEAST = 8
_CUT = re.compile(r"\s*(?:\.\.+|…)\s*$")
_TAG = re.compile(r"<[^<>]*>")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_DIGITS = re.compile(r"(\d+)[A-Za-z]*$")
#: "text [Men]", "text [Men][Scale 1]"
_PART = re.compile(r"\s*\[[^\[\]]*\]$")
_LIMIT = re.compile(r"\bmax(?:imum|\.)?(?: of)?\s*(\d{1,5})\s+words\b", re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    number: int
    #: positions, from 0
    columns: tuple[int, ...]
    #: most words of an answer; None: as many as anybody likes
    limit: int | None = None


@dataclass(frozen=True)
class Headings:
    #: name in LimeSurvey ("submitdate") -> position, from 0
    columns: Mapping[str, int]
    questions: tuple[Question, ...]

    @property
    def known(self) -> int:
        return len(self.columns)


@dataclass(frozen=True)
class _Heading:
    at: int
    #: what joins the columns of one question
    stem: str
    text: str
    is_part: bool


def read_headings(cells: Sequence[str], word_limits: Mapping[int, int]) -> Headings:
    """word_limits: number of a question -> most words; where it has none, what its text says counts.

    The number of a question is that in its code ("G01Q12", "Q12b"), where each has one of its own; else its
    place. Columns of one question count as one.
    """
    plain = [_plain(cell) for cell in cells]
    separator = _separator(plain)
    columns: dict[str, int] = {}
    left = []
    for at, text in enumerate(plain):
        name = _name(text, separator)
        if name is None:
            left.append(at)
        else:
            columns.setdefault(name, at)
    has_codes = separator is not None or not _are_texts(plain, columns)
    questions = _of_codes(plain, left, separator) if has_codes else _of_texts(plain, left)
    return Headings(columns, _numbered(questions, has_codes, word_limits))


def _plain(cell: str) -> str:
    """Without HTML, on one line."""
    text = html.unescape(_TAG.sub(" ", cell)) if "<" in cell or "&" in cell else cell
    return " ".join(text.split())


def _separator(plain: Sequence[str]) -> str | None:
    """What stands between code and text where both do (". " in "token. Access code"); None: only one does."""
    for name in ("submitdate", "id", "lastpage", "token"):
        for text in plain:
            if text.startswith(name) and len(text) > len(name):
                rest = text[len(name) :].casefold().replace("_", " ")
                for known in _TEXTS[name]:
                    if rest.endswith(known):
                        return text[len(name) : len(text) - len(known)]
    return None


def _name(text: str, separator: str | None) -> str | None:
    """What LimeSurvey calls a column that is no question's."""
    if separator is not None:
        text = text.partition(separator)[0] if separator else text
    if text in _TEXTS:
        return text
    spaced = text.casefold().replace("_", " ")
    if spaced in _BY_TEXT:
        return _BY_TEXT[spaced]
    if (cut := _CUT.sub("", spaced)) != spaced and len(cut) >= _LEAST:
        found = {name for known, name in _BY_TEXT.items() if known.startswith(cut)}
        return found.pop() if len(found) == 1 else None
    return None


def _are_texts(plain: Sequence[str], columns: Mapping[str, int]) -> bool:
    """The columns that are known stand there by their texts; "seed" says nothing."""
    return any(plain[at] not in _TEXTS for name, at in columns.items() if name != "seed")


def _of_texts(plain: Sequence[str], left: Sequence[int]) -> list[list[_Heading]]:
    found = []
    for at in left:
        text = plain[at].replace("_", " ")
        if _NO_QUESTION.match(text) or _COMMENT.search(text):
            continue
        stem = text
        while (shorter := _PART.sub("", stem)) != stem:
            stem = shorter
        found.append(_Heading(at, stem or text, text, stem != text))
    questions: list[list[_Heading]] = []
    for heading in found:
        last = questions[-1] if questions else []
        # two questions in a row may have the same words; parts of one stand in brackets
        if last and last[-1].stem == heading.stem and (heading.is_part or last[-1].is_part):
            last.append(heading)
        else:
            questions.append([heading])
    return questions


def _of_codes(plain: Sequence[str], left: Sequence[int], separator: str | None) -> list[list[_Heading]]:
    codes = {at: plain[at].partition(separator)[0] if separator else plain[at] for at in left}
    all_codes = {_stem(code) for code in codes.values()}
    found: dict[str, list[_Heading]] = {}
    for at, code in codes.items():
        stem = _stem(code)
        is_time = stem.endswith("Time") and stem.removesuffix("Time") in all_codes
        if not (is_time or _NO_QUESTION.match(code) or _COMMENT.search(code)):
            found.setdefault(stem, []).append(_Heading(at, stem, plain[at], stem != code))
    return list(found.values())


def _stem(code: str) -> str:
    """Gives "Q3" of "Q3[SQ001][1]" and of "Q3_SQ001"; a code of LimeSurvey has letters and figures only."""
    found = _CODE.match(code)
    return found[0] if found else code


def _numbered(
    questions: Sequence[Sequence[_Heading]], have_codes: bool, word_limits: Mapping[int, int]
) -> tuple[Question, ...]:
    numbers = _numbers([question[0].stem for question in questions]) if have_codes else None
    placed = zip(numbers or range(1, len(questions) + 1), questions, strict=True)
    together = groupby(sorted(placed, key=lambda one: one[0]), key=lambda one: one[0])
    return tuple(
        _question(number, [heading for _, question in same for heading in question], word_limits)
        for number, same in together
    )


def _numbers(stems: Sequence[str]) -> list[int] | None:
    """Those in the codes; None where one has none, or two have the same. "Q1a" and "Q1b" are one question,
    "G1Q1" and "G2Q1" are not."""
    found = [_DIGITS.search(stem) for stem in stems]
    matches = [match for match in found if match]
    bare = {match.string[: match.end(1)].casefold(): int(match[1]) for match in matches}
    if len(matches) < len(stems) or len(set(bare.values())) < len(bare):
        return None
    return [int(match[1]) for match in matches]


def _question(number: int, headings: Sequence[_Heading], word_limits: Mapping[int, int]) -> Question:
    said = (_LIMIT.search(heading.text) for heading in headings)
    limit = word_limits.get(number) or next((int(match[1]) for match in said if match), None)
    return Question(number, tuple(heading.at for heading in headings), limit)
