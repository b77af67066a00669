"""Whether a device can be reached, as a platform derives it from the device's own connection."""

from dataclasses import dataclass

from console.domain.devices import Link


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is known about one device now. `silent_s` is the time since it was last seen."""

    tenant_id: str
    device_id: str
    link: Link
    silent_s: float
