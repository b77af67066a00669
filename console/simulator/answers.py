"""The details in devices' answers: plausible ones for each command type they know."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

JsonValue: TypeAlias = "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
Details: TypeAlias = dict[str, JsonValue]
Describe: TypeAlias = Callable[[Details, random.Random], Details]


def _ping(_params: Details, rng: random.Random) -> Details:
    return {"rtt_ms": round(rng.lognormvariate(3.0, 0.5), 1), "rssi_dbm": -rng.randint(48, 97)}


def _reboot(_params: Details, rng: random.Random) -> Details:
    return {"uptime_s": rng.randint(3_600, 90 * 86_400), "reason": "command"}


def _flush_buffer(_params: Details, rng: random.Random) -> Details:
    return {"flushed": rng.randint(0, 480)}


def _echo(params: Details, _rng: random.Random) -> Details:
    return {"applied": dict(params)}


def _get_config(_params: Details, rng: random.Random) -> Details:
    return {"interval_s": rng.choice((30, 60, 300)), "buffer": 512, "apn": "iot.example", "tls": True}


def _open_valve(_params: Details, rng: random.Random) -> Details:
    return {"position_pct": 100, "travel_s": round(rng.uniform(2.0, 6.0), 1)}


def _close_valve(_params: Details, rng: random.Random) -> Details:
    return {"position_pct": 0, "travel_s": round(rng.uniform(2.0, 6.0), 1)}


def _read_meter(_params: Details, rng: random.Random) -> Details:
    return {"volume_m3": round(rng.uniform(20.0, 9_000.0), 3), "battery_pct": rng.randint(12, 100)}


def _self_test(_params: Details, rng: random.Random) -> Details:
    return {"passed": rng.randint(11, 14), "failed": 0}


def _sync_clock(_params: Details, rng: random.Random) -> Details:
    return {"drift_ms": rng.randint(-900, 900)}


def _update_firmware(params: Details, rng: random.Random) -> Details:
    return {"to": params.get("version", "2.5.0"), "bytes": rng.randint(300_000, 900_000)}


DETAILS: Mapping[str, Describe] = {
    "ping": _ping,
    "reboot": _reboot,
    "flush_buffer": _flush_buffer,
    "set_interval": _echo,
    "set_threshold": _echo,
    "get_config": _get_config,
    "open_valve": _open_valve,
    "close_valve": _close_valve,
    "read_meter": _read_meter,
    "self_test": _self_test,
    "sync_clock": _sync_clock,
    "update_firmware": _update_firmware,
}

FAULTS: Mapping[str, Sequence[Details]] = {
    "": (
        {"code": "busy", "retry_after_s": 30},
        {"code": "low_battery", "battery_pct": 4},
        {"code": "watchdog", "message": "the task did not finish in time"},
    ),
    "open_valve": ({"code": "valve_stuck", "position_pct": 37}, {"code": "motor_overcurrent", "amps": 4.2}),
    "close_valve": ({"code": "valve_stuck", "position_pct": 61}, {"code": "motor_overcurrent", "amps": 3.9}),
    "update_firmware": (
        {"code": "checksum_mismatch", "at_byte": 262_144},
        {"code": "no_space", "free_kib": 112},
    ),
    "flush_buffer": ({"code": "flash_error", "sector": 17},),
    "set_interval": ({"code": "out_of_range", "min_s": 10, "max_s": 3_600},),
}


def odd_details(rng: random.Random) -> JsonValue:
    """Return details that are not an object, or that have unexpected content."""
    oddities: Sequence[JsonValue] = ("done", ["done", rng.randint(1, 9)], {"debug": "heap " * 40}, 1.0)
    return rng.choice(oddities)
