"""The headline: the smallest set that what ended badly in the last quarter of an hour has in common.

It counts rows and never names a cause. The set has one name (of a site, model, firmware, type, sender or bulk
send) or two, holds 80 % of what ended badly, at least five ends, and three times its usual ratio.

Decided in docs/decisions/0084-the-headline.md
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import combinations
from operator import attrgetter

from console.domain.commands import Phase
from console.domain.figures import Ended, GroupKind, GroupTotals, RecentEnd, all_ended
from console.domain.text.counts import counted
from console.domain.text.safe import safe

WINDOW = timedelta(minutes=15)
USUAL_SPAN = timedelta(days=1)
_SHARE = 0.8
_FEWEST = 5
_UNUSUAL = 3.0
_FEWEST_USUAL = 20  # ends: a ratio of fewer says nothing
_NOTABLE = 0.03  # of all ends: less is never called bad
_LONGEST = 40  # characters of a name
_ID = 8  # of the id of a bulk send
_WORST_FIRST = (Phase.MISSED, Phase.FAILED, Phase.EXPIRED)


class Kind(StrEnum):
    """What a set may be named by, the first one preferred among equals."""

    SITE = "site"
    MODEL = "model"
    FW = "fw"
    TYPE = "type"
    SENDER = "sender"
    BATCH = "batch"


_OF = {
    Kind.SITE: attrgetter("site"),
    Kind.MODEL: attrgetter("model"),
    Kind.FW: attrgetter("fw"),
    Kind.TYPE: attrgetter("command_type"),
    Kind.SENDER: attrgetter("sender"),
    Kind.BATCH: attrgetter("batch_id"),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One name that all rows of a set share. `name` is untrusted text."""

    kind: Kind
    name: str

    def holds(self, end: RecentEnd) -> bool:
        return _name(end, self.kind) == self.name


@dataclass(frozen=True, slots=True)
class Totals:
    """What the recent ends are compared with.

    `last_hour` is the sum of the last 60 minutes; `current` are the groups of the hours from `current_from`,
    `usual` those of the day before that.
    """

    last_hour: Ended = field(default_factory=Ended)
    current: tuple[GroupTotals, ...] = ()
    usual: tuple[GroupTotals, ...] = ()


@dataclass(frozen=True, slots=True)
class Headline:
    """One sentence, its parts, and the rows that it is about.

    `conditions` name the set, empty if nothing is in common; `shared` is what else all its rows have in
    common. `ends` are the rows of the set, newest first: exactly those to be shown. `total` is how many
    devices the set has at all, None if that is not known.
    """

    sentence: str
    is_well: bool
    conditions: tuple[Condition, ...] = ()
    shared: tuple[Condition, ...] = ()
    ends: tuple[RecentEnd, ...] = ()
    since: datetime | None = None
    total: int | None = None

    @property
    def outcome(self) -> Phase | None:
        """How most rows of the set ended."""
        return _outcomes(self.ends)[0][0] if self.ends else None

    @property
    def command_ids(self) -> tuple[str, ...]:
        return tuple(end.command_id for end in self.ends)

    @property
    def device_ids(self) -> tuple[str, ...]:
        """The devices of the rows, each once."""
        return tuple(dict.fromkeys(end.device_id for end in self.ends))


def current_from(now: datetime) -> datetime:
    """Return the beginning of the hours that count as current: all of the window, in whole hours."""
    return (now - WINDOW).replace(minute=0, second=0, microsecond=0)


def headline(
    recent_ends: Sequence[RecentEnd],
    totals: Totals,
    now: datetime,
    devices: Mapping[Condition, int] | None = None,
) -> Headline:
    """Return the headline at `now`, an instant of the database's clock, whose zone the sentence uses.

    `devices` tells how many devices a site, a model or a firmware has, where that is known.
    """
    ends = sorted(recent_ends, key=lambda end: (end.at, end.command_id), reverse=True)
    recent = [end for end in ends if now - WINDOW < end.at <= now]
    earlier = [end for end in ends if now - USUAL_SPAN < end.at <= now - WINDOW]
    found = _smallest(recent, earlier, totals, now)
    if not found:
        return _without_a_set(recent, totals)
    rows = tuple(end for end in recent if _is_in(end, found))
    shared = tuple(
        Condition(kind, name)
        for kind in Kind
        if kind not in {condition.kind for condition in found}
        and (name := _name(rows[0], kind))
        and all(_name(end, kind) == name for end in rows)
    )
    total = (devices or {}).get(found[0]) if len(found) == 1 else None
    since = rows[-1].at
    sentence = _sentence(found, shared, rows, total, since.astimezone(now.tzinfo))
    return Headline(sentence, False, found, shared, rows, since, total)


def _smallest(
    recent: Sequence[RecentEnd], earlier: Sequence[RecentEnd], totals: Totals, now: datetime
) -> tuple[Condition, ...]:
    """Return the conditions of the smallest set; empty if there is none."""
    least = max(_FEWEST, _SHARE * len(recent))
    named = [one for kind in Kind if (one := _commonest(recent, kind, least)) is not None]
    current, usual = _by_name(totals.current), _by_name(totals.usual)
    span = _windows(earlier, now)

    def is_unusual(conditions: tuple[Condition, ...]) -> bool:
        if len(conditions) == 1 and conditions[0] in current:
            before = usual.get(conditions[0], Ended())
            return before.total < _FEWEST_USUAL or current[conditions[0]].ratio >= _UNUSUAL * before.ratio
        before_count = sum(_is_in(end, conditions) for end in earlier)
        return sum(_is_in(end, conditions) for end in recent) >= _UNUSUAL * before_count / span

    def size(conditions: tuple[Condition, ...]) -> float:
        known = [current[one].total for one in conditions if one in current]
        return min(known, default=float("inf"))

    singles = [(one,) for one in named if is_unusual((one,))]
    pairs = [
        pair
        for pair in combinations(named, 2)
        if not singles and sum(_is_in(end, pair) for end in recent) >= least and is_unusual(pair)
    ]
    return min([*singles, *pairs], key=size, default=())


def _commonest(recent: Sequence[RecentEnd], kind: Kind, least: float) -> Condition | None:
    """Return the name that enough of these share; more than half share it, so there is one at most."""
    names = Counter(name for end in recent if (name := _name(end, kind)))
    name, count = names.most_common(1)[0] if names else ("", 0)
    return Condition(kind, name) if count >= least else None


def _windows(earlier: Sequence[RecentEnd], now: datetime) -> float:
    """Return for how many windows the earlier ends are known, at least one."""
    known = now - WINDOW - earlier[-1].at if earlier else WINDOW
    return max(known / WINDOW, 1.0)


def _by_name(groups: Sequence[GroupTotals]) -> dict[Condition, Ended]:
    return {
        Condition(Kind(group.kind.value), group.name): group.ended
        for group in groups
        if group.name and group.kind is not GroupKind.REASON
    }


def _is_in(end: RecentEnd, conditions: Sequence[Condition]) -> bool:
    return all(condition.holds(end) for condition in conditions)


def _name(end: RecentEnd, kind: Kind) -> str:
    return str(_OF[kind](end) or "")


def _without_a_set(recent: Sequence[RecentEnd], totals: Totals) -> Headline:
    hour = totals.last_hour
    current, usual = _every(totals.current), _every(totals.usual)
    is_unusual = usual.total >= _FEWEST_USUAL and current.ratio >= max(_UNUSUAL * usual.ratio, _NOTABLE)
    if not hour.total and not recent:
        return Headline("Nothing ended in the last hour.", is_well=True)
    if hour.ratio > 0.5 or (len(recent) >= _FEWEST and is_unusual):
        return Headline(
            f"{hour.bad:,} of {hour.total:,} ended badly in the last hour, with nothing in common.",
            is_well=False,
            ends=tuple(recent),
            since=recent[-1].at if recent else None,
        )
    failed = f", {hour.failed:,} failed" if hour.failed else ""
    return Headline(
        f"All well: {hour.answered:,} of {hour.total:,} answered in the last hour{failed}.", is_well=True
    )


def _every(groups: Sequence[GroupTotals]) -> Ended:
    """How everything ended: each command has one type, if only ""."""
    return all_ended(group.ended for group in groups if group.kind is GroupKind.TYPE)


def _outcomes(ends: Sequence[RecentEnd]) -> list[tuple[Phase, int]]:
    """How many ended how, the most frequent first."""
    counts = Counter(end.outcome for end in ends)
    return sorted(counts.items(), key=lambda item: (-item[1], _WORST_FIRST.index(item[0])))


def _sentence(
    conditions: Sequence[Condition],
    shared: Sequence[Condition],
    rows: Sequence[RecentEnd],
    total: int | None,
    since: datetime,
) -> str:
    outcomes = _outcomes(rows)
    devices = len({end.device_id for end in rows})
    if total is not None and len(outcomes) == 1 and devices <= total:
        what = f"{devices:,} of {counted(total, 'device')} {outcomes[0][0].value}"
    elif len(outcomes) == 1:
        what = f"{len(rows):,} {outcomes[0][0].value}"
    else:
        what = f"{len(rows):,} ended badly ({', '.join(f'{count:,} {how.value}' for how, count in outcomes)})"
    lead = ", ".join(_lead(condition) for condition in conditions)
    return ", ".join([f"{lead}: {what} since {since:%H:%M}", *_in_common(shared)]) + "."


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
