"""A copy of config/ in which things are broken."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from scheduler.configuration.load import Loaded, load
from tests import cast
from tests.configuration.desk import with_change


@dataclass(frozen=True)
class House:
    folder: Path

    @classmethod
    def copied_to(cls, folder: Path) -> House:
        shutil.copytree(cast.CONFIG, folder)
        return cls(folder)

    def change(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        path.write_text(with_change(path.read_text(encoding="utf-8"), old, new), encoding="utf-8")

    def line_of(self, file: str, text: str) -> int:
        """The number of the only line that holds the text."""
        (line,) = (n for n, line in enumerate(self._lines(file), 1) if text in line)
        return line

    def _lines(self, file: str) -> list[str]:
        return (self.folder / file).read_text(encoding="utf-8").splitlines()

    def load(self) -> Loaded:
        return load(self.folder)

    def said(self) -> list[str]:
        """Every problem but the real warnings of summer dates; without the name of the folder."""
        found = (str(problem).replace(f"{self.folder}/", "") for problem in self.load().problems)
        return [sentence for sentence in found if "is said of a summer date" not in sentence]
