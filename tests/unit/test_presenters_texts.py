"""Widths, times, words and the last gate."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from console.domain.commands import Phase, params_fault
from console.domain.devices import DeviceCounts, DeviceOrder, Link, Sort
from console.domain.events import Problem, ProblemKind
from console.domain.filters.language import Scope, parse_filter
from console.domain.phases import LINK_SYMBOLS, PHASE_SYMBOLS, SETTLED_FIRST, WORST_FIRST
from console.domain.targets import Target
from console.domain.text.ascii import is_utf8, to_ascii
from console.domain.text.durations import (
    age,
    coarse_age,
    coarse_countdown,
    countdown,
    elapsed,
    latency,
    lateness,
    step,
)
from console.shell import output
from console.tables import tones
from console.tables.columns import Cell, Column
from console.tables.commands import command_cells
from console.tables.devices import COLUMNS
from console.tables.tones import LINK_TONES, PHASE_TONES, phase_cell
from console.tui.presenters.cells import fit_columns, fit_parts, fit_text, inked
from console.tui.presenters.compose import (
    payload_lines,
    preview_payload,
    warnings_of,
)
from console.tui.presenters.devices import seen_words
from console.tui.presenters.problems import problem_cells, problem_whom
from console.tui.screens.registry import ACTIONS
from console.tui.terminal.output_filter import OutputFilter
from console.tui.widgets.fields import json_paste
from tests.unit.test_presenters_commands import NOW, command


@pytest.mark.parametrize("width", range(30, 220, 7))
def test_columns_never_exceed_their_width(width):
    for needs in ({}, dict.fromkeys((column.key for column in COLUMNS), 60), {"device": 12, "model": 12}):
        fitted = fit_columns(COLUMNS, width, needs)
        assert sum(size + 2 for _, size in fitted) - 2 <= max(width, 30)


def test_columns_are_as_wide_as_what_they_show_and_spare_cells_stay_free():
    widths = {column.key: size for column, size in fit_columns(COLUMNS, 200, {"device": 12, "model": 13})}
    assert widths["device"] == 12
    assert widths["model"] == 13


def test_numbers_are_never_cut_and_what_only_helps_goes_for_them():
    columns = (
        Column("n", "N", 7, right=True), Column("range", "RANGE", 6, right=True, most=24, rank=2),
        Column("sample", "FOR EXAMPLE", 14, most=60, rank=3),
    )  # fmt: skip
    needs = {"n": 7, "range": 18, "sample": 40}
    assert [(c.key, size) for c, size in fit_columns(columns, 40, needs)] == [("n", 7), ("range", 18)]
    assert {c.key: size for c, size in fit_columns(columns, 60, needs)}["range"] == 18


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
    assert [step(timedelta(seconds=s)) for s in (-1, 1.24, 3_588)] == ["+0 ms", "+1.24 s", "+59m 48s"]
    assert [elapsed(s) for s in (-3, 14, 119, 180, 7_200)] == ["0s", "14s", "119s", "3m", "2h"]
    assert [lateness(s) for s in (0, 0.008, 0.25, 12)] == ["1ms", "8ms", "0.25s", "12s"]


@pytest.mark.parametrize(
    ("seconds", "took", "ago"),
    [(4_000, "1h 06m", "1h"), (0.19, "0.19s", "0s"), (-5, "-5.00s", "0s"), (-300, "-300.00s", "ahead")],
)
def test_screen_and_shell_print_the_same_spans(seconds, took, ago):
    span = timedelta(seconds=seconds)
    now = datetime(2026, 5, 1, tzinfo=UTC)
    sent = command(created_at=now - span)
    assert output.latency_text(span) == latency(span) == took
    assert output.age_text(now - span, now) == age(span) == command_cells(sent, now)["age"].text == ago
    assert coarse_age(span) == ago


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "○ waiting"),
        ({"status": "missed"}, "◍ missed"),
        ({"status": "odd"}, "? odd"),
        ({"acked_at": NOW, "ack_status": "error"}, "✕ failed"),
        ({"acked_at": NOW, "ack_status": "overheated at the inlet"}, "✕ failed: overheated at t…"),
        ({"acked_at": NOW, "ack_status": "error", "later": "ok"}, "✕ failed, then ok"),
        ({"acked_at": NOW, "ack_status": "ok", "later": "ok"}, "● ok, then differed"),
    ],
)
def test_screen_and_shell_print_the_same_phases(fields, words):
    sent = command(**{"status": "delivered" if "acked_at" in fields else "queued", **fields})
    assert output.phase_text(sent).removesuffix(" ‼") == words
    assert output.phase_text(sent) == phase_cell(sent).text


def test_what_many_rows_tell_ticks_by_the_second_below_ten_seconds_only() -> None:
    def at(seconds: float) -> timedelta:
        return timedelta(seconds=seconds)

    assert [coarse_age(at(s)) for s in (-5, 9.9, 12, 59, 250)] == ["0s", "9s", "10s", "55s", "4m"]
    lefts = [coarse_countdown(at(s)) for s in (-1, 9, 14, 59.9, 60, 3_588, 3_600)]
    assert lefts == ["0s", "9s", "10s", "55s", "1m", "59m", "1h 00m"]


def test_every_status_has_a_symbol_of_its_own_and_an_ascii_counterpart_of_one_character():
    for symbols in (list(PHASE_SYMBOLS.values()), list(LINK_SYMBOLS.values())):
        assert len(set(symbols)) == len(symbols)
        assert all(len(to_ascii(symbol)) == 1 and to_ascii(symbol).isascii() for symbol in symbols)
        assert len({to_ascii(symbol) for symbol in symbols}) == len(symbols)
    assert set(PHASE_SYMBOLS) == set(PHASE_TONES) == set(WORST_FIRST) == set(SETTLED_FIRST) == set(Phase)
    assert set(LINK_SYMBOLS) == set(LINK_TONES) == set(Link)


def test_nothing_that_the_screen_draws_becomes_a_question_mark_in_ascii():
    console = Path(tones.__file__).parents[1]
    drawn_by = [
        *(console / "tui").rglob("*.py"),
        *(console / "tables").glob("*.py"),
        console / "domain" / "phases.py",
    ]
    sources = [path.read_text("utf-8") for path in drawn_by]
    drawn = {character for source in sources for character in source if not character.isascii()}
    assert {
        character for character in drawn | set("╭─╮│╰╯▔▁▂▃▄▅▆▇█▏▊") if to_ascii(character) == "?"
    } == set()
    assert to_ascii("◔") != to_ascii("▌")


def test_the_output_filter_stops_what_a_terminal_obeys():
    background = Color(0, 0, 0)
    passed = OutputFilter(ascii_only=False).apply([Segment("a\x1b[31m\u202eb")], background)
    assert passed[0].text.isprintable()
    assert OutputFilter(ascii_only=True).apply([Segment("● é")], background)[0].text == "* ?"


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


def test_the_preview_is_harmless_and_on_one_line():
    shown = preview_payload("ping", '{\n "a": "\x1b"}', timedelta(hours=1), datetime(2026, 1, 1, tzinfo=UTC))
    assert "\x1b" not in shown
    assert "\n" not in shown


def test_pasted_json_keeps_its_meaning_without_its_controls():
    assert json_paste('{"a": "é\u202e"}\r\n') == '{"a": "é\\u202e"}\n'


def test_the_actions_of_a_screen_have_unique_ids_and_no_bare_delete():
    for screen, actions in ACTIONS.items():
        ids = [action.id for action in actions]
        assert len(set(ids)) == len(ids), screen
        keys = [key for action in actions for key in action.keys.split(",")]
        assert len(set(keys)) == len(keys), screen
        assert not {"delete", "backspace"} & set(keys)


def test_a_payload_breaks_after_its_commas_and_never_inside_a_date_or_a_string():
    payload = '{"type":"a, b","params":{"n":1234567890,"m":[1,2]},"expires_at":"2026-01-01T00:00:00+00:00"}'
    lines = ["".join(cell.text for cell in line) for line in payload_lines(payload, 30)]
    assert "".join(lines) == payload
    assert lines[0] == '{"type":"a, b",'
    assert lines[-1] == '"expires_at":"2026-01-01T00:00:00+00:00"}'
    assert all(len(line) <= 30 or line.count(",") <= 1 for line in lines)
    cut = '{"type":"never ends'
    assert "".join(cell.text for line in payload_lines(cut, 8) for cell in line) == cut


def test_what_the_registry_says_does_not_hide_that_a_device_is_away():
    def target(n, status, link):
        return Target(f"p{n}", True, status, False, link, "ACTIVE", None, 0)

    one = [target(1, "SUSPENDED", "offline"), target(2, "SUSPENDED", "online"), target(3, "ACTIVE", "stale")]
    assert warnings_of(one) == [
        "p1 is SUSPENDED in the registry, and offline.", "p2 is SUSPENDED in the registry.", "p3 is stale.",
    ]  # fmt: skip
    message = warnings_of([target(n, "INACTIVE", "offline" if n else "online") for n in range(6)])
    assert message == [
        "6 of 6 devices may not be reached (5 offline, 6 inactive or suspended in the registry)."
    ]


def test_a_problem_of_a_link_names_no_device():
    at = datetime(2026, 1, 1, tzinfo=UTC)
    cells = problem_cells(Problem("", ProblemKind.LINK, "broker", "", "connection refused"), at)
    assert cells["device"].text == "–"
    assert cells["detail"].text == "broker: connection refused"
    assert problem_whom(Problem("", ProblemKind.LINK, "broker", "", "")) == ["link     broker"]


def test_a_fault_of_json_reads_as_a_sentence():
    assert params_fault('{"a": "\n"}') == (
        "The params are not JSON: Invalid control character at line 1, column 8."
    )


@pytest.mark.parametrize(
    ("text", "order", "devices", "message"),
    [
        ("", Sort(DeviceOrder.SEEN), 20_001, "seen: without answers"),
        ("seen<1h", Sort(DeviceOrder.DEVICE), 20_001, "seen: without answers"),
        ("", Sort(DeviceOrder.DEVICE), 20_001, ""),
        ("seen<1h", Sort(DeviceOrder.SEEN), 20_000, ""),
    ],
)
def test_a_large_fleet_says_that_seen_leaves_answers_out(text, order, devices, message):
    counts = DeviceCounts(total=devices - 1, decommissioned=1)
    assert seen_words(counts, parse_filter(text, Scope.DEVICES), order) == message
    assert seen_words(None, parse_filter(text, Scope.DEVICES), order) == ""
