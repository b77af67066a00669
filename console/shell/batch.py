"""``batch``: the progress of one bulk send, its answers grouped."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from console.exit_codes import ExitCode
from console.shell import arguments
from console.shell.batch_view import print_view, read_view
from console.shell.verb import BATCH, Read

if TYPE_CHECKING:
    from console.runtime.program import Program


def _arguments(parser: argparse.ArgumentParser) -> None:
    arguments.whole_or_beginning(parser, "the bulk send's")


async def _batch(options: argparse.Namespace, program: Program) -> int:
    print_view(await read_view(program, options.id), as_json=options.json, groups=True)
    return ExitCode.OK


VERB = Read(
    name="batch",
    example="device-console batch 0d1f6c7e-…",
    arguments=_arguments,
    run=_batch,
    ids=(BATCH,),
    has_json=True,
)
