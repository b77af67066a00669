"""Symbol, word and colour of every status; with ASCII signs where the locale cannot show more."""

import codecs
import locale

from console.domain.commands import Phase
from console.domain.devices import Link

_PHASES = {
    Phase.WAITING: ("○", "o", "dim"),
    Phase.PUBLISHED: ("◔", "~", "accent"),
    Phase.OK: ("●", "*", "good"),
    Phase.FAILED: ("✕", "x", "bad"),
    Phase.MISSED: ("◍", "!", "warn"),
    Phase.EXPIRED: ("◌", "-", "warn"),
    Phase.CANCELLED: ("⊘", "/", "dim"),
    Phase.UNKNOWN: ("?", "?", "warn"),
}
_LINKS = {
    Link.ONLINE: ("●", "*", "good"),
    Link.STALE: ("◐", "~", "warn"),
    Link.OFFLINE: ("○", "o", "bad"),
    Link.UNKNOWN: ("·", ".", "dim"),
}


def _is_utf8() -> bool:
    try:
        return codecs.lookup(locale.getpreferredencoding(False)).name == "utf-8"
    except LookupError:
        return False


UTF8 = _is_utf8()


def phase_cell(phase: Phase, *, late: bool = False) -> tuple[str, str]:
    """Symbol and word of a phase, and the name of its style."""
    rich, plain, style = _PHASES[phase]
    return f"{rich if UTF8 else plain} {phase.value}{' (late)' if late else ''}", style


def link_cell(link: Link) -> tuple[str, str]:
    """Symbol and word of a device's link, and the name of its style."""
    rich, plain, style = _LINKS[link]
    return f"{rich if UTF8 else plain} {link.value}", style


def sign(rich: str, plain: str) -> str:
    """One of two signs, as the locale can show."""
    return rich if UTF8 else plain
