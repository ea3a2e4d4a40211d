"""An installation in a folder, as `make chaos` furnishes it as well, and patience for what rings no bell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chaos.house import IMPATIENT, PATIENCE, House, address
from chaos.serving import Serving

__all__ = ["IMPATIENT", "PATIENCE", "House", "Serving", "address", "until"]


async def until(claim: Callable[[], bool]) -> None:
    """Looks again and again, for things that ring no bell."""
    async with asyncio.timeout(20):
        while not claim():  # noqa: ASYNC110 - a folder, a flag: nothing that could set an event
            await asyncio.sleep(0.01)
