"""Pictures that are written to a file. The only door to matplotlib, which comes with the extra [pictures]."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    # for those who draw
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure

_FORMATS = (".svg", ".png")


def check_name(file: Path) -> None:
    """Raises SchedulerError for a name that ends like no picture."""
    if file.suffix.lower() not in _FORMATS:
        raise SchedulerError(
            f'"{file.name}" is no picture; write a name that ends in {" or ".join(_FORMATS)}'
        )


@contextmanager
def drawn(file: Path, size: tuple[float, float], salt: str) -> Iterator[Figure]:
    """A figure that is in the file when all was drawn into it; else the file stays as it was.

    size: in inches. salt: the same for the same picture, which then is the same file. Raises SchedulerError
    where the plotting library is not installed.
    """
    from scheduler.store.whole_files import beside, in_words, put

    check_name(file)
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        what = "pictures need the plotting library"
        raise SchedulerError(
            f'{what}; install it with: pip install "learning-cities-scheduler[pictures]"'
        ) from None
    kind = file.suffix.lower().removeprefix(".")
    # titles are the words of people: "$" begins no formula
    settings: Any = {"text.parse_math": False, "svg.hashsalt": salt, "svg.fonttype": "none"}
    with mpl.rc_context(settings):
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        with in_words(f"{file} could not be written"):
            file.parent.mkdir(parents=True, exist_ok=True)
            with beside(file) as partial:
                metadata = {"Date": None} if kind == "svg" else None
                figure.savefig(partial, format=kind, metadata=metadata)
                partial.chmod(0o644)
                put(partial, file)
