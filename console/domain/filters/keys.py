"""The keys of the filter language: which list has which, and what words they can have."""

from enum import StrEnum

from console.domain.commands import Phase, Status
from console.domain.devices import Link, State


class Scope(StrEnum):
    """Which list is filtered: it decides the keys."""

    DEVICES = "devices"
    COMMANDS = "commands"
    PROBLEMS = "problems"
    BATCHES = "batches"


_DEVICE_KEYS = ("link", "state", "site", "name", "model", "template", "parent", "fw", "tag", "group")
_COMMAND_KEYS = ("status", "phase", "type", "by", "answer", "code", "id", "batch")
KEYS: dict[Scope, tuple[str, ...]] = {
    Scope.DEVICES: ("device", "status", *_DEVICE_KEYS, "phase", "type", "by"),
    Scope.COMMANDS: ("device", *_COMMAND_KEYS, *_DEVICE_KEYS),
    Scope.PROBLEMS: ("device", "kind", "id"),
    Scope.BATCHES: ("type", "by", "id"),
}
SPANS: dict[Scope, tuple[str, ...]] = {
    Scope.DEVICES: ("age", "ttl", "seen"),
    Scope.COMMANDS: ("age", "ttl"),
    Scope.PROBLEMS: ("age",),
    Scope.BATCHES: ("age",),
}
EVERY_KEY = frozenset(name for names in (*KEYS.values(), *SPANS.values()) for name in names)
NEWEST_COMMAND = frozenset(
    {"phase", "type", "by", "age", "ttl"}
)  # what these say of a device, its newest command says
AS_WRITTEN = frozenset({"device", "parent", "id", "batch"})  # identifiers: upper and lower case differ
MANY_VALUED = frozenset({"tag", "group", "template", "batch"})
WORDS: dict[str, tuple[str, ...]] = {
    "phase": tuple(phase.value for phase in Phase),
    "link": tuple(link.value for link in Link),
    "state": tuple(state.value for state in State),
    "status": tuple(status.value for status in Status),
}


def words_of_key(key: str, scope: Scope) -> tuple[str, ...]:
    """The words a key can have here; empty when it takes any. The status of a device is its link."""
    return WORDS.get("link" if key == "status" and scope is Scope.DEVICES else key, ())
