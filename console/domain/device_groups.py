"""Devices grouped by what they have in common, with the sums of each group.

A group row stands among ids in a list; its key begins with a character that no id in PostgreSQL contains.

Decided in docs/decisions/0091-group-rows.md
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from console.domain.commands import Phase
from console.domain.devices import NOT_OK, DeviceCounts, DeviceOrder, Sort
from console.domain.filters.values import quoted

_MARK = "\x00"
WORST_FIRST = (Phase.FAILED, Phase.MISSED, Phase.EXPIRED)


class GroupBy(StrEnum):
    """What the devices of a group have in common."""

    SITE = "site"
    MODEL = "model"
    FW = "fw"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True)
class DeviceGroup:
    """The devices with one value; none of `GroupBy` is the empty value.

    `flight` counts commands, `ended` devices by how their last command ended; devices that were not looked
    at or whose last commands have not ended are not in it.
    """

    value: str
    counts: DeviceCounts
    flight: int = 0
    ended: Mapping[Phase, int] = field(default_factory=dict)

    @property
    def not_ok(self) -> int:
        """How many devices' last command ended badly."""
        return sum(self.ended.get(phase, 0) for phase in NOT_OK)

    @property
    def share(self) -> float:
        """The share of those, of all devices in the group."""
        return self.not_ok / self.counts.total if self.counts.total else 0.0


@dataclass(frozen=True, slots=True)
class DeviceGroups:
    """All groups of some devices: `of` has each device's value. `looked` is at how many ends was looked."""

    by: GroupBy
    groups: Mapping[str, DeviceGroup]
    of: Mapping[str, str]
    looked: int = 0

    def lists(self, ids: Iterable[str]) -> bool:
        """Return whether each of these devices is in a group."""
        return all(device_id in self.of for device_id in ids)

    @property
    def looked_in_part(self) -> bool:
        """Whether there are devices at whose last commands nobody looked."""
        return self.looked < len(self.of)

    def ordered(self, order: Sort) -> tuple[str, ...]:
        """Return the values in order: by name, the empty one last; worst first in the order by ends."""
        names = sorted(self.groups, key=lambda value: (not value, value.casefold(), value))
        if order.by is not DeviceOrder.RECENT:
            return tuple(names)
        return tuple(
            sorted(names, key=lambda value: self.groups[value].share, reverse=not order.reverse)
        )  # fmt: skip

    def members(self, ids: Iterable[str]) -> dict[str, list[str]]:
        """Part these devices by group, in their order; one that came after the groups were read has none."""
        found: dict[str, list[str]] = {value: [] for value in self.groups}
        for device_id in ids:
            value = self.of.get(device_id)
            if value is not None:
                found[value].append(device_id)
        return found

    def names_once(self, value: str) -> bool:
        """Return whether no other group has this value in a filter, which does not regard case."""
        return sum(other.casefold() == value.casefold() for other in self.groups) == 1


def rows_of(
    groups: DeviceGroups, members: Mapping[str, Sequence[str]], order: Sort, folded: Collection[str]
) -> list[str]:
    """Return the keys of the list: each group that has devices, with those below it unless it is folded."""
    rows: list[str] = []
    for value in groups.ordered(order):
        if members[value]:
            rows.append(group_key(value))
            rows += () if value in folded else members[value]
    return rows


def group_key(value: str) -> str:
    """Return the key of a group's row."""
    return _MARK + value


def value_of(key: str | None) -> str | None:
    """Return the value of a group's row; None for a device."""
    return key[1:] if key is not None and key.startswith(_MARK) else None


def devices_of(keys: Iterable[str]) -> list[str]:
    """Return the devices among the rows."""
    return [key for key in keys if not key.startswith(_MARK)]


def filter_of(groups: DeviceGroups, value: str) -> str:
    """Return the term of the filter language that finds exactly this group; empty if none does.

    A template is found by its slug, too, and a name with a quotation mark cannot be typed.
    """
    if groups.by is GroupBy.TEMPLATE or not value or set(value) & set('"\\') or not value.isprintable():
        return ""
    return f"{groups.by}:{quoted(value)}" if groups.names_once(value) else ""


def shares(ended: Mapping[Phase, int], total: int, cells: int) -> tuple[Phase | None, ...]:
    """Part `cells` by how the last commands ended, worst first; None for what is not known.

    What ended badly has at least one cell, however few they are: a bad one is never hidden by rounding.
    """
    kinds = (*WORST_FIRST, Phase.OK)
    known = {phase: ended[phase] for phase in kinds if ended.get(phase)}
    parts: dict[Phase | None, int] = {phase: count for phase, count in known.items()}  # noqa: C416
    parts[None] = max(0, total - sum(known.values()))
    whole = sum(parts.values())
    if not whole:
        return (None,) * cells
    given = {phase: count * cells // whole for phase, count in parts.items()}
    given |= {phase: 1 for phase in known if phase in NOT_OK and not given[phase]}
    by_rest = sorted(parts, key=lambda phase: -(parts[phase] * cells % whole))
    for phase in by_rest[: max(0, cells - sum(given.values()))]:
        given[phase] += 1
    while sum(given.values()) > cells:  # what was given to a few is taken from the most
        given[max(given, key=lambda phase: given[phase])] -= 1
    return tuple(phase for phase in (*known, None) for _ in range(given[phase]))
