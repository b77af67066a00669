"""What ends may have in common: a name of a site, a model, a type, and which ends share it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from console.domain.figures import RecentEnd


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
        return name_of(end, self.kind) == self.name


def is_in(end: RecentEnd, conditions: Sequence[Condition]) -> bool:
    """Return whether all of them hold for an end."""
    return all(condition.holds(end) for condition in conditions)


def name_of(end: RecentEnd, kind: Kind) -> str:
    """Return an end's name of this kind, or ""."""
    return str(_OF[kind](end) or "")
