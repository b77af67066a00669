"""The headline: the smallest set that what ended badly in the last quarter of an hour has in common.

It counts rows and never names a cause. The set has one name (of a site, model, firmware, type, sender or bulk
send) or two, holds 80 % of what ended badly, at least five ends, and three times its usual ratio. Where none
holds so much, it is the one name that is clearly not as usual, and how many others ended badly is said.

Decided in docs/decisions/0084-the-headline.md
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from itertools import combinations, pairwise

from console.domain.commands import Phase
from console.domain.conditions import Condition, Kind, is_in, name_of
from console.domain.figures import Ended, GroupKind, GroupTotals, RecentEnd, all_ended
from console.domain.headline_words import others_of, outcomes, parts_of

WINDOW = timedelta(minutes=15)
USUAL_SPAN = timedelta(days=1)
_HOUR = timedelta(hours=1)
_FEW = 0.1  # of all that ended: with more, nobody should read that all is well, whatever is usual
_SHARE = 0.8
_FEWEST = 5
_UNUSUAL = 3.0
_FEWEST_USUAL = 20  # ends: a ratio of fewer says nothing
_NEARLY_ALL = 0.9  # of what ended: no news where it has been so for hours, but not well either
_NOTABLE = 0.03  # of all ends: less is never called bad
_NEARLY_AS_CLEAR = 0.85  # of the fit of the best name: then the kind decides, a site first
_SHORT_GAP, _RARELY = timedelta(minutes=1), 10  # times the usual gap: with a longer one, something else began
_HALF = 0.5  # of the ends of a name of which nothing usual is known


@dataclass(frozen=True, slots=True)
class Totals:
    """What the recent ends are compared with.

    `last_hour` is the sum of the last 60 minutes, `window` that of the last 15, if it is known; `current` are
    the groups of the hours from `current_from`, `usual` those of the day before that.
    """

    last_hour: Ended = field(default_factory=Ended)
    window: Ended = field(default_factory=Ended, kw_only=True)
    current: tuple[GroupTotals, ...] = ()
    usual: tuple[GroupTotals, ...] = ()


@dataclass(frozen=True, slots=True)
class Headline:
    """One sentence, its parts, and the rows that it is about.

    `conditions` name the set, empty if nothing is in common or it is no news; `shared` is what else all its
    rows have in common. `ends` are the rows of the set, newest first: exactly those to be shown. `total` is
    how many devices the set has at all, None if that is not known. `since` is when the first of them ended
    badly, or of those before with no quiet quarter of an hour between. `parts` are what and what else;
    `others` is what ended badly outside a set that is only a part of it, in words that end the sentence.
    """

    sentence: str
    is_well: bool
    conditions: tuple[Condition, ...] = ()
    shared: tuple[Condition, ...] = ()
    ends: tuple[RecentEnd, ...] = ()
    since: datetime | None = None
    total: int | None = None
    parts: tuple[str, ...] = ()
    others: str = ""
    at: datetime | None = None  # when it was made: an hour of another day is written with its date

    def clauses(self, zone: tzinfo | None) -> tuple[str, ...]:
        """Return the parts of the sentence with times of this zone, those to be left out first at the end."""
        if not self.parts or self.since is None:
            return ()
        since = self.since.astimezone(zone)
        is_today = self.at is None or self.at.astimezone(zone).date() == since.date()
        return (f"{self.parts[0]} since {since:{'%H:%M' if is_today else '%a %d %H:%M'}}", *self.parts[1:])

    @property
    def outcome(self) -> Phase | None:
        """How most rows of the set ended."""
        return outcomes(self.ends)[0][0] if self.ends else None

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
    found = _smallest(recent, earlier, totals, now) or _far_from_usual(recent, totals)
    still = () if found else _still_silent(recent, totals)
    if not found and not still:
        return _without_a_set(recent, [end for end in ends if now - _HOUR < end.at <= now], totals)
    return _of_a_set(recent, earlier, found or still, now, devices or {}, is_news=bool(found))


def _of_a_set(
    recent: Sequence[RecentEnd],
    earlier: Sequence[RecentEnd],
    found: tuple[Condition, ...],
    now: datetime,
    devices: Mapping[Condition, int],
    *,
    is_news: bool,
) -> Headline:
    of_it = [end for end in recent if is_in(end, found)]
    rows = _begun(of_it)
    shared = tuple(
        Condition(kind, name)
        for kind in Kind
        if kind not in {condition.kind for condition in found}
        and (name := name_of(rows[0], kind))
        and all(name_of(end, kind) == name for end in rows)
    )
    total = devices.get(found[0]) if len(found) == 1 else None
    before = [end for end in earlier if is_in(end, found)] if len(rows) == len(of_it) else []
    since = _since(rows, before)
    parts = parts_of(found, shared, rows, total)
    if not is_news:
        parts = (f"As before, {parts[0]}", *parts[1:])
    rest = len(recent) - len(of_it)
    others = others_of(found[0].kind, rest) if len(of_it) < _SHARE * len(recent) else ""
    made = Headline("", False, found if is_news else (), shared, rows, since, total, parts, others, now)
    return replace(made, sentence=f"{', '.join(made.clauses(now.tzinfo))}{others}.")


def _begun(rows: Sequence[RecentEnd]) -> tuple[RecentEnd, ...]:
    """Return the rows since it began: without those, a fifth at most, that a long gap parts from the rest.

    A few that ended badly long before are what is usual, and it did not begin with them.
    """
    gaps = [newer.at - older.at for newer, older in pairwise(rows)]
    long = max(_SHORT_GAP, _RARELY * sorted(gaps)[len(gaps) // 2]) if gaps else WINDOW
    least = max(_FEWEST, _SHARE * len(rows))
    cuts = [place for place, gap in enumerate(gaps, 1) if gap > long and place >= least]
    return tuple(rows[: cuts[0]] if cuts else rows)


def _since(rows: Sequence[RecentEnd], before: Sequence[RecentEnd]) -> datetime:
    """Return when it began: back through the rows before, newest first, up to a quiet window."""
    since = rows[-1].at
    for end in before:
        if since - end.at > WINDOW:
            break
        since = end.at
    return since


def _smallest(
    recent: Sequence[RecentEnd], earlier: Sequence[RecentEnd], totals: Totals, now: datetime
) -> tuple[Condition, ...]:
    """Return the conditions of the smallest set; empty if there is none."""
    least = max(_FEWEST, _SHARE * len(recent))
    named = [one for kind in Kind if (one := _commonest(recent, kind, least)) is not None]
    current, usual = _byname_of(totals.current), _byname_of(totals.usual)
    span = _windows(earlier, now)

    def is_unusual(conditions: tuple[Condition, ...]) -> bool:
        if len(conditions) == 1 and conditions[0] in current:
            before = usual.get(conditions[0], Ended())
            return before.total < _FEWEST_USUAL or current[conditions[0]].ratio >= _UNUSUAL * before.ratio
        before_count = sum(is_in(end, conditions) for end in earlier)
        return sum(is_in(end, conditions) for end in recent) >= _UNUSUAL * before_count / span

    def size(conditions: tuple[Condition, ...]) -> float:
        known = [current[one].total for one in conditions if one in current]
        return min(known, default=float("inf"))

    singles = [(one,) for one in named if is_unusual((one,))]
    pairs = [
        pair
        for pair in combinations(named, 2)
        if not singles and sum(is_in(end, pair) for end in recent) >= least and is_unusual(pair)
    ]
    return min([*singles, *pairs], key=size, default=())


def _far_from_usual(recent: Sequence[RecentEnd], totals: Totals) -> tuple[Condition, ...]:
    """Return the name that is clearly not as usual, though it holds less than most; empty without one.

    Of several it is the one that holds much of what ended badly and of which much ended badly: the harmonic
    mean of both shares is the highest. A site of which all is silent comes before the model of all devices.
    Of names that are nearly as clear, a site comes first: that is where somebody can go. Names are counted
    by the hour: a name's ends of the window are reckoned from its part of the hour, or what began late in a
    busy hour would not be seen.
    """
    counts, current, usual = _counts(recent), _byname_of(totals.current), _byname_of(totals.usual)
    every = _every(totals.current).total
    part = min(1.0, totals.window.total / every) if every and totals.window.total else 1.0

    def ratio_of(one: Condition) -> float:
        return max(current[one].ratio, min(1.0, counts[one] / max(1.0, current[one].total * part)))

    def is_far(one: Condition) -> bool:
        before, ratio = usual.get(one, Ended()), ratio_of(one)
        if before.total < _FEWEST_USUAL:
            return ratio >= _HALF
        return ratio >= max(_UNUSUAL * before.ratio, _NOTABLE)

    def fit(one: Condition) -> float:
        share, ratio = counts[one] / len(recent), ratio_of(one)
        return 2 * share * ratio / (share + ratio)

    named = [one for one in counts if counts[one] >= _FEWEST and one in current and is_far(one)]
    clear = _NEARLY_AS_CLEAR * max(map(fit, named), default=0.0)
    best = [one for one in named if fit(one) >= clear]
    return (min(best, key=lambda one: (list(Kind).index(one.kind), -fit(one), one.name)),) if best else ()


def _still_silent(recent: Sequence[RecentEnd], totals: Totals) -> tuple[Condition, ...]:
    """Return the name of which nearly all has ended badly for so long that it is usual; empty without one."""
    counts, current = _counts(recent), _byname_of(totals.current)
    silent = [
        one
        for one in counts
        if counts[one] >= _FEWEST and one in current and current[one].ratio >= _NEARLY_ALL
    ]
    most = max((counts[one] for one in silent), default=0)
    widest = [one for one in silent if counts[one] >= min(most, _SHARE * len(recent))]
    key = lambda one: (current[one].total, list(Kind).index(one.kind), one.name)  # noqa: E731
    return (min(widest, key=key),) if widest else ()


def _counts(recent: Sequence[RecentEnd]) -> Counter[Condition]:
    """Count the names of all that ended badly."""
    return Counter(Condition(kind, name) for end in recent for kind in Kind if (name := name_of(end, kind)))


def _commonest(recent: Sequence[RecentEnd], kind: Kind, least: float) -> Condition | None:
    """Return the name that enough of these share; more than half share it, so there is one at most."""
    names = Counter(name for end in recent if (name := name_of(end, kind)))
    name, count = names.most_common(1)[0] if names else ("", 0)
    return Condition(kind, name) if count >= least else None


def _windows(earlier: Sequence[RecentEnd], now: datetime) -> float:
    """Return for how many windows the earlier ends are known, at least one."""
    known = now - WINDOW - earlier[-1].at if earlier else WINDOW
    return max(known / WINDOW, 1.0)


def _byname_of(groups: Sequence[GroupTotals]) -> dict[Condition, Ended]:
    return {
        Condition(Kind(group.kind.value), group.name): group.ended
        for group in groups
        if group.name and group.kind is not GroupKind.REASON
    }


def _without_a_set(recent: Sequence[RecentEnd], of_the_hour: Sequence[RecentEnd], totals: Totals) -> Headline:
    hour = totals.last_hour
    current, usual = _every(totals.current), _every(totals.usual)
    is_unusual = usual.total >= _FEWEST_USUAL and current.ratio >= max(_UNUSUAL * usual.ratio, _NOTABLE)
    if not hour.total and not recent:
        return Headline("Nothing ended in the last hour.", is_well=True)
    if hour.ratio > 0.5 or (len(recent) >= _FEWEST and is_unusual):
        return Headline(
            f"{hour.bad:,} of {hour.total:,} ended badly in the last hour, with nothing in common.",
            is_well=False,
            ends=tuple(of_the_hour),
            since=of_the_hour[-1].at if of_the_hour else None,
        )
    bad = ((hour.failed, "failed"), (hour.missed, "missed"), (hour.expired, "expired"))
    others = "".join(f", {count:,} {word}" for count, word in bad if count)
    answered = f"{hour.answered:,} of {hour.total:,} answered in the last hour{others}."
    return Headline(answered if hour.bad > _FEW * hour.total else f"All well: {answered}", is_well=True)


def _every(groups: Sequence[GroupTotals]) -> Ended:
    """How everything ended: each command has one type, if only ""."""
    return all_ended(group.ended for group in groups if group.kind is GroupKind.TYPE)
