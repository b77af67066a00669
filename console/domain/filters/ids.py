"""Ids with colons in a filter, as distinguished from keys and misspelled keys."""

import re
from collections.abc import Collection
from difflib import get_close_matches

_GROUP = re.compile(r"[0-9A-Fa-f]{0,4}\*?")  # of a hardware or network address
_NEAR = 0.7


def is_id(key: str, rest: str, known: Collection[str]) -> bool:
    """Return whether a text with a colon is an id and not a key: an address, or three or more parts."""
    if key in known:
        return False
    parts = (key, *rest.split(":"))
    if parts[1] and all(map(_GROUP.fullmatch, parts)):
        return True
    return len(parts) > 2 and "" not in parts and not nearest(key, known)


def nearest(key: str, names: Collection[str]) -> str:
    """Return the name of the key that was probably meant, or ""."""
    return next(iter(get_close_matches(key, names, 1, _NEAR)), "")
