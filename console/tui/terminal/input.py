"""From the bytes of a terminal to events: no byte ends the program, and only real keys are passed on as keys.

Decided in docs/decisions/0041-bytes-from-a-terminal.md
"""

import re
import time
from collections.abc import Iterator
from typing import Any

from textual import constants, events
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.message import Message

GIVE_UP_S = 1.0
_LONGEST = 4_096
_LONGEST_KNOWN = 32  # Textual's parser treats a longer sequence as keys
_MOST_PASTED = 8_000_000
_ESC = b"\x1b"
_PASTE, _PASTED = b"\x1b[200~", b"\x1b[201~"
_CSI = re.compile(rb"\x1b\[[0-?]*[ -/]*")
_STRINGS = b"]PX^_"  # OSC, DCS, SOS, PM, APC: answers of the terminal, ended by ST
_STRING_END = re.compile(rb"\x07|\x1b\\|(?=\x1b[^\\])")
_WITH_ALT = re.compile(rb"\x1b([\xc2-\xf4][\x80-\xbf]*|.)", re.DOTALL)
_UNASKED = re.compile(rb"\x1b\[(48;.*t|\?2048;.*\$y|.*\d{7}.*)", re.DOTALL)  # sizes come from the system
_WELL = b"\x1b[0n"
_UNKNOWN = b"\x1b[<>"  # no known sequence begins like this: it is dropped with what follows


class _Parser(XTermParser):
    """Textual's has a cache that keeps each parser, by which the last key, by which its whole screen.

    Decided in docs/decisions/0070-what-one-client-may-hold.md
    """

    if hasattr(XTermParser, "_parse_extended_key"):  # not in all versions that we allow
        _parse_extended_key: Any = XTermParser._parse_extended_key.__wrapped__  # noqa: SLF001


class TerminalInput:
    """Cuts the stream into keys, sequences and pastes; Textual's parser gets one whole sequence at a time.

    That parser treats an unknown sequence as typed keys: an answer of the terminal, an old mouse report or
    half a sequence would run actions. Unknown sequences are dropped here completely.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._pasted: bytearray | None = None
        self._came_at = time.monotonic()
        self._parser = _Parser()
        self.is_well = False  # the terminal has answered the question whether it is

    def feed(self, data: bytes) -> Iterator[Message]:
        """Turn bytes into messages; what is incomplete waits for more bytes, or for `tick`."""
        self._came_at = time.monotonic()
        self._rest += data
        while self._rest:
            before = len(self._rest)
            yield from self._paste() if self._pasted is not None else self._next()
            if len(self._rest) == before:
                return

    def tick(self) -> Iterator[Message]:
        """Decide about input that nothing followed: an Esc, an Alt, or a cut sequence, which is dropped."""
        silent_s = time.monotonic() - self._came_at
        if not self._rest or silent_s < constants.ESCAPE_DELAY:
            return
        alone = len(self._rest) <= 2 and self._rest[:1] == _ESC and self._rest[1:] != b"["
        if self._pasted is None and alone:
            yield from self._typed(self._take(len(self._rest)))
        elif silent_s >= GIVE_UP_S:
            self._rest = b""
            if self._pasted is not None and alone:  # ends a paste whose end marker was lost
                yield from self._paste_ended()

    @property
    def waits(self) -> bool:
        """Whether something is incomplete, about which `tick` has to decide."""
        return bool(self._rest)

    def _take(self, size: int) -> bytes:
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def _next(self) -> Iterator[Message]:
        """Take one run of text or one sequence; take nothing while it is incomplete."""
        rest = self._rest
        if rest[:1] != _ESC:
            end = rest.find(_ESC)
            yield from self._text(end)
        elif len(rest) == 1:
            return
        elif rest[1:2] == b"[":
            yield from self._sequence()
        elif rest[1:2] == b"O":
            yield from self._of_size(3)
        elif rest[1] in _STRINGS:
            self._leave_string()
        else:
            found = None if rest[1:2] == _ESC else _WITH_ALT.match(rest)
            yield from self._typed(self._take(found.end() if found else 1))

    def _text(self, end: int) -> Iterator[Message]:
        """Take text up to an Esc, or all of it; an incomplete character at the end waits for the rest."""
        size = len(self._rest) if end < 0 else end
        if end < 0:
            size -= _half(self._rest)
        for character in self._take(size).decode("utf-8", "replace"):
            yield from self._events(character)

    def _sequence(self) -> Iterator[Message]:
        """Take a control sequence; a byte that cannot be part of it ends it and is read again separately."""
        rest = self._rest
        if rest.startswith(_PASTE):
            self._take(len(_PASTE))
            self._pasted = bytearray()
            return
        found = _CSI.match(rest)
        end = found.end() if found else 0
        if end == len(rest):
            if end > _LONGEST:
                self._rest = _UNKNOWN
            return
        if not 0x40 <= rest[end] <= 0x7E:
            self._take(end)
        elif rest[:3] == b"\x1b[M":
            yield from self._of_size(6)
        elif rest[:3] == b"\x1b[[":  # function keys of the Linux console
            yield from self._of_size(4)
        else:
            yield from self._known(self._take(end + 1))

    def _of_size(self, size: int) -> Iterator[Message]:
        """Take a sequence of known size; cut it off where another one begins in it."""
        cut = self._rest.find(_ESC, 1, size)
        if cut > 0:
            self._take(cut)
        elif len(self._rest) >= size:
            sequence = self._take(size)
            yield from self._known(_modern(sequence) if size == 6 else sequence)

    def _leave_string(self) -> None:
        end = _STRING_END.search(self._rest, 2)
        if end is not None:
            self._take(end.end())
        elif len(self._rest) > _LONGEST:
            self._rest = self._rest[:2] + self._rest[-1:]

    def _paste(self) -> Iterator[Message]:
        end = self._rest.find(_PASTED)
        if end < 0:
            end = len(self._rest) - next(
                (size for size in range(len(_PASTED) - 1, 0, -1) if self._rest.endswith(_PASTED[:size])), 0
            )
            self._keep(self._take(end))
            return
        self._keep(self._take(end))
        self._take(len(_PASTED))
        yield from self._paste_ended()

    def _keep(self, data: bytes) -> None:
        if self._pasted is not None and len(self._pasted) < _MOST_PASTED:
            self._pasted += data

    def _paste_ended(self) -> Iterator[Message]:
        pasted, self._pasted = self._pasted or b"", None
        yield events.Paste(pasted.decode("utf-8", "replace").replace("\x00", ""))

    def _known(self, sequence: bytes) -> Iterator[Message]:
        """Parse a whole sequence; drop it when it is unknown or was not requested."""
        if len(sequence) > _LONGEST_KNOWN or _UNASKED.match(sequence):
            return
        if sequence == _WELL:
            self.is_well = True
            return
        yield from self._events(sequence.decode("ascii", "replace"))
        parser = self._parser
        if parser._awaiting.timeout is not None:  # noqa: SLF001 - it waits for more: unknown
            self._parser = _Parser()

    def _typed(self, keys: bytes) -> Iterator[Message]:
        """Parse an Esc, or a key with Alt, that nothing follows."""
        yield from self._events(keys.decode("utf-8", "replace"))
        parser = self._parser
        if parser._awaiting.timeout is not None:  # noqa: SLF001
            parser._timeout_time = 0.0  # noqa: SLF001
            yield from parser.tick()

    def _events(self, text: str) -> Iterator[Message]:
        """Let Textual parse it; Textual fails on numbers that are not characters."""
        try:
            found = list(self._parser.feed(text))
        except (ParseError, ValueError, OverflowError, LookupError, StopIteration, RuntimeError):
            self._parser = _Parser()
            return
        for event in found:
            if not isinstance(event, events.Key) or _is_text(event.character):
                yield event


def _is_text(character: str | None) -> bool:
    """Return whether the key can be used; half a character cannot."""
    return character is None or not any("\ud800" <= part <= "\udfff" for part in character)


def _half(data: bytes) -> int:
    """Count the bytes at the end that begin an incomplete UTF-8 character."""
    for size in (1, 2, 3):
        if len(data) >= size and data[-size] >= 0xC0:
            whole = 2 if data[-size] < 0xE0 else 3 if data[-size] < 0xF0 else 4
            return size if data[-size] < 0xF8 and size < whole else 0
        if len(data) >= size and data[-size] < 0x80:
            return 0
    return 0


def _modern(report: bytes) -> bytes:
    """Rewrite an old mouse report of six bytes in the format that terminals send today."""
    button, column, row = (byte - 32 for byte in report[3:])
    released = button & 3 == 3 and not button & 96
    return b"\x1b[<%d;%d;%d%c" % (0 if released else max(0, button), column, row, b"m" if released else b"M")
