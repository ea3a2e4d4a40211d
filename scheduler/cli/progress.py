"""How far a long piece of work is, as a bar on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from scheduler.cli.common import err, is_terminal

#: Takes how much is done, and of how much (0 of 0: nobody knows).
Tell = Callable[[int, int], None]
#: Begins a part of the work, by its name.
TellOf = Callable[[str], Tell]


@contextmanager
def shown(*, is_wanted: bool = True) -> Iterator[TellOf]:
    """Gone at the end; nothing in a pipe."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(
        *columns, console=err, transient=True, disable=not (is_wanted and is_terminal())
    ) as progress:

        def tell_of(what: str) -> Tell:
            task = progress.add_task(what, total=None)

            def tell(done: int, of: int) -> None:
                progress.update(task, completed=done, total=of or None)

            return tell

        yield tell_of
