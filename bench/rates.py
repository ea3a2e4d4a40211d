"""Requests a second, beside those of the same uvicorn with the smallest ASGI app, measured in turn by wrk."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from statistics import median

from bench.serving import PATH, Place, at_work

#: Sessions in the feed: so many series of so many.
SERIES, SESSIONS = 50, 10
#: Each of ours and each of the other, in turn, so that what the machine does besides meets both.
ROUNDS = 6
LEAST_RATIO = 0.8
MOST_MILLISECONDS = 10.0
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Rate:
    per_second: float
    #: 99 of 100 answers came within so many milliseconds
    p99: float


def measure() -> int:
    """Prints rates and ratios; gives 1 where they are not what they should be, 0 where wrk is missing."""
    wrk = shutil.which("wrk")
    if wrk is None:
        print("feeds over HTTP were not measured: wrk is not installed (Debian: apt-get install wrk)")
        return 0
    with at_work(SERIES, SESSIONS) as place:
        size = f"{place.octets:,} octets, {place.packed_octets:,} packed"
        print(f"{f'a feed of {SERIES * SESSIONS} sessions, {size}':<60} req/s  smallest app  ratio  p99 ms")
        return max([_compared(wrk, place, what) for what in ("plain", "gzip", "304")])


def _compared(wrk: str, place: Place, what: str) -> int:
    header = {"plain": "", "gzip": "Accept-Encoding: gzip", "304": f"If-None-Match: {place.etag}"}[what]
    smallest = {"plain": place.plain, "gzip": place.packed, "304": place.known}[what]
    ours, others = [], []
    for _ in range(ROUNDS):
        ours.append(_rate(wrk, place.site + PATH, header))
        others.append(_rate(wrk, smallest + PATH, header))
    rate, reference = _median(ours), _median(others)
    pairs = zip(ours, others, strict=True)
    ratio = median(one.per_second / other.per_second for one, other in pairs)
    numbers = f"{rate.per_second:12,.0f}  {reference.per_second:12,.0f}  {ratio:5.2f}  {rate.p99:6.2f}"
    print(f"  {what:<50} {numbers}")
    if ratio < LEAST_RATIO or rate.p99 > MOST_MILLISECONDS:
        print(f"  under {LEAST_RATIO} of the smallest app, or over {MOST_MILLISECONDS:g} ms")
        return 1
    return 0


def _rate(wrk: str, address: str, header: str) -> Rate:
    """One second with 16 connections."""
    options = ["-t1", "-c16", "-d1s", "--latency", *(["-H", header] if header else [])]
    done = subprocess.run([wrk, *options, address], capture_output=True, text=True, check=True)  # noqa: S603
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout)
    if rate is None or p99 is None or "Socket errors" in done.stdout:
        raise SystemExit(f"wrk could not measure {address}: {done.stdout}{done.stderr}")
    return Rate(float(rate[1]), float(p99[1]) * _UNITS[p99[2]])


def _median(rates: list[Rate]) -> Rate:
    return Rate(median(rate.per_second for rate in rates), median(rate.p99 for rate in rates))
