"""How simulated devices behave: the behaviour of each device, what it answers, and when."""

import random
from dataclasses import dataclass
from enum import StrEnum

from console.simulator.answers import DETAILS, FAULTS, Details, JsonValue, odd_details

_STEP = 37  # coprime with 100: neighbours in a list behave differently


class Behaviour(StrEnum):
    """A device's behaviour, which never changes."""

    PROMPT = "prompt"
    SLOW = "slow"
    FAILING = "failing"
    DEAF = "deaf"
    FLAPPING = "flapping"
    SLOPPY = "sloppy"


_UPPER_BOUNDS = (
    (69, Behaviour.PROMPT),
    (70, Behaviour.SLOPPY),
    (82, Behaviour.SLOW),
    (90, Behaviour.FAILING),
    (95, Behaviour.DEAF),
    (100, Behaviour.FLAPPING),
)


@dataclass(frozen=True, slots=True)
class ReceivedCommand:
    """What a device understood of a command."""

    command_id: str
    command_type: str
    params: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a device will answer: after `delay_s`, in `copies` messages, with `extras` as further keys."""

    delay_s: float
    status: str
    details: JsonValue
    copies: int = 1
    qos: int = 1
    extras: Details | None = None


def behaviour_of(index: int) -> Behaviour:
    """Return the behaviour of the device at this place: always the same, with rare ones spread out."""
    place = index * _STEP % 100
    return next(behaviour for bound, behaviour in _UPPER_BOUNDS if place < bound)


def reply_to(behaviour: Behaviour, order: ReceivedCommand, seed: str) -> Reply | None:
    """Return what a device answers to a command; None if it never answers.

    `seed` names the run and the device: the same seed and command give the same reply.
    """
    if behaviour is Behaviour.DEAF:
        return None
    rng = random.Random(f"{seed}/{order.command_id}")  # noqa: S311 - a simulation
    delay_s = _delay_s(behaviour, rng)
    describe = DETAILS.get(order.command_type)
    if describe is None:
        return Reply(delay_s, "error", {"code": "unsupported", "type": order.command_type})
    if behaviour is Behaviour.FAILING and rng.random() < 0.6:
        return Reply(delay_s, "error", dict(rng.choice(FAULTS.get(order.command_type, FAULTS[""]))))
    if behaviour is Behaviour.SLOPPY:
        return _sloppy(delay_s, describe(order.params, rng), rng)
    return Reply(delay_s, "ok", describe(order.params, rng))


def _delay_s(behaviour: Behaviour, rng: random.Random) -> float:
    return rng.uniform(2.0, 20.0) if behaviour is Behaviour.SLOW else rng.uniform(0.05, 0.4)


def _sloppy(delay_s: float, details: Details, rng: random.Random) -> Reply:
    match rng.randrange(4):
        case 0:
            return Reply(delay_s, "ok", details, copies=rng.randint(2, 3))
        case 1:
            return Reply(delay_s, "ok", odd_details(rng))
        case 2:
            return Reply(delay_s, "ok", details, extras={"ts": rng.randrange(10**9), "fw": "0.9-dev"})
        case _:
            return Reply(delay_s, "ok", details, qos=0)


@dataclass(frozen=True, slots=True)
class Absences:
    """How long a flapping device stays, and how long it is away."""

    online_s: tuple[float, float] = (60.0, 300.0)
    offline_s: tuple[float, float] = (30.0, 120.0)

    def stay_s(self, rng: random.Random) -> float:
        return rng.uniform(*self.online_s)

    def away_s(self, rng: random.Random) -> float:
        return rng.uniform(*self.offline_s)
