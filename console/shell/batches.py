"""The twins of bulk sends: preview, send, watch, stop, retry, and how a batch stands."""

import argparse
import asyncio
import contextlib
import json
import sys
from datetime import UTC, datetime, timedelta

from console.domain.batches import AnswerGroup, Batch, BatchView, Preview
from console.domain.command_json import instant
from console.domain.commands import Phase, parse_ttl
from console.domain.filters.language import Scope, parse_filter
from console.domain.text.safe import safe
from console.errors import DatabaseUnreachableError, InvalidInputError, NotFoundError
from console.interrupts import on_interrupt
from console.leaving import INTERRUPTED
from console.runtime.program import Program
from console.runtime.startup import RunningProgram
from console.services.batch_send import BatchRun
from console.shell import output
from console.shell import types as catalogue
from console.shell.asking import ask_first
from console.shell.half_way import saying
from console.shell.own_workers import own_workers

_POLL_S = 0.5
_GRACE_S = 5.0


def checked(text: str, scope: Scope) -> str:
    """The filter's text again.

    Raises:
        InvalidInputError: a part of it cannot be understood; the sentence names it.
    """
    faults = parse_filter(text, scope).faults
    if faults:
        raise InvalidInputError(f"The filter {text[:80]!r} cannot be used: {faults[0].sentence}")
    return text


async def send_where(options: argparse.Namespace, opened: RunningProgram) -> int:
    """Send to every device that the filter finds; without --yes only look."""
    program, tenant = opened.program, opened.program.tenants[0]
    if options.device is not None or options.id is not None:
        raise InvalidInputError("With --where leave DEVICE and --id out: the filter names the devices.")
    ttl = parse_ttl(options.ttl)
    if isinstance(ttl, str):
        raise InvalidInputError(ttl)
    params = await asyncio.to_thread(sys.stdin.read) if options.params == "-" else options.params
    where = checked(options.where, Scope.DEVICES)
    ids = await program.history.sendable_index(tenant, where)
    if parse_filter(where, Scope.DEVICES).shows_decommissioned:
        left_out = len(await program.history.device_index(tenant, where)) - len(ids)
        if left_out > 0:
            output.say(f"{left_out:,} of those that it finds are decommissioned: they are left out")
    job = program.bulk.job(options.type, params, ttl, program.operator, device_ids=ids, target=options.where)
    program.bulk.check(job)
    preview = await program.bulk.preview(tenant, ids, options.type)
    output.say(preview_text(preview, options.type, tenant))
    await catalogue.warn(program, ids, options.type, params)
    if not ids:
        raise InvalidInputError("Nothing was sent: no device matches the filter.")
    if not options.yes:
        raise InvalidInputError("Nothing was sent: add --yes to send it.")
    return await follow(options, opened, job)


def preview_text(preview: Preview, command_type: str, tenant: str) -> str:
    """How many devices, how many of them unlikely to answer, in one sentence."""
    links = ", ".join(f"{count:,} {link}" for link, count in preview.links.items())
    words = f"{preview.total:,} devices of {tenant} ({links or 'none'})"
    if preview.forbidden:
        words += f"; {preview.forbidden:,} of them get nothing (decommissioned or not routable)"
    if preview.same_in_flight:
        words += f"; {safe(command_type, 60)} is in flight already to {preview.same_in_flight:,}"
    return words


async def send_rest(options: argparse.Namespace, opened: RunningProgram) -> int:
    """Go on with a batch whose sending ended half-way."""
    program = opened.program
    job = await program.bulk.resume(program.tenants[0], options.id, program.operator)
    output.say(f"{job.total:,} devices have got nothing of it yet")
    await ask_first(program, job.device_ids, job.draft.command_type, yes=options.yes)
    return await follow(options, opened, job, begun=True)


async def follow(
    options: argparse.Namespace, opened: RunningProgram, job: BatchRun, *, begun: bool = False
) -> int:
    """Send a batch with progress on standard error; Ctrl-C stops it and takes back what waits.

    Raises:
        DatabaseUnreachableError: with what is committed and how to go on.
    """
    program, batch_id = opened.program, job.draft.batch_id
    if not begun:
        with saying(lambda: _not_begun(batch_id)):
            await program.bulk.begin(program.tenants[0], job)
    with saying(lambda: _half_way(job)):
        return await _follow(options, opened, job)


def _not_begun(batch_id: str) -> str:
    return (
        "No command was sent. If the batch was recorded all the same, "
        f"`device-console resume {batch_id}` sends it; nothing is sent twice."
    )


def _half_way(job: BatchRun) -> str:
    batch_id = job.draft.batch_id
    if job.done < job.total:
        known = f"{job.committed:,} of {job.total:,} are committed as batch {batch_id} for certain"
        return f"{known}; {_resume(batch_id)}."
    return (
        f"All of it is committed as batch {batch_id} ({job.committed:,} of {job.total:,}): "
        f"`device-console batch {batch_id}` shows how it stands."
    )


def _resume(batch_id: str) -> str:
    return f"`device-console resume {batch_id}` sends what is left; nothing is sent twice"


async def _follow(options: argparse.Namespace, opened: RunningProgram, job: BatchRun) -> int:
    program, tenant, batch_id = opened.program, opened.program.tenants[0], job.draft.batch_id
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        job.stopping = True
        stopped.set()

    with on_interrupt(loop, stop):
        async with own_workers(opened):
            await program.bulk.run(tenant, job)
            output.say(f"{job.committed:,} of {job.total:,} committed as batch {batch_id}")
            if not job.stopping:
                await _watch(options, opened, job, stopped)
            if job.stopping:
                taken = await program.bulk.stop(tenant, job.draft.batch_id, program.operator)
                output.say(f"stopped; {taken:,} taken back before they were published")
    view = await _view(program, job.draft.batch_id)
    print_view(view, as_json=options.json, groups=options.wait)
    if job.stopping:
        return INTERRUPTED
    return 0 if not options.wait or view.phases.get(Phase.OK, 0) == view.batch.draft.wanted else 1


async def _watch(
    options: argparse.Namespace, opened: RunningProgram, job: BatchRun, stopped: asyncio.Event
) -> None:
    """With --wait until all are settled, without until all are published or 5 s are over."""
    program = opened.program
    patience = _GRACE_S
    if options.wait:
        patience = options.timeout or job.draft.ttl.total_seconds() + _GRACE_S
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while not stopped.is_set():
                with contextlib.suppress(DatabaseUnreachableError):
                    view = await _view(program, job.draft.batch_id)
                    if view.settled == view.committed:
                        return
                    if not options.wait and not view.phases.get(Phase.WAITING):
                        return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await stopped.wait()


async def batches(options: argparse.Namespace, program: Program) -> int:
    """List bulk sends, newest first."""
    where = checked(" ".join(options.text), Scope.BATCHES)
    found = await program.bulk.batches(program.tenants[0], options.limit, text=where)
    now = datetime.now(UTC)
    if options.json:
        for batch in found:
            output.print_json(_batch_json(batch))
        return 0
    output.print_table(
        ["AGE", "TYPE", "DEVICES", "TARGET", "BY", "STOPPED", "RETRY OF", "ID"],
        [
            [
                output.age_text(b.created_at, now), b.draft.command_type, b.draft.wanted, b.draft.target,
                b.draft.created_by or "-", b.stopped_by or "-", b.draft.retry_of or "-", b.draft.batch_id,
            ]
            for b in found
        ],
    )  # fmt: skip
    return 0


async def batch(options: argparse.Namespace, program: Program) -> int:
    """Show how one bulk send stands, grouped by answer."""
    print_view(await _view(program, options.id), as_json=options.json, groups=True)
    return 0


async def print_batch(program: Program, batch_id: str, *, as_json: bool) -> None:
    """How it stands now, without its groups."""
    print_view(await _view(program, batch_id), as_json=as_json, groups=False)


async def _view(program: Program, batch_id: str) -> BatchView:
    view = await program.bulk.batch(program.tenants[0], batch_id)
    if view is None:
        raise NotFoundError(f"There is no batch {batch_id!r} in the tenant {program.tenants[0]!r}.")
    return view


def print_view(view: BatchView, *, as_json: bool, groups: bool) -> None:
    """One batch: its id on standard output, its counts on standard error, its groups as a table."""
    draft = view.batch.draft
    counts = [f"{count:,} {phase.value}" for phase, count in view.phases.items()]
    if view.committed < draft.wanted:
        counts.append(f"{draft.wanted - view.committed:,} of {draft.wanted:,} got nothing")
    if view.batch.stopped_at is not None:
        counts.append(f"stopped by {view.batch.stopped_by}")
    output.say(f"{draft.command_type}: {', '.join(counts)}")
    if as_json:
        output.print_json(
            _batch_json(view.batch)
            | {
                "committed": view.committed,
                "got_nothing": draft.wanted - view.committed,
                "phases": {phase.value: count for phase, count in view.phases.items()},
                "groups": [
                    {
                        "phase": group.phase.value,
                        "answer": json.loads(group.answers[0]) if len(group.answers) == 1 else None,
                        "fields": dict(group.fields),
                        "count": group.count,
                        "sample": list(group.sample),
                    }
                    for group in view.groups
                ],
            }
        )
        return
    print(draft.batch_id)
    if groups:
        output.print_table(
            ["DEVICES", "PHASE", "ANSWER", "FOR EXAMPLE"],
            [[g.count, g.phase.value, _answer_text(g), ", ".join(g.sample)] for g in view.groups],
        )


def _answer_text(group: AnswerGroup) -> str:
    return "  ".join(f"{key}={value}" for key, value in group.fields.items()) or "-"


def _batch_json(batch: Batch) -> dict[str, object]:
    return {
        "batch_id": batch.batch_id,
        "type": batch.draft.command_type,
        "params": json.loads(batch.draft.params_json),
        "ttl_s": batch.draft.ttl / timedelta(seconds=1),
        "target": batch.draft.target,
        "wanted": batch.draft.wanted,
        "created_at": instant(batch.created_at),
        "created_by": batch.draft.created_by,
        "stopped_at": instant(batch.stopped_at),
        "stopped_by": batch.stopped_by,
        "retry_of": batch.draft.retry_of,
    }
