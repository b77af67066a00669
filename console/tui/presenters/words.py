"""The symbol, the word and the tone of every status: never colour alone."""

from console.domain.commands import Command, Phase
from console.domain.devices import Link
from console.domain.text.safe import safe
from console.tui.presenters.cells import Cell, Tone

PHASES: dict[Phase, tuple[str, Tone]] = {
    Phase.WAITING: ("○", "live"),
    Phase.PUBLISHED: ("◔", "live"),
    Phase.IN_PROGRESS: ("◑", "live"),
    Phase.OK: ("●", "calm"),
    Phase.FAILED: ("✕", "bad"),
    Phase.MISSED: ("◍", "warn"),
    Phase.EXPIRED: ("◌", "warn"),
    Phase.CANCELLED: ("⊘", "dim"),
    Phase.UNKNOWN: ("?", "warn"),
}
LINKS: dict[Link, tuple[str, Tone]] = {
    Link.ONLINE: ("●", "calm"),
    Link.STALE: ("◐", "warn"),
    Link.OFFLINE: ("○", "bad"),
    Link.UNKNOWN: ("?", "dim"),
}
GONE = "⊘"  # a device that is decommissioned

# What stands in for our symbols where the terminal's locale is not UTF-8: one character each.
ASCII = str.maketrans(
    {
        "●": "*", "◐": "~", "◑": "=", "○": "o", "◔": "@", "✕": "x", "◍": "!", "◌": "-", "⊘": "/", "▌": ">",
        "✓": "+",
        "·": ".", "–": "-", "—": "-", "…": "~", "›": ">", "“": '"', "”": '"', "‘": "'", "’": "'",
        "★": "*", "☆": "*", "‼": "!", "↑": "^", "↓": "v", "→": ">", "←": "<", "▲": "^", "▼": "v", "◀": "<",
        "▶": ">", "\u00a0": " ", "╱": "/", "╲": "\\", "░": ".", "▒": ":", "▓": "%", "■": "#", "□": "o",
        **dict(zip("▁▂▃▄▅▆▇█", "_,-:=+*#", strict=True)),
        **dict.fromkeys("│┃║▎▏▕▊▋▍▉▐", "|"), **dict.fromkeys("─━═▔▀", "-"),
        **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼╔╗╚╝╠╣╦╩╬┏┓┗┛", "+"),
    }
)  # fmt: skip


_SAID = 16  # a device's own word is never louder than ours


def to_ascii(text: str) -> str:
    """The same number of characters, all of them ASCII."""
    if text.isascii():
        return text
    return text.translate(ASCII).encode("ascii", "replace").decode("ascii")


def phase_cell(command: Command) -> Cell:
    """``● ok``, ``✕ failed (late)``; an unknown status stands as it was stored."""
    phase = command.phase
    symbol, tone = PHASES[phase]
    word = safe(command.status, 20) if phase is Phase.UNKNOWN else phase.value
    if command.late:
        word += " (late)"
    if phase is Phase.FAILED and command.ack_status and command.ack_status != "error":
        word += f": {_said(command.ack_status)}"
    word += later_words(command)
    if command.inconsistencies:
        return Cell(f"{symbol} {word} ‼", "warn")
    return Cell(f"{symbol} {word}", tone)


def later_words(command: Command) -> str:
    """A later answer that differs, or came when none counted any more; empty without one."""
    if command.later is None:
        return ""
    return f", then {_said(command.later) if command.later != command.ack_status else 'differed'}"


def _said(word: str) -> str:
    """A device's own word, cut."""
    said = safe(word)
    return said if len(said) <= _SAID else said[: _SAID - 1] + "…"


def link_cell(link: Link) -> Cell:
    symbol, tone = LINKS[link]
    return Cell(f"{symbol} {link.value}", tone)


def link_of(word: str) -> Link:
    try:
        return Link(word)
    except ValueError:
        return Link.UNKNOWN
