"""Problems counted by their kind: how many there are, and which devices they are about."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from console.domain.events import Problem, ProblemKind


@dataclass(frozen=True, slots=True)
class ProblemGroup:
    """The problems of one kind; `names` are their devices, or links, those with most problems first.

    A problem that repeats is one. Names are unverified claims.
    """

    kind: ProblemKind
    count: int
    names: tuple[str, ...]


def problem_groups(problems: Iterable[Problem], since: datetime) -> tuple[ProblemGroup, ...]:
    """Group the problems that occurred last at `since` or later, the kind with most of them first."""
    recent = [one for one in problems if one.last_at is not None and one.last_at >= since]
    kinds = Counter(one.kind for one in recent)
    order = sorted(kinds, key=lambda kind: (-kinds[kind], kind.value))
    return tuple(ProblemGroup(kind, kinds[kind], _names(recent, kind)) for kind in order)


def _names(problems: Iterable[Problem], kind: ProblemKind) -> tuple[str, ...]:
    names = Counter(one.device_id for one in problems if one.kind is kind and one.device_id)
    return tuple(sorted(names, key=lambda name: (-names[name], name)))
