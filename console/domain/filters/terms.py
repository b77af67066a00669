"""A filter as a value: its terms, its faults, and the row that it is applied to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from console.domain.filters.keys import Scope
from console.domain.filters.patterns import is_exact, literal


@dataclass(frozen=True, slots=True)
class Match:
    """``key:pattern,pattern``: at least one of the patterns matches the whole value.

    The case of A-Z is ignored, except in identifiers, which are compared exactly. In a pattern, a backslash
    makes the ``*``, ``?`` or backslash after it literal.
    """

    key: str
    patterns: tuple[str, ...]
    negated: bool = False

    @property
    def exact(self) -> bool:
        """Whether no pattern has a wild card."""
        return all(map(is_exact, self.patterns))

    @property
    def values(self) -> tuple[str, ...]:
        """The values that exact patterns name."""
        return tuple(map(literal, self.patterns))


@dataclass(frozen=True, slots=True)
class Span:
    """``age>1h``: how old something is (age, seen), or how long it has left (ttl)."""

    key: str
    operator: str
    span: timedelta
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """Free text that must occur somewhere in the row."""

    text: str
    negated: bool = False


Term = Match | Span | Word


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of a filter's text that cannot be understood, and its position."""

    start: int
    end: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter. Every term must hold; faulty parts of the text are left out and named.

    `text` is what was typed, for display; filters with the same meaning are equal.
    """

    scope: Scope
    terms: tuple[Term, ...] = ()
    faults: tuple[Fault, ...] = ()
    text: str = field(default="", compare=False)

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def keys(self) -> frozenset[str]:
        """The keys that the terms name."""
        return frozenset(term.key for term in self.terms if not isinstance(term, Word))

    @property
    def names_ids(self) -> bool:
        """Whether only rows with given ids can match."""
        return any(
            isinstance(term, Match) and term.key == "id" and not term.negated and term.exact
            for term in self.terms
        )

    @property
    def shows_decommissioned(self) -> bool:
        """Whether it includes decommissioned devices: by a term on the state, or by a device's exact id."""
        return any(
            isinstance(term, Match)
            and (term.key == "state" or (term.key == "device" and term.exact and not term.negated))
            for term in self.terms
        )

    def parted(self, keys: frozenset[str]) -> tuple["Filter", "Filter"]:
        """Split into the terms without these keys and those with them: a row matches when it matches both."""
        inside = tuple(term for term in self.terms if not isinstance(term, Word) and term.key in keys)
        outside = tuple(term for term in self.terms if term not in inside)
        return Filter(self.scope, outside), Filter(self.scope, inside)


@dataclass(frozen=True, slots=True)
class Subject:
    """The values of a row for a filter: one text for each key, the text to search for words, and instants.

    Words are also searched for in each text of `also`, such as the tags of a device.
    `instants` has created_at under "age" and "seen", and expires_at under "ttl" while that still counts.
    """

    texts: Mapping[str, str]
    many: Mapping[str, frozenset[str]]
    instants: Mapping[str, datetime]
    everything: str
    also: tuple[str, ...] = ()


EVERY_DEVICE = Filter(Scope.DEVICES)
EVERY_COMMAND = Filter(Scope.COMMANDS)
EVERY_PROBLEM = Filter(Scope.PROBLEMS)
EVERY_BATCH = Filter(Scope.BATCHES)
