"""Invents the commands of the last days and their outcomes: every row keeps the contract."""

import json
import math
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from console.demo.fleet import DemoDevice

_OPERATORS = ("alice", "bruno", "marta", "jussi", "night-shift")
_DAY_S = 86_400.0
_YOUNGEST_S = 120.0  # longer than any answer in time and any cancellation takes
_LATEST_ACK_S = 600.0
_OUTAGE_AGE_S = 26 * 3_600.0
_OUTAGE_S = 1_500.0
_IN_FLIGHT = 4


@dataclass(frozen=True, slots=True)
class DemoCommand:
    """One row. All times are seconds: `age_s` before now, the others after creation."""

    command_id: str
    device_id: str
    command_type: str
    params_json: str
    status: str
    created_by: str
    age_s: float
    ttl_s: float
    published_s: float | None = None
    acked_s: float | None = None
    ack_json: str | None = None


@dataclass(frozen=True, slots=True)
class DemoEntry:
    """One journal entry about a command."""

    command_id: str
    kind: str
    age_s: float
    by_name: str | None
    detail: str
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class _Kind:
    """A command type: for which devices, how often, with which params, and its answer."""

    name: str
    devices: str
    weight: int
    params: Callable[[random.Random], Mapping[str, Any]]
    details: Callable[[random.Random], Mapping[str, Any]]
    fault: Mapping[str, Any]


def _none(_rng: random.Random) -> Mapping[str, Any]:
    return {}


_BUSY = {"code": "busy", "retry_after_s": 30}
_KINDS = (
    _Kind("ping", "", 30, _none, lambda r: {"rtt_ms": round(r.lognormvariate(3, 0.5), 1)}, _BUSY),
    _Kind("get_config", "", 12, _none, lambda r: {"interval_s": r.choice((30, 60, 300)), "tls": True}, _BUSY),
    _Kind(
        "set_interval", "", 14, lambda r: {"interval_s": r.choice((10, 30, 60, 300))},
        lambda _: {"accepted": True}, {"code": "out_of_range", "min_s": 10, "max_s": 3600},
    ),
    _Kind(
        "flush_buffer", "", 14, _none, lambda r: {"flushed": r.randint(0, 480)},
        {"code": "flash_error", "sector": 17},
    ),
    _Kind("reboot", "", 8, lambda r: {"delay_s": r.choice((0, 5, 30))},
          lambda r: {"uptime_s": r.randint(3_600, 7_776_000)}, {"code": "low_battery", "battery_pct": 4}),
    _Kind("sync_clock", "", 6, _none, lambda r: {"drift_ms": r.randint(-900, 900)}, _BUSY),
    _Kind("read_meter", "meter", 30, _none, lambda r: {"volume_m3": round(r.uniform(20, 9_000), 3)},
          {"code": "sensor_fault", "channel": 2}),
    _Kind("open_valve", "valve", 25, lambda r: {"position_pct": r.choice((25, 50, 100))},
          lambda r: {"travel_s": round(r.uniform(2, 6), 1)}, {"code": "valve_stuck", "position_pct": 37}),
    _Kind("close_valve", "valve", 25, _none, lambda r: {"travel_s": round(r.uniform(2, 6), 1)},
          {"code": "motor_overcurrent", "amps": 4.2}),
    _Kind("update_firmware", "gateway", 12, lambda _: {"version": "2.5.0"},
          lambda r: {"bytes": r.randint(300_000, 900_000)}, {"code": "checksum_mismatch", "at_byte": 262144}),
)  # fmt: skip
_FATES = {"ok": 92.0, "failed": 2.5, "missed": 2.5, "late": 1.2, "cancelled": 1.8}
_LATELY = {"ok": 97.2, "failed": 1.4, "late": 0.4, "cancelled": 1.0}
_LATELY_S = 75 * 60.0
_PER_DEVICE_MINUTE = 0.16  # a little less than the demo's operators send from its start on
_TTLS_S = (300.0, 600.0, 600.0, 3_600.0, 3_600.0, 3_600.0)


class DemoHistory:
    """Commands to `devices` during the last `days` days, with their journal."""

    def __init__(self, devices: Sequence[DemoDevice], days: int, rng: random.Random) -> None:
        self._devices = [device for device in devices if device.takes_commands]
        self._days = days
        self._rng = rng
        self.commands: list[DemoCommand] = []
        self.journal: list[DemoEntry] = []

    def invent(self, count: int) -> None:
        """Add about `count` commands, a few retries and some that are still open."""
        if not self._devices:
            return
        for _ in range(count):
            self._add(self._rng.choice(self._devices), self._age_s())
        for minute in range(int(_YOUNGEST_S / 60), int(_LATELY_S / 60)):
            self._add_minute(minute)
        for _ in range(min(_IN_FLIGHT, 1 + count // 500)):
            self._add_in_flight(self._rng.choice(self._devices))

    def _add_minute(self, minute: int) -> None:
        """Add the commands of one of the last minutes: as many as while the demo runs, in waves."""
        wave = 1.0 + 0.35 * math.sin(minute / 7.0) + self._rng.uniform(-0.2, 0.2)
        for _ in range(round(len(self._devices) * _PER_DEVICE_MINUTE * wave)):
            device = self._rng.choice(self._devices)
            self._add(device, 60.0 * minute + self._rng.uniform(0.0, 60.0), _LATELY)

    def _age_s(self) -> float:
        """Return a random age, more often of today than of the days before."""
        return _YOUNGEST_S + (self._days * _DAY_S - _YOUNGEST_S) * self._rng.betavariate(1.0, 1.5)

    def _add(self, device: DemoDevice, age_s: float, fates: Mapping[str, float] = _FATES) -> None:
        command = self._drawn(device, age_s)
        in_outage = _OUTAGE_AGE_S - _OUTAGE_S < age_s < _OUTAGE_AGE_S
        fate = "expired" if in_outage else self._rng.choices(tuple(fates), tuple(fates.values()))[0]
        if fate in {"missed", "late"} and age_s < command.ttl_s + 2 * _LATEST_ACK_S:
            fate = "ok"
        command = self._settled(command, fate)
        self.commands.append(command)
        if fate in {"failed", "missed", "expired"} and self._rng.random() < 0.3:
            self._retry(command)

    def _drawn(self, device: DemoDevice, age_s: float) -> DemoCommand:
        rng = self._rng
        kinds = [kind for kind in _KINDS if kind.devices in {"", device.kind}]
        kind = rng.choices(kinds, [kind.weight for kind in kinds])[0]
        return DemoCommand(
            command_id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            device_id=device.device_id,
            command_type=kind.name,
            params_json=json.dumps(kind.params(rng)),
            status="queued",
            created_by=rng.choice(_OPERATORS),
            age_s=age_s,
            ttl_s=rng.choice(_TTLS_S),
        )

    def _settled(self, command: DemoCommand, fate: str) -> DemoCommand:
        rng = self._rng
        published_s = rng.uniform(0.004, 0.12)
        match fate:
            case "missed":
                return replace(command, status="missed", published_s=published_s)
            case "expired":
                command = replace(command, status="expired", ttl_s=300.0)
                self._note(command, "unsent", command.ttl_s, None, "the broker did not answer", attempt=7)
                return command
            case "cancelled":
                by_name = rng.choice(_OPERATORS)
                self._note(command, "cancelled", rng.uniform(2, 90), by_name, rng.choice(_REASONS))
                return replace(command, status="expired")
        late = fate == "late"
        acked_s = command.ttl_s + rng.uniform(1, _LATEST_ACK_S) if late else published_s + self._latency_s()
        return replace(
            command,
            status="delivered",
            published_s=published_s,
            acked_s=acked_s,
            ack_json=_answer(command, rng, failed=fate == "failed"),
        )

    def _latency_s(self) -> float:
        slow = self._rng.random() < 0.12
        return self._rng.uniform(2, 20) if slow else 0.03 + self._rng.lognormvariate(-1.4, 0.6)

    def _retry(self, old: DemoCommand) -> None:
        """Add a retry of a settled command, by any operator."""
        settled_s = (old.acked_s or old.ttl_s) + (_OUTAGE_S if old.status == "expired" else 0.0)
        seen_s = settled_s + self._rng.uniform(20, 400)
        if old.age_s - seen_s < _YOUNGEST_S:
            return
        again = replace(
            old,
            command_id=str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
            status="queued",
            created_by=self._rng.choice(_OPERATORS),
            age_s=old.age_s - seen_s,
            published_s=None,
            acked_s=None,
            ack_json=None,
        )
        self.commands.append(self._settled(again, "ok"))
        self._note(again, "retry_of", 0.0, again.created_by, old.command_id)

    def _add_in_flight(self, device: DemoDevice) -> None:
        command = self._drawn(device, self._rng.uniform(20, 240))
        self.commands.append(replace(command, ttl_s=3_600.0, published_s=self._rng.uniform(0.01, 0.1)))

    def _note(
        self,
        command: DemoCommand,
        kind: str,
        after_s: float,
        by_name: str | None,
        detail: str,
        attempt: int | None = None,
    ) -> None:
        at_s = command.age_s - after_s
        self.journal.append(DemoEntry(command.command_id, kind, at_s, by_name, detail, attempt))


_REASONS = ("wrong device", "sent twice", "the crew is on site", "no longer needed")


def _answer(command: DemoCommand, rng: random.Random, *, failed: bool) -> str:
    kind = next(kind for kind in _KINDS if kind.name == command.command_type)
    if failed:
        return json.dumps({"status": "error", "details": kind.fault})
    return json.dumps({"status": "ok", "details": kind.details(rng)})
