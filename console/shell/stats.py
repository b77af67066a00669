"""``stats``: how commands ended, by type, site, model, firmware, sender or reason."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from console.exit_codes import ExitCode
from console.shell import output
from console.shell.verb import Read

if TYPE_CHECKING:
    from console.domain.figures import Freshness, GroupTotals
    from console.domain.histograms import Histogram
    from console.runtime.program import Program

_KINDS = ("type", "site", "model", "fw", "reason", "sender")
_SINCE = re.compile(r"(\d{1,4})([hd])", re.ASCII)
_MOST = timedelta(days=400)
_HEADER = ["NAME", "ENDED", "OK", "LATE", "FAILED", "MISSED", "EXPIRED", "NOT OK"]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", choices=_KINDS, default="type", help="what to count by (default type)")
    parser.add_argument(
        "--since",
        type=_span,
        default=timedelta(days=1),
        metavar="SPAN",
        help="how far back: 6h, 30d (default 24h)",
    )


def _span(text: str) -> timedelta:
    match = _SINCE.fullmatch(text.strip())
    span = timedelta(hours=int(match[1]) * (24 if match[2] == "d" else 1)) if match else timedelta(0)
    if not timedelta(0) < span <= _MOST:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a span from 1h to 400d")
    return span


async def _stats(options: argparse.Namespace, program: Program) -> int:
    """Print a row for each name, the one with most bad ends first."""
    from console.domain.figures import GroupKind
    from console.domain.histograms import Histogram, merged

    tenant_id, by_type = program.tenants[0], options.by == "type"
    latency = await program.figures.latency(tenant_id)
    until = latency.freshness.read_at + timedelta(hours=1)
    since = (latency.freshness.read_at - options.since).replace(minute=0, second=0, microsecond=0)
    read = await program.figures.groups(tenant_id, [GroupKind(options.by)], since, until)
    _say_how_new(read.freshness)
    times = {
        group.name: merged(one.answered for one in latency.value if one.command_type == group.name)
        for group in read.value
        if by_type
    }
    if options.json:
        for group in read.value:
            output.print_json(_json(group, times.get(group.name)))
        return ExitCode.OK
    if not read.value:
        output.say("nothing ended in that time")
    header = [*_HEADER, "P50", "P95"] if by_type else _HEADER
    rows = [
        _row(group) + (_times(times.get(group.name, Histogram())) if by_type else []) for group in read.value
    ]
    output.print_table(header, rows)
    return ExitCode.OK


def _say_how_new(freshness: Freshness) -> None:
    if not freshness.has_worker:
        output.say("No worker of this console runs on this database: counts are kept from when one does.")
    elif freshness.is_old:
        output.say(f"What ended in the last {freshness.age_s:.0f} s is not counted yet.")


def _row(group: GroupTotals) -> list[object]:
    ended = group.ended
    counts = (ended.total, ended.ok, ended.late, ended.failed, ended.missed, ended.expired)
    return [group.name or "-", *(f"{count:,}" for count in counts), f"{100 * ended.ratio:.1f} %"]


def _times(answered: Histogram) -> list[object]:
    spans = (answered.p50_ms, answered.p95_ms)
    return [output.latency_text(None if ms is None else timedelta(milliseconds=ms)) for ms in spans]


def _json(group: GroupTotals, answered: Histogram | None) -> dict[str, object]:
    ended = group.ended
    document: dict[str, object] = {
        group.kind.value: group.name,
        "ended": ended.total,
        "ok": ended.ok,
        "late": ended.late,
        "failed": ended.failed,
        "missed": ended.missed,
        "expired": ended.expired,
    }
    if answered is not None:
        document |= {"p50_ms": answered.p50_ms, "p95_ms": answered.p95_ms, "p99_ms": answered.p99_ms}
    return document


VERB = Read(
    name="stats",
    example="device-console stats --by site --since 7d",
    arguments=_arguments,
    run=_stats,
    has_json=True,
)
