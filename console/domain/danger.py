"""Which command types may interrupt a device or change it permanently, judged by the words of their names.

Decided in docs/decisions/0048-what-asks-first.md
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

WORDS = frozenset(
    {
        # commands after which a device may not come back
        "reboot", "restart", "reset", "wipe", "erase", "delete", "destroy", "purge", "format", "factory",
        "firmware", "fw", "ota", "flash", "dfu", "bootloader", "upgrade", "downgrade", "rollback", "install",
        "uninstall", "shutdown", "poweroff", "powercycle", "power", "halt", "kill", "decommission",
        "deprovision", "unprovision", "deactivate", "disable", "unpair", "revoke", "defaults", "restore",
        # commands that move something or give access
        "open", "close", "start", "stop", "on", "off", "unlock", "lock", "disarm", "arm", "release", "vent",
        "drain", "discharge", "dispense", "dose", "inject", "ignite", "trip", "bypass", "override",
        "emergency", "estop",
    }
)  # fmt: skip
_READS = frozenset({"get", "read", "list", "show", "query", "describe", "check"})
_FETCHES = frozenset({"fetch"})  # harmless only for what devices report; the rest may be fetched to be run
_TOLD = frozenset({"version", "status", "state", "info", "log", "logs", "history", "list"})
_SETS = frozenset({"set", "configure"})
_GRAVE = frozenset({"factory", "firmware", "fw", "ota", "bootloader"})  # dangerous even if only set
_GRAVE_ACTS = frozenset(
    {"reboot", "restart", "reset", "wipe", "erase"}
)  # these too, but not a counter of them
_COUNTS = frozenset({"count", "counter", "counters", "reason", "cause"})
_NEXT = frozenset({"and", "then"})
_ENDINGS = ("reset", "reboot", "restart", "shutdown", "update", "upgrade", "off", "cycle")
_STEMS = frozenset(
    {"factory", "hard", "soft", "firmware", "fw", "power", "cold", "warm", "full", "master", "ota"}
)
# Words written together. preset, formatter, formation, wiper and swipe do not match.
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
    """The dangerous words; types in `named` are always dangerous, those in `spared` never."""

    words: frozenset[str] = WORDS
    named: frozenset[str] = frozenset()
    spared: frozenset[str] = frozenset()

    def asks(self, command_type: str, flag: bool | None = None) -> bool:
        """Return whether something has to be typed before a command of this type is sent.

        Args:
            command_type: the type. Separators, capitals and digits divide it into words. After a word
                that reads, like get, nothing is dangerous; after set only the last word can be, or one like
                firmware or reset, except a counter of resets.
            flag: whether the catalogue marks the type as dangerous; None if it does not specify that.
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
        """Return whether words are joined: ``resetdevice``, ``updatefirmware``, but not ``getfirmware``."""
        if any(word == verb + what for verb in _READS for what in _GRAVE):
            return False
        found = _BEGINS.match(word) or _ENDS.search(word)
        return found is not None and found[0] in self.words


def split_words(command_type: str) -> tuple[str, ...]:
    """Split ``factoryReset``, ``FACTORY-RESET`` or ``factory.reset`` into the words factory, reset."""
    return tuple(word.lower() for part in _PART.findall(command_type) for word in _WORD.findall(part))


def _clauses(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Split the words into clauses: ``read_and_reset`` first reads and then resets."""
    clauses: list[list[str]] = [[]]
    for word in words:
        if word in _NEXT:
            clauses.append([])
        elif not word.isdigit():
            clauses[-1].append(word)
    return [tuple(clause) for clause in clauses if clause]


def _is_compound(word: str) -> bool:
    """Return whether the word joins two, like ``factoryreset`` and ``fwupdate``."""
    return any(word.endswith(end) and word.removesuffix(end) in _STEMS for end in _ENDINGS)


def changed_danger(changes: str) -> Danger:
    """Apply changes like ``+calibrate,-open,-close_valve``, each to a word or to a whole type.

    Raises:
        ValueError: a change has no sign or no word.
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
    """What has to be typed before a send, and its description."""

    what: str
    text: str


def to_type(device_ids: Sequence[str], *, dangerous: bool) -> Typed | None:
    """Return what has to be typed: the number of devices, if there are many or the command is dangerous.

    For a single device it is the end of its id: the number 1 would be typed without checking the device.
    """
    count = len(device_ids)
    if not dangerous and count <= MANY:
        return None
    tail = id_tail(device_ids[0]) if count == 1 else ""
    return Typed("the end of its id", tail) if tail else Typed("the count", str(count))


def id_tail(device_id: str) -> str:
    """Return what has to be typed before a dangerous command to one device: the last characters of its id.

    Only characters that any keyboard has; empty when there are none.
    """
    return "".join(character for character in device_id if "!" <= character <= "~")[-_TAIL:]
