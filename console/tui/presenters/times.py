"""Durations and instants in a few characters."""

from datetime import UTC, datetime, timedelta

NONE = "-"


def short(duration: timedelta) -> str:
    """``12s``, ``59m 48s``, ``3h 02m``, ``2d 4h``; negative counts as zero."""
    seconds = max(0, int(duration.total_seconds()))
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3_600:
        return f"{seconds // 60}m {seconds % 60:02}s"
    if seconds < 86_400:
        return f"{seconds // 3_600}h {seconds % 3_600 // 60:02}m"
    return f"{seconds // 86_400}d {seconds % 86_400 // 3_600}h"


def age(at: datetime | None, now: datetime) -> str:
    """How long ago, in one unit."""
    if at is None:
        return NONE
    seconds = int((now - at).total_seconds())
    if seconds < -1:
        return "future"
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{max(0, seconds)}s"


def latency(duration: timedelta | None) -> str:
    """``0.21s`` up to a minute, then in units."""
    if duration is None:
        return NONE
    seconds = duration.total_seconds()
    return f"{seconds:.2f}s" if seconds < 60 else short(duration)


def gap(duration: timedelta) -> str:
    """The time between two steps: ``+5 ms``, ``+0.42 s``, ``+1h 02m``."""
    seconds = duration.total_seconds()
    if seconds < 0:
        return f"-{abs(seconds):.2f} s (out of order)"
    if seconds < 0.1:
        return f"+{seconds * 1000:.0f} ms"
    return f"+{seconds:.2f} s" if seconds < 60 else f"+{short(duration)}"


def clock(at: datetime | None, *, utc: bool = True) -> str:
    """``23 Nov 10:02:11.204``."""
    if at is None:
        return NONE
    if at.year >= 9999:
        return "never"
    try:
        local = at.astimezone(UTC if utc else None)
    except (OverflowError, OSError, ValueError):
        local = at
    return f"{local:%d %b %H:%M:%S}.{local.microsecond // 1000:03}"
