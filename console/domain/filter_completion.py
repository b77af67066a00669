"""What the word under the cursor of a filter may become."""

import re
from collections.abc import Mapping

from console.domain.filters import KEYS, SPANS, Scope, fold, words_of_key


def completions(
    text: str, cursor: int, scope: Scope, values: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """What the word under the cursor may become, the best first; whole words to put in its place.

    Args:
        text: what is typed so far.
        cursor: where the next character would go.
        scope: the list that is filtered.
        values: what is known to occur, by key: sites, models, types.
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
    head = f"{minus}{key}:{done}{comma}"
    return tuple(
        head + (f'"{name}"' if re.search(r"[\s,]", name) else name)
        for name in known
        if '"' not in name and fold(name).startswith(fold(last)) and fold(name) != fold(last)
    )
