"""The kinds of file that staff edit: what each is called, where it lies, and which form it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scheduler.configuration.cycle_form import CycleForm
from scheduler.configuration.network import NetworkForm
from scheduler.configuration.notices import NoticesForm, ReportNoticesForm, RuleForm, SessionNoticesForm
from scheduler.configuration.schema import Form
from scheduler.configuration.seasons import SeasonsForm
from scheduler.configuration.series_form import DetailsForm, SeriesForm, SessionForm

#: Below the folder of the configuration: the schemas that editors read.
SCHEMAS = "schema"


@dataclass(frozen=True)
class Section:
    """One list of keys in the opening comment of a file."""

    #: by which the list is found again
    title: str
    form: type[Form]


@dataclass(frozen=True)
class Kind:
    #: what `scheduler schema` calls it, and its schema
    name: str
    #: what one file of it is, as a sentence goes on
    means: str
    #: where its files lie, below the folder of the configuration
    pattern: str
    form: type[Form]
    sections: tuple[Section, ...]
    #: forms whose keys are explained in another file, or in a section
    elsewhere: tuple[type[Form], ...] = ()

    @property
    def folder(self) -> str:
        return str(Path(self.pattern).parent)

    def files(self, folder: Path) -> list[Path]:
        names = (self.pattern, self.pattern.replace(".yaml", ".yml"))
        found = {path for name in names for path in folder.glob(name)}
        return sorted(path for path in found if not path.name.startswith("."))

    def modeline(self) -> str:
        """The first line of a file: it tells editors where its schema lies."""
        up = "../" * self.pattern.count("/")
        return f"# yaml-language-server: $schema={up}{SCHEMAS}/{self.name}.json"


NETWORK = Kind(
    "network",
    "who the network is, and what its words mean",
    "network.yaml",
    NetworkForm,
    (Section("Keys that may stand here", NetworkForm),),
)
NOTICES = Kind(
    "notices",
    "which mail goes to whom, and when",
    "notices.yaml",
    NoticesForm,
    (Section("Keys that may stand here", NoticesForm), Section("Keys of one rule", RuleForm)),
    elsewhere=(RuleForm,),
)
SERIES = Kind(
    "series",
    "one webinar series",
    "series/*.yaml",
    SeriesForm,
    (Section("Keys of a series", SeriesForm), Section("Keys of a session", SessionForm)),
    elsewhere=(SessionNoticesForm, SessionForm, DetailsForm),
)
CYCLE = Kind(
    "cycle",
    "one reporting round",
    "cycles/*.yaml",
    CycleForm,
    (Section("Keys that may stand here", CycleForm),),
    elsewhere=(ReportNoticesForm,),
)
SEASONS = Kind(
    "seasons",
    "weeks in which cities have their minds elsewhere",
    "seasons.yaml",
    SeasonsForm,
    (Section("Keys that may stand here", SeasonsForm),),
)
KINDS = (NETWORK, NOTICES, SERIES, CYCLE, SEASONS)


def kind_named(name: str) -> Kind | None:
    return next((kind for kind in KINDS if kind.name == name), None)


def files_in(folder: Path) -> Iterator[tuple[Kind, Path]]:
    """Every file of a known kind in a configuration."""
    for kind in KINDS:
        yield from ((kind, path) for path in kind.files(folder))
