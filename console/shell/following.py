"""Following a command to its end: commit, publication by any process, and --wait."""

from collections import Counter
from dataclasses import dataclass

from console.domain.command_json import detail_json
from console.domain.commands import Draft, Phase
from console.exit_codes import ExitCode
from console.runtime.program import Program
from console.runtime.startup import RunningProgram
from console.services.sender import SendReceipt
from console.shell import output
from console.shell.half_way import saying
from console.shell.outcomes import exit_code
from console.shell.own_workers import own_workers
from console.shell.waiting import until_published, until_settled


@dataclass(frozen=True, slots=True)
class FollowOptions:
    """How long to follow what was sent: to its end with `wait`, at most `timeout_s` seconds."""

    wait: bool
    timeout_s: float | None
    as_json: bool


async def commit(program: Program, draft: Draft) -> SendReceipt:
    """Send one command; if it is unknown whether it was committed, the error explains how to find out."""
    with saying(
        lambda: (
            "Whether the command was committed is unknown: "
            f"`device-console show {draft.command_id}` shows it, and sending it again with "
            f"`--id {draft.command_id}` is harmless."
        )
    ):
        return await program.sender.send(program.tenants[0], [draft])


async def follow(opened: RunningProgram, receipt: SendReceipt, wanted: FollowOptions) -> ExitCode:
    """Publish the committed command, if no other process does, and wait as wanted; return the exit code."""
    command_id = receipt.command_ids[0]
    with saying(
        lambda: (
            f"The command is committed as {command_id} and will be published: "
            f"`device-console show {command_id}` shows how it stands."
        )
    ):
        return await _follow(opened, receipt, wanted)


async def _follow(opened: RunningProgram, receipt: SendReceipt, wanted: FollowOptions) -> ExitCode:
    """Publish the committed row here if no live worker does, and wait if wanted."""
    command_id = receipt.command_ids[0]
    for warning in receipt.warnings:
        output.say(f"warning: {warning}")
    if receipt.existed:
        output.say(f"the command {command_id} exists already with the same content: nothing was sent again")
    code = ExitCode.OK
    async with own_workers(opened):
        if wanted.wait:
            command = await until_settled(opened, command_id, wanted.timeout_s)
            code = exit_code(Counter([command.phase] if command else []), 1)
        else:
            command = await until_published(opened, command_id)
        if command is not None and command.phase is Phase.WAITING:
            output.say(f"committed as {command_id}; it still waits to be published")
    await print_command(opened.program, command_id, as_json=wanted.as_json)
    return code


async def print_command(program: Program, command_id: str, *, as_json: bool) -> None:
    """Print the command's id, and its phase on standard error; with `as_json` the whole command as JSON."""
    detail = await program.history.command(program.tenants[0], command_id)
    if as_json and detail is not None:
        print(detail_json(detail), flush=True)
        return
    print(command_id)
    if detail is not None:
        output.say(
            f"{detail.command.device_id} {detail.command.command_type}: {output.phase_text(detail.command)} "
            f"{output.latency_text(detail.command.latency)}"
        )
