"""The content of the terminal, cell by cell, so that only the changes of a frame are written.

Decided in docs/decisions/0040-frames-are-compared.md
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from rich.cells import cell_len, get_character_cell_size
from rich.color import ColorSystem
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Offset, Size
from textual.strip import SGR_STYLES, Strip

_SEEN_ON_BLANKS = frozenset({"4", "7", "9", "21", "51", "52", "53"})  # underlined, reversed, and the like
_BRIDGE = 4  # cells that are cheaper to write again than to skip


class Look(NamedTuple):
    """How a cell is drawn, as parameters of SGR; `ink` None means that no ink is visible."""

    attributes: str = ""
    ink: str | None = "39"
    paper: str = "49"


Square: TypeAlias = tuple[str, Look]
_PLAIN = Look()
_UNKNOWN: Square = ("?", Look("unknown"))


class Painter:
    """Remembers what it wrote, and writes only what differs from it."""

    def __init__(self, colours: ColorSystem | None) -> None:
        self._colours = colours
        self._rows: list[list[Square]] = []
        self._size = Size(0, 0)
        self._cursor: Offset | None = None

    def forget(self) -> None:
        """Forget the content of the terminal, so that the next frame is written completely."""
        self._rows = []

    def knows(self, size: Size) -> bool:
        """Return whether the content of a terminal of this size is known."""
        return bool(self._rows) and size == self._size

    def paint(self, update: CompositorUpdate, size: Size, cursor: Offset) -> str:
        """Return the output that changes the terminal's content into this frame; empty if they are equal."""
        if not self.knows(size):
            self._size, self._cursor = size, None
            self._rows = [[_UNKNOWN] * size.width for _ in range(size.height)]
        pen = _Pen()
        for x, y, strip in _pieces(update):
            if 0 <= y < size.height:
                self._lay(pen, x, y, self._squares(strip))
        if not pen.written and cursor == self._cursor:
            return ""
        self._cursor = cursor
        return pen.ended(cursor)

    def _squares(self, strip: Strip) -> list[Square]:
        squares: list[Square] = []
        for text, style, control in strip:
            if not control:
                squares += _squares(text, _PLAIN if style is None else _look(style, self._colours))
        return squares

    def _lay(self, pen: "_Pen", x: int, y: int, wanted: list[Square]) -> None:
        row = self._rows[y]
        wanted = wanted[: max(0, len(row) - x)]
        there = row[x : x + len(wanted)]
        if there == wanted:
            return
        for first, last in _runs(there, wanted):
            pen.write(x + first, y, wanted[first:last])
        row[x : x + len(wanted)] = wanted


class _Pen:
    """Collects the output of a frame: moves the cursor and changes the look only where necessary."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self._at: tuple[int, int] | None = None
        self._look = _PLAIN

    def write(self, x: int, y: int, squares: Iterable[Square]) -> None:
        sure = True
        for text, look in squares:
            if text:
                if not sure and text.isascii():  # terminals disagree about how wide some symbols are
                    self._at = None
                if self._at != (x, y):
                    self.written.append(f"\x1b[{y + 1};{x + 1}H")
                self._take(look)
                self.written.append(text)
                sure = text.isascii()
                self._at = (x + 1, y)
            elif self._at is not None:
                self._at = (x + 1, y)
            x += 1
        if not sure:
            self._at = None

    def _take(self, look: Look) -> None:
        now = self._look
        if look.ink is None:  # a blank: its ink is invisible and need not change
            bare = _seen_on_blanks(now.attributes)
            look = Look("", "39", look.paper) if bare else Look(now.attributes, now.ink, look.paper)
        if look == now:
            return
        if look.attributes != now.attributes:
            codes = ["0", look.attributes, *(code for code in look[1:] if code not in {"39", "49"})]
        else:
            codes = [new or "" for new, old in zip(look, now, strict=True) if new != old]
        self.written.append(f"\x1b[{';'.join(filter(None, codes))}m")
        self._look = look

    def ended(self, cursor: Offset) -> str:
        reset = "\x1b[0m" if self._look != _PLAIN else ""
        return f"{''.join(self.written)}{reset}\x1b[{cursor.y + 1};{cursor.x + 1}H"


def _pieces(update: CompositorUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Return the strips of a frame and where each begins."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in line:
                yield x, y, strip
                x += strip.cell_length
    elif isinstance(update, ChopsUpdate):
        for y, first, last in update.spans:
            for end, (x, piece) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if piece is not None and x <= last and end > first:
                    yield x, y, piece


def _runs(there: list[Square], wanted: list[Square]) -> Iterator[tuple[int, int]]:
    """Return where the two differ, counted from the first half of a wide character."""
    first = last = -1
    for place, (old, new) in enumerate(zip(there, wanted, strict=True)):
        if old == new:
            continue
        if first >= 0 and place - last > _BRIDGE:
            yield first, last
            first = -1
        if first < 0:
            first = place
            while first > 0 and not wanted[first][0]:
                first -= 1
        last = place + 1
    if first >= 0:
        yield first, last


def _squares(text: str, look: Look) -> list[Square]:
    blank: Square = (" ", look) if _seen_on_blanks(look.attributes) else (" ", Look("", None, look.paper))
    if text.isascii():
        return [blank if character == " " else (character, look) for character in text]
    squares: list[Square] = []
    for character in text:
        width = get_character_cell_size(character)
        if not width and squares:
            base = -2 if not squares[-1][0] else -1
            squares[base] = (squares[base][0] + character, look)
        elif character == " ":
            squares.append(blank)
        elif width:
            squares += [(character, look), *[("", look)] * (width - 1)]
    if len(squares) == cell_len(text):
        return squares
    return [(text, look), *[("", look)] * (cell_len(text) - 1)]  # characters that together form one glyph


@lru_cache(maxsize=256)
def _seen_on_blanks(attributes: str) -> bool:
    return not _SEEN_ON_BLANKS.isdisjoint(attributes.split(";"))


@lru_cache(maxsize=4_096)
def _look(style: Style, colours: ColorSystem | None) -> Look:
    # Style gives its attributes only one by one, and a dozen look-ups for each segment are expensive
    bits = style._attributes & style._set_attributes  # noqa: SLF001
    attributes = ";".join(code for bit, code in enumerate(SGR_STYLES) if bits >> bit & 1)
    ink = paper = ()  # type: tuple[str, ...]
    if colours is not None and style.color is not None:
        ink = style.color.downgrade(colours).get_ansi_codes(foreground=True)
    if colours is not None and style.bgcolor is not None:
        paper = style.bgcolor.downgrade(colours).get_ansi_codes(foreground=False)
    return Look(attributes, ";".join(ink) or "39", ";".join(paper) or "49")
