"""Following a bulk send to its end: committed in pieces with progress, stopped by Ctrl-C, and --wait."""

import asyncio
import contextlib

from console.domain.commands import Phase
from console.errors import DatabaseUnreachableError
from console.exit_codes import ExitCode
from console.interrupts import on_interrupt
from console.runtime.startup import RunningProgram
from console.services.batch_send import BatchRun
from console.shell import output
from console.shell.batch_view import print_view, read_view
from console.shell.following import FollowOptions
from console.shell.half_way import saying
from console.shell.outcomes import exit_code
from console.shell.own_workers import own_workers

_POLL_S = 0.5
_GRACE_S = 5.0


async def follow_batch(
    opened: RunningProgram, job: BatchRun, wanted: FollowOptions, *, begun: bool = False
) -> ExitCode:
    """Run a bulk send with progress on standard error; Ctrl-C stops it and cancels unpublished commands.

    Raises:
        DatabaseUnreachableError: the text has how much is committed and how to continue.
    """
    program, batch_id = opened.program, job.draft.batch_id
    if not begun:
        with saying(lambda: _not_begun(batch_id)):
            await program.bulk.begin(program.tenants[0], job)
    with saying(lambda: _half_way(job)):
        return await _follow(opened, job, wanted)


def _not_begun(batch_id: str) -> str:
    return (
        "No command was sent. If the bulk send was recorded anyway, "
        f"`device-console resume {batch_id}` sends it; nothing is sent twice."
    )


def _half_way(job: BatchRun) -> str:
    batch_id = job.draft.batch_id
    if job.done < job.total:
        known = f"{job.committed:,} of {job.total:,} are certainly committed as bulk send {batch_id}"
        return f"{known}; {_resume(batch_id)}."
    return (
        f"All commands are committed as bulk send {batch_id} ({job.committed:,} of {job.total:,}): "
        f"`device-console batch {batch_id}` shows how it stands."
    )


def _resume(batch_id: str) -> str:
    return f"`device-console resume {batch_id}` sends what is left; nothing is sent twice"


async def _follow(opened: RunningProgram, job: BatchRun, wanted: FollowOptions) -> ExitCode:
    program, tenant, batch_id = opened.program, opened.program.tenants[0], job.draft.batch_id
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        job.stopping = True
        stopped.set()

    with on_interrupt(loop, stop):
        async with own_workers(opened):
            await program.bulk.run(tenant, job)
            output.say(f"{job.committed:,} of {job.total:,} committed as bulk send {batch_id}")
            if not job.stopping:
                await _watch(opened, job, stopped, wanted)
            if job.stopping:
                taken = await program.bulk.stop(tenant, job.draft.batch_id, program.operator)
                output.say(f"stopped; {taken:,} cancelled before publication")
    view = await read_view(program, job.draft.batch_id)
    print_view(view, as_json=wanted.as_json, groups=wanted.wait)
    if job.stopping:
        return ExitCode.INTERRUPTED
    return exit_code(view.phases, view.batch.draft.wanted) if wanted.wait else ExitCode.OK


async def _watch(
    opened: RunningProgram, job: BatchRun, stopped: asyncio.Event, wanted: FollowOptions
) -> None:
    """Watch with --wait until all have ended, otherwise until all are published or 5 s have passed."""
    program = opened.program
    patience = _GRACE_S
    if wanted.wait:
        patience = wanted.timeout_s or job.draft.ttl.total_seconds() + _GRACE_S
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while not stopped.is_set():
                with contextlib.suppress(DatabaseUnreachableError):
                    view = await read_view(program, job.draft.batch_id)
                    if view.settled == view.committed:
                        return
                    if not wanted.wait and not view.phases.get(Phase.WAITING):
                        return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await stopped.wait()
