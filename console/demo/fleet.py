"""Invents the registry of a demo tenant: a water utility with four sites."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

SITES = {
    "lyon": (45.764, 4.8357, "Quai Perrache, Lyon"),
    "porto": (41.1579, -8.6291, "Rua do Ouro, Porto"),
    "gdansk": (54.352, 18.6466, "ul. Wodna, Gdańsk"),
    "turku": (60.4518, 22.2666, "Vesitie, Turku"),
}
_KINDS = ("pump", "meter", "valve", "meter", "pump", "gateway", "meter", "valve", "pump", "meter")
_MODELS = {
    "pump": ("PX-200", "PX-400"),
    "meter": ("AquaSense M1", "AquaSense M2"),
    "valve": ("VT-50", "VT-80"),
    "gateway": ("EdgeLink G3",),
}
_MAKERS = {"pump": "Hydronova", "meter": "AquaSense", "valve": "Ventura", "gateway": "EdgeLink"}
_FIRMWARE = ("2.4.1", "2.4.1", "2.4.1", "2.4.3", "2.4.3", "2.5.0-rc1", "1.9.8")
GROUPS = {
    "canary": "Firmware canaries",
    "boosters": "Booster pumps",
    "district-meters": "District meters",
    "winterized": "Winterized sites",
}


@dataclass(frozen=True, slots=True)
class DemoDevice:
    """One registered device. `silent_s` is None for one that never reported, which has no state row."""

    device_id: str
    kind: str
    site_id: str
    model: str
    manufacturer: str
    fw_version: str
    serial_number: str
    latitude: float
    longitude: float
    address: str
    registry_status: str
    decommissioned: bool
    link: str
    silent_s: float | None
    battery_pct: int
    tags: tuple[str, ...]
    groups: tuple[str, ...]

    @property
    def takes_commands(self) -> bool:
        return self.registry_status == "ACTIVE" and not self.decommissioned


def invent_fleet(count: int, rng: random.Random) -> tuple[DemoDevice, ...]:
    """Return so many invented devices: the same generator returns the same ones."""
    numbers = dict.fromkeys(_MODELS, 0)
    found: list[DemoDevice] = []
    for index in range(count):
        kind = _KINDS[index % len(_KINDS)]
        numbers[kind] += 1
        found.append(_device(f"{kind}-{numbers[kind]:04}", kind, index, rng))
    return tuple(found)


def _device(device_id: str, kind: str, index: int, rng: random.Random) -> DemoDevice:
    site_id = rng.choices(tuple(SITES), (4, 3, 2, 2))[0]
    latitude, longitude, street = SITES[site_id]
    link, silent_s = _presence(rng)
    registry_status, decommissioned = _standing(index)
    if registry_status != "ACTIVE" or decommissioned:
        link, silent_s = "OFFLINE", rng.uniform(2, 40) * 86_400
    return DemoDevice(
        device_id=device_id,
        kind=kind,
        site_id=site_id,
        model=rng.choice(_MODELS[kind]),
        manufacturer=_MAKERS[kind],
        fw_version=rng.choice(_FIRMWARE),
        serial_number=f"{kind[:2].upper()}{rng.randrange(10**8):08}",
        latitude=round(latitude + rng.gauss(0, 0.03), 5),
        longitude=round(longitude + rng.gauss(0, 0.04), 5),
        address=f"{rng.randint(1, 180)} {street}",
        registry_status=registry_status,
        decommissioned=decommissioned,
        link=link,
        silent_s=None if index % 97 == 96 else silent_s,
        battery_pct=rng.randint(9, 100),
        tags=_tags(rng),
        groups=_groups(kind, site_id, rng),
    )


def _presence(rng: random.Random) -> tuple[str, float]:
    draw = rng.random()
    if draw < 0.90:
        return "ONLINE", rng.uniform(1, 55)
    return ("STALE", rng.uniform(70, 280)) if draw < 0.95 else ("OFFLINE", rng.uniform(400, 90_000))


def _standing(index: int) -> tuple[str, bool]:
    """Return registry status and whether the device is decommissioned: rare, and never a first one."""
    place = index % 125
    return {41: "INACTIVE", 66: "INACTIVE", 83: "SUSPENDED"}.get(place, "ACTIVE"), place == 119


def _tags(rng: random.Random) -> tuple[str, ...]:
    chances: Sequence[tuple[str, float]] = (
        ("critical", 0.08), ("battery", 0.3), ("outdoor", 0.25), ("pilot", 0.06), ("leased", 0.04),
    )  # fmt: skip
    return tuple(tag for tag, chance in chances if rng.random() < chance)


def _groups(kind: str, site_id: str, rng: random.Random) -> tuple[str, ...]:
    wanted = {
        "canary": rng.random() < 0.06,
        "boosters": kind == "pump" and rng.random() < 0.4,
        "district-meters": kind == "meter" and rng.random() < 0.5,
        "winterized": site_id in {"gdansk", "turku"},
    }
    return tuple(group for group, member in wanted.items() if member)
