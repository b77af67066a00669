"""The fleet as cells: every device has one, in its place, and the cursor reaches each."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.commands import Command
from console.domain.devices import Device, Link
from console.domain.text.ascii import to_ascii
from console.tui.presenters.cells import Line, line_width
from console.tui.presenters.fleet import legend
from console.tui.presenters.fleet_map import (
    CELL,
    HEAD,
    device_line,
    fleet_rows,
    map_lines,
    moved,
    nearest,
    next_bad,
    place_of,
)

NOW = datetime(2026, 3, 1, 11, 15, tzinfo=UTC)
OK = Command("acme", "o", "d", "ping", "delivered", NOW, NOW, published_at=NOW, acked_at=NOW)
MISSED = Command("acme", "m", "d", "pi\x1bng", "missed", NOW, NOW + timedelta(hours=1), published_at=NOW)


def text(line: Line) -> str:
    return "".join(cell.text for cell in line)


def fleet(*sites: tuple[str, int], bad: tuple[str, ...] = ()) -> dict[str, Device]:
    ids = [(site, f"{site}-{n:03}") for site, count in sites for n in range(count)]
    return {
        one: Device("acme", one, Link.ONLINE, site_id=site, last_command=MISSED if one in bad else OK)
        for site, one in ids
    }


@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(1, 200))
def test_each_device_has_one_cell_below_its_site_and_no_row_is_too_wide(
    counts: list[int], width: int
) -> None:
    """Without it a device is nowhere, or a row pushes the next one off the screen."""
    devices = fleet(*((f"s{n}", count) for n, count in enumerate(counts)))
    rows = fleet_rows(devices, width)
    assert [one for row in rows for one in row.device_ids] == sorted(devices)
    assert sum(row.count for row in rows) == len(devices)
    lines = map_lines(rows, devices, "s0-000", {"s0-000"})
    assert len(lines) == len(rows)
    if width > HEAD + CELL:
        assert all(line_width(line) <= width for line in lines)


def test_the_cursor_stands_in_brackets_and_a_mark_before_its_cell() -> None:
    """Without it the next key is for a device that nobody can tell."""
    devices = fleet(("lyon", 3), ("turku", 1), bad=("lyon-001",))
    rows = fleet_rows(devices, 80)
    first, second = (text(line) for line in map_lines(rows, devices, "lyon-001", {"lyon-002", "turku-000"}))
    assert first[:HEAD].split() == ["lyon", "3"]
    assert first[HEAD:] == " · [◍]✓· "
    assert second[HEAD:] == "✓· "
    assert text(map_lines(rows, devices, "turku-000", {"turku-000"})[1])[HEAD:] == "✓·]"


def test_the_cursor_walks_through_the_ends_of_rows_and_keeps_its_column() -> None:
    devices = fleet(("lyon", 5), ("turku", 2))
    rows = fleet_rows(devices, HEAD + 1 + 3 * CELL)  # three a row: 3, 2, 2
    assert [len(row.device_ids) for row in rows] == [3, 2, 2]
    assert moved(rows, "lyon-002", 1, 0) == "lyon-003"
    assert moved(rows, "lyon-003", -1, 0) == "lyon-002"
    assert moved(rows, "lyon-002", 0, 1) == "lyon-004", "the row below is shorter"
    assert moved(rows, "lyon-001", 0, 2) == "turku-001"
    assert moved(rows, "lyon-001", 0, -9) == "lyon-001"
    assert moved(rows, "lyon-000", -1, 0) == "lyon-000"
    assert moved(rows, "lyon-000", 99, 0) == "turku-001"
    assert moved((), "gone", 1, 0) == "gone"
    assert place_of(rows, "turku-001") == (2, 1)
    assert place_of(rows, "gone") == (0, 0)


def test_a_cursor_whose_device_has_gone_stands_on_the_next_one() -> None:
    """Without it the cursor jumps to the other end of the fleet."""
    rows = fleet_rows(fleet(("lyon", 3), ("turku", 2)), 80)
    all_of_them = [one for row in rows for one in row.device_ids]
    assert nearest(rows, "lyon-001", all_of_them) == "lyon-001"
    assert nearest(rows, "lyon-001", ["lyon-000", "turku-000", "turku-001"]) == "turku-000"
    assert nearest(rows, "turku-001", ["lyon-000", "lyon-002"]) == "lyon-002"
    assert nearest(rows, "", all_of_them) == "lyon-000"
    assert nearest(rows, "lyon-001", ["new"]) == "new"
    assert nearest((), "gone", []) == ""


def test_n_goes_round_through_what_is_not_ok() -> None:
    devices = fleet(("lyon", 5), bad=("lyon-001", "lyon-003"))
    rows = fleet_rows(devices, 80)
    assert next_bad(rows, devices, "lyon-000", 1) == "lyon-001"
    assert next_bad(rows, devices, "lyon-001", 1) == "lyon-003"
    assert next_bad(rows, devices, "lyon-003", 1) == "lyon-001"
    assert next_bad(rows, devices, "lyon-001", -1) == "lyon-003"
    assert next_bad(rows, devices, "lyon-002", -1) == "lyon-001"
    alone = fleet(("lyon", 3), bad=("lyon-001",))
    assert next_bad(fleet_rows(alone, 80), alone, "lyon-001", 1) is None
    assert next_bad((), {}, "", 1) is None


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_device_of_the_cell_is_named_and_nothing_of_it_reaches_the_terminal(width: int) -> None:
    device = Device("acme", "pump\x1b-1", Link.OFFLINE, site_id="tur\x07ku", model="PX", last_command=MISSED)
    line = device_line(device, 2, NOW + timedelta(minutes=3), width)
    assert line_width(line) <= width
    assert "\x1b" not in text(line)
    assert "\x07" not in text(line)
    assert "✓ 2 marked" in text(line)
    assert "○ offline" in text(line) or width == 40
    assert ("◍ missed" in text(line)) == (width >= 60)
    assert text(device_line(None, 0, NOW, width)) == ""
    assert line_width(legend(width)) <= width
    assert "?" not in to_ascii(text(legend(width)))
