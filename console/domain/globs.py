"""Patterns of the filter language: ``*`` and ``?`` are wild, and a backslash takes that from them."""

import re
from functools import lru_cache

PIECE = re.compile(r"\\[*?\\]|.", re.DOTALL)  # a character, or an escaped one
_WILD = frozenset("*?")
_ESCAPED = re.compile(r"\\([*?\\])")


def pattern_of(text: str) -> str:
    """Read what an operator typed: what stands between quotes is literal, and a backslash always is."""
    pieces = enumerate(text.replace("\\", "\\\\").split('"'))
    return "".join(re.sub(r"[*?]", r"\\\g<0>", piece) if place % 2 else piece for place, piece in pieces)


def is_exact(pattern: str) -> bool:
    """Whether nothing of it is wild."""
    return _WILD.isdisjoint(PIECE.findall(pattern))


def literal(pattern: str) -> str:
    """The one value that an exact pattern fits."""
    return _ESCAPED.sub(r"\1", pattern)


@lru_cache(maxsize=1_024)
def glob(pattern: str) -> re.Pattern[str]:
    """``*`` is any text, ``?`` one character, everything else itself."""
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(t, re.escape(t[-1])) for t in PIECE.findall(pattern)), re.DOTALL)
