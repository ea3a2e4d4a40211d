"""A few series as they are written, with all cities members for ever: what `check` says besides errors."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from scheduler.configuration.advice.advisor import advise
from scheduler.configuration.cycles import read_cycle
from scheduler.configuration.document import Document, read_document
from scheduler.configuration.load import Loaded
from scheduler.configuration.problems import Problems, Severity
from scheduler.configuration.seasons import read_seasons
from scheduler.configuration.series import read_series
from scheduler.model.network import Configuration
from tests import cast
from tests.configuration.desk import real_network, real_notices

#: A day on which everything of these tests is over, unless a test says another one.
LATER = date(2030, 1, 1)


@dataclass
class Adviser:
    folder: Path
    documents: dict[str, Document] = field(default_factory=dict)
    configuration: Configuration = field(
        default_factory=lambda: replace(cast.open_house(), series=(), cycles=())
    )

    def series(self, text: str) -> Adviser:
        network, vocabulary = real_network()
        document = self._document(text)
        found = read_series(document, network, vocabulary, real_notices(), Problems())
        assert found is not None
        self.documents[found.id] = document
        self.configuration = replace(self.configuration, series=(*self.configuration.series, found))
        return self

    def cycle(self, text: str) -> Adviser:
        document = self._document(text)
        found = read_cycle(document, *real_network(), real_notices(), Problems())
        assert found is not None
        self.documents[found.id] = document
        self.configuration = replace(self.configuration, cycles=(*self.configuration.cycles, found))
        return self

    def members(self, *slugs: str) -> Adviser:
        """Only these, or all those of the real configuration with their own memberships."""
        chosen = tuple(cast.member(slug) for slug in slugs)
        self.configuration = replace(self.configuration, members=chosen)
        return self

    def said(
        self,
        *severities: Severity,
        today: date = LATER,
        in_force: Configuration | None = None,
        about: Collection[str] = (),
    ) -> list[str]:
        """ "3:9: warning: ..." of each finding that holds one of the words `about`."""
        seasons = read_seasons(cast.CONFIG / "seasons.yaml", Problems())
        loaded = Loaded(
            self.configuration, [], documents=self.documents, readable=self.configuration, seasons=seasons
        )
        return [
            str(problem).partition(":")[2]
            for problem in advise(loaded, today, in_force)
            if not severities or problem.severity in severities
            if not about or any(word in problem.what for word in about)
        ]

    def _document(self, text: str) -> Document:
        path = self.folder / f"{len(self.documents)}.yaml"
        path.write_text(text, encoding="utf-8")
        document = read_document(path, Problems())
        assert document is not None
        return document


def a_series(*sessions: str, name: str = "talks", more: str = "") -> str:
    """sessions: "id date hours audience", such as "rights 2020-06-10 13:00-14:00 World"."""
    lines = [f"id: {name}", f"title: {name}", "zone: Europe/Berlin"]
    lines += [more] if more else []
    lines.append("sessions:")
    for session in sessions:
        session_id, day, hours, audience, *rest = session.split(maxsplit=3)
        start, _, end = hours.partition("-")
        lines += [f"  - id: {session_id}", f"    date: {day}", f'    start: "{start}"', f'    end: "{end}"']
        lines += [f"    audience: {audience}", *rest]
    return "\n".join(lines) + "\n"
