"""``devices``: list the devices of a tenant."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.domain.device_groups import devices_of, rows_of
from console.domain.devices import RECENT, SEEN_IN_FULL, SORTED_AT_MOST, Device, DeviceOrder, Sort
from console.domain.filters.keys import Scope
from console.domain.filters.language import Filter
from console.domain.text.counts import counted
from console.domain.text.safe import safe
from console.domain.views import LONGEST_NAME, View, named
from console.errors import InvalidInputError
from console.exit_codes import ExitCode
from console.shell import arguments, output
from console.shell.filter_argument import checked, judge
from console.shell.verb import Read
from console.tables.columns import ColumnOf
from console.tables.devices import COLUMNS, EVERY, columns_with

if TYPE_CHECKING:
    from console.runtime.program import Program

_PAGE = 200


async def _devices(options: argparse.Namespace, program: Program) -> int:
    """List devices, all of them, page by page."""
    tenant_id = program.tenants[0]
    view = _view(program, options.view) if options.view else View("")
    wanted = await _wanted(program, view, options.wanted)
    order = view.sort if options.sort is None else Sort(DeviceOrder(options.sort))
    order = replace(order, reverse=order.reverse != options.reverse)
    entries = await program.history.device_index(tenant_id, wanted, order)
    if view.group is not None:
        groups = await program.history.device_groups(tenant_id, view.group, entries)
        entries = devices_of(rows_of(groups, groups.members(entries), order, ()))
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
        output.print_columns(options.columns or _columns_of(view), found, now)
        output.say(f"{counted(len(found), 'device')} of {tenant_id}")
    await _say_hidden(program, wanted)
    await _say_seen(program, wanted, order)
    if order.looks_up and len(entries) > SORTED_AT_MOST:
        output.say(f"note: only the first {SORTED_AT_MOST:,} are sorted by {order.by}, the others by device")
    return ExitCode.OK


def _view(program: Program, name: str) -> View:
    """Return the saved view of this name.

    Raises:
        InvalidInputError: there is none; the sentence names those that there are.
    """
    views = program.views.load(program.tenants[0])
    found = named(views, name)
    if program.views.note:
        output.say(f"note: {program.views.note}")
    if found is None:
        known = ", ".join(safe(view.name, LONGEST_NAME) for view in views)
        known = f"the views are {known}" if known else "none is saved: V on the list of devices does that"
        raise InvalidInputError(f"There is no view {safe(name, LONGEST_NAME)!r}: {known}.")
    return found


async def _wanted(program: Program, view: View, wanted: Filter) -> Filter:
    """Return the filter with the view's: a device must match both."""
    if not view.filter.strip():
        return wanted
    both = checked(f"{view.filter} {wanted.text}".strip(), Scope.DEVICES)
    await judge(program, both)
    return both


def _columns_of(view: View) -> tuple[ColumnOf[Device], ...]:
    return COLUMNS if view.columns is None else columns_with(frozenset(view.columns), view.columns)


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
        "--view",
        metavar="NAME",
        help="list as a saved view of the screen (V there) does: its filter, with FILTER if there is one, its"
        " order unless --sort gives one, its columns unless --columns does, and a group's devices together",
    )
    parser.add_argument(
        "--sort",
        choices=orders,
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
