"""Patterns of the filter language: ``*`` and ``?`` are wild cards unless a backslash precedes them.

They are matched without backtracking.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

PIECE = re.compile(r"\\[*?\\]|.", re.DOTALL)  # a character, or an escaped one
_WILD = frozenset("*?")
_ESCAPED = re.compile(r"\\([*?\\])")


def pattern_of(text: str) -> str:
    """Convert typed text to a pattern: text between quotes is literal, and a backslash always is."""
    pieces = enumerate(text.replace("\\", "\\\\").split('"'))
    return "".join(re.sub(r"[*?]", r"\\\g<0>", piece) if place % 2 else piece for place, piece in pieces)


def pattern_for(value: str) -> str:
    """Return the pattern that matches exactly this value."""
    return re.sub(r"[*?\\]", r"\\\g<0>", value)


def is_exact(pattern: str) -> bool:
    """Return whether the pattern contains no wild card."""
    return _WILD.isdisjoint(PIECE.findall(pattern))


def literal(pattern: str) -> str:
    """Return the one value that an exact pattern matches."""
    return _ESCAPED.sub(r"\1", pattern)


@dataclass(frozen=True, slots=True)
class Glob:
    """The parts between the stars, each of a fixed length, so that the leftmost match of each is enough."""

    parts: tuple[re.Pattern[str], ...]
    lengths: tuple[int, ...]

    def fits(self, text: str) -> bool:
        """Return whether the glob matches the whole text."""
        first, last = self.lengths[0], self.lengths[-1]
        if len(self.parts) == 1:
            return len(text) == first and self.parts[0].match(text) is not None
        start, end = first, len(text) - last
        if start > end or not self.parts[0].match(text) or not self.parts[-1].match(text, end):
            return False
        for part in self.parts[1:-1]:
            found = part.search(text, start, end)
            if found is None:
                return False
            start = found.end()
        return True


@lru_cache(maxsize=1_024)
def glob(pattern: str) -> Glob:
    """Compile a pattern: ``*`` matches any text, ``?`` one character, all else itself."""
    parts: list[list[str]] = [[]]
    for piece in PIECE.findall(pattern):
        if piece == "*":
            parts.append([])
        else:
            parts[-1].append("." if piece == "?" else re.escape(piece[-1]))
    return Glob(tuple(re.compile("".join(part), re.DOTALL) for part in parts), tuple(map(len, parts)))
