"""Waiting for a command: its row is read again at every hint."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta

from console.domain.commands import Command, Phase
from console.errors import DatabaseUnreachableError
from console.runtime.startup import RunningProgram

_GRACE = timedelta(seconds=5)
_PUBLISH_PATIENCE_S = 5.0
_POLL_S = 0.5


async def until_published(opened: RunningProgram, command_id: str) -> Command | None:
    """Wait a few seconds until a command is published or has ended; return it as last read."""
    return await _until(opened, command_id, lambda c: c.phase is not Phase.WAITING, _PUBLISH_PATIENCE_S)


async def until_settled(opened: RunningProgram, command_id: str, timeout_s: float | None) -> Command | None:
    """Wait until a command has ended: `timeout_s` seconds, else until shortly after its deadline."""
    if timeout_s is not None:
        patience_s = timeout_s
    else:
        detail = await opened.program.history.command(opened.program.tenants[0], command_id)
        left = (detail.command.expires_at - detail.read_at) if detail else timedelta(0)
        patience_s = max((left + _GRACE).total_seconds(), _GRACE.total_seconds())
    return await _until(opened, command_id, lambda c: c.phase.settled, patience_s)


async def _until(
    opened: RunningProgram, command_id: str, reached: Callable[[Command], bool], patience_s: float
) -> Command | None:
    """Re-read the row at every hint until the condition is met; return the last one read when time is up."""
    program = opened.program
    last: Command | None = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience_s), program.feed.subscribe() as subscription:
            while True:
                with contextlib.suppress(DatabaseUnreachableError):
                    page = await program.history.reread(program.tenants[0], [command_id])
                    last = page.commands[0] if page.commands else last
                if last is not None and reached(last):
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await subscription.changed()
    return last
