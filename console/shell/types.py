"""``types``: which commands a device's model takes."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from console.domain.catalogue import CatalogueEntry
from console.domain.forms import form_of
from console.errors import NotFoundError
from console.exit_codes import ExitCode
from console.shell import output
from console.shell.verb import Read

if TYPE_CHECKING:
    from console.runtime.program import Program


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("device", help="the device's id")


async def _types(options: argparse.Namespace, program: Program) -> int:
    """List the command types of a device's model with their params."""
    tenant_id = program.tenants[0]
    if options.device not in await program.history.devices(tenant_id, (options.device,)):
        raise NotFoundError(f"There is no device {options.device!r} in the tenant {tenant_id!r}.")
    found = (await program.catalogues.of_devices(tenant_id, (options.device,))).entries
    if options.json:
        for entry in found:
            asks_first = program.danger.asks(entry.command_type, entry.danger)
            output.print_json(_document(entry) | {"asks_first": asks_first})
        return ExitCode.OK
    if not found:
        output.say("No catalogue describes this device's model: any type can be sent to it.")
    asks = program.danger.asks
    output.print_table(
        ["TYPE", "NAME", "ASKS", "PARAMS", "ABOUT"],
        [
            (
                e.command_type, e.name, "yes" if asks(e.command_type, e.danger) else "-", _params(e),
                e.description or "-",
            )
            for e in found
        ],
    )  # fmt: skip
    return ExitCode.OK


def _document(entry: CatalogueEntry) -> dict[str, object]:
    return {
        "type": entry.command_type,
        "name": entry.name,
        "description": entry.description,
        "params_schema": _parsed(entry.params_schema),
        "answer_schema": _parsed(entry.answer_schema),
    }


def _parsed(schema: str | None) -> object:
    """Return the schema; its text if it cannot be parsed, because of its depth or a long number."""
    try:
        document = json.loads(schema) if schema else None
        json.dumps(document)
    except (ValueError, RecursionError):
        return schema
    return document


def _params(entry: CatalogueEntry) -> str:
    form = form_of(entry.params_schema)
    if form is None:
        return "-"
    return ", ".join(
        f"{field.name}{'' if field.required else '?'}: {field.kind.value}" for field in form.fields
    )


VERB = Read(
    name="types",
    example="device-console types pump-0017",
    arguments=_arguments,
    run=_types,
    has_json=True,
)
