"""``send``: send a command to a device, or to all that a filter finds."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import TYPE_CHECKING

from console.domain.filters.keys import Scope
from console.domain.text.counts import counted
from console.domain.text.safe import safe
from console.domain.ttl import TTL_RANGE_TYPED, parse_ttl, ttl_text
from console.errors import ConsoleError, InvalidInputError
from console.limits import DEFAULT_TTL
from console.shell import arguments, output
from console.shell.arguments import follow_options
from console.shell.verb import Act

if TYPE_CHECKING:
    from collections.abc import Sequence

    from console.domain.batches import Preview
    from console.runtime.program import Program
    from console.runtime.startup import RunningProgram

_TTL = ttl_text(DEFAULT_TTL)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("device", nargs="?", help="the device's id; leave it out with --where")
    parser.add_argument("type", help="the command type, for example reboot")
    parser.add_argument("--where", metavar="FILTER", help=f"send to every device found: {arguments.FILTER}")
    parser.add_argument(
        "--yes",
        action="store_true",
        help="do not ask; with --where, send instead of only listing the devices",
    )
    parser.add_argument("--params", default="{}", help="a JSON object, or - to read it from standard input")
    parser.add_argument("--ttl", default=_TTL, help=f"{TTL_RANGE_TYPED} (default {_TTL})")
    parser.add_argument("--id", help="your own id for the command: sending it twice changes nothing")
    arguments.waiting(parser)


async def _send(options: argparse.Namespace, opened: RunningProgram) -> int:
    """Send one command, or with --where one to each device found; with --wait, wait for the end."""
    from console.shell.asking import ask_first
    from console.shell.following import commit, follow

    if options.where is not None:
        return await _to_many(options, opened)
    if options.device is None:
        raise InvalidInputError("send needs a device and a type, or --where FILTER and a type.")
    program = opened.program
    ttl = parse_ttl(options.ttl)
    params = await _params(options)
    draft = program.sender.draft(options.device, options.type, params, ttl, program.operator, options.id)
    await ask_first(program, (options.device,), options.type, yes=options.yes)
    receipt = await commit(program, draft)
    with contextlib.suppress(ConsoleError):  # it is committed: a failed note must not hide its id
        await _warn(program, (options.device,), options.type, params)
    return await follow(opened, receipt, follow_options(options))


async def _to_many(options: argparse.Namespace, opened: RunningProgram) -> int:
    """Send to every device that the filter finds; without --yes only show how many those are."""
    from console.shell.following_batch import follow_batch

    program, tenant = opened.program, opened.program.tenants[0]
    if options.device is not None or options.id is not None:
        raise InvalidInputError("With --where leave DEVICE and --id out: the filter names the devices.")
    ttl = parse_ttl(options.ttl)
    params, wanted = await _params(options), options.wanted
    ids = await program.history.sendable_index(tenant, wanted)
    if wanted.shows_decommissioned:
        left_out = len(await program.history.device_index(tenant, wanted)) - len(ids)
        if left_out > 0:
            output.say(f"{left_out:,} of the devices found are decommissioned and left out")
    job = program.bulk.job(options.type, params, ttl, program.operator, device_ids=ids, target=options.where)
    program.bulk.check(job)
    preview = await program.bulk.preview(tenant, ids, options.type)
    output.say(_preview_text(preview, options.type, tenant))
    await _warn(program, ids, options.type, params)
    if not ids:
        raise InvalidInputError("Nothing was sent: no device matches the filter.")
    if not options.yes:
        raise InvalidInputError("Nothing was sent: add --yes to send it.")
    return await follow_batch(opened, job, follow_options(options))


def _preview_text(preview: Preview, command_type: str, tenant: str) -> str:
    """Return a sentence on how many devices there are and how many of them are unlikely to answer."""
    links = ", ".join(f"{count:,} {link}" for link, count in preview.links.items())
    words = f"{counted(preview.total, 'device')} of {tenant} ({links or 'none'})"
    if preview.forbidden:
        words += f"; {preview.forbidden:,} of them are left out (decommissioned or not routable)"
    if preview.same_in_flight:
        words += f"; {safe(command_type, 60)} is already in flight to {preview.same_in_flight:,} of them"
    return words


async def _params(options: argparse.Namespace) -> str:
    """Return the params as they were given; ``-`` reads them from standard input."""
    import asyncio

    return await asyncio.to_thread(sys.stdin.read) if options.params == "-" else str(options.params)


async def _warn(program: Program, device_ids: Sequence[str], command_type: str, params: str) -> None:
    """Print why the catalogue does not accept a command; it is sent anyway."""
    from console.services.catalogue import params_verdict

    catalogue = await program.catalogues.of_devices(program.tenants[0], device_ids)
    verdict = params_verdict(catalogue.listing(command_type), params)
    if verdict:
        output.say(f"note: {verdict}")


VERB = Act(
    name="send",
    example="device-console send pump-0017 reboot --params '{\"delay_s\": 5}' --ttl 10m --wait\n"
    "         device-console send --where 'site:lyon tag:critical' ping --yes",
    arguments=_arguments,
    run=_send,
    filters=Scope.DEVICES,
    changes="sends commands",
    has_json=True,
)
