"""The symbol and the word of every phase and link, for screen and shell: never colour alone."""

from console.domain.commands import Command, Phase
from console.domain.devices import Link
from console.domain.text.safe import safe

PHASE_SYMBOLS = {
    Phase.WAITING: "○",
    Phase.PUBLISHED: "◔",
    Phase.IN_PROGRESS: "◑",
    Phase.OK: "●",
    Phase.FAILED: "✕",
    Phase.MISSED: "◍",
    Phase.EXPIRED: "◌",
    Phase.CANCELLED: "⊘",
    Phase.UNKNOWN: "?",
}
WORST_FIRST = (
    Phase.FAILED, Phase.MISSED, Phase.EXPIRED, Phase.UNKNOWN, Phase.WAITING, Phase.PUBLISHED,
    Phase.IN_PROGRESS, Phase.CANCELLED, Phase.OK,
)  # fmt: skip
SETTLED_FIRST = (
    Phase.OK, Phase.FAILED, Phase.MISSED, Phase.EXPIRED, Phase.CANCELLED, Phase.UNKNOWN, Phase.IN_PROGRESS,
    Phase.PUBLISHED, Phase.WAITING,
)  # fmt: skip
LINK_SYMBOLS = {
    Link.ONLINE: "●",
    Link.STALE: "◐",
    Link.OFFLINE: "○",
    Link.UNKNOWN: "?",
}
GONE = "⊘"  # a decommissioned device
_SAID = 16  # most characters of a device's own word, so that it does not dominate ours


def phase_words(command: Command) -> str:
    """Return ``● ok``, ``✕ failed (late)``, ``✕ failed: hot``; an unknown status is shown as stored."""
    phase = command.phase
    word = safe(command.status, 20) if phase is Phase.UNKNOWN else phase.value
    if command.late:
        word += " (late)"
    if phase is Phase.FAILED and command.ack_status and command.ack_status != "error":
        word += f": {_word(command.ack_status)}"
    inconsistent = " ‼" if command.inconsistencies else ""
    return f"{PHASE_SYMBOLS[phase]} {word}{later_words(command)}{inconsistent}"


def later_words(command: Command) -> str:
    """Describe a later answer that differs or no longer counted; empty without one."""
    if command.later is None:
        return ""
    return f", then {_word(command.later) if command.later != command.ack_status else 'differed'}"


def link_words(link: Link) -> str:
    """Return a link with its symbol: ``● online``."""
    return f"{LINK_SYMBOLS[link]} {link.value}"


def _word(word: str) -> str:
    """Return a device's own word, cut to its maximum length."""
    shown = safe(word)
    return shown if len(shown) <= _SAID else shown[: _SAID - 1] + "…"
