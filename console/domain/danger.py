"""Which command types may interrupt or change a device for good, by the whole words of their names.

Decided in docs/decisions/0048-what-asks-first.md
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

WORDS = frozenset(
    {
        # what a device may not come back from
        "reboot", "restart", "reset", "wipe", "erase", "delete", "destroy", "purge", "format", "factory",
        "firmware", "fw", "ota", "flash", "dfu", "bootloader", "upgrade", "downgrade", "rollback", "install",
        "uninstall", "shutdown", "poweroff", "powercycle", "power", "halt", "kill", "decommission",
        "deprovision", "unprovision", "deactivate", "disable", "unpair", "revoke", "defaults", "restore",
        # what moves something, or lets somebody in
        "open", "close", "start", "stop", "on", "off", "unlock", "lock", "disarm", "arm", "release", "vent",
        "drain", "discharge", "dispense", "dose", "inject", "ignite", "trip", "bypass", "override",
        "emergency", "estop",
    }
)  # fmt: skip
_READS = frozenset({"get", "read", "list", "show", "query", "describe", "check"})
_FETCHES = frozenset({"fetch"})  # reads only what a device reports; anything else may be fetched to be run
_TOLD = frozenset({"version", "status", "state", "info", "log", "logs", "history", "list"})
_SETS = frozenset({"set", "configure"})
_GRAVE = frozenset({"factory", "firmware", "fw", "ota", "bootloader"})  # also where they are only set
_GRAVE_ACTS = frozenset(
    {"reboot", "restart", "reset", "wipe", "erase"}
)  # also these, but not the counter of them
_COUNTS = frozenset({"count", "counter", "counters", "reason", "cause"})
_NEXT = frozenset({"and", "then"})
_ENDINGS = ("reset", "reboot", "restart", "shutdown", "update", "upgrade", "off", "cycle")
_STEMS = frozenset(
    {"factory", "hard", "soft", "firmware", "fw", "power", "cold", "warm", "full", "master", "ota"}
)
# Words written together. A preset, a formatter, a formation, a wiper and a swipe are none of these.
_BEGINS = re.compile(
    "reboot|restart|reset|erase|wipe(?!rs?$)|factory|firmware|shutdown|delete|format(?!t|s$|ion|ive)"
)
_ENDS = re.compile(
    "(firmware|reboot|restart|erase|shutdown|(?<!p)reset|(?<!s)wipe|(?<!satis)(?<!ol)factory)$"
)
_PART = re.compile(r"[^\W_]+")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\dA-Za-z_]+|\d+")
MANY = 10
_TAIL = 4  # characters of a device's id that have to be typed


@dataclass(frozen=True, slots=True)
class Danger:
    """The dangerous words; `named` are whole types that always are, `spared` those that never are."""

    words: frozenset[str] = WORDS
    named: frozenset[str] = frozenset()
    spared: frozenset[str] = frozenset()

    def asks(self, command_type: str, flag: bool | None = None) -> bool:
        """Return whether something has to be typed before a command of this type is sent.

        Args:
            command_type: the type. Separators, capitals and digits divide it into words. Behind a word
                that reads, like get, nothing is dangerous; behind set the last word is, or one like firmware
                or reset, unless a reset is only counted.
            flag: what the catalogue says of it; None where it says nothing.
        """
        words = split_words(command_type)
        whole = "_".join(words)
        if whole in self.spared:
            return False
        if whole in self.named:
            return True
        return any(self._acts(clause) for clause in _clauses(words)) if flag is None else flag

    def _acts(self, clause: tuple[str, ...]) -> bool:
        if clause[0] in _READS:
            return False
        if clause[0] in _FETCHES and clause[-1] in _TOLD:
            return False
        joined = [one + other for one, other in pairwise(clause)]
        if clause[0] in _SETS | _FETCHES:
            is_counted = clause[-1] in _COUNTS
            grave = [
                word for word in clause if word in _GRAVE or (not is_counted and self._is_grave_act(word))
            ]
            clause, joined = (clause[-1], *grave), joined[-1:]
        return any(self._is_written_together(word) for word in clause) or any(
            word in self.words or _is_compound(word) for word in (*clause, *joined)
        )

    def _is_grave_act(self, word: str) -> bool:
        return word in _GRAVE_ACTS or self._is_written_together(word)

    def _is_written_together(self, word: str) -> bool:
        """``resetdevice`` and ``updatefirmware``, but not ``getfirmware``."""
        if any(word == verb + what for verb in _READS for what in _GRAVE):
            return False
        found = _BEGINS.match(word) or _ENDS.search(word)
        return found is not None and found[0] in self.words


def split_words(command_type: str) -> tuple[str, ...]:
    """``factoryReset``, ``FACTORY-RESET`` and ``factory.reset`` are the words factory, reset."""
    return tuple(word.lower() for part in _PART.findall(command_type) for word in _WORD.findall(part))


def _clauses(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """``read_and_reset`` reads first, and then acts."""
    clauses: list[list[str]] = [[]]
    for word in words:
        if word in _NEXT:
            clauses.append([])
        elif not word.isdigit():
            clauses[-1].append(word)
    return [tuple(clause) for clause in clauses if clause]


def _is_compound(word: str) -> bool:
    """``factoryreset`` and ``fwupdate`` are written in one word as well."""
    return any(word.endswith(end) and word.removesuffix(end) in _STEMS for end in _ENDINGS)


def changed_danger(changes: str) -> Danger:
    """The words after changes like ``+calibrate,-open,-close_valve``: a word, or a whole type.

    Raises:
        ValueError: a change without a sign or a word.
    """
    words, named, spared = set(WORDS), set[str](), set[str]()
    for change in filter(None, (part.strip() for part in changes.split(","))):
        name = "_".join(split_words(change[1:]))
        if change[0] not in "+-" or not name:
            raise ValueError("write it as +calibrate,-open,-close_valve")
        if change[0] == "+":
            words.add(name)
            named.add(name)
            spared.discard(name)
        else:
            words.discard(name)
            named.discard(name)
            spared.add(name)
    return Danger(frozenset(words), frozenset(named), frozenset(spared))


@dataclass(frozen=True, slots=True)
class Typed:
    """What has to be typed before a send, and what that is in words."""

    what: str
    text: str


def to_type(device_ids: Sequence[str], *, dangerous: bool) -> Typed | None:
    """What has to be typed: the number of many devices; for something dangerous also that of few.

    For a single device it is the end of its id: the number 1 is typed without a look at which one it is.
    """
    count = len(device_ids)
    if not dangerous and count <= MANY:
        return None
    tail = id_tail(device_ids[0]) if count == 1 else ""
    return Typed("the end of its id", tail) if tail else Typed("the count", str(count))


def id_tail(device_id: str) -> str:
    """What has to be typed before a device gets something dangerous: the last characters of its id.

    Those that any keyboard has; empty when there are none.
    """
    return "".join(character for character in device_id if "!" <= character <= "~")[-_TAIL:]
