"""The proof of a round as one page that needs nothing else: to be read in a browser, or printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scheduler.configuration.problems import printable
from scheduler.languages import language
from scheduler.model import times
from scheduler.model.cases import State, Timing
from scheduler.model.network import Network
from scheduler.service.proof import Proof, Round
from scheduler.shipped import shipped


def proof_page(
    whole: Round, proofs: Sequence[Proof], answers: Mapping[int, str], *, for_partners: bool
) -> str:
    """All cases and the sums; of some cities the log and all mails.

    answers: row id of a mail -> what the mail server said of it. for_partners: without addresses, names of
    persons, reasons in words, and what mail servers said.
    """
    network = whole.network
    return (
        _environment()
        .get_template("pages/proof.html")
        .render(
            whole=whole,
            proofs=proofs,
            answers=answers,
            for_partners=for_partners,
            timings=list(Timing),
            states=[
                (state.value, whole.states[state.value]) for state in State if whole.states.get(state.value)
            ],
            sums=[("Region", whole.by_region()), ("Country", whole.by_country())],
            made=f"{_home(whole.at, network)} {language('en').home_clock(whole.at, network)}",
            home=lambda at: _home(at, network),
            there=_there,
            utc=lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        )
    )


def _home(at: datetime, network: Network) -> str:
    return f"{times.local(at, network.zone):%Y-%m-%d %H:%M}"


def _there(at: datetime, zone: str) -> str:
    return f"{times.local(at, zone):%Y-%m-%d %H:%M:%S}"


def _seen(value: Any) -> Any:
    """Each sign that cannot be seen gets a name; what is a part of the page stays."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(shipped("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_seen,
    )
