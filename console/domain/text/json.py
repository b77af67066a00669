"""Facts about JSON text: its depth, and whether it contains text that PostgreSQL cannot store."""

import json
import re
from itertools import accumulate

_NO_BRACKET = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|"[\s\S]*|[^\[\]{}"]+')  # an open string: to the end
_STRING = re.compile(r'("(?:[^"\\]|\\.)*")')
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u([dD][89a-fA-F][0-9a-fA-F]{2}|0000)|\\."
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def has_unstorable_text(text: str) -> bool:
    """Return whether a string in this JSON text contains a NUL or half a surrogate pair, escaped or not."""
    if _SURROGATE.search(text):
        return True
    return any(match.group(1) for match in _ESCAPE.finditer(text))


def json_depth(text: str) -> int:
    """Return the maximum nesting of brackets outside strings."""
    brackets = _NO_BRACKET.sub("", text)
    return max(accumulate(map(_STEPS.__getitem__, brackets), initial=0))


def pairs_of(text: str) -> str:
    """Return what an object holds as ``rtt_ms 17, mode fast``; any other JSON text on one line.

    What is nested more deeply is an ellipsis. Text that was cut is shown as it is.
    """
    try:
        value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return one_line(text)
    if not isinstance(value, dict):
        return one_line(text)
    return ", ".join(f"{key} {_short(entry)}" for key, entry in value.items())


def _short(value: object) -> str:
    match value:
        case str():
            return value
        case None:
            return "null"
        case bool():
            return "yes" if value else "no"
        case _:
            return "…" if value else "none"


def one_line(text: str) -> str:
    """Return equivalent JSON text on one line; the content of strings stays the same, byte for byte."""
    parts = _STRING.split(text)
    return "".join(
        part if place % 2 else re.sub(r"\s+", " ", part) for place, part in enumerate(parts)
    ).strip()
