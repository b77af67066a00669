"""``doctor`` on the command line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from console.shell.verb import Setup

if TYPE_CHECKING:
    from console.settings import Configuration


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--probe",
        action="store_true",
        help="also publish on the tenant's topics, for a device that does not exist",
    )


async def _doctor(options: argparse.Namespace, configuration: Configuration) -> int:
    """Examine the set-up; return the exit code of the worst fault."""
    from console.shell.doctor.examine import examine

    return await examine(configuration.settings, as_json=options.json, probe=options.probe)


VERB = Setup(
    name="doctor",
    example="device-console doctor",
    arguments=_arguments,
    run=_doctor,
    has_json=True,
    changes="publishes on topics of the tenant with --probe",
    changes_when=lambda options: options.probe,
)
