"""A scroll bar that is one without colours: a thumb of whole cells on a track from head to foot."""

from math import ceil
from typing import Any

from rich.segment import Segment, Segments
from rich.style import Style
from textual.scrollbar import ScrollBar, ScrollBarRender

THUMB, TRACK = "█", "▕"


def thumb(size: int, virtual_size: float, window_size: float, position: float) -> range:
    """Return the cells that stand for the window; they reach an end only if that end is in view."""
    if not size or not window_size or virtual_size <= window_size:
        return range(0)
    length = max(1, min(size, ceil(size * window_size / virtual_size)))
    last = size - length
    share = max(0.0, min(1.0, position / (virtual_size - window_size)))
    first = round(last * share)
    if last > 1 and 0 < share < 1:
        first = max(1, min(last - 1, first))
    return range(first, first + length)


class ScrollTrack(ScrollBarRender):
    """Draws vertical bars; others as Textual does."""

    @classmethod
    def render_bar(
        cls,
        size: int = 25,
        virtual_size: float = 50,
        window_size: float = 20,
        position: float = 0,
        thickness: int = 1,
        vertical: bool = True,
        *colours: Any,
        **named: Any,
    ) -> Segments:
        """Return a segment a cell, with what a press of the mouse does there."""
        if not vertical:
            return super().render_bar(
                size, virtual_size, window_size, position, thickness, vertical, *colours, **named
            )
        back, bar = named.get("back_color"), named.get("bar_color")
        cells = thumb(size, virtual_size, window_size, position)
        segments: list[Segment] = []
        for row in range(size):
            action = "grab" if row in cells else "scroll_up" if row < cells.start else "scroll_down"
            style = Style(color=bar, bgcolor=back, meta={"@mouse.down": action} if cells else None)
            segments.append(Segment((THUMB if row in cells else TRACK) * thickness, style))
        return Segments(segments, new_lines=True)


def use_tracks() -> None:
    """Draw every scroll bar of this process so."""
    ScrollBar.renderer = ScrollTrack
