"""Widths, times, words and the last gate."""

from datetime import timedelta
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from console.domain.commands import Phase
from console.domain.devices import Link
from console.domain.spans import age, countdown, latency
from console.tui.actions import ACTIONS, ACTS, actions_for
from console.tui.last_gate import LastGate, is_utf8
from console.tui.presenters import words
from console.tui.presenters.cells import Cell, fit_columns, fit_parts, fit_text, inked
from console.tui.presenters.compose import is_dangerous, must_type_count, preview_payload
from console.tui.presenters.devices import COLUMNS
from console.tui.presenters.times import step
from console.tui.presenters.words import LINKS, PHASES, to_ascii
from console.tui.widgets.fields import json_paste


@pytest.mark.parametrize("width", range(30, 220, 7))
def test_columns_never_exceed_their_width(width):
    for needs in ({}, dict.fromkeys((column.key for column in COLUMNS), 60), {"device": 12, "model": 12}):
        fitted = fit_columns(COLUMNS, width, needs)
        assert sum(size + 2 for _, size in fitted) - 2 <= max(width, 30)


def test_columns_are_as_wide_as_what_they_show_and_spare_cells_stay_free():
    widths = {column.key: size for column, size in fit_columns(COLUMNS, 200, {"device": 12, "model": 13})}
    assert widths["device"] == 12
    assert widths["model"] == 13


def test_where_all_is_well_only_the_symbol_has_a_colour():
    assert inked(Cell("● online", "calm")) == (Cell("●", "ok"), Cell(" online"))
    assert inked(Cell("○ offline", "bad")) == (Cell("○ offline", "bad"),)


def test_parts_that_do_not_fit_go_whole_the_last_first():
    parts = [(Cell("title"),), (Cell("✕ 10 failed"),), (Cell("● 170 ok"),)]
    assert "".join(cell.text for cell in fit_parts(parts, 80)) == "title   ✕ 10 failed   ● 170 ok"
    assert "".join(cell.text for cell in fit_parts(parts, 25)) == "title  ✕ 10 failed"
    assert "".join(cell.text for cell in fit_parts(parts, 17)) == "title"


@pytest.mark.parametrize("text", ["", "abc", "abcdefghij", "日本語テキスト", "e\u0301" * 9])
@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_text_is_cut_or_padded_to_exact_cells(text, width):
    assert cell_len(fit_text(text, width)) == width
    assert cell_len(fit_text(text, width, right=True)) == width


def test_times_are_short_words():
    assert [age(timedelta(seconds=s)) for s in (-5, 12, 250, 7300, 200_000)] == [
        "0s",
        "12s",
        "4m",
        "2h",
        "2d",
    ]
    assert countdown(timedelta(minutes=59, seconds=48)) == "59m 48s"
    assert countdown(timedelta(days=6, hours=23)) == "6d 23h"
    assert latency(timedelta(seconds=0.19)) == "0.19s"
    assert latency(timedelta(hours=1, minutes=2)) == "1h 02m"
    assert step(timedelta(milliseconds=5)) == "+5 ms"


def test_every_status_has_a_symbol_of_its_own_and_an_ascii_twin_of_one_character():
    for table in (PHASES, LINKS):
        symbols = [symbol for symbol, _ in table.values()]
        assert len(set(symbols)) == len(symbols)
        assert all(len(to_ascii(symbol)) == 1 and to_ascii(symbol).isascii() for symbol in symbols)
        assert len({to_ascii(symbol) for symbol in symbols}) == len(symbols)
    assert set(PHASES) == set(Phase)
    assert set(LINKS) == set(Link)


def test_nothing_that_the_screen_draws_becomes_a_question_mark_in_ascii():
    sources = [path.read_text("utf-8") for path in Path(words.__file__).parents[1].rglob("*.py")]
    drawn = {character for source in sources for character in source if not character.isascii()}
    assert {
        character for character in drawn | set("╭─╮│╰╯▔▁▂▃▄▅▆▇█▏▊") if to_ascii(character) == "?"
    } == set()
    assert to_ascii("◔") != to_ascii("▌")


def test_the_last_gate_stops_what_a_terminal_obeys():
    background = Color(0, 0, 0)
    passed = LastGate(ascii_only=False).apply([Segment("a\x1b[31m\u202eb")], background)
    assert passed[0].text.isprintable()
    assert LastGate(ascii_only=True).apply([Segment("● é")], background)[0].text == "* ?"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, True),
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LC_ALL": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
    ],
)
def test_the_locale_decides_about_symbols(environment, expected):
    assert is_utf8(environment) is expected


def test_danger_and_numbers_want_the_count_typed():
    assert is_dangerous("Factory_Reset")
    assert must_type_count("reboot", 1)
    assert must_type_count("ping", 11)
    assert not must_type_count("ping", 10)


def test_the_preview_is_harmless_and_on_one_line():
    from datetime import UTC, datetime

    shown = preview_payload("ping", '{\n "a": "\x1b"}', timedelta(hours=1), datetime(2026, 1, 1, tzinfo=UTC))
    assert "\x1b" not in shown
    assert "\n" not in shown


def test_pasted_json_keeps_its_meaning_without_its_controls():
    assert json_paste('{"a": "é\u202e"}\r\n') == '{"a": "é\\u202e"}\n'


def test_the_action_table_has_unique_ids_and_no_bare_delete():
    ids = [action.id for action in ACTIONS]
    assert len(set(ids)) == len(ids)
    for screen in ("devices", "history", "detail", "compose", "problems"):
        keys = [key for action in actions_for(screen) for key in action.keys.split(",")]
        assert len(set(keys)) == len(keys), screen
        assert not {"delete", "backspace"} & set(keys)
        assert not {action.id for action in actions_for(screen, read_only=True)} & ACTS
