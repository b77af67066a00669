"""Filter what goes to the terminal: no control characters; ASCII where the locale is not UTF-8."""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from console.domain.text.ascii import to_ascii
from console.domain.text.safe import safe

_NO_LIMIT = 1 << 20


class OutputFilter(LineFilter):
    """Filters every segment. Text is made safe where it is read; this also covers what an operator pastes."""

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__()
        self._ascii_only = ascii_only

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Replace characters that a terminal might interpret."""
        del background
        return [self._passed(segment) for segment in segments]

    def _passed(self, segment: Segment) -> Segment:
        text, style, control = segment
        if control:
            return segment
        shown = text if text.isprintable() else safe(text, _NO_LIMIT)
        if self._ascii_only:
            shown = to_ascii(shown)
        return segment if shown is text else Segment(shown, style)
