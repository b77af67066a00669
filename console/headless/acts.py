"""The twins that act: send, cancel, retry, and waiting for the answer."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from console.domain.acks import OK_WORDS
from console.domain.command_json import detail_json
from console.domain.commands import Command, Draft, Phase, parse_ttl
from console.errors import (
    ConsoleError,
    DatabaseUnreachableError,
    InvalidInputError,
    RefusedError,
)
from console.headless import bulk, catalogue, output
from console.headless.aftermath import saying
from console.headless.asking import ask_first
from console.runtime.jobs import running
from console.runtime.opening import Opened
from console.runtime.pausing import stops_in_order
from console.runtime.program import Program
from console.runtime.supervisor import Supervisor, end
from console.runtime.workers import Workers
from console.services.bulk import since_ok_text
from console.services.sender import Receipt

OK, FAILED, NOT_ANSWERED = 0, 1, 4
_GRACE = timedelta(seconds=5)
_PUBLISH_PATIENCE_S = 5.0
_POLL_S = 0.5
_LOOK_EVERY_S = 1.0


async def send(options: argparse.Namespace, opened: Opened) -> int:
    """Send one command; with --wait, wait for its end."""
    _may_act(opened)
    if options.where is not None:
        return await bulk.send_where(options, opened)
    if options.device is None:
        raise InvalidInputError("send needs a device and a type, or --where FILTER and a type.")
    program = opened.program
    ttl = parse_ttl(options.ttl)
    if isinstance(ttl, str):
        raise InvalidInputError(ttl)
    params = await asyncio.to_thread(sys.stdin.read) if options.params == "-" else options.params
    draft = program.sender.draft(options.device, options.type, params, ttl, program.operator, options.id)
    await ask_first(program, (options.device,), options.type, yes=options.yes)
    receipt = await _committed(program, draft)
    with contextlib.suppress(ConsoleError):  # it is committed: a note that cannot be had must not hide its id
        await catalogue.warn(program, (options.device,), options.type, params)
    return await _followed(options, opened, receipt)


async def retry(options: argparse.Namespace, opened: Opened) -> int:
    """Send a settled command again, or what of a batch failed."""
    _may_act(opened)
    program = opened.program
    if await program.bulk.batch(program.tenants[0], options.id) is not None:
        job = await program.bulk.retry(program.tenants[0], options.id, program.operator)
        if job.since_ok:
            output.say(f"{since_ok_text(job.since_ok)}: nothing is sent to them again")
        await ask_first(program, job.device_ids, job.draft.command_type, yes=options.yes)
        return await bulk.follow(options, opened, job)
    draft = await program.sender.again(program.tenants[0], options.id, program.operator)
    await ask_first(program, (draft.device_id,), draft.command_type, yes=options.yes)
    receipt = await _committed(program, draft)
    old = await program.history.command(program.tenants[0], options.id)
    if old is not None and old.command.later in OK_WORDS:
        output.say("note: the device has answered ok since, with an answer that does not count; see show")
    return await _followed(options, opened, receipt)


async def resume(options: argparse.Namespace, opened: Opened) -> int:
    """Send the rest of a batch."""
    _may_act(opened)
    return await bulk.send_rest(options, opened)


async def cancel(options: argparse.Namespace, opened: Opened) -> int:
    """Take an unpublished command back, or stop a batch."""
    _may_act(opened)
    program = opened.program
    view = await program.bulk.batch(program.tenants[0], options.id)
    if view is not None:
        with saying(
            lambda: f"Some of it may be stopped: `device-console cancel {options.id}` goes on with it."
        ):
            taken = await program.bulk.stop(program.tenants[0], options.id, program.operator)
        output.say(f"stopped; {taken:,} taken back before they were published")
        await bulk.print_batch(program, options.id, as_json=options.json)
        return OK
    with saying(lambda: f"Whether it was cancelled is unknown: `device-console show {options.id}` tells."):
        await program.sender.cancel(program.tenants[0], options.id, program.operator, options.reason)
    await _print(options, opened, options.id)
    return OK


async def _committed(program: Program, draft: Draft) -> Receipt:
    """Send one command; when it is unknown whether that was committed, say how to find out."""
    with saying(
        lambda: (
            "Whether the command was committed is unknown: "
            f"`device-console show {draft.command_id}` tells, and sending it again with "
            f"`--id {draft.command_id}` is harmless."
        )
    ):
        return await program.sender.send(program.tenants[0], [draft])


async def _followed(options: argparse.Namespace, opened: Opened, receipt: Receipt) -> int:
    command_id = receipt.command_ids[0]
    with saying(
        lambda: (
            f"The command is committed as {command_id} and goes its way: "
            f"`device-console show {command_id}` tells how it stands."
        )
    ):
        return await _follow(options, opened, receipt)


def _may_act(opened: Opened) -> None:
    if opened.program.read_only:
        raise RefusedError("This is read-only: unset CONSOLE_READ_ONLY, or leave --read-only out.")


async def _follow(options: argparse.Namespace, opened: Opened, receipt: Receipt) -> int:
    """The row is committed. Publish it ourselves when no live worker does, and wait when asked to."""
    command_id = receipt.command_ids[0]
    for warning in receipt.warnings:
        output.say(f"warning: {warning}")
    if receipt.existed:
        output.say(f"the command {command_id} exists already and says the same: nothing was sent again")
    code = OK
    async with own_workers(opened):
        if options.wait:
            command = await _settled(options, opened, command_id)
            code = _code(command)
        else:
            command = await _published(opened, command_id)
        if command is not None and command.phase is Phase.WAITING:
            output.say(f"committed as {command_id}; it still waits to be published")
    await _print(options, opened, command_id)
    return code


@asynccontextmanager
async def own_workers(opened: Opened) -> AsyncIterator[None]:
    """Run the workers here for as long as this takes, from the moment on when no other process does."""
    if opened.workers is None or not opened.report.may_work:
        yield
        return
    with stops_in_order(opened.program.pausing):
        working = asyncio.create_task(_work_when_needed(opened.workers, opened.program), name="own workers")
        try:
            yield
        finally:
            failed = working.done() and not working.cancelled() and working.exception()
            await end([working])
        if failed:
            raise failed


async def _work_when_needed(workers: Workers, program: Program) -> None:
    """Go on looking: whoever works now may end, or have ended without a word."""
    while True:
        with contextlib.suppress(DatabaseUnreachableError):
            if not await workers.others_work():
                break
        await asyncio.sleep(_LOOK_EVERY_S)
    async with running(workers, Supervisor(program.health), jobs=True, links=False, pausing=program.pausing):
        await asyncio.Event().wait()


async def _published(opened: Opened, command_id: str) -> Command | None:
    return await _until(opened, command_id, lambda c: c.phase is not Phase.WAITING, _PUBLISH_PATIENCE_S)


async def _settled(options: argparse.Namespace, opened: Opened, command_id: str) -> Command | None:
    if options.timeout is not None:
        patience_s = options.timeout
    else:
        detail = await opened.program.history.command(opened.program.tenants[0], command_id)
        left = (detail.command.expires_at - detail.read_at) if detail else timedelta(0)
        patience_s = max((left + _GRACE).total_seconds(), _GRACE.total_seconds())
    return await _until(opened, command_id, lambda c: c.phase.settled, patience_s)


async def _until(
    opened: Opened, command_id: str, reached: Callable[[Command], bool], patience_s: float
) -> Command | None:
    """Re-read the row at every hint until it is as wanted; the last reading when patience ends."""
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


def _code(command: Command | None) -> int:
    if command is None or command.phase in {Phase.MISSED, Phase.EXPIRED, Phase.CANCELLED}:
        return NOT_ANSWERED
    if command.phase is Phase.OK:
        return OK
    return FAILED if command.phase is Phase.FAILED else NOT_ANSWERED


async def _print(options: argparse.Namespace, opened: Opened, command_id: str) -> None:
    detail = await opened.program.history.command(opened.program.tenants[0], command_id)
    if options.json and detail is not None:
        print(detail_json(detail), flush=True)
        return
    print(command_id)
    if detail is not None:
        output.say(
            f"{detail.command.device_id} {detail.command.command_type}: {output.phase_text(detail.command)} "
            f"{output.latency_text(detail.command.latency)}"
        )
