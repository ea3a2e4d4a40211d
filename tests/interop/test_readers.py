"""Seven programs read every calendar alike: four that pip brings, and ical.js, node-ical and libical."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from scheduler.service.feeds import Feeds
from tests.cast import MEDELLIN, at, member, real
from tests.ical.readers import Item, agreed
from tests.service.force import LINKS, in_force

pytestmark = pytest.mark.interop

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "ical" / "golden"
#: Where `make interop` puts what npm brings; the repository never holds it.
MODULES = HERE.parent.parent / "var" / "interop"
#: Midnight in a zone where a day begins on the day before in Greenwich: programs must not mind.
ENVIRONMENT = {"TZ": "Pacific/Kiritimati", "PATH": "/usr/local/bin:/usr/bin:/bin"}

Reader = Callable[[Sequence[Path]], list[list[Item]]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """All golden calendars, and two feeds of the real programme: everybody's, and a city's own."""
    folder = tmp_path_factory.mktemp("feeds")
    feeds = Feeds(in_force(real()), LINKS, at("2024-05-08T12:00:00+02:00"))
    made = {"all.ics": next(feeds.public_feeds()), "city.ics": feeds.city_feed(member(MEDELLIN, real()))}
    for name, feed in made.items():
        (folder / name).write_bytes(feed.octets)
    return [*sorted(GOLDEN.rglob("*.ics")), *sorted(folder.iterdir())]


def by_script(script: str, package: str) -> Reader:
    """One of the two programs in JavaScript."""
    node = shutil.which("node")
    if node is None or not (MODULES / "node_modules" / package).is_dir():
        pytest.skip(f"{package} is not there: install Node.js with npm, and run `make interop`")

    def read(files: Sequence[Path]) -> list[list[Item]]:
        said = _run([node, str(HERE / script), str(MODULES), *map(str, files)])
        return [_sorted(Item(**item) for item in items) for items in json.loads(said)]

    return read


@pytest.fixture
def ical_js() -> Reader:
    return by_script("read_with_ical_js.mjs", "ical.js")


@pytest.fixture
def node_ical() -> Reader:
    return by_script("read_with_node_ical.mjs", "node-ical")


@pytest.fixture
def libical(tmp_path: Path) -> Reader:
    """The library in C, behind a program of a page."""
    tools = shutil.which("gcc"), shutil.which("pkg-config")
    if not all(tools) or subprocess.run([str(tools[1]), "--exists", "libical"], check=False).returncode:  # noqa: S603
        pytest.skip("libical is not there: install the Debian packages gcc, pkg-config and libical-dev")
    flags = shlex.split(_run([str(tools[1]), "--cflags", "--libs", "libical"]))
    program = tmp_path / "read"
    _run([str(tools[0]), "-o", str(program), str(HERE / "read_with_libical.c"), *flags])

    def read(files: Sequence[Path]) -> list[list[Item]]:
        _, *parts = re.split("^=\n", _run([str(program), *map(str, files)]), flags=re.MULTILINE)
        return [_sorted(map(_item, part.splitlines())) for part in parts]

    return read


@pytest.mark.parametrize("name", ["ical_js", "node_ical", "libical"])
def test_a_program_reads_what_the_others_read(
    files: Sequence[Path], name: str, request: pytest.FixtureRequest
) -> None:
    read: Reader = request.getfixturevalue(name)

    found = dict(zip(files, read(files), strict=True))

    assert found == {file: _sorted(agreed(file.read_bytes())) for file in files}


def test_there_is_something_to_read(files: Sequence[Path]) -> None:
    items = [item for file in files for item in agreed(file.read_bytes())]

    assert {item.status for item in items} == {"CONFIRMED", "TENTATIVE", "CANCELLED"}
    assert len(files) > 20
    assert len(items) > 50


def _sorted(items: Iterable[Item]) -> list[Item]:
    """node-ical takes away the quotation marks around a whole text: here they do not count."""
    return sorted(replace(item, summary=item.summary.strip('"')) for item in items)


def _item(line: str) -> Item:
    uid, sequence, status, starts, ends, summary = line.split("\t")
    return Item(uid, int(sequence), status, starts, ends, summary)


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(  # noqa: S603
        command, env=ENVIRONMENT, capture_output=True, check=False, timeout=60, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
