"""``export``: the complete history as CSV, JSON or JSON lines, streamed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from console.domain.filters.keys import Scope
from console.domain.text.counts import counted
from console.errors import InvalidInputError
from console.exit_codes import ExitCode
from console.shell import arguments, output
from console.shell.verb import Read

if TYPE_CHECKING:
    from console.runtime.program import Program
    from console.services.exporter import Format


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("device", nargs="?", help="only this device")
    arguments.filter_option(parser)
    parser.add_argument(
        "--format", choices=["csv", "json", "jsonl"], help="default: by the file's name, else jsonl"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="a new file; default: standard output")


async def _export(options: argparse.Namespace, program: Program) -> int:
    """Export the complete history, page by page, to standard output or into a new file."""
    from console.services.exporter import exported
    from console.shell.half_way import saying

    form = options.format or _format_of(options.output)
    pieces = exported(
        program.history, program.tenants[0], form,
        device_ids=[options.device] if options.device else None, wanted=options.wanted,
    )  # fmt: skip
    count = 0
    try:
        with (
            options.output.open("x", encoding="utf-8", newline="") if options.output else _stdout() as out,
            saying(lambda: _no_whole_export(options.output, count)),
        ):
            async for piece, commands in pieces:
                out.write(piece)
                count += commands
    except FileExistsError:
        raise InvalidInputError(f"The file {options.output} exists: choose another name.") from None
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise InvalidInputError(f"The file {options.output} cannot be written: {error.strerror}.") from None
    output.say(f"{counted(count, 'command')} of {program.tenants[0]} as {form}")
    return ExitCode.OK


def _no_whole_export(path: Path | None, count: int) -> str:
    """Return a sentence on what an interrupted export left behind."""
    if path is None:
        written = f"What was written, the newest {counted(count, 'command')},"
        return f"{written} is not a complete export: start again."
    what = f"The file {path} holds the newest {counted(count, 'command')}"
    return f"{what} and is not a complete export: delete it and start again."


def _format_of(path: Path | None) -> Format:
    from console.services.exporter import FORMATS

    if path is None:
        return "jsonl"
    suffix = path.suffix.removeprefix(".").lower()
    for form in FORMATS:
        if form == suffix:
            return form
    raise InvalidInputError(f"The name {path.name!r} must end in .csv, .json or .jsonl; or give --format.")


@contextmanager
def _stdout() -> Iterator[TextIO]:
    yield sys.stdout


VERB = Read(
    name="export",
    example="device-console export --where 'phase:missed age<7d' --output missed.csv",
    arguments=_arguments,
    run=_export,
    writes_file=lambda options: options.output is not None,
    filters=Scope.COMMANDS,
)
