"""The twins that only read: devices, history, show, problems, tail."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from console.domain.command_json import command_fields, detail_json, instant
from console.domain.commands import Command, Phase
from console.domain.devices import SEEN_IN_FULL, Device
from console.domain.explain import explain
from console.domain.filters.language import Scope, matches, parse_filter
from console.domain.filters.subjects import COMMAND_KEYS, command_subject
from console.domain.history import CommandDetail
from console.domain.identifiers import name_shown
from console.domain.text.safe import safe
from console.errors import DatabaseUnreachableError, InvalidInputError, NotFoundError
from console.runtime.program import Program
from console.services.exporter import FORMATS, Format, exported
from console.shell import output
from console.shell.batches import checked
from console.shell.half_way import DatabaseOutage, saying

_PAGE = 200
_DEVICES = ("DEVICE", "NAME", "LINK", "SEEN", "SITE", "MODEL", "FW", "FLIGHT", "LAST COMMAND")
_SAFETY_POLL_S = 1.0


async def devices(options: argparse.Namespace, program: Program) -> int:
    """List devices, all of them, page by page."""
    tenant_id, where = program.tenants[0], checked(" ".join(options.text), Scope.DEVICES)
    entries = await program.history.device_index(tenant_id, where)
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
        columns = (
            _DEVICES if any(device.name for device in found) else tuple(c for c in _DEVICES if c != "NAME")
        )
        rows = [_device_row(device, now) for device in found]
        output.print_table(columns, [[row[column] for column in columns] for row in rows])
        output.say(f"{len(found)} devices of {tenant_id}")
    await _say_hidden(program, where)
    await _say_seen(program, where)
    return 0


async def _say_hidden(program: Program, where: str) -> None:
    """Name what is left out, so that nobody wonders."""
    if parse_filter(where, Scope.DEVICES).shows_decommissioned:
        return
    hidden = len(await program.history.decommissioned_index(program.tenants[0], where))
    if hidden:
        output.say(f"note: {hidden:,} decommissioned not shown: state:decommissioned finds them")


async def _say_seen(program: Program, where: str) -> None:
    """A large fleet is not filtered by all signs of life."""
    if "seen" not in parse_filter(where, Scope.DEVICES).keys:
        return
    counts = await program.history.device_counts(program.tenants[0])
    if counts.total + counts.decommissioned > SEEN_IN_FULL:
        output.say(
            f"note: above {SEEN_IN_FULL:,} devices, seen goes by the platform's state, not by answers"
            " or connections"
        )


def _device_row(device: Device, now: datetime) -> dict[str, object]:
    last = device.last_command
    link = device.link.value
    return {
        "DEVICE": device.device_id,
        "NAME": device.name or "-",
        "LINK": link if device.in_service else f"{link}, {device.state}",
        "SEEN": output.age_text(device.last_seen_at, now),
        "SITE": device.site_id,
        "MODEL": device.model or "-",
        "FW": device.fw_version or "-",
        "FLIGHT": device.in_flight or "-",
        "LAST COMMAND": f"{last.command_type} {last.phase.value}" if last else "-",
    }


async def history(options: argparse.Namespace, program: Program) -> int:
    """List commands, newest first."""
    tenant_id = program.tenants[0]
    wanted, before = options.limit, None
    where = checked(options.where, Scope.COMMANDS)
    found: list[Command] = []
    read_at = datetime.now(UTC)
    while wanted > len(found):
        page = await program.history.commands(
            tenant_id,
            device_ids=[options.device] if options.device else None,
            text=where,
            before=before,
            limit=min(_PAGE, wanted - len(found)),
        )
        found.extend(page.commands)
        read_at, before = page.read_at, page.end
        if not page.more or before is None:
            break
    if not found and options.device and not await program.history.devices(tenant_id, [options.device]):
        raise NotFoundError(f"There is no device {options.device!r} in the tenant {tenant_id!r}.")
    if options.json:
        for command in found:
            output.print_json(command_fields(command))
        return 0
    output.print_table(
        ["AGE", "DEVICE", "TYPE", "PHASE", "ANSWERED", "BY", "ID"],
        [
            [
                output.age_text(c.created_at, read_at), c.device_id, c.command_type, output.phase_text(c),
                output.latency_text(c.latency), name_shown(c.created_by) or "-", c.command_id,
            ]
            for c in found
        ],
    )  # fmt: skip
    return 0


async def show(options: argparse.Namespace, program: Program) -> int:
    """Show one command in full."""
    tenant_id = program.tenants[0]
    detail = await program.history.command(tenant_id, options.id)
    if detail is None:
        raise NotFoundError(f"There is no command {options.id!r} in the tenant {tenant_id!r}.")
    if options.json:
        print(detail_json(detail), flush=True)
    else:
        print_detail(detail)
    return 0


def print_detail(detail: CommandDetail) -> None:
    """One command as lines of name and value."""
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
                f"not what it describes: {detail.answer_verdict}" if detail.answer_verdict else "fits",
            )
        )
    if command.last_error:
        lines.append(("last error", command.last_error))
    for name, value in lines:
        print(f"{name:10} {safe(value, 70_000)}")
    for entry in detail.journal:
        by = f" by {entry.by}" if entry.by else ""
        text = f"{instant(entry.at)} {entry.kind}{by} {entry.detail or ''}"
        print(f"{'journal':10} {safe(text, 4_000).rstrip()}")


async def problems(options: argparse.Namespace, program: Program) -> int:
    """List what an operator should look at."""
    found = await program.history.problems(
        program.tenants[0], checked(" ".join(options.text), Scope.PROBLEMS), options.limit
    )
    if options.json:
        for problem in found:
            output.print_json(output.problem_json(problem))
        return 0
    if not found:
        output.say("no problems" if not options.text else "no problem matches the filter")
    now = datetime.now(UTC)
    output.print_table(
        ["AGE", "KIND", "COUNT", "DEVICE", "COMMAND", "DETAIL"],
        [
            [output.age_text(p.last_at, now), p.kind.value, p.count, p.device_id, p.command_id, p.detail]
            for p in found
        ],
    )
    return 0


async def export(options: argparse.Namespace, program: Program) -> int:
    """Write a whole history, page by page, to standard output or into a new file."""
    where = checked(options.where, Scope.COMMANDS)
    form = options.format or _format_of(options.output)
    pieces = exported(
        program.history, program.tenants[0], form,
        device_ids=[options.device] if options.device else None, text=where,
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
    output.say(f"{count:,} commands of {program.tenants[0]} as {form}")
    return 0


def _no_whole_export(path: Path | None, count: int) -> str:
    """What an export left behind that ended half-way."""
    if path is None:
        return f"What was written, the newest {count:,} commands, is no whole export: begin again."
    what = f"The file {path} holds the newest {count:,} commands"
    return f"{what} and is no whole export: delete it and begin again."


def _format_of(path: Path | None) -> Format:
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


async def tail(options: argparse.Namespace, program: Program) -> int:
    """Follow commands as they change; ends with Ctrl-C or after --count lines."""
    tenant_id = program.tenants[0]
    checked(options.where, Scope.COMMANDS)
    seen: dict[str, Phase] = {}
    printed = 0
    first = True
    outage = DatabaseOutage()
    async with program.feed.subscribe() as subscription:
        while True:
            changed = await _changed_commands(options, program, tenant_id, seen, outage)
            for command in reversed(changed) if not first else ():
                _print_change(command, as_json=options.json)
                printed += 1
                if options.count and printed >= options.count:
                    return 0
            if first:
                output.say(f"following {tenant_id}; Ctrl-C ends")
                first = False
            try:
                async with asyncio.timeout(_SAFETY_POLL_S):
                    await subscription.changed()
            except TimeoutError:
                continue


async def _changed_commands(
    options: argparse.Namespace,
    program: Program,
    tenant_id: str,
    seen: dict[str, Phase],
    outage: DatabaseOutage,
) -> list[Command]:
    """The newest commands whose phase is not the one last seen, and older ones that were open."""
    try:
        page = await program.history.commands(
            tenant_id,
            device_ids=[options.device] if options.device else None,
            text=options.where,
            limit=_PAGE,
        )
        inside = {command.command_id for command in page.commands}
        older = [i for i, phase in seen.items() if not phase.settled and i not in inside][:_PAGE]
        rest = (await program.history.reread(tenant_id, older)).commands if older else ()
    except DatabaseUnreachableError as error:
        outage.begins(error)
        return []
    outage.ends(f"what changed meanwhile beyond the newest {_PAGE} commands is not shown")
    wanted = parse_filter(options.where, Scope.COMMANDS)
    kept = [c for c in rest if matches(wanted, command_subject(c), page.read_at, only=COMMAND_KEYS)]
    changed = [c for c in (*page.commands, *kept) if seen.get(c.command_id) is not c.phase]
    seen.update({command.command_id: command.phase for command in changed})
    while len(seen) > 20 * _PAGE:
        seen.pop(next(iter(seen)))
    return changed


def _print_change(command: Command, *, as_json: bool) -> None:
    if as_json:
        output.print_json(command_fields(command))
        return
    text = (
        f"{output.phase_text(command):18} {command.device_id:20} {command.command_type:16} "
        f"{output.latency_text(command.latency):>8}  {command.command_id}"
    )
    print(safe(text, 600), flush=True)
