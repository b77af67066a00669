"""``favourites``: favourite commands, and recently sent ones."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import TYPE_CHECKING

from console.domain.commands import params_fault, type_fault
from console.domain.ttl import ttl_text, typed_ttl_fault
from console.errors import ConflictError, InvalidInputError
from console.exit_codes import ExitCode
from console.limits import DEFAULT_TTL
from console.shell import output
from console.shell.verb import Read

if TYPE_CHECKING:
    from console.runtime.program import Program


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--recent", action="store_true", help="list recently sent commands instead")
    change = parser.add_mutually_exclusive_group()
    change.add_argument("--keep", metavar="TYPE", help="add a favourite of this type")
    change.add_argument("--drop", metavar="TYPE", help="remove the favourite of this type")
    parser.add_argument("--params", default="{}", help="the favourite's params, a JSON object")
    parser.add_argument(
        "--ttl", default=ttl_text(DEFAULT_TTL), help=f"the favourite's TTL (default {ttl_text(DEFAULT_TTL)})"
    )


async def _favourites(options: argparse.Namespace, program: Program) -> int:
    """List the favourites, or with --recent what was sent recently; --keep and --drop change them first."""
    from console.services.favourites import Saved

    tenant_id = program.tenants[0]
    if options.keep or options.drop:
        _change(options, program)
    if options.recent:
        sent = await program.history.recent_commands(tenant_id)
        found = [Saved(kind, params, ttl_text(timedelta(seconds=ttl_s))) for kind, params, ttl_s in sent]
    else:
        found = list(program.favourites.load(tenant_id))
    if options.json:
        for saved in found:
            output.print_json({"type": saved.command_type, "params": saved.params, "ttl": saved.ttl})
    else:
        if not found:
            output.say(
                "nothing was sent recently" if options.recent else "no favourites: add one with --keep TYPE"
            )
        output.print_table(["TYPE", "TTL", "PARAMS"], [[s.command_type, s.ttl, s.params] for s in found])
    return ExitCode.OK


def _change(options: argparse.Namespace, program: Program) -> None:
    """Add or remove one.

    Raises:
        InvalidInputError: it could not be sent, or there is nothing to remove.
        ConflictError: the file cannot be read or written; nothing is changed.
    """
    from console.services.favourites import Saved

    tenant_id = program.tenants[0]
    saved = Saved(options.keep or options.drop, options.params, options.ttl)
    fault = type_fault(saved.command_type) or params_fault(saved.params) or typed_ttl_fault(saved.ttl)
    if fault:
        raise InvalidInputError(fault)
    is_kept = saved in program.favourites.load(tenant_id)
    if is_kept == bool(options.keep):
        if options.drop:
            raise InvalidInputError("There is no such favourite: type, params and TTL must be the same.")
        return
    try:
        program.favourites.toggle(tenant_id, saved)
    except OSError as error:
        raise ConflictError(f"The favourites cannot be written: {error.strerror or error}.") from None


VERB = Read(
    name="favourites",
    example="device-console favourites --keep reboot --params '{\"delay_s\": 5}' --ttl 10m",
    arguments=_arguments,
    run=_favourites,
    has_json=True,
)
