"""The devices that have been read: those in view and around it, with their cells."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from console.domain.devices import Device
from console.tables.columns import Cell, ColumnOf
from console.tables.devices import columns_with, device_cells, filled
from console.tui.presenters.devices import pending_cells

_KEPT = 3_000


class DeviceRows:
    """Devices by id. An unchanged device keeps its cells and so is not redrawn."""

    def __init__(self) -> None:
        self._devices: dict[str, Device] = {}
        self._drawn: dict[str, tuple[Device, int, dict[str, Cell]]] = {}
        self._filled: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self._devices)

    def __contains__(self, key: str) -> bool:
        return key in self._devices

    def get(self, key: str | None) -> Device | None:
        """Return a device that has been read."""
        return self._devices.get(key or "")

    def put(self, found: Mapping[str, Device], now: datetime) -> None:
        """Store the devices that were read."""
        for key, device in found.items():
            if self._devices.get(key) != device:
                self._devices[key] = device
        self.see(found, now)

    def see(self, keys: Iterable[str], now: datetime) -> None:
        """Show the columns in which something stands for these rows, too: they have come into view."""
        shown = (filled(self._devices[key], now) for key in keys if key in self._devices)
        self._filled = self._filled.union(*shown)

    def prune(self, near: Iterable[str]) -> None:
        """Keep only these rows once there are many."""
        if len(self._devices) > _KEPT:
            self._devices = {key: self._devices[key] for key in near if key in self._devices}
            self._drawn.clear()

    def cells(self, key: str, now: datetime) -> dict[str, Cell]:
        """Return what a row shows at this instant."""
        device = self._devices.get(key)
        if device is None:
            return pending_cells(key)
        second, drawn = int(now.timestamp()), self._drawn.get(key)
        if drawn is None or drawn[0] is not device or drawn[1] != second:
            self._drawn[key] = drawn = (device, second, device_cells(device, now))
        return drawn[2]

    def columns(
        self, chosen: frozenset[str] | None, also: frozenset[str] = frozenset()
    ) -> tuple[ColumnOf[Device], ...]:
        """Return the columns in which something stood since `fit`: none leaves while an operator reads it.

        In those of `also` something stands elsewhere than in the rows of devices.
        """
        return columns_with(self._filled | also, chosen)

    def examples(self, key: str | None, now: datetime) -> dict[str, Cell]:
        """Return a cell of each column that has a value: of this row if it has one, or else of another."""
        found: dict[str, Cell] = {}
        first = [self._devices[key]] if key in self._devices else []
        for device in (*first, *self._devices.values()):
            missing = filled(device, now) - found.keys()
            found |= {column: self.cells(device.device_id, now)[column] for column in missing}
        return found

    def fit(self, keys: Iterable[str], now: datetime) -> None:
        """Go by these rows when choosing the columns: other rows are shown now."""
        shown = [filled(self._devices[key], now) for key in keys if key in self._devices]
        if shown:
            self._filled = frozenset().union(*shown)

    def words(self) -> dict[str, tuple[str, ...]]:
        """Return the values of these devices that can complete a filter, by key."""
        loaded = self._devices.values()
        last = [device.last_command for device in loaded if device.last_command]
        return {
            "site": tuple(sorted({d.site_id for d in loaded if d.site_id})),
            "name": tuple(sorted({d.name for d in loaded if d.name})),
            "model": tuple(sorted({d.model for d in loaded if d.model})),
            "template": tuple(sorted({d.template for d in loaded if d.template})),
            "parent": tuple(sorted({d.parent_id for d in loaded if d.parent_id})),
            "fw": tuple(sorted({d.fw_version for d in loaded if d.fw_version})),
            "tag": tuple(sorted({tag for d in loaded for tag in d.tags})),
            "device": tuple(sorted(d.device_id for d in loaded)),
            "type": tuple(sorted({command.command_type for command in last})),
            "by": tuple(sorted({command.created_by for command in last if command.created_by})),
        }
