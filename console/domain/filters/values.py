"""The values that occur in a tenant for the keys of a filter, and notes on a filter that was typed."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from console.domain.filters.ids import nearest
from console.domain.filters.keys import called
from console.domain.filters.language import Filter, Match, fold, folded
from console.domain.filters.patterns import glob, is_exact, literal

MOST = 1_000  # values of a key; if there are more, no value is reported as missing
MOST_GROUPS = (
    100_000  # groups that are examined; if there are more, no group is suggested as the one that was meant
)
_NAMED = 3
_COMPARED = 5  # patterns for which the nearest value is searched: each search compares all values
_WHOLE = frozenset({"kind"})
NOT_EVALUATED = (
    "its filter has other conditions than a status, tags and a site_id, or tags cannot be read here"
)


@dataclass(frozen=True, slots=True)
class Group:
    """A group of devices. If its filter is not understood, its members are unknown."""

    group_id: str
    name: str
    can_be_evaluated: bool = True


@dataclass(frozen=True, slots=True)
class KnownValues:
    """The known values of a tenant by key.

    Attributes:
        values: the values that are offered as completions.
        whole: the keys for which `values` and `others` are complete.
        others: values that exist but are not offered: of groups all names and ids, however many.
        broken: groups that cannot be evaluated, by id and by name, folded; another may have the same name.
    """

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()

    def with_more(self, more: Mapping[str, tuple[str, ...]]) -> "KnownValues":
        """Return these values and those that occur elsewhere, on the screen or recently."""
        values = dict(more) | dict(self.values)
        for key, found in more.items():
            values[key] = tuple(dict.fromkeys((*self.values.get(key, ()), *found)))
        return KnownValues(values, self.whole, self.others, self.broken)


@dataclass(frozen=True, slots=True)
class Note:
    """What an operator should know about a filter; a fault if it can match nothing."""

    sentence: str
    is_fault: bool = False


def known_values(values: Mapping[str, tuple[str, ...]], groups: Sequence[Group]) -> KnownValues:
    """Build the known values of a tenant; slugs of templates in `values` are valid but not offered.

    Groups are offered by their names, or by their ids where two have the same name.
    """
    slugs = values.get("slug", ())
    values = {key: found for key, found in values.items() if key != "slug"}
    names = Counter(fold(group.name) for group in groups)
    ids = {fold(group.group_id) for group in groups}
    offered = tuple(
        group.name if _is_clear(group, names, ids) else group.group_id
        for group in groups[:MOST]
    )  # fmt: skip
    every = tuple(dict.fromkeys(text for group in groups for text in (group.name, group.group_id) if text))
    broken = [group for group in groups if not group.can_be_evaluated]
    whole = {key for key, found in values.items() if len(found) < MOST}
    return KnownValues(
        {**values, "group": offered},
        frozenset(whole | {"group"} if len(groups) < MOST_GROUPS else whole),
        {"group": every, "template": slugs},
        frozenset(fold(text) for group in broken for text in (group.name, group.group_id) if text),
    )


def _is_clear(group: Group, names: Mapping[str, int], ids: Collection[str]) -> bool:
    name = fold(group.name)
    own = name == fold(group.group_id)
    return bool(name) and names[name] == 1 and (own or name not in ids) and '"' not in name


def notes(wanted: Filter, known: KnownValues, most: int | None = None) -> tuple[Note, ...]:
    """Return notes on values of the filter that do not occur, with what was probably meant.

    At most `most` notes; those on groups first, as they may be faults.
    """
    terms = [
        term
        for term in wanted.terms
        if isinstance(term, Match) and (term.key in known.values or term.key in _WHOLE)
    ]
    found: dict[Note, None] = {}
    place = 0
    for term in sorted(terms, key=lambda term: term.key != "group"):
        for pattern in term.patterns:
            note = _note(term.key, pattern, known, compares=place < _COMPARED)
            place += 1
            if note is not None:
                found[note] = None
            if len(found) == most:
                return tuple(found)
    return tuple(found)


def _note(key: str, pattern: str, known: KnownValues, *, compares: bool) -> Note | None:
    offered = known.values.get(key, ())
    every = (*offered, *known.others.get(key, ()))
    wanted = glob(pattern)
    fits = [value for value in every if wanted.fits(folded(key, value))]
    if key == "group":
        fault = _fault_of_groups(pattern, fits, every, known)
        if fault is not None:
            return fault
    if fits or not is_exact(pattern):
        return None
    is_fault = key == "group"
    value = literal(pattern)
    for wide in (f"{quoted(value)}*", f"*{quoted(value)}*"):
        inside = wide.startswith("*")
        like = _like(key, value, offered, inside=inside) or _like(key, value, every, inside=inside)
        if like:
            more = f" and {len(like) - _NAMED:,} more" if len(like) > _NAMED else ""
            return Note(
                f"No {called(key)} is exactly “{value}”: {key}:{wide} finds "
                f"{', '.join(like[:_NAMED])}{more}.",
                is_fault,
            )
    if key not in known.whole | _WHOLE:
        return None
    near = nearest(value, {folded(key, text): text for text in every[: 2 * MOST]}) if compares else ""
    meant = next((text for text in every if folded(key, text) == near), "")
    return Note(
        f"There is no {called(key)} “{value}”{f': the nearest is {meant}' if meant else _choice(offered)}.",
        is_fault,
    )


def _fault_of_groups(
    pattern: str, fits: Sequence[str], every: Sequence[str], known: KnownValues
) -> Note | None:
    """Explain why the devices of a term are unknown: one group that cannot be evaluated is enough.

    This holds for a negated term, too: the devices it excludes would otherwise get the command.
    """
    broken = next((value for value in fits if fold(value) in known.broken), None)
    if broken is not None:
        return Note(f"The members of the group “{broken}” are unknown: {NOT_EVALUATED}.", is_fault=True)
    if "group" not in known.whole:
        many = f"this tenant has {MOST_GROUPS:,} groups or more"
        return Note(f"“{literal(pattern)}” may match groups that were not looked at: {many}.", is_fault=True)
    if not fits and not is_exact(pattern):
        return Note(f"No group matches “{literal(pattern)}”{_choice(every)}.", is_fault=True)
    return None


def _like(key: str, value: str, every: Sequence[str], *, inside: bool) -> list[str]:
    texts = dict.fromkeys(every)
    return [t for t in texts if value in folded(key, t) and (inside or folded(key, t).startswith(value))]


def _choice(values: Sequence[str]) -> str:
    if not values:
        return ": this tenant has none"
    return f": choose from {', '.join(values[:_NAMED])}{' …' if len(values) > _NAMED else ''}"


def quoted(value: str) -> str:
    """Return a value as it is typed: in quotes if it contains a special character."""
    return f'"{value}"' if re.search(r"[\s,*?]", value) else value
