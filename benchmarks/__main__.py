"""``python -m benchmarks``: measures the groups that were asked for, prints a table, and writes JSON."""

import argparse
import asyncio
import importlib
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Row, as_json, markdown, replaced, row_of, table, worse
from benchmarks.place import Place, Scale, open_place

GROUPS = (
    "sweeps", "answers", "counts", "publications", "bulk", "sends", "pages", "starts", "stored", "prunes", "waits", "scaling", "peers", "screens", "sessions",
)  # fmt: skip
NOT_IN_SHORT = {"scaling", "peers", "screens", "sessions"}
_MINUTES_OF_FIVE = 25  # five pairs of everything, on two processors
SHORT, WHOLE = Scale(10_000, 3, short=True), Scale(100_000, 5, short=False)


def main() -> int:
    options = _arguments()
    usual = SHORT if options.smoke else WHOLE
    scale = Scale(options.size or usual.rows, options.pairs or usual.pairs, short=options.smoke)
    return asyncio.run(_run(options, scale))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--smoke", action="store_true", help="the short form: a minute, and 1 if a bound is broken twice"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument(
        "--size", type=int, help=f"rows of the largest tables ({WHOLE.rows:,}, short {SHORT.rows:,})"
    )
    parser.add_argument(
        "--pairs", type=int, help=f"turns of floor and ours ({WHOLE.pairs}, short {SHORT.pairs})"
    )
    parser.add_argument(
        "--growth",
        action="store_true",
        help="measure from 10,000 rows to --size, and draw docs/performance/; above 1,000,000 --size alone",
    )
    parser.add_argument(
        "--profile", action="store_true", help="tell which functions a worker's processor time goes into"
    )
    return parser.parse_args()


async def _run(options: argparse.Namespace, scale: Scale) -> int:
    began = time.monotonic()
    async with open_place() as place:
        _say(
            f"PostgreSQL {place.version}, Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
        )
        if options.growth:
            from benchmarks.growth import MOST_COPIED, grow

            if scale.rows > MOST_COPIED:
                from benchmarks.large import measure_large

                print(await measure_large(place, scale.rows))
            else:
                await grow(place, scale.rows)
            return 0
        if options.profile:
            from benchmarks.profiles import profile

            print(await profile(place, scale))
            return 0
        names = options.only or [name for name in GROUPS if not (scale.short and name in NOT_IN_SHORT)]
        if not scale.short and not options.only:
            _say(
                f"{len(names)} groups: some {_MINUTES_OF_FIVE * scale.pairs / 5:.0f} minutes at 100,000 rows"
            )
        rows, failed = await _groups(names, place, scale)
    print(table(rows))
    for note in dict.fromkeys(place.notes):
        print(f"  {note}")
    if options.json:
        options.json.write_text(as_json(rows), "utf-8")
    if options.markdown:
        options.markdown.write_text(markdown(rows), "utf-8")
    _say(f"{time.monotonic() - began:.0f} s")
    if failed:
        _say(f"FAILED, so without rows: {', '.join(failed)}")
    return _verdict(rows) if scale.short else bool(failed)


async def _groups(names: Sequence[str], place: Place, scale: Scale) -> tuple[list[Row], list[str]]:
    """Measure groups; return their rows, and those that failed, whose error is printed."""
    rows: list[Row] = []
    failed: list[str] = []
    for name in names:
        try:
            rows += await _measured(name, place, scale)
        except Exception:  # what the other groups found is not lost with it
            if scale.short:
                raise
            traceback.print_exc()
            failed.append(name)
    return rows, failed


async def _measured(name: str, place: Place, scale: Scale) -> list[Row]:
    """Measure a group, in the short form once more if one of its bounds is broken."""
    measured = await _group(name, place, scale)
    if scale.short and (broken := worse(measured)):
        _say(f"once more: {', '.join(row.figure.name for row in broken)}")
        measured = replaced(measured, await _group(name, place, scale))
    return measured


def _verdict(rows: list[Row]) -> int:
    for row in (broken := worse(rows)):
        _say(f"FAILED: {row.figure.name} is {row.held:.3g}, and its bound is {row.figure.bound:g}")
    return 1 if broken else 0


async def _group(name: str, place: Place, scale: Scale) -> list[Row]:
    module = importlib.import_module(f"benchmarks.{name}")
    began = time.monotonic()
    measured = await module.measure(place, scale)
    _say(f"{name}: {time.monotonic() - began:.0f} s")
    return [row_of(figure, measured[figure.name]) for figure in module.FIGURES if measured.get(figure.name)]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
