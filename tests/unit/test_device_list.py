"""The list of devices: an answer that arrives after a newer question is dropped, and delays nothing."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from console.domain.devices import DeviceCounts, DeviceOrder, DeviceSearch, Sort
from console.domain.filters.language import EVERY_DEVICE, Filter, Scope, parse_filter
from console.tui.lists.device_list import DeviceList

FAILED = parse_filter("phase:failed", Scope.DEVICES)
BY_LAST = Sort(DeviceOrder.LAST)


@dataclass
class Slow:
    """A history of which each look-up may be interrupted by what the operator does meanwhile."""

    meanwhile: dict[str, Callable[[], None]] = field(default_factory=dict)

    def _interrupt(self, name: str) -> None:
        self.meanwhile.pop(name, lambda: None)()

    async def changed_device_index(self, _tenant: str, _wanted: Filter, _order: Sort, _known: Any) -> Any:
        self._interrupt("index")
        return ["newer"], 1

    async def search_devices(
        self, _tenant: str, _wanted: Filter, _order: Sort
    ) -> AsyncIterator[DeviceSearch]:
        self._interrupt("search")
        yield DeviceSearch(("old-1",), 1, 2)
        yield DeviceSearch(("old-2",), 2, 2)

    async def in_order(self, _tenant: str, found: list[str], _order: Sort) -> list[str]:
        found = list(found)
        self._interrupt(f"order {len(found)}")
        return found

    async def device_counts(self, _tenant: str) -> DeviceCounts:
        self._interrupt("counts")
        return DeviceCounts(2, 2, 0, 0, 0)


@pytest.mark.parametrize(("at", "shown"), [
    ("search", []), ("order 1", []), ("order 2", [["old-1"]]), ("counts", [["old-1"], ["old-1", "old-2"], ["old-1", "old-2"]]),
])  # fmt: skip
async def test_the_answer_to_an_earlier_question_is_neither_shown_nor_waited_for(
    at: str, shown: list[list[str]]
) -> None:
    """Without it rows of the last filter stand below the new one, or the new one is read half a minute later."""
    history, lists = Slow(), list[list[str]]()
    listed = DeviceList(history, "acme", lists.append)  # type: ignore[arg-type]
    listed.ask(FAILED, BY_LAST)
    history.meanwhile[at] = lambda: listed.ask(EVERY_DEVICE, BY_LAST)
    await listed.read()
    assert lists == shown
    assert listed.again_in_s == 0
    assert listed.search is None
    await listed.read()
    assert lists[-1] == ["newer"]
    assert not listed.behind
    assert listed.again_in_s > 0
