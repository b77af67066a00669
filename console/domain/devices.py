"""A device as an operator sees it: its site, its link, and its newest command."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from console.domain.commands import Command, Phase


class Link(StrEnum):
    """The platform's view of the device's own connection."""

    ONLINE = "online"
    STALE = "stale"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


class State(StrEnum):
    """The state of a device in the registry; a date of decommissioning in the future does not count yet."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    SUSPENDED = "suspended"
    DECOMMISSIONED = "decommissioned"


RECENT = 12  # commands of a device whose phases are shown beside it
NOT_OK = frozenset({Phase.FAILED, Phase.MISSED, Phase.EXPIRED})


@dataclass(frozen=True, slots=True)
class Device:
    """One registered device with its newest command.

    Where the registry has no model, manufacturer, type or name, they come from the template or the metadata.
    `own_model` is that of the registry alone, by which answer times are learned. `recent` are the phases of
    its newest commands, at most `RECENT`, the oldest first.
    """

    tenant_id: str
    device_id: str
    link: Link = Link.UNKNOWN
    site_id: str = ""
    model: str | None = None
    own_model: str = ""
    fw_version: str | None = None
    registry_status: str = "ACTIVE"
    decommissioned_at: datetime | None = None
    decommissioned: bool = False
    name: str | None = None
    manufacturer: str | None = None
    device_type: str | None = None
    template: str | None = None
    template_slug: str | None = None
    parent_id: str | None = None
    last_seen_at: datetime | None = None
    tags: tuple[str, ...] = ()
    in_flight: int = 0
    recent: tuple[Phase, ...] = ()
    last_command: Command | None = None

    @property
    def state(self) -> str:
        """One of the words of `State`, or another one that the platform knows."""
        return State.DECOMMISSIONED.value if self.decommissioned else self.registry_status.lower()

    @property
    def in_service(self) -> bool:
        return self.state in {"", State.ACTIVE}


SEEN_IN_FULL = (
    20_000  # devices: a larger fleet is sorted by the state's instant, since each answer costs a lookup
)


@dataclass(frozen=True, slots=True)
class DeviceCounts:
    """How many devices a tenant has, by link; decommissioned ones are counted apart."""

    total: int = 0
    online: int = 0
    stale: int = 0
    offline: int = 0
    unknown: int = 0
    decommissioned: int = 0


@dataclass(frozen=True, slots=True)
class DeviceSearch:
    """The progress of a search through a tenant's devices, with what it found since the last report."""

    found: tuple[str, ...]
    looked: int
    total: int


class DeviceOrder(StrEnum):
    """What a list of devices is sorted by: the key of a column."""

    DEVICE = "device"
    NAME = "name"
    LINK = "link"
    SEEN = "seen"
    SITE = "site"
    MODEL = "model"
    FW = "fw"
    FLIGHT = "flight"
    RECENT = "recent"
    LAST = "last"
    TAGS = "tags"
    MANUFACTURER = "manufacturer"
    TYPE = "type"
    TEMPLATE = "template"
    PARENT = "parent"


LOOKED_UP = frozenset({DeviceOrder.FLIGHT, DeviceOrder.RECENT, DeviceOrder.LAST, DeviceOrder.TAGS})
SORTED_AT_MOST = 5_000  # devices whose commands or tags are looked up to sort by them


@dataclass(frozen=True, slots=True)
class Sort:
    """The order of a list of devices; equal ones are sorted by id.

    What is looked for comes first: trouble of the link, the last seen, the most in flight, the most that were
    not ok, the newest command; `reverse` turns that round.
    """

    by: DeviceOrder = DeviceOrder.DEVICE
    reverse: bool = False

    @property
    def looks_up(self) -> bool:
        """Whether its values are looked up for each device: then only `SORTED_AT_MOST` are sorted."""
        return self.by in LOOKED_UP
