"""The envelope's sender of each mail: whoever sends something back to it proves which mail it is about."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.model.network import NO_BOUNCES, Mailbox, Network
from scheduler.service.return_paths import LONGEST_LOCAL, ReturnPaths
from tests.cast import real

PATHS = ReturnPaths(b"a key")
IDS = st.integers(1, 10**12)


def network(**changes: object) -> Network:
    plain = replace(real().network, sender=Mailbox("Secretariat", "webinars@cities.example"))
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_it_is_the_senders_own_mailbox_unless_another_takes_bounces() -> None:
    own, other = PATHS.of(network(), 17), PATHS.of(network(bounces="bounces@mail.example"), 17)

    assert own == "webinars+b17.655grixnfv3x3kay@cities.example"
    assert other == own.replace("webinars", "bounces").replace("cities.example", "mail.example")


def test_who_wants_no_marks_has_none() -> None:
    assert PATHS.of(network(bounces=NO_BOUNCES), 17) == ""


@settings(max_examples=40)
@given(IDS, st.integers(1, 64))
def test_no_local_part_is_longer_than_addresses_may_be(row_id: int, length: int) -> None:
    made = PATHS.of(network(bounces=f"{'a' * length}@cities.example"), row_id)

    assert len(made.partition("@")[0]) <= LONGEST_LOCAL
    assert made or length > 30


@settings(max_examples=40)
@given(IDS)
def test_servers_may_change_letters_and_mailbox(row_id: int) -> None:
    made = PATHS.of(network(), row_id)

    assert PATHS.read([f"Anna <{made.upper()}>"]) == row_id
    assert PATHS.read(["nobody", made.replace("webinars", "other")]) == row_id


@settings(max_examples=40)
@given(IDS, IDS)
def test_the_mark_of_another_mail_is_none(row_id: int, other: int) -> None:
    made = PATHS.of(network(), row_id).replace(f"b{row_id}.", f"b{other}.")

    assert PATHS.read([made]) == (row_id if other == row_id else None)


@pytest.mark.parametrize("text", ["", "webinars@cities.example", "webinars+b17@cities.example", "+b0.x@y"])
def test_what_bears_no_mark_names_no_mail(text: str) -> None:
    assert PATHS.read([text]) is None


def test_another_key_signs_otherwise() -> None:
    assert ReturnPaths(b"another").read([PATHS.of(network(), 17)]) is None
