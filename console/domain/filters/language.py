"""The filter language of every list: parses text into a value, and decides by the value what matches.

Decided in docs/decisions/0013-one-filter-language.md
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from console.domain.filters.ids import is_id, nearest
from console.domain.filters.keys import (
    AS_WRITTEN,
    EVERY_KEY,
    KEYS,
    MANY_VALUED,
    NEWEST_COMMAND,
    SPANS,
    WORDS,
    Scope,
    words_of_key,
)
from console.domain.filters.patterns import glob, pattern_of
from console.domain.filters.terms import (
    EVERY_BATCH,
    EVERY_COMMAND,
    EVERY_DEVICE,
    EVERY_PROBLEM,
    Fault,
    Filter,
    Match,
    Span,
    Subject,
    Term,
    Word,
)
from console.limits import MAX_ID_LENGTH

__all__ = [
    "AS_WRITTEN", "EVERY_BATCH", "EVERY_COMMAND", "EVERY_DEVICE", "EVERY_PROBLEM", "KEYS", "MANY_VALUED",
    "NEWEST_COMMAND", "SPANS", "WORDS", "Fault", "Filter", "Match", "Scope", "Span", "Subject", "Term",
    "Word", "words_of_key",
]  # fmt: skip
MOST_TERMS = 24
MOST_LENGTH = 2_000
_TOKEN = re.compile(r'-?(?:[^\s"]|"[^"]*"?)+')
_KEYED = re.compile(r"(-?)([A-Za-z]+)(:|>=|<=|>|<)(.*)", re.DOTALL)
_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_MOST_DIGITS = 9  # of a part of a span: more digits are out of range
_MOST_DAYS = 36_500
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def begins_so(key: str, value: str, scope: Scope) -> Filter:
    """Return the filter for values that begin with this text, in which no character is special.

    A text that is longer than any id still matches nothing, though it is cut.
    """
    return parse_filter(f'{key}:"{value[: MAX_ID_LENGTH + 1]}"*', scope)


def holds(key: str, value: str, scope: Scope) -> Filter:
    """Return the filter for values in which this text stands anywhere, in which no character is special."""
    return parse_filter(f'{key}:*"{value[: MAX_ID_LENGTH + 1]}"*', scope)


def parse_filter(text: str, scope: Scope) -> Filter:
    """Read a filter as an operator types it; never raises.

    Args:
        text: terms separated by spaces: ``key:pattern``, ``age>1h``, ``word``; a leading ``-`` negates,
            ``*`` and ``?`` are wild, commas separate alternatives; between double quotes no character is
            special. A known key before a colon is a key; an id with colons, like AB:CD:EF:12:34:56, a word.
        scope: the list that is filtered.
    """
    cleaned = text.encode("utf-8", "replace").decode().replace("\x00", " ")[:MOST_LENGTH]
    terms: list[Term] = []
    faults: list[Fault] = []
    for start, end, token in _tokens(cleaned):
        if len(terms) == MOST_TERMS:
            faults.append(Fault(start, len(cleaned), f"A filter can have at most {MOST_TERMS} terms."))
            break
        found = _term(token, scope)
        if isinstance(found, str):
            faults.append(Fault(start, end, found))
        elif found is not None:
            terms.append(found)
    if len(text) > MOST_LENGTH:
        faults.append(Fault(MOST_LENGTH, len(text), f"A filter has at most {MOST_LENGTH:,} characters."))
    return Filter(scope, tuple(terms), tuple(faults), text)


def _tokens(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _TOKEN.finditer(text):
        yield match.start(), match.end(), match.group()


def _term(token: str, scope: Scope) -> Term | str | None:
    """Return the token's term; a sentence if it cannot be understood, None if it is still incomplete."""
    if token.count('"') % 2:
        return f"The quote in {_shown(token)} is not closed."
    keyed = _KEYED.fullmatch(token)
    if keyed is None:
        negated = token.startswith("-")
        text = fold(_unquoted(token[1:] if negated else token))
        return Word(text, negated) if text else None
    minus, key, operator, rest = keyed[1] == "-", keyed[2].lower(), keyed[3], keyed[4]
    if operator == ":" and is_id(key, rest, EVERY_KEY):
        return Word(fold(_unquoted(token.removeprefix("-"))), minus)
    if operator == ":" and key not in SPANS[scope]:
        return _match(minus, key, rest, scope)
    return _span(minus, key, operator, rest, scope)


def _match(negated: bool, key: str, rest: str, scope: Scope) -> Term | str | None:
    if key not in KEYS[scope]:
        names = (*KEYS[scope], *SPANS[scope])
        near = nearest(key, names)
        hint = f", the nearest is {near}" if near else ""
        return (
            f'There is no key "{key}" here{hint}: use one of {", ".join(names)}, or put the word in quotes.'
        )
    plain = [pattern_of(part) for part in _split(rest)]
    if key in {"phase", "status"}:
        plain = [re.sub(r"[_-]", " ", part) for part in plain]  # in_progress can be typed without quotes
    patterns = tuple(dict.fromkeys(folded(key, part) for part in plain if part))
    if not patterns:
        return None
    words = words_of_key(key, scope)
    if key == "status" and not _all_fit(patterns, words) and _all_fit(patterns, WORDS["phase"]):
        key, words = "phase", WORDS["phase"]  # people write status for the phase of a command
    if words:
        for pattern in patterns:
            if not _all_fit((pattern,), words):
                hint = ", ".join(word.replace(" ", "_") for word in words)
                also = ""
                if key == "status" and scope is Scope.COMMANDS and pattern in WORDS["link"]:
                    also = f" (for the device's link write link:{pattern})"
                if key == "status" and pattern in WORDS["state"]:
                    also = f" (for its state in the registry write state:{pattern})"
                return f"{key}: is one of {hint}{also}."
    return Match(key, patterns, negated)


def _all_fit(patterns: tuple[str, ...], words: tuple[str, ...]) -> bool:
    return all(any(glob(pattern).fits(word) for word in words) for pattern in patterns)


def _span(negated: bool, key: str, operator: str, rest: str, scope: Scope) -> Term | str | None:
    if key not in SPANS[scope]:
        known = ", ".join(SPANS[scope])
        return f'"{key}" cannot be compared here: {known} can, for example age>1h; or put the word in quotes.'
    if operator == ":":
        return f"Compare {key} with < or >, for example {key}>1h."
    if not rest:
        return None
    match = _SPAN.fullmatch(rest.lower())
    if match is None or not any(match.groups()):
        return f"{_shown(rest)} is not a duration: write for example 30s, 10m, 1h30m or 7d."
    if any(len(part or "") > _MOST_DIGITS for part in match.groups()):
        return f"{_shown(rest)} is longer than a hundred years."
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if days > _MOST_DAYS:
        return f"{_shown(rest)} is longer than a hundred years."
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if span > timedelta(days=_MOST_DAYS):
        return f"{_shown(rest)} is longer than a hundred years."
    return Span(key, operator, span, negated)


def _split(text: str) -> list[str]:
    """Split at commas outside quotes."""
    return [part for part in re.findall(r'(?:[^,"]|"[^"]*")+', text) if part]


def _unquoted(text: str) -> str:
    return text.replace('"', "")


def _shown(text: str) -> str:
    return f"“{text[:40]}”"


def fold(text: str) -> str:
    """Lower-case A to Z and nothing else, as the database does in the C collation."""
    return text.translate(_LOWER)


def folded(key: str, text: str) -> str:
    """Return a key's value in the form in which it is compared: identifiers stay unchanged."""
    return text if key in AS_WRITTEN else fold(text)


def matches(wanted: Filter, subject: Subject, now: datetime, *, only: frozenset[str] | None = None) -> bool:
    """Return whether every term holds for a row at the instant `now`.

    Args:
        wanted: the filter.
        subject: the row.
        now: the database's time.
        only: check only these keys, and no words; all other terms count as fulfilled.
    """
    return all(
        _holds(term, subject, now) for term in wanted.terms
        if only is None or (not isinstance(term, Word) and term.key in only)
    )  # fmt: skip


def _holds(term: Term, subject: Subject, now: datetime) -> bool:
    if isinstance(term, Word):
        texts = (subject.everything, *subject.also)
        return any(term.text in fold(text) for text in texts) is not term.negated
    if isinstance(term, Span):
        return _compared(term, subject.instants.get(term.key), now) is not term.negated
    if term.key in MANY_VALUED:
        values = subject.many.get(term.key, frozenset())
        fits = any(glob(p).fits(folded(term.key, value)) for p in term.patterns for value in values)
    else:
        value = folded(term.key, subject.texts.get(term.key, ""))
        fits = any(glob(p).fits(value) for p in term.patterns)
    return fits is not term.negated


def _compared(term: Span, instant: datetime | None, now: datetime) -> bool:
    """Compare a span: ``age>1h`` is more than an hour ago, ``ttl<5m`` an end within five minutes."""
    if instant is None:
        return False
    edge = now + term.span if term.key == "ttl" else now - term.span
    left, right = (instant, edge) if term.key == "ttl" else (edge, instant)
    return {
        "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right,
    }[term.operator]  # fmt: skip
