"""How a simulated device behaves: pure, seeded by its place in the fleet, so that a demo repeats itself."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Behaviour(StrEnum):
    """What an operator will notice about a device."""

    PROMPT = "prompt"
    SLOW = "slow"
    FAILING = "failing"
    DEAF = "deaf"
    FLAPPING = "flapping"
    SLOPPY = "sloppy"


_SHARES = (
    (70, Behaviour.PROMPT),
    (82, Behaviour.SLOW),
    (89, Behaviour.FAILING),
    (93, Behaviour.DEAF),
    (98, Behaviour.FLAPPING),
    (100, Behaviour.SLOPPY),
)
_KNOWN = ("ping", "reboot", "set_interval", "flush_buffer", "get_config", "update_firmware")
_FAULTS = ("buffer busy", "sensor fault", "low battery", "flash write failed")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a device answers and when; no `copies`, no answer."""

    delay_s: float
    status: str
    details: Mapping[str, object]
    copies: int = 1


def behaviour_of(index: int) -> Behaviour:
    """The behaviour of the device with this place in its tenant: about 70 of 100 are prompt."""
    place = index * 37 % 100
    return next(behaviour for limit, behaviour in _SHARES if place < limit)


def reply_to(
    behaviour: Behaviour, command_type: str, params: Mapping[str, object], dice: random.Random
) -> Reply:
    """What a device of this behaviour answers to one command."""
    if behaviour is Behaviour.DEAF:
        return Reply(0, "ok", {}, copies=0)
    delay_s = dice.uniform(2, 20) if behaviour is Behaviour.SLOW else dice.uniform(0.05, 0.4)
    if command_type not in _KNOWN:
        return Reply(delay_s, "error", {"reason": "unsupported", "type": command_type})
    if behaviour is Behaviour.FAILING and dice.random() < 0.5:
        return Reply(delay_s, "error", {"reason": dice.choice(_FAULTS), "code": dice.randint(10, 99)})
    copies = 2 if behaviour is Behaviour.SLOPPY else 1
    return Reply(delay_s, "ok", _details(command_type, params, dice), copies)


def _details(command_type: str, params: Mapping[str, object], dice: random.Random) -> dict[str, object]:
    match command_type:
        case "ping":
            return {"rtt_ms": dice.randint(3, 90)}
        case "reboot":
            return {"uptime_s": 0, "boot_reason": "command"}
        case "flush_buffer":
            return {"flushed": dice.randint(0, 400)}
        case "set_interval":
            return {"applied": dict(params)}
        case "get_config":
            return {"interval_s": 60, "fw": "1.4.2", "log": "info"}
        case _:
            return {"accepted": True}
