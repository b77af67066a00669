"""The row of a group of devices: how many, their links, and how their last commands ended."""

from collections.abc import Mapping

from console.domain.commands import Phase
from console.domain.device_groups import WORST_FIRST, DeviceGroup, DeviceGroups, GroupBy, shares
from console.domain.devices import RECENT, DeviceCounts, Link
from console.domain.phases import LINK_SYMBOLS, PHASE_SYMBOLS
from console.domain.text.counts import counted
from console.domain.text.safe import safe
from console.tables.columns import NOTHING, Cell, Tone
from console.tables.tones import LINK_TONES, counted_phase
from console.tui.presenters.cells import Line, fit_text

FOLDED, UNFOLDED = "▸", "▾"
_UNKNOWN = "·"
_WORDS = {
    GroupBy.SITE: "site", GroupBy.MODEL: "model", GroupBy.FW: "firmware", GroupBy.TEMPLATE: "template",
}  # fmt: skip


def by_words(by: GroupBy) -> str:
    """Name what is grouped by, in a sentence."""
    return _WORDS[by]


def group_name(by: GroupBy, value: str) -> str:
    """Return a group's name; ``no site`` where the devices have no value."""
    return safe(value, 60) if value else f"no {_WORDS[by]}"


def looked_words(found: DeviceGroups | None) -> str:
    """Say at how many devices' last commands was looked; empty if at all."""
    if found is None or not found.looked_in_part:
        return ""
    return f"last ends of {found.looked:,} only"


def group_cells(
    by: GroupBy, value: str, group: DeviceGroup | None, listed: int, marked: int, *, folded: bool
) -> Mapping[str, Cell]:
    """Make the cells of a group's row; `group` is None while its sums are read."""
    count = f"✓ {marked:,} of {listed:,}" if marked else f"{listed:,}"
    name = Cell(group_name(by, value), "strong" if value else "dim", "", count)
    cells = {"lead": Cell(FOLDED if folded else UNFOLDED, "accent"), "device": name}
    if group is None:
        return cells | {"link": Cell("…", "dim")}
    return cells | {
        "link": links_cell(group.counts),
        "flight": Cell(f"{group.flight:,}", "live") if group.flight else NOTHING,
        "recent": _strip(group),
        "last": _ends(group),
    }


def links_cell(counts: DeviceCounts) -> Cell:
    """Count by link: ``● 39  ◐ 5  ○ 4``."""
    numbers = {
        Link.ONLINE: counts.online, Link.STALE: counts.stale, Link.OFFLINE: counts.offline,
        Link.UNKNOWN: counts.unknown,
    }  # fmt: skip
    shown = [link for link, number in numbers.items() if number]
    tone: Tone = LINK_TONES[shown[0]] if shown else ""
    return Cell("  ".join(f"{LINK_SYMBOLS[link]} {numbers[link]:,}" for link in shown), tone)


def _strip(group: DeviceGroup) -> Cell:
    whole, half = (
        "".join(
            PHASE_SYMBOLS[phase] if phase is not None else _UNKNOWN
            for phase in shares(group.ended, group.counts.total, cells)
        )
        for cells in (RECENT, RECENT // 2)
    )
    return Cell(whole, "phases", half)


def _ends(group: DeviceGroup) -> Cell:
    bad = [phase for phase in WORST_FIRST if group.ended.get(phase)]
    if bad:
        bad.sort(key=lambda phase: -group.ended[phase])
        first, *others = (counted_phase(phase, f"{group.ended[phase]:,} {phase.value}") for phase in bad)
        more = "  ".join(cell.text for cell in others)
        return Cell(first.text, first.tone, more, f"{percent(group)} not ok")
    ok = group.ended.get(Phase.OK, 0)
    return counted_phase(Phase.OK, f"{ok:,} ok") if ok else NOTHING


def percent(group: DeviceGroup) -> str:
    """Return the share that is not ok; neither none nor all by rounding."""
    if group.share * 100 < 1:
        return "<1 %"
    return f"{int(group.share * 100)} %"


def group_lines(
    by: GroupBy, value: str, group: DeviceGroup | None, width: int, *, read_only: bool
) -> list[Line]:
    """Describe a group beside the list; `read_only`: nothing can be composed to it."""
    lines: list[Line] = [(Cell(fit_text(group_name(by, value), width).rstrip(), "strong"),)]
    if group is None:
        return [*lines, (Cell("Reading the group…", "dim"),)]
    lines += [(Cell(f"{counted(group.counts.total, 'device')}  "), links_cell(group.counts)), ()]
    ended = [phase for phase in (*WORST_FIRST, Phase.OK) if group.ended.get(phase)]
    lines += [
        (
            Cell("            " if place else "last ended  ", "dim"),
            counted_phase(phase, f"{group.ended[phase]:,} {phase.value}"),
        )
        for place, phase in enumerate(ended)
    ]
    if group.not_ok:
        lines.append((Cell(f"{percent(group)} not ok"),))
    if group.flight:
        lines.append((Cell(f"{group.flight:,} in flight", "live"),))
    keys = "space marks the group" if read_only else "c composes to the group, space marks it"
    return [*lines, (), (Cell(keys, "dim"),)]
