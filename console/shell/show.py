"""``show``: one command in full."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from console.domain.command_json import detail_json, instant
from console.domain.explain import explain
from console.domain.history import CommandDetail
from console.domain.text.safe import safe
from console.errors import NotFoundError
from console.exit_codes import ExitCode
from console.shell import arguments, output
from console.shell.verb import COMMAND, Read

if TYPE_CHECKING:
    from console.runtime.program import Program


def _arguments(parser: argparse.ArgumentParser) -> None:
    arguments.whole_or_beginning(parser, "the command's")


async def _show(options: argparse.Namespace, program: Program) -> int:
    """Show one command in full."""
    tenant_id = program.tenants[0]
    detail = await program.history.command(tenant_id, options.id)
    if detail is None:
        raise NotFoundError(f"There is no command {options.id!r} in the tenant {tenant_id!r}.")
    if options.json:
        print(detail_json(detail), flush=True)
    else:
        _print_detail(detail)
    return ExitCode.OK


def _print_detail(detail: CommandDetail) -> None:
    """Print one command as lines of name and value."""
    command = detail.command
    lines: list[tuple[str, object]] = [
        ("id", command.command_id),
        ("device", command.device_id),
        ("type", command.command_type),
        ("phase", output.phase_text(command)),
        ("explained", explain(detail)),
        ("created", f"{instant(command.created_at)} by {command.created_by or '-'}"),
        ("published", instant(command.published_at) or "-"),
        ("answered", f"{instant(command.acked_at) or '-'} {output.latency_text(command.latency)}"),
        ("expires", "never" if command.never_expires else instant(command.expires_at)),
        ("params", command.params_json),
        ("answer", command.ack_json or "-"),
    ]
    if detail.answer_verdict is not None:
        lines.append(
            (
                "catalogue",
                f"does not match: {detail.answer_verdict}" if detail.answer_verdict else "fits",
            )
        )
    if command.last_error:
        lines.append(("last error", command.last_error))
    for name, value in lines:
        print(f"{name:10} {safe(value, 70_000)}")
    for entry in detail.journal:
        by = f" by {entry.by}" if entry.by else ""
        text = f"{instant(entry.at)} {entry.kind}{by} {entry.words or ''}"
        print(f"{'journal':10} {safe(text, 4_000).rstrip()}")


VERB = Read(
    name="show",
    example="device-console show 0d1f6c7e-… --json",
    arguments=_arguments,
    run=_show,
    ids=(COMMAND,),
    has_json=True,
)
