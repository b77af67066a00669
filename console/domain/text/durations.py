"""Durations as short texts for people."""

from datetime import timedelta

from console.domain.text.counts import counted

_CLOCKS_DIFFER = timedelta(seconds=5)  # the clocks of two transactions may differ that much


def age(span: timedelta) -> str:
    """Return how long ago an instant was, in one unit: ``12s``, ``4m``, ``2h``; ``ahead`` for the future."""
    if span < -_CLOCKS_DIFFER:
        return "ahead"
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3_600:
        return f"{seconds // 60}m"
    if seconds < 86_400:
        return f"{seconds // 3_600}h"
    return f"{seconds // 86_400}d"


def coarse_age(span: timedelta) -> str:
    """Return the age for a list that stays on screen: as `age`, but from ten seconds in steps of five.

    A long list that showed every second would be redrawn each second, even over a slow line.
    """
    return age(_coarse(span))


def coarse_countdown(span: timedelta) -> str:
    """Return what is left, for a list: ``6d 23h``, ``4h 05m``, ``59m``, ``45s``; in seconds below ten."""
    if timedelta(minutes=1) <= span < timedelta(hours=1):
        return age(span)
    return countdown(_coarse(span))


def _coarse(span: timedelta) -> timedelta:
    return span if span.total_seconds() < 10 else span - span % timedelta(seconds=5)


def in_words(span: timedelta) -> str:
    """Return a duration in its largest whole unit, written out: ``5 seconds``, ``1 hour``, ``7 days``."""
    seconds = int(span.total_seconds())
    units = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
    size, name = next((unit for unit in units if seconds and seconds % unit[0] == 0), units[-1])
    return counted(seconds // size, name)


def countdown(span: timedelta) -> str:
    """Return what is left, in two units: ``48s``, ``59m 48s``, ``4h 05m``, ``6d 23h``."""
    seconds = max(0, int(span.total_seconds()))
    days, hours, minutes = seconds // 86_400, seconds % 86_400 // 3_600, seconds % 3_600 // 60
    if days:
        return f"{days}d {hours:02}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {seconds % 60:02}s" if minutes else f"{seconds}s"


def latency(span: timedelta | None) -> str:
    """Return how long an answer took: ``0.19s``, ``12.5s``, ``1h 02m``."""
    if span is None:
        return "–"
    seconds = span.total_seconds()
    if seconds < 10:
        return f"{seconds:.2f}s"
    if seconds < 100:
        return f"{seconds:.1f}s"
    return countdown(span)


def elapsed(seconds: float) -> str:
    """Return how long something has lasted so far: ``14s``, ``119s``, ``3m``, ``2h``."""
    whole = max(0, int(seconds))
    return f"{whole}s" if whole < 120 else f"{whole // 60}m" if whole < 7_200 else f"{whole // 3_600}h"


def lateness(seconds: float) -> str:
    """Return the delay of something that should be done at once: ``8ms``, ``0.25s``, ``12s``."""
    if seconds < 0.1:
        return f"{max(1, round(seconds * 1000))}ms"
    return f"{seconds:.2g}s" if seconds < 10 else f"{seconds:.0f}s"


def step(span: timedelta) -> str:
    """Return the time between two steps: ``+5 ms``, ``+1.24 s``, ``+59m 48s``."""
    seconds = span.total_seconds()
    if seconds < 1:
        return f"+{max(0, round(seconds * 1000))} ms"
    return f"+{seconds:.2f} s" if seconds < 100 else f"+{countdown(span)}"
