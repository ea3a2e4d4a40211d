"""How each language says dates and hours, and that every text of ours can be translated."""

from __future__ import annotations

import ast
import gettext
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords, parse_mapping_cfg
from babel.messages.pofile import read_po

from scheduler.ical.words import case_words, cycle_words, private_words, public_words
from scheduler.languages import Language, language
from scheduler.mail import views
from scheduler.mail.templates import render
from scheduler.model.programme import occurrences_of
from scheduler.model.series import Join, Status
from tests.cast import ROOT, at, real
from tests.mail.desk import (
    NETWORK,
    REPORT_2021,
    about,
    reader,
    the_session,
    told,
    views_of_all_kinds,
)

EN = Language("en")
DAY = date(2020, 10, 21)
POT = ROOT / "scheduler" / "locale" / "scheduler.pot"
#: What `make messages` gives to Babel.
KEYWORDS = {**DEFAULT_KEYWORDS, **parse_keywords(["say", "say_many:1,2"])}

#: The languages that cities in config/members.csv are written to in, and some with habits of their own.
DATES = {
    "en": ("Wednesday 21 October 2020", "Wed 21 Oct"),
    "fr": ("mercredi 21 octobre 2020", "mer. 21 oct."),
    "es": ("miércoles, 21 de octubre de 2020", "mié 21 oct"),
    "pt": ("quarta-feira, 21 de outubro de 2020", "quarta 21/10"),
    "ar": ("الأربعاء، 21 أكتوبر 2020", "الأربعاء، 21 أكتوبر"),
    "ru": ("среда, 21 октября 2020\u202fг.", "ср 21 окт."),
    "zh": ("2020年10月21日星期三", "10月21日周三"),
    "ko": ("2020년 10월 21일 수요일", "10월 21일 (수)"),
    "de": ("Mittwoch, 21. Oktober 2020", "Mi. 21. Okt."),
}


@pytest.mark.parametrize("code", DATES)
def test_a_date_is_in_the_order_of_the_language(code: str) -> None:
    """US-17.1."""
    assert (Language(code).full_date(DAY), Language(code).short_date(DAY)) == DATES[code]


@pytest.mark.parametrize("code", ["en", "fr", "es", "pt", "ar", "ru", "zh", "ko", "fa", "hi", "da", "en_US"])
def test_a_clock_has_24_hours_in_latin_figures(code: str) -> None:
    words = Language(code)

    assert words.hours(at("2027-01-20T05:00:00+00:00"), None, "Europe/Berlin") == "06:00"
    assert (
        words.hours(at("2027-01-20T20:45:00+00:00"), at("2027-01-20T23:00:00+00:00"), "UTC") == "20:45–23:00"
    )


@pytest.mark.parametrize("code", [*DATES, "fa", "hi"])
def test_figures_of_a_date_are_latin(code: str) -> None:
    figures = [
        sign for sign in Language(code).full_date(DAY) + Language(code).month("2019-04") if sign.isdigit()
    ]

    assert figures
    assert all(sign.isascii() for sign in figures)


def test_a_month_is_named() -> None:
    assert EN.month("2019-04") == "April 2019"
    assert Language("fr").month("2019-04") == "avril 2019"


def test_a_span_names_the_day_there() -> None:
    start, end = at("2027-02-17T12:00:00+00:00"), at("2027-02-17T13:00:00+00:00")

    assert EN.span(start, end, "Pacific/Chatham") == "Thursday 18 February 2027, 01:45–02:45"
    assert EN.span(start, None, "America/St_Johns") == "Wednesday 17 February 2027, 08:30"


def test_a_span_of_several_days_names_the_last_one_too() -> None:
    start, end = at("2027-06-14T20:00:00+02:00"), at("2027-06-16T12:00:00+02:00")

    assert EN.span(start, end, "Europe/Berlin") == (
        "Monday 14 June 2027, 20:00 – Wednesday 16 June 2027, 12:00"
    )


@pytest.mark.parametrize(
    ("end", "hours"),
    [
        ("2027-06-15T01:00:00+02:00", "23:30–01:00"),
        ("2027-06-15T11:29:00+02:00", "23:30–11:29"),
        ("2027-06-15T11:30:00+02:00", "23:30 – Tuesday 15 June 2027, 11:30"),
    ],
)
def test_one_evening_needs_no_second_date(end: str, hours: str) -> None:
    """Until it lasts half a day."""
    assert EN.hours(at("2027-06-14T23:30:00+02:00"), at(end), "Europe/Berlin") == hours


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2027-06-14T11:00:00+00:00", "Hamburg time (CEST, UTC+2)"),
        ("2027-01-20T12:00:00+00:00", "Hamburg time (CET, UTC+1)"),
        ("2027-03-28T00:59:59+00:00", "Hamburg time (CET, UTC+1)"),
        ("2027-03-28T01:00:00+00:00", "Hamburg time (CEST, UTC+2)"),
    ],
)
def test_the_clock_of_hamburg_has_the_name_of_that_day(moment: str, words: str) -> None:
    assert EN.home_clock(at(moment), NETWORK) == words


def test_a_day_is_next_to_another() -> None:
    other = date(2020, 10, 20)

    assert (EN.relation(DAY, other), EN.relation(other, DAY), EN.relation(DAY, DAY)) == (
        "the next day",
        "the day before",
        "",
    )


def test_names_are_listed() -> None:
    assert [EN.listed(names) for names in ((), ("a",), ("a", "b"), ("a", "b", "c"))] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


@pytest.mark.parametrize(("count", "words"), [(1, "in 1 day"), (2, "in 2 days"), (21, "in 21 days")])
def test_numbers_have_their_plural(count: int, words: str) -> None:
    assert EN.say_many("in {count} day", "in {count} days", count) == words


def test_what_people_wrote_is_never_read_as_a_place_for_values() -> None:
    assert EN.say("Deadline: {title}", title="{title} {0} %s") == "Deadline: {title} {0} %s"


def test_only_arabic_letters_run_from_the_right() -> None:
    assert [code for code in DATES if Language(code).is_right_to_left] == ["ar"]


# without texts


def test_a_language_without_texts_falls_back_to_english() -> None:
    assert language("fr", NETWORK.languages) == EN
    assert language("fr", ("en", "fr")) == Language("fr")


def test_a_text_without_translation_stays_english() -> None:
    assert Language("fr").say("Deadline: {title}", title="x") == "Deadline: x"


def test_every_language_of_a_member_is_known() -> None:
    codes = {one.languages[0] for one in real().members}

    assert all(Language(code).full_date(DAY) for code in codes)


# for translators


def extracted() -> Catalog:
    """What `make messages` finds in the templates and in the code."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        mapping, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    catalogue = Catalog()
    for _, _, message, comments, context in extract_from_dir(
        ROOT, mapping, options, keywords=KEYWORDS, comment_tags=("NOTE:",)
    ):
        catalogue.add(message, auto_comments=comments, context=context)
    return catalogue


def ids(catalogue: Catalog) -> list[str | tuple[str, ...]]:
    return [tuple(one.id) if isinstance(one.id, tuple | list) else one.id for one in catalogue if one.id]


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with POT.open(encoding="utf-8") as file:
        return read_po(file)


def test_the_catalogue_holds_every_text(catalogue: Catalog) -> None:
    """`make messages` writes it anew."""
    assert ids(catalogue) == ids(extracted())


def test_translators_are_told_what_must_stay(catalogue: Catalog) -> None:
    message = catalogue.get("Or write “stop” to %(address)s.")

    assert message
    assert "do not translate it" in " ".join(message.auto_comments)


def asked_for() -> Iterator[tuple[Path, ast.Call]]:
    for path in sorted((ROOT / "scheduler").rglob("*.py")):
        if "configuration" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in ("say", "say_many"):
                yield path, node


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def test_a_text_is_written_where_it_is_asked_for() -> None:
    """A text that is put together first is found by no extraction."""
    found = list(asked_for())

    assert found
    for path, call in found:
        texts = call.args[: 2 if _name(call.func) == "say_many" else 1]
        assert all(isinstance(text, ast.Constant) for text in texts), f"{path}:{call.lineno}"


class Listener(gettext.NullTranslations):
    """Translates nothing and remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def gettext(self, message: str) -> str:
        self.asked.add(message)
        return message

    def ngettext(self, one: str, many: str, count: int) -> str:
        self.asked |= {one, many}
        return one if count == 1 else many


@dataclass(frozen=True)
class Heard(Language):
    """English, with someone listening."""

    listener: Listener = field(default_factory=Listener)

    @property
    def translations(self) -> gettext.NullTranslations:
        return self.listener


def test_all_that_mails_ask_for_is_in_the_catalogue(catalogue: Catalog) -> None:
    words = Heard("en")
    who = reader("Pacific/Apia", words)
    sessions = [
        the_session(recording="https://r.example", summary="https://s.example"),
        the_session(start=None, end=None, join=Join()),
        the_session(status=Status.POSTPONED, reason="A storm"),
        the_session(status=Status.CANCELLED),
    ]
    for session in sessions:
        for kind, view in views_of_all_kinds(who, session).items():
            render(kind, view, words)
        private_words(session, who.zone, NETWORK, words, is_over=True)
        public_words(session, NETWORK, words, is_over=True)
        about(session, who, before=told(sessions[0]), days=-2)
    case_words(occurrences_of(REPORT_2021)[0], who.zone, NETWORK, words)
    cycle_words(REPORT_2021, NETWORK, words)

    known = {text for one in ids(catalogue) for text in ([one] if isinstance(one, str) else one)}
    assert len(words.listener.asked) > 60
    assert words.listener.asked <= known


def test_a_translation_is_used_everywhere() -> None:
    class Shouting(Listener):
        def gettext(self, message: str) -> str:
            return message.upper() if "%" not in message and "{" not in message else message

    words = Heard("en", Shouting())

    texts = render(*next(iter(views_of_all_kinds(reader("Asia/Qatar", words)).items())), words)

    assert "KIND REGARDS" in texts.plain
    assert "KIND REGARDS" in texts.html
    assert views.ahead(1, words) == "TOMORROW"
