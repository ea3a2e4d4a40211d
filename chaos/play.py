"""Plays rows one after the other, and says what became of each."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from chaos.trial import ROWS, NotPlayable, Row, Trial, Verdict

#: Seconds after which a row is given up.
_PATIENCE = 45 * 60
_PARTS = ("crashes", "relay", "database", "clocks", "edits")


@dataclass(frozen=True)
class Played:
    """What became of a row."""

    row: Row
    verdict: Verdict
    injected: tuple[str, ...]
    figures: tuple[str, ...]
    #: the claims that did not hold
    broken: tuple[str, ...]
    seconds: float


def all_rows() -> dict[str, Row]:
    """By their number, in order."""
    for part in _PARTS:
        import_module(f"chaos.rows.{part}")
    return {name: ROWS[name] for name in sorted(ROWS, key=lambda name: ("CSDTP".index(name[0]), name))}


def chosen(names: Sequence[str]) -> list[Row]:
    """Those named, by number or by letter; all if none is."""
    known = all_rows()
    for name in names:
        if not any(row.startswith(name) for row in known):
            sys.exit(f"{name} is not played here; known: {', '.join(known)}")
    return [row for name, row in known.items() if not names or name.startswith(tuple(names))]


async def play_all(
    names: Sequence[str], *, seed: int, is_quick: bool, at_once: int, keep: Path | None
) -> list[Played]:
    """In any order, so many at once, for most of their time is waiting; given back in theirs."""
    rows = chosen(names)
    with ExitStack() as stack:
        made = TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True)
        folder = keep or Path(stack.enter_context(made))
        # a database server runs as a user of its own, and must be able to enter
        folder.chmod(0o755)
        lane = asyncio.Semaphore(at_once)

        async def in_turn(row: Row) -> Played:
            async with lane:
                played = await play(row, Trial(row.id, seed, folder / row.id, is_quick))
            tell(played)
            return played

        played = await asyncio.gather(*map(in_turn, rows))
    holding = sum(one.verdict is Verdict.HOLDS for one in played)
    print(f"{holding} of {len(played)} rows hold (seed {seed})", flush=True)
    return played


async def play(row: Row, trial: Trial) -> Played:
    """A row that breaks down fails, whatever broke."""
    begin = monotonic()
    verdict = None
    trial.folder.mkdir(parents=True)
    try:
        with trial.stack:
            async with asyncio.timeout(_PATIENCE):
                await row.play(trial)
    except NotPlayable as missing:
        verdict = Verdict.SKIPPED
        trial.figure(str(missing))
    except Exception as error:
        traceback.print_exc()
        trial.broken.append(f"the play broke down: {type(error).__name__}: {error}"[:400])
    injected, figures, broken = map(trial.without_places, (trial.injected, trial.figures, trial.broken))
    return Played(row, verdict or trial.verdict, injected, figures, broken, monotonic() - begin)


def tell(one: Played) -> None:
    print(f"{one.row.id} {one.verdict} ({one.seconds:.0f} s): {one.row.claim}")
    for title, lines in (("injected", one.injected), ("seen", one.figures), ("BROKEN", one.broken)):
        for line in lines:
            print(f"    {title}: {line}")
    sys.stdout.flush()
