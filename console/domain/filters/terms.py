"""A filter as a value: its terms, what could not be understood of it, and the row that it is applied to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from console.domain.filters.keys import Scope
from console.domain.filters.patterns import is_exact, literal


@dataclass(frozen=True, slots=True)
class Match:
    """``key:pattern,pattern``: one of the patterns fits the whole value.

    Letters A-Z fit in either case, but for identifiers, which are compared as they are written. In a
    pattern a backslash takes the meaning from the ``*``, ``?`` or backslash behind it.
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
    """What cannot be understood of a filter's text, and where it stands."""

    start: int
    end: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter. Every term must hold; faulty parts of the text are left out and named.

    `text` is what was typed, for people; two filters are the same when they mean the same.
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
    def shows_decommissioned(self) -> bool:
        """Whether it asks for them: by any word on the state, or by the very id of a device."""
        return any(
            isinstance(term, Match)
            and (term.key == "state" or (term.key == "device" and term.exact and not term.negated))
            for term in self.terms
        )

    def parted(self, keys: frozenset[str]) -> tuple["Filter", "Filter"]:
        """The terms without these keys, and those with them: a row fits when it fits both."""
        inside = tuple(term for term in self.terms if not isinstance(term, Word) and term.key in keys)
        outside = tuple(term for term in self.terms if term not in inside)
        return Filter(self.scope, outside), Filter(self.scope, inside)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a row offers to a filter: one text for each key, the text that words are sought in, instants.

    Words are sought in each of `also`, too: the tags of a device.
    `instants` holds created_at under "age" and "seen", and expires_at under "ttl" while that still counts.
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
