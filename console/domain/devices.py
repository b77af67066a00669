"""A device as an operator sees it: where it is, whether it is reachable, what was last asked of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from console.domain.commands import Command


class Link(StrEnum):
    """The platform's view of the device's own connection."""

    ONLINE = "online"
    STALE = "stale"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Device:
    """One registered device with its state and its newest command."""

    tenant_id: str
    device_id: str
    link: Link = Link.UNKNOWN
    site_id: str = ""
    model: str | None = None
    fw_version: str | None = None
    registry_status: str = "ACTIVE"
    decommissioned_at: datetime | None = None
    last_seen_at: datetime | None = None
    tags: tuple[str, ...] = ()
    in_flight: int = 0
    last_command: Command | None = None


@dataclass(frozen=True, slots=True)
class DeviceCounts:
    """How many devices a tenant has, by link."""

    total: int = 0
    online: int = 0
    stale: int = 0
    offline: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class DeviceSearch:
    """How far a search through a tenant's devices has come, and what it found since it last said so."""

    found: tuple[str, ...]
    looked: int
    total: int


class DeviceOrder(StrEnum):
    """What a list of devices is sorted by; equal ones by id."""

    DEVICE = "device"
    LINK = "link"
    SEEN = "seen"
    SITE = "site"
