"""A desk on which one file at a time is written and read, with the words of the real network beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from scheduler.configuration.cycles import read_cycle
from scheduler.configuration.document import Document, read_document
from scheduler.configuration.members import read_countries, read_members
from scheduler.configuration.network import read_network
from scheduler.configuration.notices import NoticesForm, read_notices
from scheduler.configuration.problems import Problems
from scheduler.configuration.series import read_series
from scheduler.configuration.table import Row, read_table
from scheduler.configuration.vocabulary import Vocabulary
from scheduler.model.cycles import Cycle
from scheduler.model.members import Member
from scheduler.model.network import Country, Network
from scheduler.model.notices import NoticeRule
from scheduler.model.series import Series
from tests import cast
from tests.configuration.editor import faults


def with_change(text: str, old: str, new: str) -> str:
    """The text with one thing written differently."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the text"
    return text.replace(old, new)


@lru_cache(maxsize=1)
def real_network() -> tuple[Network, Vocabulary]:
    problems = Problems()
    document = read_document(cast.CONFIG / "network.yaml", problems)
    found = read_network(document, problems) if document else None
    assert found is not None
    return found


@lru_cache(maxsize=1)
def real_notices() -> NoticesForm:
    problems = Problems()
    document = read_document(cast.CONFIG / "notices.yaml", problems)
    found = read_notices(document, real_network()[0], problems) if document else None
    assert found is not None
    return found


@lru_cache(maxsize=1)
def real_countries() -> tuple[Country, ...]:
    return read_countries(cast.CONFIG / "countries.csv", Problems())


@dataclass
class Desk:
    """Each reader gives what it made of the file; `said` is what it had to say."""

    folder: Path
    said: list[str]

    def write(self, content: str | bytes, name: str = "file.yaml") -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        return path

    def document(self, content: str | bytes) -> Document | None:
        problems = Problems()
        document = read_document(self.write(content), problems)
        self._hear(problems)
        return document

    def table(
        self, content: str | bytes, needed: tuple[str, ...], allowed: tuple[str, ...] = ()
    ) -> list[Row]:
        problems = Problems()
        rows = read_table(self.write(content, "file.csv"), needed, allowed, problems)
        self._hear(problems)
        return rows

    def network(self, content: str) -> tuple[Network, Vocabulary] | None:
        problems = Problems()
        document = read_document(self.write(content), problems)
        found = read_network(document, problems) if document else None
        self._hear(problems, "network", content)
        return found

    def series(self, content: str | bytes, words: Vocabulary | None = None) -> Series | None:
        problems = Problems()
        network, vocabulary = real_network()
        document = read_document(self.write(content), problems)
        found = document and read_series(document, network, words or vocabulary, real_notices(), problems)
        self._hear(problems, "series", content)
        return found or None

    def cycle(self, content: str) -> Cycle | None:
        problems = Problems()
        document = read_document(self.write(content), problems)
        found = document and read_cycle(document, *real_network(), real_notices(), problems)
        self._hear(problems, "cycle", content)
        return found or None

    def notices(self, content: str) -> NoticesForm | None:
        problems = Problems()
        document = read_document(self.write(content), problems)
        found = read_notices(document, real_network()[0], problems) if document else None
        self._hear(problems, "notices", content)
        return found

    def members(self, content: str | bytes) -> tuple[Member, ...]:
        problems = Problems()
        path = self.write(content, "members.csv")
        found = read_members(path, *real_network(), real_countries(), problems)
        self._hear(problems)
        return found

    def countries(self, content: str) -> tuple[Country, ...]:
        problems = Problems()
        found = read_countries(self.write(content, "countries.csv"), problems)
        self._hear(problems)
        return found

    def _hear(self, problems: Problems, kind: str = "", content: str | bytes = "") -> None:
        """What a reader finds right, an editor that knows our schemas must never mark."""
        if kind and not problems.errors():
            assert faults(content, kind) == []
        prefix = re.escape(f"{self.folder}/")
        self.said = [re.sub(prefix, "", str(problem)) for problem in problems.in_order()]


def rule(rules: tuple[NoticeRule, ...], rule_id: str) -> NoticeRule:
    return next(one for one in rules if one.id == rule_id)
