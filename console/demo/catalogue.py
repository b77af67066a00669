"""The demo's command catalogue: the commands that the demo's models accept, and their answers."""

import json
from typing import Any

from console.demo.sql import query
from console.store.pool import Connection

TEMPLATES = {"pump": 1, "meter": 2, "valve": 3, "gateway": 4}
_WHOLE, _PLAIN = {"type": "integer"}, {"type": "number"}


def _schema(required: tuple[str, ...] = (), /, **properties: dict[str, Any]) -> str:
    document: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return json.dumps(document | ({"required": list(required)} if required else {}))


def _answer(**properties: dict[str, Any]) -> str:
    """Return the schema of an answer; its first key is required."""
    return json.dumps({"type": "object", "properties": properties, "required": [*properties][:1]})


_COMMON = {
    "ping": ("Ping", _schema(), _answer(rtt_ms=_PLAIN, rssi_dbm=_WHOLE)),
    "reboot": (
        "Reboot",
        _schema(
            delay_s={
                "type": "integer",
                "minimum": 0,
                "maximum": 600,
                "default": 0,
                "description": "wait first",
            },
            mode={"enum": ["graceful", "hard"], "default": "graceful"},
        ),
        _answer(uptime_s=_WHOLE, reason={"type": "string"}),
    ),
    "set_interval": (
        "Set the sampling interval",
        _schema(
            ("interval_s",),
            interval_s={"type": "integer", "minimum": 10, "maximum": 3_600, "description": "between samples"},
            until_reboot={"type": "boolean", "default": False},
        ),
        _answer(),
    ),
    "get_config": ("Read the configuration", _schema(), _answer(interval_s=_WHOLE, tls={"type": "boolean"})),
    "flush_buffer": ("Send what is buffered", _schema(), _answer(flushed=_WHOLE)),
    "sync_clock": ("Set the clock", _schema(), _answer(drift_ms=_WHOLE)),
    "self_test": ("Test itself", _schema(), _answer(passed=_WHOLE, failed=_WHOLE)),
    "update_firmware": (
        "Update the firmware",
        _schema(
            ("version",),
            version={"type": "string", "maxLength": 40, "description": "for example 2.5.0"},
            window={"type": "object", "description": 'hours, for example {"from": 1, "to": 4}'},
        ),
        _answer(bytes=_WHOLE, to={"type": "string"}),
    ),
}
_THRESHOLD = (
    "Set an alarm threshold",
    _schema(
        ("metric", "above"),
        metric={"enum": ["pressure_bar", "flow_lps", "temperature_c"]},
        above={"type": "number", "minimum": 0, "maximum": 500},
        hold_s={"type": "integer", "minimum": 0, "default": 30},
    ),
    _answer(),
)
_TRAVEL = _answer(travel_s=_PLAIN, position_pct=_WHOLE)
_OWN = {
    "pump": {"set_threshold": _THRESHOLD},
    "meter": {
        "set_threshold": _THRESHOLD,
        "read_meter": ("Read the meter", _schema(), _answer(volume_m3=_PLAIN, battery_pct=_WHOLE)),
    },
    "valve": {
        "open_valve": (
            "Open the valve",
            _schema(position_pct={"type": "integer", "minimum": 0, "maximum": 100, "default": 100}),
            _TRAVEL,
        ),
        "close_valve": ("Close the valve", _schema(), _TRAVEL),
    },
    "gateway": {},
}
_DESCRIPTIONS = {
    "reboot": "The device is offline for about a minute; data that it has not sent is lost.",
    "update_firmware": "Installs another firmware and restarts; if the connection breaks, the old one stays.",
    "open_valve": "Water will flow: check that nobody works behind the valve.",
    "close_valve": "Everything behind the valve loses its water.",
    "flush_buffer": "Sends what was measured while the connection was down.",
}
_LAST = ("update_firmware", "reboot")  # not to be chosen just because it is first


def _in_order(kinds: dict[str, tuple[str, str, str]]) -> dict[str, tuple[str, str, str]]:
    return {kind: kinds[kind] for kind in sorted(kinds, key=lambda kind: kind in _LAST)}


async def add_catalogue(connection: Connection, tenant_id: str) -> None:
    """Store the models' catalogue for the demo's devices, if the database has the tables for one."""
    if not await connection.fetchval("SELECT to_regclass('public.template_commands') IS NOT NULL"):
        return
    rows = [
        (TEMPLATES[kind], command_type, given[0], _DESCRIPTIONS.get(command_type), *given[1:], place)
        for kind, own in _OWN.items()
        for place, (command_type, given) in enumerate(_in_order({**own, **_COMMON}).items(), 1)
    ]
    await connection.execute(query("catalogue"), *(list(column) for column in zip(*rows, strict=True)))
    await connection.execute(query("templates"), tenant_id, list(TEMPLATES), list(TEMPLATES.values()))
