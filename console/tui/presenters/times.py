"""Spans of time and instants as short words."""

from datetime import UTC, datetime, timedelta, tzinfo


def age(span: timedelta | None) -> str:
    """How long ago, in one unit: ``12s``, ``4m``, ``2h``, ``3d``."""
    if span is None:
        return "–"
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3_600:
        return f"{seconds // 60}m"
    if seconds < 86_400:
        return f"{seconds // 3_600}h"
    return f"{seconds // 86_400}d"


def countdown(span: timedelta) -> str:
    """What is left, in two units: ``48s``, ``59m 48s``, ``4h 05m``, ``6d 23h``."""
    seconds = max(0, int(span.total_seconds()))
    days, hours, minutes = seconds // 86_400, seconds % 86_400 // 3_600, seconds % 3_600 // 60
    if days:
        return f"{days}d {hours:02}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {seconds % 60:02}s" if minutes else f"{seconds}s"


def latency(span: timedelta | None) -> str:
    """How long an answer took: ``0.19s``, ``12.5s``, ``1h 02m``."""
    if span is None:
        return "–"
    seconds = span.total_seconds()
    if seconds < 10:
        return f"{seconds:.2f}s"
    if seconds < 100:
        return f"{seconds:.1f}s"
    return countdown(span)


def step(span: timedelta) -> str:
    """The time between two steps: ``+5 ms``, ``+1.24 s``, ``+59m 48s``."""
    seconds = span.total_seconds()
    if seconds < 1:
        return f"+{max(0, round(seconds * 1000))} ms"
    return f"+{seconds:.2f} s" if seconds < 100 else f"+{countdown(span)}"


def instant(at: datetime, today: datetime, *, millis: bool = False, zone: tzinfo | None = UTC) -> str:
    """An instant; the date only when it is another day. `zone` None is the terminal's own."""
    if at.year >= 9999:
        return "never"
    try:
        at, today = at.astimezone(zone), today.astimezone(zone)
    except (OverflowError, ValueError, OSError):  # years at the edge of what a calendar can shift
        at, today = at.astimezone(UTC), today.astimezone(UTC)
    clock = at.strftime("%H:%M:%S") + (f".{at.microsecond // 1000:03}" if millis else "")
    return clock if at.date() == today.date() else f"{at:%Y-%m-%d} {clock}"


def zone_words(zone: tzinfo | None) -> str:
    """The name of a zone; None is the terminal's own."""
    return datetime.now().astimezone().strftime("%Z") if zone is None else "UTC"
