"""The twins that act: send, cancel, retry, and waiting for the answer."""

import argparse
import asyncio
import contextlib
import sys

from console.domain.acks import OK_WORDS
from console.domain.command_json import detail_json
from console.domain.commands import Draft, Phase, parse_ttl
from console.errors import (
    ConsoleError,
    InvalidInputError,
    RefusedError,
)
from console.runtime.program import Program
from console.runtime.startup import RunningProgram
from console.services.batch_send import since_ok_text
from console.services.sender import SendReceipt
from console.shell import batches as bulk
from console.shell import output
from console.shell import types as catalogue
from console.shell.asking import ask_first
from console.shell.half_way import saying
from console.shell.own_workers import own_workers
from console.shell.waiting import OK, exit_code, until_published, until_settled


async def send(options: argparse.Namespace, opened: RunningProgram) -> int:
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


async def retry(options: argparse.Namespace, opened: RunningProgram) -> int:
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


async def resume(options: argparse.Namespace, opened: RunningProgram) -> int:
    """Send the rest of a batch."""
    _may_act(opened)
    return await bulk.send_rest(options, opened)


async def cancel(options: argparse.Namespace, opened: RunningProgram) -> int:
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


async def _committed(program: Program, draft: Draft) -> SendReceipt:
    """Send one command; when it is unknown whether that was committed, say how to find out."""
    with saying(
        lambda: (
            "Whether the command was committed is unknown: "
            f"`device-console show {draft.command_id}` tells, and sending it again with "
            f"`--id {draft.command_id}` is harmless."
        )
    ):
        return await program.sender.send(program.tenants[0], [draft])


async def _followed(options: argparse.Namespace, opened: RunningProgram, receipt: SendReceipt) -> int:
    command_id = receipt.command_ids[0]
    with saying(
        lambda: (
            f"The command is committed as {command_id} and goes its way: "
            f"`device-console show {command_id}` tells how it stands."
        )
    ):
        return await _follow(options, opened, receipt)


def _may_act(opened: RunningProgram) -> None:
    if opened.program.read_only:
        raise RefusedError("This is read-only: unset CONSOLE_READ_ONLY, or leave --read-only out.")


async def _follow(options: argparse.Namespace, opened: RunningProgram, receipt: SendReceipt) -> int:
    """The row is committed. Publish it ourselves when no live worker does, and wait when asked to."""
    command_id = receipt.command_ids[0]
    for warning in receipt.warnings:
        output.say(f"warning: {warning}")
    if receipt.existed:
        output.say(f"the command {command_id} exists already and says the same: nothing was sent again")
    code = OK
    async with own_workers(opened):
        if options.wait:
            command = await until_settled(opened, command_id, options.timeout)
            code = exit_code(command)
        else:
            command = await until_published(opened, command_id)
        if command is not None and command.phase is Phase.WAITING:
            output.say(f"committed as {command_id}; it still waits to be published")
    await _print(options, opened, command_id)
    return code


async def _print(options: argparse.Namespace, opened: RunningProgram, command_id: str) -> None:
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
