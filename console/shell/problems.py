"""``problems``: answers that match no command, conflicts, refusals and broken links."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.domain.filters.keys import Scope
from console.exit_codes import ExitCode
from console.shell import arguments, output
from console.shell.verb import Read

if TYPE_CHECKING:
    from console.runtime.program import Program


def _arguments(parser: argparse.ArgumentParser) -> None:
    arguments.filter_words(parser, "filter terms, all of which must match: device:pump-* kind:forged* age<1d")
    arguments.limit(parser, 100)


async def _problems(options: argparse.Namespace, program: Program) -> int:
    """List problems, such as answers that match no command."""
    found = await program.history.problems(program.tenants[0], options.wanted, options.limit)
    if options.json:
        for problem in found:
            output.print_json(output.problem_json(problem))
        return ExitCode.OK
    if not found:
        output.say("no problems" if not options.text else "no problem matches the filter")
    now = datetime.now(UTC)
    output.print_table(
        ["AGE", "KIND", "COUNT", "DEVICE", "COMMAND", "DETAIL"],
        [
            [output.age_text(p.last_at, now), p.kind.value, p.count, p.device_id, p.command_id, p.detail]
            for p in found
        ],
    )
    return ExitCode.OK


VERB = Read(
    name="problems",
    example="device-console problems forged",
    arguments=_arguments,
    run=_problems,
    filters=Scope.PROBLEMS,
    has_json=True,
)
