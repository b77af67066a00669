"""The twin that shows which commands a device's model takes, and what speaks against one that is sent."""

import argparse
import json
from collections.abc import Sequence

from console.domain.catalogue import CatalogueEntry
from console.domain.forms import form_of
from console.errors import NotFoundError
from console.runtime.program import Program
from console.services.catalogue import params_verdict
from console.shell import output


async def types(options: argparse.Namespace, program: Program) -> int:
    """List the command types of a device's model with their params."""
    tenant_id = program.tenants[0]
    if options.device not in await program.history.devices(tenant_id, (options.device,)):
        raise NotFoundError(f"There is no device {options.device!r} in the tenant {tenant_id!r}.")
    found = (await program.catalogues.of_devices(tenant_id, (options.device,))).entries
    if options.json:
        for entry in found:
            asks_first = program.danger.asks(entry.command_type, entry.danger)
            output.print_json(_document(entry) | {"asks_first": asks_first})
        return 0
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
    return 0


async def warn(program: Program, device_ids: Sequence[str], command_type: str, params: str) -> None:
    """Say what the catalogue has against a command; it is sent all the same."""
    catalogue = await program.catalogues.of_devices(program.tenants[0], device_ids)
    verdict = params_verdict(catalogue.listing(command_type), params)
    if verdict:
        output.say(f"note: {verdict}")


def _document(entry: CatalogueEntry) -> dict[str, object]:
    return {
        "type": entry.command_type,
        "name": entry.name,
        "description": entry.description,
        "params_schema": _parsed(entry.params_schema),
        "answer_schema": _parsed(entry.answer_schema),
    }


def _parsed(schema: str | None) -> object:
    """The schema; its text where it is too deep, or holds a number too long, to be written out again."""
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
