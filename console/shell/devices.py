"""``devices``: list the devices of a tenant."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.domain.devices import RECENT, SEEN_IN_FULL, SORTED_AT_MOST, Device, DeviceOrder, Sort
from console.domain.filters.keys import Scope
from console.domain.filters.language import Filter
from console.domain.text.counts import counted
from console.exit_codes import ExitCode
from console.shell import arguments, output
from console.shell.verb import Read
from console.tables.columns import ColumnOf
from console.tables.devices import COLUMNS, EVERY

if TYPE_CHECKING:
    from console.runtime.program import Program

_PAGE = 200


async def _devices(options: argparse.Namespace, program: Program) -> int:
    """List devices, all of them, page by page."""
    tenant_id, wanted = program.tenants[0], options.wanted
    order = Sort(DeviceOrder(options.sort), options.reverse)
    entries = await program.history.device_index(tenant_id, wanted, order)
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
        output.print_columns(options.columns or COLUMNS, found, now)
        output.say(f"{counted(len(found), 'device')} of {tenant_id}")
    await _say_hidden(program, wanted)
    await _say_seen(program, wanted, order)
    if order.looks_up and len(entries) > SORTED_AT_MOST:
        output.say(f"note: only the first {SORTED_AT_MOST:,} are sorted by {order.by}, the others by device")
    return ExitCode.OK


async def _say_hidden(program: Program, wanted: Filter) -> None:
    """Print how many decommissioned devices are not shown."""
    if wanted.shows_decommissioned:
        return
    hidden = len(await program.history.decommissioned_index(program.tenants[0], wanted))
    if hidden:
        output.say(f"note: {hidden:,} decommissioned not shown; state:decommissioned finds them")


async def _say_seen(program: Program, wanted: Filter, order: Sort) -> None:
    """Explain what `seen` means in a large fleet."""
    if "seen" not in wanted.keys and order.by is not DeviceOrder.SEEN:
        return
    counts = await program.history.device_counts(program.tenants[0])
    if counts.total + counts.decommissioned > SEEN_IN_FULL:
        output.say(
            f"note: with more than {SEEN_IN_FULL:,} devices, `seen` goes by the platform's state only, not "
            "by answers or connections"
        )


def _columns(text: str) -> tuple[ColumnOf[Device], ...]:
    """Read the names of columns; each is printed, also where nothing stands in it."""
    known = {column.key: column for column in EVERY}
    names = [name.strip() for name in text.split(",")]
    if not set(names) <= known.keys():
        raise argparse.ArgumentTypeError(f"the columns are {', '.join(known)}")
    return tuple(replace(known[name], optional=False) for name in dict.fromkeys(names))


def _arguments(parser: argparse.ArgumentParser) -> None:
    arguments.filter_words(parser)
    orders = [order.value for order in DeviceOrder]
    parser.add_argument(
        "--sort",
        choices=orders,
        default=orders[0],
        metavar="COLUMN",
        help=f"sort by one of {', '.join(orders)}; recent: by how many of the last {RECENT} were not ok",
    )
    parser.add_argument(
        "--columns",
        type=_columns,
        metavar="NAME,...",
        help=f"print these columns, in this order: {', '.join(column.key for column in EVERY)}",
    )
    parser.add_argument("--reverse", action="store_true", help="sort the other way round")


VERB = Read(
    name="devices",
    example="device-console devices site:lyon -status:offline",
    arguments=_arguments,
    run=_devices,
    filters=Scope.DEVICES,
    has_json=True,
)
