"""For how long ended commands are kept, in whole days."""

import re
from dataclasses import dataclass
from datetime import timedelta

from console.domain.text.counts import counted
from console.errors import InvalidInputError
from console.limits import KEEP_UNASKED, MAX_KEEP, MIN_KEEP

OFF = "off"
_DAYS = re.compile(r"([0-9]{1,6})d")
_RANGE = f"{MIN_KEEP.days}d to {MAX_KEEP.days}d are allowed, or {OFF}"


@dataclass(frozen=True, slots=True)
class Retention:
    """The setting. `keep` is counted from a command's deadline; None: nothing is deleted.

    `is_own`: the console's migrations created device_commands, so no other program relies on its rows.
    `is_on`: commands are deleted; not so in a platform's own table unless the owner has allowed it.
    """

    keep: timedelta | None
    is_own: bool
    is_on: bool


def keep_words(retention: Retention) -> str:
    """Return in a sentence what happens to ended commands."""
    if retention.keep is None:
        return "ended commands are never deleted"
    days = counted(retention.keep.days, "day")
    if not retention.is_on:
        return (
            f"the retention is {days}, but nothing is deleted: device_commands is the platform's own table, "
            "and --platform-table was not given"
        )
    return f"ended commands are deleted {days} after their deadline"


def parse_keep(text: str) -> timedelta | None:
    """Read ``400d``; ``off`` is None.

    Raises:
        InvalidInputError: it is neither, or outside of what is allowed.
    """
    typed = text.strip().lower()
    if typed == OFF:
        return None
    days = _DAYS.fullmatch(typed)
    if days is None:
        raise InvalidInputError(
            f"{text[:40]!r} is not a retention: write a number of days, such as 400d, or {OFF}."
        )
    keep = timedelta(days=int(days[1]))
    if not MIN_KEEP <= keep <= MAX_KEEP:
        raise InvalidInputError(f"A retention of {typed} is out of range: {_RANGE}.")
    return keep


def asks_first(keep: timedelta | None) -> bool:
    """Return whether this retention is so short that it has to be confirmed."""
    return keep is not None and keep < KEEP_UNASKED
