"""The keys of the filter language, one row each; every other table of keys is derived from these rows.

A new key also needs its column in `store/filter_columns` and its value in `subjects`: a test compares the
three. A key of the same name may mean something else in another list; then it has a row for each.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from console.domain.commands import Phase, Status
from console.domain.devices import Link, State


class Scope(StrEnum):
    """Which list is filtered: it decides the keys."""

    DEVICES = "devices"
    COMMANDS = "commands"
    PROBLEMS = "problems"
    BATCHES = "batches"


class Kind(Enum):
    """What a row has for a key: one text, any number of them, or an instant."""

    TEXT = auto()
    TEXTS = auto()
    INSTANT = auto()


class Of(Enum):
    """What has the value: the row itself, a device or a command; lists of each can be filtered by both."""

    ROW = auto()
    DEVICE = auto()
    COMMAND = auto()


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        name: as it is typed.
        scopes: the lists that have it.
        of: what has the value; in a list of devices, a command is the device's newest.
        kind: how many values there are, and whether they can be compared.
        is_identifier: whether values are compared exactly; otherwise the case of A-Z is ignored.
        words: the only values it can have, stored in one spelling; empty when it takes any.
        is_live: whether a row that was read contains its value, so that the filter can be applied again.
        called: its name in sentences, if that differs from `name`.
    """

    name: str
    scopes: frozenset[Scope]
    of: Of = Of.ROW
    kind: Kind = Kind.TEXT
    is_identifier: bool = False
    words: tuple[str, ...] = ()
    is_live: bool = True
    called: str = ""


_DEVICES = frozenset({Scope.DEVICES})
_COMMANDS = frozenset({Scope.COMMANDS})
_PROBLEMS = frozenset({Scope.PROBLEMS})
_BOTH = _DEVICES | _COMMANDS
_OF_A_SEND = _BOTH | {Scope.BATCHES}
_LINKS = tuple(link.value for link in Link)
TABLE = (
    Key("device", _BOTH | _PROBLEMS, is_identifier=True),
    Key("kind", _PROBLEMS, called="kind of problem"),
    Key("status", _DEVICES, Of.DEVICE, words=_LINKS),
    Key("status", _COMMANDS, Of.COMMAND, words=tuple(status.value for status in Status)),
    Key("phase", _BOTH, Of.COMMAND, words=tuple(phase.value for phase in Phase)),
    Key("type", _OF_A_SEND, Of.COMMAND, called="command type"),
    Key("by", _OF_A_SEND, Of.COMMAND, called="sender"),
    Key("answer", _COMMANDS, Of.COMMAND),
    Key("code", _COMMANDS, Of.COMMAND, is_live=False),
    Key("id", _COMMANDS | _PROBLEMS | {Scope.BATCHES}, is_identifier=True),
    Key("batch", _COMMANDS, Of.COMMAND, Kind.TEXTS, is_identifier=True, is_live=False),
    Key("link", _BOTH, Of.DEVICE, words=_LINKS),
    Key("state", _BOTH, Of.DEVICE, words=tuple(state.value for state in State)),
    Key("site", _BOTH, Of.DEVICE),
    Key("name", _BOTH, Of.DEVICE),
    Key("model", _BOTH, Of.DEVICE),
    Key("template", _BOTH, Of.DEVICE, Kind.TEXTS),
    Key("parent", _BOTH, Of.DEVICE, is_identifier=True),
    Key("fw", _BOTH, Of.DEVICE, called="firmware"),
    Key("tag", _BOTH, Of.DEVICE, Kind.TEXTS),
    Key("group", _BOTH, Of.DEVICE, Kind.TEXTS, is_live=False),
    Key("age", frozenset(Scope), Of.COMMAND, Kind.INSTANT),
    Key("ttl", _BOTH, Of.COMMAND, Kind.INSTANT),
    Key("seen", _DEVICES, Of.DEVICE, Kind.INSTANT, is_live=False),
)


def _in(scope: Scope, *, spans: bool) -> tuple[str, ...]:
    """Return the keys of a list in their order; in the list of devices, keys of commands come last."""
    found = [key for key in TABLE if scope in key.scopes and (key.kind is Kind.INSTANT) is spans]
    if scope is Scope.DEVICES and not spans:
        found.sort(key=lambda key: key.of is Of.COMMAND)
    return tuple(key.name for key in found)


KEYS: dict[Scope, tuple[str, ...]] = {scope: _in(scope, spans=False) for scope in Scope}
SPANS: dict[Scope, tuple[str, ...]] = {scope: _in(scope, spans=True) for scope in Scope}
EVERY_KEY = frozenset(key.name for key in TABLE)
# In a list of devices, the values of these keys are those of the device's newest command.
NEWEST_COMMAND = frozenset(key.name for key in TABLE if key.of is Of.COMMAND and Scope.DEVICES in key.scopes)
AS_WRITTEN = frozenset(key.name for key in TABLE if key.is_identifier)
MANY_VALUED = frozenset(key.name for key in TABLE if key.kind is Kind.TEXTS)
ONE_SPELLING = frozenset(key.name for key in TABLE if key.words)
# Keys with one value per device, by which a list of commands is filtered through their devices.
OF_DEVICE = frozenset(
    key.name for key in TABLE if key.of is Of.DEVICE and key.scopes == _BOTH and key.kind is Kind.TEXT
)
# Keys whose values can be looked up in the registry.
REGISTRY_KEYS = frozenset(
    key.name for key in TABLE if key.of is Of.DEVICE and key.kind is not Kind.INSTANT and not key.words
)
LIVE_OF_DEVICE = frozenset(key.name for key in TABLE if key.is_live and Scope.DEVICES in key.scopes)
LIVE_OF_COMMAND = frozenset(
    key.name for key in TABLE if key.is_live and Scope.COMMANDS in key.scopes and key.of is not Of.DEVICE
)
WORDS: dict[str, tuple[str, ...]] = {
    key.name: key.words for key in TABLE if key.words and Scope.COMMANDS in key.scopes
}
_WORDS_HERE = {(key.name, scope): key.words for key in TABLE for scope in key.scopes}
_CALLED = {key.name: key.called for key in TABLE if key.called}


def words_of_key(key: str, scope: Scope) -> tuple[str, ...]:
    """Return the values that a key can have here; empty when it takes any. A device's status is its link."""
    return _WORDS_HERE.get((key, scope), ())


def called(key: str) -> str:
    """Return the name of a key in sentences."""
    return _CALLED.get(key, key)
