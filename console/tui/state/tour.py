"""The tour of a first run: one line a step in the headline's row, each until it is done.

Decided in docs/decisions/0096-the-tour.md
"""

from console.runtime.program import Program
from console.services.kept_word import KeptWord

_OVER = "over"
_STEPS = 5
_FIRST, _WRITE, _SEND, _WHY, _KEYS = "12345"
_DONE_BY = {"compose": _WRITE, "explain": _WHY, "help": _KEYS}
_WORDS: dict[str, dict[str, str]] = {
    _FIRST: {"devices": "enter opens a device", "": "1 lists the devices, enter opens one"},
    _WRITE: {"": "c writes a command"},
    _SEND: {
        "compose": "f5 shows what will happen, then y sends: nothing goes by itself",
        "": "c, f5 and y send a command: nothing goes by itself",
    },
    _WHY: {"history": "e says why", "detail": "e says why", "": "2 lists all commands, e says why"},
    _KEYS: {"": "? all keys"},
}


class Tour:
    """The steps that are done, in whatever order; `kept` remembers them from one start to the next."""

    def __init__(self, kept: KeptWord, *, is_on: bool) -> None:
        self._kept = kept
        word = kept.load() if is_on else _OVER
        self._done = set(_WORDS) if word == _OVER else set(word) & set(_WORDS)

    @property
    def is_over(self) -> bool:
        return len(self._done) == _STEPS

    def words(self, screen: str, *, is_first: bool) -> str:
        """Return the first step that is not done, as it is done on this screen; empty after the last.

        `is_first`: esc has nothing else to do there.
        """
        left = sorted(set(_WORDS) - self._done)
        if not left:
            return ""
        words = _WORDS[left[0]]
        ends = "   esc ends this" if is_first else ""
        return f"New here?  {left[0]} of {_STEPS}   {words.get(screen, words[''])}{ends}"

    def takes(self, action: str, *, is_first: bool) -> bool:
        """Take note of what is done; return whether it was esc on the first screen, which ends the tour."""
        if self.is_over:
            return False
        if action == "back" and is_first:
            self._do(*_WORDS)
            return True
        if action in _DONE_BY:
            self._do(_DONE_BY[action])
        return False

    def opened(self) -> None:
        """Take note that a device was opened, from wherever."""
        self._do(_FIRST)

    def sent(self) -> None:
        """Take note that something was sent."""
        self._do(_SEND)

    def _do(self, *steps: str) -> None:
        if not self._done.issuperset(steps):
            self._done.update(steps)
            self._kept.keep(_OVER if self.is_over else "".join(sorted(self._done)))


def tour_of(program: Program) -> Tour:
    """Return the tour of this console: of a demo, where something may be sent to see what comes of it.

    Somebody restricted is new each time, and leaves no file.
    """
    path = None if program.restricted else program.preferences.tour_file
    is_new = program.restricted or path is not None
    return Tour(KeptWord(path, "tour"), is_on=program.demo and not program.read_only and is_new)
