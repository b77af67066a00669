"""``demo``: the data of the embedded servers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from console.exit_codes import ExitCode
from console.interrupts import raise_again
from console.shell import output
from console.shell.verb import Plain

if TYPE_CHECKING:
    from console.settings import Configuration


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["reset"], help="delete the embedded servers' data")


def _reset(_options: argparse.Namespace, configuration: Configuration) -> int:
    """Delete the embedded servers' data.

    Raises:
        BusyError: another process uses them.
    """
    from console.embedded.servers import reset

    raise_again()
    gone = reset(configuration.settings.home_folder)
    output.say(
        "the demo data is deleted; the next start creates new data" if gone else "there was no demo data"
    )
    return ExitCode.OK


VERB = Plain(
    name="demo",
    example="device-console demo reset",
    for_host=True,
    arguments=_arguments,
    run=_reset,
    changes="reset deletes the demo's data",
)
