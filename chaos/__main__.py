"""`python -m chaos [--quick] [--seed N] [--write FILE] [ROW ...]`: plays all rows, or only those named."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from chaos.play import play_all
from chaos.report import Report


def main() -> int:
    options = _options().parse_args()
    how = {name: getattr(options, name) for name in ("seed", "is_quick", "at_once", "keep")}
    played = asyncio.run(play_all(options.rows, **how))
    if options.write:
        report = Report(played, options.seed, options.is_quick)
        options.write.write_text(report.text(), encoding="utf-8")
    return int(any(one.broken for one in played))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help="such as C01; a letter stands for all of its rows"
    )
    quick = "smaller numbers, waits 100 times shorter"
    parser.add_argument("--quick", dest="is_quick", action="store_true", help=quick)
    parser.add_argument("--seed", type=int, default=6, help="the same seed throws the same dice")
    parser.add_argument("--at-once", type=int, default=2, metavar="N", help="play so many rows at once")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="write what was found here, such as docs/chaos.md"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep all houses and journals here")
    return parser


if __name__ == "__main__":
    sys.exit(main())
