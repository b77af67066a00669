"""``devices``: list the devices of a tenant."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.domain.devices import SEEN_IN_FULL, Device
from console.domain.filters.keys import Scope
from console.domain.filters.language import Filter
from console.domain.text.counts import counted
from console.exit_codes import ExitCode
from console.shell import arguments, output
from console.shell.verb import Read
from console.tables.devices import COLUMNS

if TYPE_CHECKING:
    from console.runtime.program import Program

_PAGE = 200


async def _devices(options: argparse.Namespace, program: Program) -> int:
    """List devices, all of them, page by page."""
    tenant_id, wanted = program.tenants[0], options.wanted
    entries = await program.history.device_index(tenant_id, wanted)
    now = datetime.now(UTC)
    found: list[Device] = []
    for start in range(0, len(entries), _PAGE):
        ids = entries[start : start + _PAGE]
        page = await program.history.devices(tenant_id, ids)
        for device in (page[i] for i in ids if i in page):
            if options.json:
                output.print_json(output.device_json(device))
            else:
                found.append(device)
    if not options.json:
        output.print_columns(COLUMNS, found, now)
        output.say(f"{counted(len(found), 'device')} of {tenant_id}")
    await _say_hidden(program, wanted)
    await _say_seen(program, wanted)
    return ExitCode.OK


async def _say_hidden(program: Program, wanted: Filter) -> None:
    """Print how many decommissioned devices are not shown."""
    if wanted.shows_decommissioned:
        return
    hidden = len(await program.history.decommissioned_index(program.tenants[0], wanted))
    if hidden:
        output.say(f"note: {hidden:,} decommissioned not shown; state:decommissioned finds them")


async def _say_seen(program: Program, wanted: Filter) -> None:
    """Explain what `seen` means in a large fleet."""
    if "seen" not in wanted.keys:
        return
    counts = await program.history.device_counts(program.tenants[0])
    if counts.total + counts.decommissioned > SEEN_IN_FULL:
        output.say(
            f"note: with more than {SEEN_IN_FULL:,} devices, `seen` goes by the platform's state only, not "
            "by answers or connections"
        )


VERB = Read(
    name="devices",
    example="device-console devices site:lyon -status:offline",
    arguments=arguments.filter_words,
    run=_devices,
    filters=Scope.DEVICES,
    has_json=True,
)
