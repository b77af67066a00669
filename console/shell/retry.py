"""``retry``: send an ended command again, or what failed of a bulk send."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from console.domain.acks import OK_WORDS
from console.shell import arguments, output
from console.shell.arguments import follow_options
from console.shell.verb import BATCH, COMMAND, Act

if TYPE_CHECKING:
    from console.runtime.startup import RunningProgram


def _arguments(parser: argparse.ArgumentParser) -> None:
    arguments.whole_or_beginning(parser, "the ended command's or the bulk send's")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    arguments.waiting(parser)


async def _retry(options: argparse.Namespace, opened: RunningProgram) -> int:
    """Send an ended command again, or what failed of a bulk send."""
    from console.services.batch_send import since_ok_text
    from console.shell.asking import ask_first
    from console.shell.following import commit, follow
    from console.shell.following_batch import follow_batch

    program = opened.program
    if await program.bulk.batch(program.tenants[0], options.id) is not None:
        job = await program.bulk.retry(program.tenants[0], options.id, program.operator)
        if job.since_ok:
            output.say(f"{since_ok_text(job.since_ok)}: nothing is sent to them again")
        await ask_first(program, job.device_ids, job.draft.command_type, yes=options.yes)
        return await follow_batch(opened, job, follow_options(options))
    draft = await program.sender.again(program.tenants[0], options.id, program.operator)
    await ask_first(program, (draft.device_id,), draft.command_type, yes=options.yes)
    receipt = await commit(program, draft)
    old = await program.history.command(program.tenants[0], options.id)
    if old is not None and old.command.later in OK_WORDS:
        output.say(
            "note: the device has answered the old command with ok since, too late to count; `show` shows it"
        )
    return await follow(opened, receipt, follow_options(options))


VERB = Act(
    name="retry",
    example="device-console retry 0d1f6c7e-… --wait",
    arguments=_arguments,
    run=_retry,
    ids=(COMMAND, BATCH),
    changes="sends commands",
    has_json=True,
)
