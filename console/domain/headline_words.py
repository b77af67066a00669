"""The headline's words: counts and names, never a cause."""

from collections import Counter
from collections.abc import Sequence

from console.domain.commands import Phase
from console.domain.conditions import Condition, Kind
from console.domain.figures import RecentEnd
from console.domain.text.counts import counted
from console.domain.text.safe import safe

_LONGEST = 40  # characters of a name
_ID = 8  # of the id of a bulk send
_WORST_FIRST = (Phase.MISSED, Phase.FAILED, Phase.EXPIRED)


def outcomes(ends: Sequence[RecentEnd]) -> list[tuple[Phase, int]]:
    """How many ended how, the most frequent first."""
    counts = Counter(end.outcome for end in ends)
    return sorted(counts.items(), key=lambda item: (-item[1], _WORST_FIRST.index(item[0])))


def parts_of(
    conditions: Sequence[Condition],
    shared: Sequence[Condition],
    rows: Sequence[RecentEnd],
    total: int | None,
) -> tuple[str, ...]:
    ends = outcomes(rows)
    devices = len({end.device_id for end in rows})
    if total is not None and len(ends) == 1 and devices <= total:
        of = f"{devices:,} of {counted(total, 'device')}"
        how = ends[0][0].value
        what = f"{of} {how}" if devices == len(rows) else f"{len(rows):,} {how} on {of}"
    elif len(ends) == 1:
        what = f"{len(rows):,} {ends[0][0].value}"
    else:
        what = f"{len(rows):,} ended badly ({', '.join(f'{count:,} {how.value}' for how, count in ends)})"
    lead = ", ".join(_lead(condition) for condition in conditions)
    return (f"{lead}: {what}", *_in_common(shared))


def others_of(kind: Kind, count: int) -> str:
    """Say how many others ended badly, behind a set of this kind that is only a part of them."""
    if kind is Kind.SITE:
        return f"; {count:,} more elsewhere"
    return f"; {counted(count, 'other')} ended badly"


def _lead(condition: Condition) -> str:
    before = {Kind.FW: "firmware ", Kind.SENDER: "sent by ", Kind.BATCH: "bulk send "}
    return f"{before.get(condition.kind, '')}{_shown(condition)}"


def _in_common(shared: Sequence[Condition]) -> list[str]:
    names = {condition.kind: _shown(condition) for condition in shared}
    site, model, fw = names.get(Kind.SITE), names.get(Kind.MODEL), names.get(Kind.FW)
    kind, sender = names.get(Kind.TYPE), names.get(Kind.SENDER)
    hardware = f"all {model}" if model else "all"
    what = f"all {kind}" if kind else "all"
    words = [
        f"all at {site}" if site else "",
        f"{hardware} on {fw}" if fw else hardware,
        f"{what} by {sender}" if sender else what,
        "all of one bulk send" if Kind.BATCH in names else "",
    ]
    return [text for text in words if text not in {"", "all"}]


def _shown(condition: Condition) -> str:
    text = safe(condition.name)
    if condition.kind is Kind.BATCH:
        return text[:_ID]
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
