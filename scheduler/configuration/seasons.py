"""seasons.yaml -> seasons that sessions and reminders are warned of; the file may be missing."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from pydantic import Field

from scheduler.configuration.document import read_document
from scheduler.configuration.problems import Problems
from scheduler.configuration.schema import Clock, CountryCode, Day, DaysAway, Form, Text, fill_in
from scheduler.model.seasons import Hours, Season


class SeasonHoursForm(Form):
    begin: Clock = Field(alias="from", description="clock time there, in quotes")
    end: Clock = Field(alias="to", description="clock time there, in quotes")


class SeasonForm(Form):
    title: Text = Field(description="as the warnings print it")
    first: Day = Field(alias="from", description="first day")
    last: Day = Field(alias="to", description="last day; it still belongs to the season")
    give_or_take_days: DaysAway = Field(
        0, description="so many days earlier or later it may begin and end. Default 0"
    )
    countries: list[CountryCode] = Field(
        default_factory=list, description="two-letter codes. Without this key: everywhere"
    )
    hours: SeasonHoursForm | None = Field(
        None, description="only sessions that touch these hours there. Without this key: the whole day"
    )
    text: Text = Field("", description="what colleagues should know")


class SeasonsForm(Form):
    seasons: list[SeasonForm] = Field(default_factory=list, description="list of seasons")


def read_seasons(path: Path, problems: Problems) -> tuple[Season, ...]:
    if not os.path.lexists(path):
        return ()
    document = read_document(path, problems)
    form = fill_in(SeasonsForm, document, problems) if document else None
    if document is None or form is None:
        return ()
    for number, season in enumerate(form.seasons):
        if season.last < season.first:
            place = document.place("seasons", number, "to")
            problems.error(place, "this season ends before it begins", "write from, then to")
        if season.hours and season.hours.end <= season.hours.begin:
            place = document.place("seasons", number, "hours", "to")
            problems.error(
                place, "these hours end before they begin", "write two seasons for hours around midnight"
            )
    return tuple(_season(form) for form in form.seasons)


def _season(form: SeasonForm) -> Season:
    return Season(
        title=form.title,
        first=form.first,
        last=form.last,
        give_or_take=timedelta(days=form.give_or_take_days),
        countries=tuple(form.countries),
        hours=Hours(form.hours.begin, form.hours.end) if form.hours else None,
        text=form.text,
    )
