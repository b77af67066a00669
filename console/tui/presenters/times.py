"""Instants as short text, in the time zone that the operator has chosen."""

from datetime import UTC, datetime, timedelta, tzinfo

_NEAR = timedelta(hours=12)  # so far a time of day is one instant only, also around midnight


def instant(at: datetime, now: datetime, *, millis: bool = False, zone: tzinfo | None = UTC) -> str:
    """Format an instant, with its date if it is half a day away. `zone` None is the terminal's own."""
    if at.year >= 9999:
        return "never"
    near, at = abs(at - now) < _NEAR, _in(zone, at)
    clock = at.strftime("%H:%M:%S") + (f".{at.microsecond // 1000:03}" if millis else "")
    return clock if near else f"{at:%Y-%m-%d} {clock}"


def day(at: datetime, zone: tzinfo | None = UTC) -> str:
    """Format the date of an instant."""
    return f"{_in(zone, at):%Y-%m-%d}"


def _in(zone: tzinfo | None, at: datetime) -> datetime:
    try:
        return at.astimezone(zone)
    except (OverflowError, ValueError, OSError):  # years at the edge of what a calendar can shift
        return at.astimezone(UTC)


def full_instant(at: datetime, zone: tzinfo | None) -> str:
    """Format an instant with its date and the name of its zone."""
    local = _in(zone, at)
    return f"{local:%Y-%m-%d %H:%M:%S} {local:%Z}"


def zone_words(zone: tzinfo | None) -> str:
    """Return the name of a zone; None is the terminal's own."""
    return datetime.now().astimezone().strftime("%Z") if zone is None else "UTC"
