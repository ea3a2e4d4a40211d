"""Exports as LimeSurvey 3 to 6 write them, byte for byte in form; what is in them is invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.cli.workbook import Cell, workbook

CODES = (
    *("id", "submitdate", "lastpage", "startlanguage", "seed", "token", "startdate", "datestamp", "ipaddr"),
    *("G01Q01", "G01Q02[SQ001]", "G01Q02[SQ002]", "G02Q03", "G02Q03[comment]", "G02Q04", "G02Q05"),
    *("G02Q05[filecount]", "interviewtime", "groupTime12", "G01Q01Time"),
)
TEXTS = (
    *("Response ID", "Date submitted", "Last page", "Start language", "Seed", "Access code", "Date started"),
    *("Date last action", "IP address"),
    *("Name of the city", "How many take part? [Men]", "How many take part? [Women]"),
    *("Is progress monitored?", "Is progress monitored? [Comment]"),
    "<p>Describe your plan, and <strong>who</strong> is in it&nbsp;(max. 250 words)</p>",
    *(
        "Upload a photo",
        "filecount - Upload a photo",
        "Total time",
        "Group time: General",
        "Question time: Q",
    ),
)
BOTH = tuple(f"{code}. {text}" for code, text in zip(CODES, TEXTS, strict=True))
#: Each part is cut after 15 letters.
SHORT = (
    *("Response ID", "Date submitted", "Last page", "Start language", "Seed", "Access code", "Date started"),
    *("Date last actio.. ", "IP address", "Name of the cit.. ", "How many take p..  [Men]"),
    *(
        "How many take p..  [Women]",
        "Is progress mon.. ",
        "Is progress mon..  [Comment]",
        "Describe your p.. ",
    ),
    *("Upload a photo", "filecount - Upl.. ", "Total time", "Group time: Gen.. ", "Question time: .. "),
)
UNDERSCORES = tuple(text.replace(" ", "_") for text in TEXTS)
EM_CODES = tuple(code.replace("[", "_").replace("]", "") for code in CODES)

#: None is what the database has nothing for.
Row = Sequence[str | None]


def response(code: str | None, submitted: str | None = None, **answers: str | None) -> dict[str, str | None]:
    """A response with the columns of CODES; who has submitted has seen four pages."""
    made: dict[str, str | None] = dict.fromkeys(CODES)
    made |= {
        "id": "7",
        "submitdate": submitted,
        "lastpage": "4" if submitted else "2",
        "startlanguage": "en",
        "seed": "1938471023",
        "token": code,
        "startdate": "2021-11-02 10:15:00",
        "datestamp": "2021-11-05 16:40:12",
        "ipaddr": "192.0.2.7",
        "G02Q05[filecount]": "0",
        "interviewtime": "1834.22",
    }
    return made | answers


def rows_of(*responses: Mapping[str, str | None]) -> list[list[str | None]]:
    return [[one[code] for code in CODES] for one in responses]


def as_csv(rows: Sequence[Row], headings: Sequence[str] = CODES, delimiter: str = ",") -> bytes:
    """With a byte order mark, everything in quotes but nothing at all, and an empty line at the end."""
    lines = [delimiter.join(map(_cell, row)) for row in (headings, *rows)]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n\r\n").encode()


def _cell(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def as_xlsx(rows: Sequence[Row], headings: Sequence[str] = CODES) -> bytes:
    """What looks like a number is one there, and what begins with = a formula that nobody has computed."""
    return workbook(headings, *([_xlsx_cell(value) for value in row] for row in rows), name="Report 2021")


def _xlsx_cell(value: str | None) -> Cell:
    if value is None:
        return ""
    if value.startswith("="):
        return f'<c r="{{at}}" t="s"><f>{value.strip("=").replace("<", "&lt;")}</f></c>'
    return float(value) if value.replace(".", "", 1).isdigit() and not value.startswith("0") else value


def participants(rows: Sequence[Row]) -> bytes:
    """tid, firstname, lastname, email, token, slug of each: its list of participants."""
    head = (
        "tid,firstname,lastname,email,emailstatus,token,language,validfrom,validuntil,invited,reminded,"
        "remindercount,completed,usesleft, attribute_1 <slug>"
    )
    lines = [head]
    for tid, first, last, email, token, slug in rows:
        cells = (tid, first, last, email, "OK", token, "en", "", "", "N", "N", "0", "N", "1", slug)
        lines.append(",".join(_cell(cell or "") for cell in cells))
    return ("\ufeff" + "\n".join(lines) + "\n").encode()
