"""The bar of a long piece of work."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from scheduler.cli import progress


def test_on_a_terminal_it_shows_how_far_the_work_is(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(progress, "err", Console(file=screen, force_terminal=True, width=60))
    monkeypatch.setattr(progress, "is_terminal", lambda: True)

    with progress.shown() as tell_of:
        tell_of("writing the letters")(1, 4)

    assert "writing the letters" in screen.getvalue()
    assert "25%" in screen.getvalue()


def test_in_a_pipe_it_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown() as tell_of:
        tell_of("writing the letters")(1, 4)

    assert capsys.readouterr() == ("", "")
