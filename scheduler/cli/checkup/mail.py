"""The mail server: reached, trusted and logged in to, and nothing is sent."""

from __future__ import annotations

import asyncio
from pathlib import Path

from scheduler.cli.checkup.files import of_folder
from scheduler.cli.checkup.finding import PATIENCE, Finding, Findings, Level, unwell
from scheduler.errors import RelayAway, SchedulerError
from scheduler.settings import Settings


def of_mail(settings: Settings) -> Findings:
    url = settings.mail_url.get_secret_value()
    if url.startswith("maildir:"):
        folder = Path(url.removeprefix("maildir:"))
        ills = list(unwell(of_folder("mail", folder / "new")))
        yield from ills
        if not ills:
            what = f"into the mailbox {folder} on this machine; no city gets any"
            yield Finding(
                Level.WARNING, "mail", what, "name a mail server in SCHEDULER_MAIL_URL when all is ready"
            )
        return
    try:
        yield Finding(Level.OK, "mail", asyncio.run(_log_in(settings)))
    except RelayAway as error:
        do = "mend that; until then all mail waits" if error.needs_a_person else "is it reachable from here?"
        yield Finding(Level.PROBLEM, "mail", str(error), do)
    except SchedulerError as error:
        yield Finding(Level.PROBLEM, "mail", str(error))
    except TimeoutError:
        what = f"the mail server did not answer within {PATIENCE - 1} seconds"
        yield Finding(Level.PROBLEM, "mail", what, "is it reachable from here? Providers often bar port 25")


async def _log_in(settings: Settings) -> str:
    from scheduler.mail.smtp import Relay
    from scheduler.service.bootstrap import open_post

    post = open_post(settings)
    assert isinstance(post, Relay)  # noqa: S101 - the mailbox was asked for before
    async with asyncio.timeout(PATIENCE - 1):
        return await post.log_in()
