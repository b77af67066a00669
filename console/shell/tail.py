"""``tail``: follow commands as they change."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from console.domain.command_json import command_fields
from console.domain.commands import Command, Phase
from console.domain.filters.keys import Scope
from console.domain.text.safe import safe
from console.errors import DatabaseUnreachableError
from console.exit_codes import ExitCode
from console.shell import arguments, output
from console.shell.verb import Read

if TYPE_CHECKING:
    from console.runtime.program import Program
    from console.shell.half_way import DatabaseOutage

_PAGE = 200
_SAFETY_POLL_S = 1.0


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", help="only this device")
    arguments.filter_option(parser)
    parser.add_argument("--count", type=arguments.count, help="end after this many lines")


async def _tail(options: argparse.Namespace, program: Program) -> int:
    """Follow commands as they change; ends with Ctrl-C or after --count lines."""
    import asyncio

    from console.shell.half_way import DatabaseOutage

    tenant_id = program.tenants[0]
    seen: dict[str, Phase] = {}
    printed = 0
    first = True
    outage = DatabaseOutage()
    async with program.feed.subscribe() as subscription:
        while True:
            changed = await _changed_commands(options, program, tenant_id, seen, outage)
            for command in reversed(changed) if not first else ():
                _print_change(command, as_json=options.json)
                printed += 1
                if options.count and printed >= options.count:
                    return ExitCode.OK
            if first:
                output.say(f"following {tenant_id}; Ctrl-C ends")
                first = False
            try:
                async with asyncio.timeout(_SAFETY_POLL_S):
                    await subscription.changed()
            except TimeoutError:
                continue


async def _changed_commands(
    options: argparse.Namespace,
    program: Program,
    tenant_id: str,
    seen: dict[str, Phase],
    outage: DatabaseOutage,
) -> list[Command]:
    """Return the newest commands whose phase changed, and older ones that were open."""
    from console.domain.filters.keys import LIVE_OF_COMMAND
    from console.domain.filters.language import matches
    from console.domain.filters.subjects import command_subject

    try:
        page = await program.history.commands(
            tenant_id,
            device_ids=[options.device] if options.device else None,
            wanted=options.wanted,
            limit=_PAGE,
        )
        inside = {command.command_id for command in page.commands}
        older = [i for i, phase in seen.items() if not phase.settled and i not in inside][:_PAGE]
        rest = (await program.history.reread(tenant_id, older)).commands if older else ()
    except DatabaseUnreachableError as error:
        outage.begins(error)
        return []
    outage.ends(f"if more than {_PAGE} commands were sent in the meantime, only the newest {_PAGE} are shown")
    kept = [
        c for c in rest if matches(options.wanted, command_subject(c), page.read_at, only=LIVE_OF_COMMAND)
    ]
    changed = [c for c in (*page.commands, *kept) if seen.get(c.command_id) is not c.phase]
    seen.update({command.command_id: command.phase for command in changed})
    while len(seen) > 20 * _PAGE:
        seen.pop(next(iter(seen)))
    return changed


def _print_change(command: Command, *, as_json: bool) -> None:
    if as_json:
        output.print_json(command_fields(command))
        return
    text = (
        f"{output.phase_text(command):18} {command.device_id:20} {command.command_type:16} "
        f"{output.latency_text(command.latency):>8}  {command.command_id}"
    )
    print(safe(text, 600), flush=True)


VERB = Read(
    name="tail",
    example="device-console tail --device pump-0017",
    arguments=_arguments,
    run=_tail,
    filters=Scope.COMMANDS,
    has_json=True,
)
