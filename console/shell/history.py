"""``history``: list commands, newest first."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.domain.command_json import command_fields
from console.domain.commands import Command
from console.domain.filters.keys import Scope
from console.errors import NotFoundError
from console.exit_codes import ExitCode
from console.shell import arguments, output
from console.shell.verb import Read
from console.tables.commands import COLUMNS

if TYPE_CHECKING:
    from console.runtime.program import Program

_PAGE = 200


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("device", nargs="?", help="only this device")
    arguments.filter_option(parser)
    arguments.limit(parser, 50)


async def _history(options: argparse.Namespace, program: Program) -> int:
    """List commands, newest first."""
    tenant_id = program.tenants[0]
    wanted, before = options.limit, None
    found: list[Command] = []
    read_at = datetime.now(UTC)
    while wanted > len(found):
        page = await program.history.commands(
            tenant_id,
            device_ids=[options.device] if options.device else None,
            wanted=options.wanted,
            before=before,
            limit=min(_PAGE, wanted - len(found)),
        )
        found.extend(page.commands)
        read_at, before = page.read_at, page.end
        if not page.more or before is None:
            break
    if not found and options.device and not await program.history.devices(tenant_id, [options.device]):
        raise NotFoundError(f"There is no device {options.device!r} in the tenant {tenant_id!r}.")
    if options.json:
        for command in found:
            output.print_json(command_fields(command))
        return ExitCode.OK
    output.print_columns(COLUMNS, found, read_at)
    return ExitCode.OK


VERB = Read(
    name="history",
    example="device-console history pump-0017",
    arguments=_arguments,
    run=_history,
    filters=Scope.COMMANDS,
    has_json=True,
)
