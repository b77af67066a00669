"""``config``: every setting with its value and where it comes from."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from console.exit_codes import ExitCode
from console.shell import output
from console.shell.verb import Plain

if TYPE_CHECKING:
    from console.settings import Configuration


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["show"], help="print every value with its origin")


def _show(options: argparse.Namespace, configuration: Configuration) -> int:
    """Print every value with its origin; secrets are masked."""
    if options.json:
        for origin in configuration.origins:
            output.print_json({"name": origin.name, "value": origin.value, "origin": origin.origin})
    else:
        output.print_table(
            ["NAME", "VALUE", "ORIGIN"], [[o.name, o.shown or "-", o.origin] for o in configuration.origins]
        )
    return ExitCode.OK


VERB = Plain(
    name="config",
    example="device-console config show",
    for_host=True,
    arguments=_arguments,
    run=_show,
    has_json=True,
)
