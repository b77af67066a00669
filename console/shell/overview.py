"""``overview``: the last hour at a glance: the headline, how commands ended, answer times, the worst."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from console.domain.command_json import instant
from console.domain.overview import Overview, answered, ended
from console.domain.text.counts import counted
from console.domain.text.durations import latency
from console.exit_codes import ExitCode
from console.shell import output
from console.shell.verb import Read

if TYPE_CHECKING:
    from console.domain.figures import MinuteTotals
    from console.runtime.program import Program

_MINUTES = 60
_WORST = 8


def _arguments(parser: argparse.ArgumentParser) -> None:
    del parser


async def _overview(options: argparse.Namespace, program: Program) -> int:
    """Show what the workers of this console counted in the last 60 minutes."""
    found = await program.figures.overview(program.tenants[0])
    minutes = found.columns(_MINUTES)
    if options.json:
        output.print_json(_document(found, minutes))
        return ExitCode.OK
    total, times = ended(minutes), answered(minutes)
    if not found.freshness.has_worker:
        output.say("no worker of this console runs on this database: counts are kept while one does")
    else:
        print(found.headline.sentence)
    print(
        f"last hour: {counted(total.total, 'command')} ended: {total.ok:,} ok, {total.late:,} late, "
        f"{total.failed:,} failed, {total.missed:,} missed, {total.expired:,} expired"
    )
    print(f"answers: p50 {_ms(times.p50_ms)}, p95 {_ms(times.p95_ms)}, p99 {_ms(times.p99_ms)}")
    worst = found.worst(_WORST)
    if worst and found.groups_from is not None:
        print(f"worst since {found.groups_from:%H:%M} UTC:")
        output.print_table(
            ["BY", "NAME", "NOT OK", "OF", "SHARE"],
            [(w.kind.value, w.name, w.ended.bad, w.ended.total, f"{w.ended.ratio:.0%}") for w in worst],
        )
    return ExitCode.OK


def _ms(value: float | None) -> str:
    return "-" if value is None else latency(timedelta(milliseconds=value))


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value / 1000, 4)


def _document(found: Overview, minutes: tuple[MinuteTotals, ...]) -> dict[str, object]:
    times, headline, counts = answered(minutes), found.headline, found.freshness.has_worker
    return {
        "read_at": instant(found.freshness.read_at),
        "counted_until": instant(found.freshness.folded_at),
        "has_worker": found.freshness.has_worker,
        "headline": headline.sentence if counts else None,
        "is_well": headline.is_well if counts else None,
        "command_ids": list(headline.command_ids) if counts else None,
        "ended": asdict(ended(minutes)),
        "answered_s": {
            "p50": _seconds(times.p50_ms),
            "p95": _seconds(times.p95_ms),
            "p99": _seconds(times.p99_ms),
        },
        "worst_since": instant(found.groups_from),
        "worst": [{"by": w.kind.value, "name": w.name, **asdict(w.ended)} for w in found.worst(_WORST)],
        "minutes": [
            {"minute": instant(one.minute), "sent": one.sent, **asdict(one.ended)} for one in minutes
        ],
    }


VERB = Read(
    name="overview",
    example="device-console overview",
    arguments=_arguments,
    run=_overview,
    has_json=True,
)
