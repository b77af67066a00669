"""Cells of several parts: what is cut, what stays, and which runs of one tone they are drawn in."""

from datetime import timedelta

import pytest
from rich.cells import cell_len

from console.domain.commands import Phase
from console.domain.devices import RECENT, Device, Link
from console.domain.phases import PHASE_SYMBOLS
from console.domain.text.ascii import to_ascii
from console.shell import output
from console.tables.columns import Cell, Column
from console.tables.devices import COLUMNS, columns_with, device_cells, filled
from console.tui.presenters.cells import fit_columns, inked, laid_out
from tests.unit.test_presenters_commands import NOW, command

TEXT = Column("last", "LAST COMMAND", 20, rank=1)
STRIP = Column("recent", "LAST 12", 6, most=12, right=True, strip=True, short="LAST 6", rank=2)
ENDS = (Phase.OK,) * 9 + (Phase.MISSED, Phase.MISSED, Phase.FAILED)


def text_of(line: tuple[Cell, ...]) -> str:
    return "".join(cell.text for cell in line)


@pytest.mark.parametrize("width", range(14, 60))
def test_the_kind_of_a_command_is_cut_before_its_phase_and_its_age_never_is(width: int) -> None:
    cell = Cell("✕ failed", "bad", "flush_buffer", "12m")
    shown = laid_out(cell, TEXT, width)
    assert cell_len(text_of(shown)) == width
    assert shown[0] == Cell("✕ failed", "bad")
    assert text_of(shown).endswith(" 12m")
    assert ("…" in text_of(shown)) == (width < cell_len(cell.plain))


def test_a_phase_that_is_too_long_is_cut_before_the_age() -> None:
    shown = laid_out(Cell("✕ failed (late), then differed", "bad", "ping", "2h"), TEXT, 20)
    assert text_of(shown) == "✕ failed (late),… 2h"


def test_a_strip_is_drawn_in_one_run_for_equal_neighbours() -> None:
    """Without it each symbol costs a run of its own on the wire."""
    strip = device_cells(Device("acme", "pump-1", recent=ENDS), NOW)["recent"]
    assert inked(strip) == (Cell("●●●●●●●●●", "dim"), Cell("◍◍", "warn"), Cell("✕", "bad"))
    assert to_ascii(strip.text) == "*********!!x"


def test_a_strip_loses_its_oldest_and_stands_at_the_right() -> None:
    strip = Cell("✕●●●●●●●●◍◍◔", "phases")
    assert text_of(laid_out(strip, STRIP, 6)) == "●●●◍◍◔"
    assert text_of(laid_out(strip, STRIP, 12)) == strip.text
    assert laid_out(Cell("●✕", "phases"), STRIP, 6) == (Cell("    "), Cell("●", "dim"), Cell("✕", "bad"))


@pytest.mark.parametrize("width", range(28, 60))
def test_a_strip_has_its_least_width_or_its_most(width: int) -> None:
    """Without it a heading of 6 stands above a strip of 9."""
    fitted = {column.key: size for column, size in fit_columns((TEXT, STRIP), width, {"last": 20})}
    assert fitted["recent"] in {6, 12}


def test_every_phase_can_be_told_in_a_strip_without_colour_and_in_ascii() -> None:
    every = device_cells(Device("acme", "pump-1", recent=tuple(Phase)), NOW)["recent"].text
    assert len(set(every)) == len(set(to_ascii(every))) == len(Phase) <= RECENT
    assert to_ascii("".join(PHASE_SYMBOLS[p] for p in (Phase.OK, Phase.FAILED, Phase.MISSED, Phase.EXPIRED))) == (
        "*x!-"
    )  # fmt: skip


def test_a_column_is_shown_where_something_stands_in_it() -> None:
    """Without it a column of dashes takes the place of one that says something."""
    bare = Device("acme", "pump-1", link=Link.ONLINE)
    assert [column.key for column in columns_with(filled(bare, NOW))] == ["device", "link"]
    full = Device(
        "acme", "pump-1", site_id="lyon", model="PX", fw_version="1", name="Pump", last_seen_at=NOW,
        tags=("pilot",), in_flight=2, recent=ENDS, last_command=command(created_at=NOW - timedelta(hours=2)),
    )  # fmt: skip
    assert columns_with(filled(full, NOW)) == COLUMNS
    chosen = columns_with(filled(full, NOW), frozenset({"tags", "template", "fw"}))
    assert [column.key for column in chosen] == ["device", "fw", "tags"], "no template is known"


def test_the_shell_prints_the_same_cells(capsys: pytest.CaptureFixture[str]) -> None:
    asked = command(created_at=NOW - timedelta(hours=2))
    devices = [Device("acme", "pump-1", recent=ENDS, last_command=asked), Device("acme", "pump-2")]
    output.print_columns(COLUMNS, devices, NOW)
    head, first, second = capsys.readouterr().out.splitlines()
    assert "SITE" not in head
    assert first.endswith("●●●●●●●●●◍◍✕  ○ waiting ping 2h")
    assert head.index("LAST 12") + len("LAST 12") == first.index("✕") + 1
    assert second.split() == ["pump-2", "?", "unknown", "-", "-"]
    assert output.device_json(devices[0])["recent"] == ["ok"] * 9 + ["missed", "missed", "failed"]
