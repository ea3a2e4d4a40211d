"""`scheduler cases`: who must report, how far each report is, and what became of it."""

from __future__ import annotations

import typer

from scheduler.cli import (
    cases_codes,
    cases_export,
    cases_import,
    cases_list,
    cases_picture,
    cases_release,
    cases_say,
    cases_show,
)

app = typer.Typer(
    add_completion=False, help="Look at the cases of a round, and decide.", no_args_is_help=True
)


@app.callback()
def cases() -> None:
    """Look at the cases of a round, and decide."""


app.command("list")(cases_list.list_cases)
app.command("show")(cases_show.show)
app.command("decide")(cases_say.decide)
app.command("mark")(cases_say.mark)
app.command("report")(cases_list.report)
app.command("release")(cases_release.release)
app.command("import")(cases_import.import_survey)
app.command("codes")(cases_codes.codes)
app.command("export")(cases_export.export)
app.command("picture")(cases_picture.picture)
