"""``batches``: list bulk sends, newest first."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.domain.filters.keys import Scope
from console.exit_codes import ExitCode
from console.shell import arguments, output
from console.shell.batch_view import batch_json
from console.shell.verb import Read

if TYPE_CHECKING:
    from console.runtime.program import Program


def _arguments(parser: argparse.ArgumentParser) -> None:
    arguments.filter_words(parser, "filter terms, all of which must match: firmware -by:alice age<7d")
    arguments.limit(parser, 50)


async def _batches(options: argparse.Namespace, program: Program) -> int:
    """List bulk sends, newest first."""
    found = await program.bulk.batches(program.tenants[0], options.limit, wanted=options.wanted)
    now = datetime.now(UTC)
    if options.json:
        for batch in found:
            output.print_json(batch_json(batch))
        return ExitCode.OK
    output.print_table(
        ["AGE", "TYPE", "DEVICES", "TARGET", "BY", "STOPPED", "RETRY OF", "ID"],
        [
            [
                output.age_text(b.created_at, now), b.draft.command_type, b.draft.wanted, b.draft.target,
                b.draft.created_by or "-", b.stopped_by or "-", b.draft.retry_of or "-", b.draft.batch_id,
            ]
            for b in found
        ],
    )  # fmt: skip
    return ExitCode.OK


VERB = Read(
    name="batches",
    example="device-console batches",
    arguments=_arguments,
    run=_batches,
    filters=Scope.BATCHES,
    has_json=True,
)
