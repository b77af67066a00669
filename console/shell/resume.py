"""``resume``: the rest of a bulk send that was interrupted."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from console.domain.text.counts import counted
from console.shell import arguments, output
from console.shell.arguments import follow_options
from console.shell.verb import BATCH, Act

if TYPE_CHECKING:
    from console.runtime.startup import RunningProgram


def _arguments(parser: argparse.ArgumentParser) -> None:
    arguments.whole_or_beginning(parser, "the bulk send's")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    arguments.waiting(parser)


async def _resume(options: argparse.Namespace, opened: RunningProgram) -> int:
    """Send the rest of a bulk send that was interrupted."""
    from console.shell.asking import ask_first
    from console.shell.following_batch import follow_batch

    program = opened.program
    job = await program.bulk.resume(program.tenants[0], options.id, program.operator)
    output.say(f"not sent yet to {counted(job.total, 'device')}")
    await ask_first(program, job.device_ids, job.draft.command_type, yes=options.yes)
    return await follow_batch(opened, job, follow_options(options), begun=True)


VERB = Act(
    name="resume",
    example="device-console resume 5b0c9a52-… --wait",
    arguments=_arguments,
    run=_resume,
    ids=(BATCH,),
    changes="sends commands",
    has_json=True,
)
