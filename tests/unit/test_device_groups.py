"""Groups of devices: their order, their rows, the filter that finds one, and the shares of how commands ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.commands import Phase
from console.domain.device_groups import (
    DeviceGroup,
    DeviceGroups,
    GroupBy,
    devices_of,
    filter_of,
    group_key,
    rows_of,
    shares,
    value_of,
)
from console.domain.devices import NOT_OK, DeviceCounts, DeviceOrder, Sort
from console.tui.presenters.device_groups import group_cells, links_cell, percent

KINDS = (Phase.FAILED, Phase.MISSED, Phase.EXPIRED, Phase.OK)


def group(value: str, total: int = 1, **ended: int) -> DeviceGroup:
    return DeviceGroup(value, DeviceCounts(total), ended={Phase(name): n for name, n in ended.items()})


def groups(*found: DeviceGroup, by: GroupBy = GroupBy.SITE, of: dict[str, str] | None = None) -> DeviceGroups:
    return DeviceGroups(by, {one.value: one for one in found}, of or {})


THREE = groups(
    group("turku", 4, missed=1), group("", 2), group("Lyon", 2, failed=2),
    of={"a": "turku", "b": "Lyon", "c": "", "d": "turku"},
)  # fmt: skip


def test_groups_are_in_the_order_of_their_names_the_one_without_last() -> None:
    assert THREE.ordered(Sort()) == ("Lyon", "turku", "")
    assert THREE.ordered(Sort(DeviceOrder.SITE, reverse=True)) == ("Lyon", "turku", "")


def test_in_the_order_by_ends_the_worst_group_comes_first() -> None:
    assert THREE.ordered(Sort(DeviceOrder.RECENT)) == ("Lyon", "turku", "")
    assert THREE.ordered(Sort(DeviceOrder.RECENT, reverse=True)) == ("", "turku", "Lyon")
    assert group("x", 0).share == 0
    assert THREE.groups["turku"].share == 0.25


def test_devices_keep_their_order_in_a_group_and_an_unknown_one_has_none() -> None:
    members = THREE.members(["d", "c", "a", "new"])
    assert members == {"turku": ["d", "a"], "": ["c"], "Lyon": []}
    lyon, turku, nowhere = map(group_key, ("Lyon", "turku", ""))
    assert rows_of(THREE, members, Sort(), {""}) == [turku, "d", "a", nowhere], "an empty group has no row"
    assert lyon not in rows_of(THREE, members, Sort(), ())
    assert devices_of([turku, "d", nowhere]) == ["d"]
    assert [value_of(key) for key in (turku, nowhere, "d", None)] == ["turku", "", None, None]
    assert THREE.lists(["a", "c"])
    assert not THREE.lists(["a", "new"])
    assert THREE.looked_in_part


@pytest.mark.parametrize(("by", "value", "term"), [
    (GroupBy.SITE, "turku", "site:turku"), (GroupBy.MODEL, "PX 200*", 'model:"PX 200*"'), (GroupBy.FW, "1.4", "fw:1.4"),
    (GroupBy.SITE, "", ""), (GroupBy.SITE, 'a"b', ""), (GroupBy.SITE, "a\\b", ""), (GroupBy.SITE, "a\x07", ""),
    (GroupBy.TEMPLATE, "pump-v2", ""),
])  # fmt: skip
def test_a_term_finds_exactly_a_group_or_there_is_none(by: GroupBy, value: str, term: str) -> None:
    assert filter_of(groups(group(value), group("other"), by=by), value) == term


def test_two_spellings_are_found_by_no_term() -> None:
    """Without it a command for one of them goes to both: a filter does not regard case."""
    assert filter_of(groups(group("turku"), group("Turku")), "turku") == ""


@given(st.fixed_dictionaries({kind: st.integers(0, 10_000) for kind in KINDS}), st.integers(0, 10_000),
       st.sampled_from([6, 12]))  # fmt: skip
def test_shares_fill_the_strip_worst_first_and_hide_nothing_bad(
    ended: dict[Phase, int], unknown: int, cells: int
) -> None:
    found = shares(ended, sum(ended.values()) + unknown, cells)
    assert len(found) == cells
    places = [(*KINDS, None).index(phase) for phase in found]
    assert places == sorted(places)
    assert {phase for phase in NOT_OK if ended[phase]} <= set(found)
    assert all(ended[phase] for phase in found if phase is not None), "nothing is shown that is not there"


@pytest.mark.parametrize(("ended", "total", "strip"), [
    ({Phase.MISSED: 1, Phase.OK: 99}, 100, "m" + "o" * 11), ({Phase.MISSED: 50, Phase.OK: 50}, 100, "m" * 6 + "o" * 6),
    ({Phase.OK: 3}, 3, "o" * 12), ({}, 5, "." * 12), ({}, 0, "." * 12), ({Phase.OK: 1, Phase.FAILED: 1}, 4, "fffooo......"),
])  # fmt: skip
def test_shares_are_in_proportion(ended: dict[Phase, int], total: int, strip: str) -> None:
    assert "".join(phase.value[0] if phase else "." for phase in shares(ended, total, 12)) == strip


def test_no_share_is_rounded_to_none_or_to_all() -> None:
    assert percent(group("x", 1_000, missed=1)) == "<1 %"
    assert percent(group("x", 1_000, missed=999)) == "99 %"
    assert percent(group("x", 2, missed=1, failed=1)) == "100 %"


def test_links_are_counted_each_with_its_symbol() -> None:
    assert links_cell(DeviceCounts(12, 1, 2, 0, 9)).text == "● 1  ◐ 2  ? 9"
    assert links_cell(DeviceCounts()).text == ""


def test_a_name_reaches_no_terminal_as_a_control_code() -> None:
    cells = group_cells(GroupBy.SITE, "a\x1b[31m", group("a\x1b[31m"), 1, 0, folded=True)
    assert "\x1b" not in "".join(cell.plain for cell in cells.values())
    waiting = group_cells(GroupBy.FW, "", None, 3, 2, folded=False)
    assert waiting["device"].plain == "no firmware ✓ 2 of 3"
    assert waiting["link"].text == "…"
