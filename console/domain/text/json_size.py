"""The size of JSON as PostgreSQL writes jsonb: that text is published, not what was typed.

Decided in docs/decisions/0032-the-size-that-is-published.md
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST_BEFORE_POINT, MOST_BEHIND_POINT = 131_072, 16_383  # digits that PostgreSQL's numeric can have
_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?", re.ASCII)
_MOST_EXPONENT = 10**9  # a larger exponent exceeds every limit


@dataclass(frozen=True, slots=True)
class Written:
    """A number as PostgreSQL writes it: the digits before and after the point, and whether it has a minus."""

    before: int
    behind: int
    minus: bool

    @property
    def fits(self) -> bool:
        """Whether PostgreSQL's numeric can represent it."""
        return self.before <= MOST_BEFORE_POINT and self.behind <= MOST_BEHIND_POINT

    @property
    def length(self) -> int:
        return self.before + self.minus + (self.behind + 1 if self.behind else 0)


def written(token: str) -> Written:
    """Compute the form in which a JSON number is written, without writing it."""
    match = _NUMBER.fullmatch(token)
    if match is None:
        raise ValueError(f"{token[:40]!r} is not a JSON number")
    minus, whole, fraction, power = match[1], match[2], match[3] or "", match[4] or "0"
    digits = power.lstrip("+-0")
    exponent = min(int(digits or "0"), _MOST_EXPONENT) if len(digits) < 12 else _MOST_EXPONENT
    exponent = -exponent if power.startswith("-") else exponent
    significant = (whole + fraction).lstrip("0")
    leading = len(whole) + len(fraction) - len(significant)
    before = max(1, len(whole) + exponent - leading) if significant else 1
    return Written(before, max(0, len(fraction) - exponent), bool(minus and significant))


def stored_size(text: str) -> int:
    """Count the bytes of valid JSON as PostgreSQL writes it: spaces after colons, numbers without exponent.

    Of equal keys the last one counts, as in PostgreSQL.
    """
    return _size(json.loads(text, parse_int=written, parse_float=written))


def _size(value: Any) -> int:
    match value:
        case Written():
            return value.length
        case str():
            return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        case dict():
            return _container(value.items(), lambda item: _size(item[0]) + 2 + _size(item[1]))
        case list():
            return _container(value, _size)
        case _:
            return 5 if value is False else 4


def _container(members: Any, size: Callable[[Any], int]) -> int:
    return 2 + sum(size(member) for member in members) + 2 * max(0, len(members) - 1)
