"""The wheel carries templates, catalogues and migrations: it works without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cast import CONFIG, ROOT


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked into a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    pip = (
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
    )
    run(*pip, str(wheel), cwd=folder)
    return site


def test_a_mail_can_be_rendered_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    words = (
        "--cycle",
        "report-2021",
        "--from",
        "2021-09-27",
        "--to",
        "2021-09-28",
        "--into",
        str(tmp_path / "out"),
    )
    command = (sys.executable, "-m", "scheduler", "rehearse", *words, "--config", str(CONFIG))

    out = run(*command, cwd=tmp_path, PYTHONPATH=str(installed))

    assert "OK: 111 mails to 111 members" in out


def test_the_wheel_is_what_was_run(installed: Path, tmp_path: Path) -> None:
    out = run(
        sys.executable,
        "-c",
        "import scheduler; print(scheduler.__file__)",
        cwd=tmp_path,
        PYTHONPATH=str(installed),
    )

    assert Path(out.strip()).is_relative_to(installed)
