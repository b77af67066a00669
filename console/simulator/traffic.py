"""The operators of the demo, who are invented, and what goes wrong for them, from the first seconds on.

Everything is real: commands are committed and published, answers come over MQTT, a site that is quiet has
disconnected. The same seed makes the same choices again.

Decided in docs/decisions/0079-a-demo-that-is-alive.md
"""

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from console.concurrency import first_to_end
from console.errors import ConsoleError
from console.limits import MIN_TTL
from console.simulator.answers import Details
from console.simulator.behaviours import Behaviour
from console.simulator.device import Answer, SimulatedDevice
from console.wire.topics import ack_topic

OPERATORS = ("alice", "bruno", "marta", "jussi")
BUSY_S = 900.0  # after that commands are rare: a demo that is left running must not fill the disk
QUIET_S = 100.0
_PAUSES_S = {True: (0.3, 1.4), False: (10.0, 30.0)}  # between two commands, while busy and later
_STORY_EVERY_S = 240.0
_BULK_DEVICES = 60
_BULK_TTL = timedelta(seconds=90)
_NOTICED_AFTER_S = 3.0
_STORM_COMMANDS = 5  # to each device
_SLOW = (10.0, 60.0)  # times, seconds
_TTLS = tuple(timedelta(seconds=seconds) for seconds in (20, 30, 45, 60))
_TYPES: tuple[tuple[str, str, Details], ...] = (  # type, devices whose ids begin so, params
    ("ping", "", {}), ("ping", "", {}), ("ping", "", {}), ("get_config", "", {}), ("sync_clock", "", {}),
    ("set_interval", "", {"interval_s": 60}), ("set_interval", "", {"interval_s": 30}),
    ("flush_buffer", "", {}), ("read_meter", "meter", {}), ("read_meter", "meter", {}),
    ("open_valve", "valve", {"position_pct": 50}),
    ("close_valve", "valve", {}), ("reboot", "pump", {"delay_s": 5}),
)  # fmt: skip
_BULKS: tuple[tuple[str, Details], ...] = (
    ("ping", {}), ("set_interval", {"interval_s": 300}), ("sync_clock", {}),
)  # fmt: skip
_log = logging.getLogger("console.simulator")


class Happening(StrEnum):
    """What can happen beside ordinary commands."""

    BULK = "bulk send"
    LATE = "late answer"
    FORGED = "forged answer"
    CONFLICTING = "conflicting answer"
    MALFORMED = "malformed answer"
    QUIET = "quiet site"
    STORM = "storm"
    SLOW = "slow devices"
    CALM = "calm"


STORY = (
    Happening.BULK, Happening.LATE, Happening.FORGED, Happening.CONFLICTING, Happening.MALFORMED,
    Happening.QUIET,
)  # fmt: skip

OPENING = (  # seconds since the start
    (5.0, Happening.BULK), (14.0, Happening.FORGED), (22.0, Happening.MALFORMED),
    (30.0, Happening.CONFLICTING), (38.0, Happening.LATE), (50.0, Happening.QUIET),
)  # fmt: skip


class Orders(Protocol):
    """What an operator does."""

    async def send(
        self, tenant_id: str, device_id: str, command_type: str, params_json: str, ttl: timedelta, by: str
    ) -> str:
        """Commit one command; return its id."""
        ...

    async def send_many(
        self, tenant_id: str, device_ids: Sequence[str], command_type: str, params_json: str, ttl: timedelta,
        by: str, target: str,
    ) -> None:  # fmt: skip
        """Commit one command to many devices as a bulk send."""
        ...


class Stage(Protocol):
    """The fleet, as far as it can be told what to do."""

    def say(self, device: SimulatedDevice, answer: Answer) -> None:
        """Let the device publish this."""
        ...

    def go_quiet(self, site: str, seconds: float) -> None:
        """Disconnect the devices of a site for so long."""
        ...

    def slow_down(self, factor: float, seconds: float) -> None:
        """Let answers that begin within so long take so many times as long."""
        ...


class Traffic:
    """Commands of one tenant's operators, one after the other, and happenings beside them.

    Args:
        devices: the tenant's simulated devices.
        orders: how a command is sent.
        stage: the fleet.
        seed: decides who sends what.
        quiet_s: how long a site stays away.
    """

    def __init__(
        self,
        devices: Sequence[SimulatedDevice],
        orders: Orders,
        stage: Stage,
        seed: str,
        quiet_s: float = QUIET_S,
    ) -> None:
        self._quiet_s = quiet_s
        self._devices = devices
        self._prompt = [device for device in devices if device.behaviour is Behaviour.PROMPT]
        self._orders = orders
        self._stage = stage
        self._rng = random.Random(seed)  # noqa: S311 - a simulation
        self._acts: dict[Happening, Callable[[], Awaitable[None]]] = {
            Happening.BULK: self._send_many, Happening.LATE: self._answer_late, Happening.FORGED: self._forge,
            Happening.CONFLICTING: self._contradict, Happening.MALFORMED: self._garble,
            Happening.QUIET: self._silence, Happening.STORM: self._storm, Happening.SLOW: self._slow_down,
            Happening.CALM: self._rest,
        }  # fmt: skip
        self._is_calm = False

    async def run(self) -> None:
        """Go on until cancelled; what cannot be sent now is left out."""
        if len(self._prompt) < 2:  # one answers for the other
            await asyncio.Event().wait()
        await first_to_end(self._commands(), self._story())

    async def happen(self, what: Happening) -> None:
        """Let it happen now."""
        await self._tried(self._acts[what])

    async def _commands(self) -> None:
        began = asyncio.get_running_loop().time()
        while True:
            busy = asyncio.get_running_loop().time() - began < BUSY_S
            await asyncio.sleep(self._rng.uniform(*_PAUSES_S[busy]))
            if not self._is_calm:
                await self._tried(self._send_one)

    async def _story(self) -> None:
        began = asyncio.get_running_loop().time()
        for at_s, what in OPENING:
            await asyncio.sleep(max(0.0, began + at_s - asyncio.get_running_loop().time()))
            await self.happen(what)
        while True:
            await asyncio.sleep(_STORY_EVERY_S)
            if not self._is_calm:
                await self.happen(self._rng.choice(STORY))

    async def _tried(self, act: Callable[[], Awaitable[None]]) -> None:
        try:
            await act()
        except ConsoleError as error:
            _log.debug("an operator of the demo could not do it: %s", error)

    async def _send_one(self) -> None:
        command_type, kind, params = self._rng.choice(_TYPES)
        fitting = [device for device in self._devices if device.device_id.startswith(kind)] or self._devices
        await self._send(self._rng.choice(fitting), command_type, params, self._rng.choice(_TTLS))

    async def _send(
        self,
        device: SimulatedDevice,
        command_type: str,
        params: Details | None = None,
        ttl: timedelta = _TTLS[-1],
    ) -> str:
        return await self._orders.send(
            device.tenant_id, device.device_id, command_type, json.dumps(params or {}), ttl, self._operator()
        )

    def _operator(self) -> str:
        return self._rng.choice(OPERATORS)

    async def _send_many(self) -> None:
        site = self._rng.choice(sorted({device.site for device in self._devices}))
        await self._send_to(site, _BULK_TTL)

    async def _send_to(self, site: str, ttl: timedelta) -> None:
        command_type, params = self._rng.choice(_BULKS)
        there = [device.device_id for device in self._devices if device.site == site][:_BULK_DEVICES]
        await self._orders.send_many(
            self._devices[0].tenant_id, there, command_type, json.dumps(params), ttl, self._operator(),
            f"site:{site}",
        )  # fmt: skip

    async def _storm(self) -> None:
        everybody = [device.device_id for device in self._devices]
        for _ in range(_STORM_COMMANDS):
            await self._orders.send_many(
                self._devices[0].tenant_id,
                everybody,
                "ping",
                "{}",
                _BULK_TTL,
                self._operator(),
                "all devices",
            )

    async def _slow_down(self) -> None:
        self._stage.slow_down(*_SLOW)

    async def _rest(self) -> None:
        self._is_calm = not self._is_calm

    async def _answer_late(self) -> None:
        deaf = [device for device in self._devices if device.behaviour is Behaviour.DEAF] or self._prompt
        device = self._rng.choice(deaf)
        command_id = await self._send(device, "ping", ttl=MIN_TTL)
        self._say(device, command_id, delay_s=MIN_TTL.total_seconds() + 3)

    async def _forge(self) -> None:
        device, other = self._rng.sample(self._prompt, 2)
        self._say(other, await self._send(device, "ping"), delay_s=1.0)

    async def _contradict(self) -> None:
        device = self._rng.choice(self._prompt)
        self._say(device, await self._send(device, "ping"), status="error", delay_s=2.0)

    async def _garble(self) -> None:
        device = self._rng.choice(self._prompt)
        command_id = await self._send(device, "get_config")
        self._stage.say(device, _answer(device, f'{{"command_id": "{command_id}", "sta'.encode(), 1.0))

    def _say(self, device: SimulatedDevice, command_id: str, *, status: str = "ok", delay_s: float) -> None:
        details = {"code": "busy"} if status == "error" else {"rtt_ms": 21.4}
        payload = json.dumps({"command_id": command_id, "status": status, "details": details})
        self._stage.say(device, _answer(device, payload.encode(), delay_s))

    async def _silence(self) -> None:
        """Take the smallest site away for a while, and send it something that it misses."""
        sites = [device.site for device in self._devices]
        site = min(sorted(set(sites)), key=sites.count)
        self._stage.go_quiet(site, self._quiet_s)
        await asyncio.sleep(_NOTICED_AFTER_S)
        await self._send_to(site, _TTLS[0])


def _answer(device: SimulatedDevice, payload: bytes, delay_s: float) -> Answer:
    return Answer(ack_topic(device.tenant_id, device.device_id), payload, 1, delay_s)
