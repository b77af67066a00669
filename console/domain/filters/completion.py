"""Completion of the word under the cursor in a filter."""

import re
from collections.abc import Mapping, Sequence

from console.domain.filters.language import KEYS, SPANS, Scope, fold, words_of_key

_FIRST = 3  # values that are offered before the pattern that matches all of them


def completions(
    text: str, cursor: int, scope: Scope, values: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return completions of the word under the cursor, the best first, as whole words that replace it.

    Args:
        text: the filter as typed so far.
        cursor: where the next character would go.
        scope: the list that is filtered.
        values: the known values by key: sites, models, types.
    """
    word = text[:cursor].rpartition(" ")[2]
    minus = "-" if word.startswith("-") else ""
    key, colon, value = word.removeprefix("-").partition(":")
    if not colon:
        names = [f"{name}:" for name in KEYS[scope]] + [f"{name}>" for name in SPANS[scope]]
        return tuple(f"{minus}{name}" for name in names if key and name.startswith(key.lower()))
    done, comma, last = value.rpartition(",")
    if key.lower() not in KEYS[scope]:
        return ()
    known = words_of_key(key.lower(), scope) or values.get(key.lower(), ())
    head, begun = f"{minus}{key}:{done}{comma}", fold(last)
    offers = [
        head + (f'"{name}"' if re.search(r"[\s,]", name) else name)
        for name in known
        if '"' not in name and fold(name).startswith(begun) and fold(name) != begun
    ]
    wide = _wide(last, known)
    return (*offers[:_FIRST], *((head + wide,) if wide else ()), *offers[_FIRST:])


def _wide(begun: str, known: Sequence[str]) -> str:
    """Return a pattern for all values with this prefix, or else with this text; empty for a whole value."""
    if not begun or re.search(r'["*?\\]', begun) or any(fold(name) == fold(begun) for name in known):
        return ""
    if sum(fold(name).startswith(fold(begun)) for name in known) > 1:
        return f"{begun}*"
    starts = any(fold(name).startswith(fold(begun)) for name in known)
    return f"*{begun}*" if not starts and any(fold(begun) in fold(name) for name in known) else ""
