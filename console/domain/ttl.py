"""A time to live: reading it, writing it, and checking whether the contract allows it."""

import re
from datetime import timedelta

from console.domain.text.durations import in_words
from console.errors import InvalidInputError
from console.limits import MAX_TTL, MIN_TTL

_TTL = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_MOST_DIGITS = 8  # of a part: more digits are out of range


def ttl_text(ttl: timedelta) -> str:
    """Return a TTL in the form that `parse_ttl` reads: ``90s`` becomes ``1m30s``."""
    seconds = max(0, int(ttl.total_seconds()))
    parts = (
        (seconds // 86_400, "d"),
        (seconds % 86_400 // 3_600, "h"),
        (seconds % 3_600 // 60, "m"),
        (seconds % 60, "s"),
    )
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


TTL_RANGE = f"{in_words(MIN_TTL)} to {in_words(MAX_TTL)}"
TTL_RANGE_TYPED = f"{ttl_text(MIN_TTL)} to {ttl_text(MAX_TTL)}"
TTL_EXAMPLES = f"30s, 10m, 1h30m or {ttl_text(MAX_TTL)}"


def ttl_fault(ttl: timedelta) -> str | None:
    """Return why this TTL is refused, or None."""
    if MIN_TTL <= ttl <= MAX_TTL:
        return None
    return f"A TTL of {ttl.total_seconds():g} seconds is out of range: {TTL_RANGE} are allowed."


def within_range(ttl: timedelta) -> timedelta:
    """Return the nearest TTL that is allowed."""
    return min(max(ttl, MIN_TTL), MAX_TTL)


def parse_ttl(text: str) -> timedelta:
    """Read ``90s``, ``10m``, ``1h30m``, ``7d``.

    Raises:
        InvalidInputError: it is not a TTL, or not an allowed one; the text of the error explains which.
    """
    match = _TTL.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise InvalidInputError(f"{text[:40]!r} is not a TTL: write for example {TTL_EXAMPLES}.")
    if any(len(part or "") > _MOST_DIGITS for part in match.groups()):
        raise InvalidInputError(f"The TTL {text.strip()[:40]!r} is out of range: {TTL_RANGE} are allowed.")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    ttl = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    fault = ttl_fault(ttl)
    if fault:
        raise InvalidInputError(fault)
    return ttl


def typed_ttl(text: str) -> timedelta | None:
    """Return the TTL that is typed so far, or None while it is not a valid one."""
    return None if typed_ttl_fault(text) else parse_ttl(text)


def typed_ttl_fault(text: str) -> str | None:
    """Return why the text is not a TTL, or None."""
    try:
        parse_ttl(text)
    except InvalidInputError as error:
        return str(error)
    return None
