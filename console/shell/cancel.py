"""``cancel``: cancel an unpublished command, or stop a bulk send."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from console.exit_codes import ExitCode
from console.shell import arguments, output
from console.shell.batch_view import print_view, read_view
from console.shell.verb import BATCH, COMMAND, Act

if TYPE_CHECKING:
    from console.runtime.startup import RunningProgram


def _arguments(parser: argparse.ArgumentParser) -> None:
    arguments.whole_or_beginning(parser, "the command's or the bulk send's")
    parser.add_argument("--reason", default="", help="why, for the journal")


async def _cancel(options: argparse.Namespace, opened: RunningProgram) -> int:
    """Cancel a command that is not published yet, or stop a bulk send."""
    from console.shell.following import print_command
    from console.shell.half_way import saying

    program = opened.program
    view = await program.bulk.batch(program.tenants[0], options.id)
    if view is not None:
        with saying(
            lambda: (
                f"It may be stopped in part: run `device-console cancel {options.id}` again to stop the rest."
            )
        ):
            taken = await program.bulk.stop(program.tenants[0], options.id, program.operator)
        output.say(f"stopped; {taken:,} cancelled before publication")
        print_view(await read_view(program, options.id), as_json=options.json, groups=False)
        return ExitCode.OK
    with saying(lambda: f"Whether it was cancelled is unknown: `device-console show {options.id}` shows it."):
        await program.sender.cancel(program.tenants[0], options.id, program.operator, options.reason)
    await print_command(program, options.id, as_json=options.json)
    return ExitCode.OK


VERB = Act(
    name="cancel",
    example="device-console cancel 0d1f6c7e-…",
    arguments=_arguments,
    run=_cancel,
    ids=(COMMAND, BATCH),
    changes="takes commands back",
    has_json=True,
)
