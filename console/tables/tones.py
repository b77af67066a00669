"""The tone of every status: shown in addition to its symbol and word, never alone."""

from console.domain.commands import Command, Phase
from console.domain.devices import Link
from console.domain.phases import PHASE_SYMBOLS, link_words, phase_words
from console.tables.columns import Cell, Tone

PHASE_TONES: dict[Phase, Tone] = {
    Phase.WAITING: "live",
    Phase.PUBLISHED: "live",
    Phase.IN_PROGRESS: "live",
    Phase.OK: "calm",
    Phase.FAILED: "bad",
    Phase.MISSED: "warn",
    Phase.EXPIRED: "warn",
    Phase.CANCELLED: "dim",
    Phase.UNKNOWN: "warn",
}
# In a strip of many commands only what did not end well has a colour.
SYMBOL_TONES: dict[str, Tone] = {
    symbol: "dim" if PHASE_TONES[phase] == "calm" else PHASE_TONES[phase]
    for phase, symbol in PHASE_SYMBOLS.items()
}
LINK_TONES: dict[Link, Tone] = {
    Link.ONLINE: "calm",
    Link.STALE: "warn",
    Link.OFFLINE: "bad",
    Link.UNKNOWN: "dim",
}


def phase_cell(command: Command) -> Cell:
    """Return ``● ok``, ``✕ failed (late)``; an inconsistent command is toned as a warning in any phase."""
    return Cell(phase_words(command), "warn" if command.inconsistencies else PHASE_TONES[command.phase])


def counted_phase(phase: Phase, words: str) -> Cell:
    """Return a phase's symbol and tone with other words: ``● 12 ok``."""
    return Cell(f"{PHASE_SYMBOLS[phase]} {words}", PHASE_TONES[phase])


def link_cell(link: Link) -> Cell:
    """Return the symbol and word of a link: ``● online``."""
    return Cell(link_words(link), LINK_TONES[link])


def link_of(word: str) -> Link:
    """Return the link that a word names, or unknown."""
    try:
        return Link(word)
    except ValueError:
        return Link.UNKNOWN
