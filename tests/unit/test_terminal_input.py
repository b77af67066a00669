"""Whatever a terminal sends becomes keys that were typed, mouse events and pastes, and nothing else."""

import gc
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.message import Message

from console.tui.terminal.input import GIVE_UP_S, TerminalInput


def reported(message: Message) -> str:
    match message:
        case events.Key():
            return "\ufffd" if message.character == "\ufffd" else message.key
        case events.Paste():
            return f"paste {message.text!r}"
        case events.MouseEvent():
            return f"{type(message).__name__} {message.x:.0f},{message.y:.0f}"
        case _:
            return type(message).__name__


def heard(*pieces: bytes) -> list[str]:
    """What comes of these pieces, and of the silence behind them."""
    source = TerminalInput()
    found = [reported(message) for piece in pieces for message in source.feed(piece)]
    source._came_at = time.monotonic() - GIVE_UP_S - constants.ESCAPE_DELAY
    return found + [reported(message) for message in source.tick()]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"q"], ["q"]),
        ([b"\x1b"], ["escape"]),
        ([b"\x1b", b"\x1b"], ["escape", "escape"]),
        ([b"\x1bq"], ["alt+q"]),
        ([b"\x1b["], []),
        ([b"\x1b[A\x1bOB"], ["up", "down"]),
        ([b"\x1b[1", b";5", b"A"], ["ctrl+up"]),
        ([b"\x1b[15~\x1b[Z"], ["f5", "shift+tab"]),
        ([b"\x1b[[A"], ["f1"]),
        ([b"\x13\r\t\x7f"], ["ctrl+s", "enter", "tab", "backspace"]),
        (["é界".encode()], ["é", "界"]),
        ([b"\xe7", b"\x95", b"\x8c"], ["界"]),
        ([b"\x1b[<0;3;4M\x1b[<0;3;4m"], ["MouseDown 2,3", "MouseUp 2,3"]),
        ([b"\x1b[I\x1b[O"], ["AppFocus", "AppBlur"]),
        ([b"\x1b[200~q\nq", b"\x1b[20", b"1~q"], ["paste 'q\\nq'", "q"]),
    ],
)
def test_what_was_meant_is_understood(pieces: list[bytes], expected: list[str]) -> None:
    assert heard(*pieces) == expected


@pytest.mark.parametrize(
    ("data", "left"),
    [
        (b"\xe9q", ["\ufffd", "q"]),  # Latin-1
        (b"\xff\xfe\xc0\xaf", ["\ufffd"] * 4),
        (b"\x1b[200~caf\xe9\x1b[201~", ["paste 'caf\ufffd'"]),
        (b"\x1b[M \x90\xff", ["MouseDown 111,222"]),  # an old mouse report, far to the right
        (b"\x1b[M#!!", ["MouseUp 0,0"]),
        (b"\x1b[M\xc3\xa9\xc3q", ["MouseMove 136,162", "q"]),
        (b"\x1b[Mqy", []),  # cut off
        (b"\x1b[M\x1b[Aq", ["up", "q"]),
        (b"\x1b[<0;3;4", []),
        (b"\x1b[<0;3\x1b[<0;5;6M", ["MouseDown 4,5"]),
        (b"\x1b[" + b"1;" * 300 + b"yq", ["q"]),  # over-long
        (b"\x1b[" + b"1;" * 40_000 + b"yq", ["q"]),
        (b"\x1b[?62;22cq\x1b[0nq\x1b[>1;2;3cq", ["q", "q", "q"]),
        (b"\x1b]11;rgb:1111/2222/3333\x07q\x1b]52;c;cXl5eQ==\x1b\\q", ["q", "q"]),
        (b"\x1bP>|tmux 3.4 qqq\x1b\\q\x1b_Gi=31;OK\x1b\\q", ["q", "q"]),
        (b"\x1bP" + b"y" * 100_000 + b"\x1b\\q", ["q"]),
        (b"\x1bPqyqy", []),
        (b"\x1bPqyqy\x1b[A", ["up"]),
        (b"\x1b[99999999999uq", ["q"]),
        (b"\x1b[1114112uq\x1b[55296;1;55296uq", ["q", "q"]),
        (b"\x1b[48;9999;9999;9999;9999tq", ["q"]),
        (b"\x1b[48;0;0;0;0tq", ["q"]),
        (b"\x1b[?2048;1$yq", ["q"]),
        (b"\x1b[12\x07q", ["ctrl+g", "q"]),
        (b"\x1bO\x1b[Bq", ["down", "q"]),
    ],
)
def test_what_was_not_typed_acts_as_no_key(data: bytes, left: list[str]) -> None:
    assert heard(data) == left


def test_a_paste_whose_end_got_lost_is_left_by_esc() -> None:
    source = TerminalInput()
    assert list(source.feed(b"\x1b[200~qqq")) == []
    source._came_at -= 100
    assert list(source.tick()) == []
    assert list(source.feed(b"\x1b")) == []
    source._came_at -= GIVE_UP_S
    assert [reported(message) for message in source.tick()] == ["paste 'qqq'"]
    assert [reported(message) for message in source.feed(b"q")] == ["q"]


@given(
    st.lists(
        st.binary(max_size=40) | st.sampled_from([b"\x1b[", b"\x1b[M", b"\x1bO", b"\x1b]", b"\x1b[200~"])
    )
)
def test_any_bytes_in_any_pieces_end_nothing(pieces: list[bytes]) -> None:
    source = TerminalInput()
    for piece in pieces:
        for message in source.feed(piece):
            assert reported(message)
            if isinstance(message, events.Key) and message.character:
                message.character.encode()
    source._came_at -= GIVE_UP_S
    list(source.tick())
    list(source.feed(b"\x1b"))
    source._came_at -= GIVE_UP_S
    list(source.tick())
    assert [reported(message) for message in source.feed(b"q")] == ["q"], "keys count again"


@given(st.binary(max_size=60), st.integers(1, 59))
def test_where_the_pieces_are_cut_makes_no_difference(data: bytes, place: int) -> None:
    assert heard(data) == heard(data[:place], data[place:])


def test_a_parser_is_forgotten() -> None:
    """Without its own look at keys, Textual's cache keeps each parser, by which its last key and a whole screen."""
    before = _parsers()
    source = TerminalInput()
    assert len(list(source.feed(b"\x1b[A\x1b[27u\x11"))) == 3
    assert _parsers() == before + 1
    del source
    assert _parsers() == before


def _parsers() -> int:
    gc.collect()
    return sum(isinstance(one, XTermParser) for one in gc.get_objects())
