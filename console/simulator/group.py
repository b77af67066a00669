"""Simulated devices behind one MQTT session: receives for them, answers in time, reconnects after a loss."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias

from console.clock import Clock
from console.concurrency import first_to_end
from console.errors import UnreachableError
from console.retry import DEVICE_LINKS
from console.simulator.device import Answer, SimulatedDevice

_WINDOW = 8
_log = logging.getLogger("console.simulator")
Pause: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class DeviceLink(Protocol):
    """One live MQTT session."""

    def commands(self) -> AsyncIterator[tuple[str, bytes]]:
        """Topic and payload of every PUBLISH, until the link breaks.

        Raises:
            UnreachableError: the link broke.
        """
        ...

    async def answer(self, topic: str, payload: bytes, qos: int) -> None:
        """Publish; with QoS 1, return once the broker has it.

        Raises:
            UnreachableError: the broker may or may not have it.
        """
        ...


class OpenLink(Protocol):
    """Opens a session that subscribes to these topics with QoS 1.

    A session with a name outlives its connection, if the broker keeps sessions; one without a name does not.
    """

    def __call__(
        self, topics: Sequence[str], session_name: str | None
    ) -> AbstractAsyncContextManager[DeviceLink]: ...


class DeviceGroup:
    """Some devices behind one session. Answers that are due while the link is down wait for the next one.

    Args:
        devices: who shares the session.
        open_link: opens it.
        clock: monotonic seconds.
        session_name: the name of a session that outlives its connection.
        stay: returns when the devices go away for a while; None when they never do.
        away: returns when they come back.
    """

    def __init__(
        self,
        devices: Sequence[SimulatedDevice],
        open_link: OpenLink,
        clock: Clock,
        *,
        session_name: str | None = None,
        stay: Pause | None = None,
        away: Pause | None = None,
    ) -> None:
        self._devices = {device.topic: device for device in devices}
        self._open_link = open_link
        self._clock = clock
        self._session_name = session_name
        self._stay = stay
        self._away = away
        self._due: asyncio.Queue[Answer] = asyncio.Queue()
        self._timers: set[asyncio.TimerHandle] = set()
        self._seen_at: float | None = None
        self._slow = (1.0, 0.0)  # how many times as long an answer takes, and until when
        self.online = asyncio.Event()
        """Set while the session is open and subscribed."""

    def device_keys(self) -> Sequence[tuple[str, str]]:
        """Tenant and device ids."""
        return [(device.tenant_id, device.device_id) for device in self._devices.values()]

    def silent_s(self) -> float | None:
        """Return the seconds since these devices were online; 0 while they are, None if they never were."""
        if self.online.is_set():
            return 0.0
        return None if self._seen_at is None else self._clock.monotonic() - self._seen_at

    async def run(self) -> None:
        """Stay online for ever; reconnect with a jittered back-off."""
        failures = 0
        try:
            while True:
                started = self._clock.monotonic()
                try:
                    await self.run_once()
                except UnreachableError as error:
                    if self._clock.monotonic() - started > DEVICE_LINKS.longest_s:
                        failures = 0
                    _log.debug("%d simulated devices lost their link: %s", len(self._devices), error)
                    await asyncio.sleep(DEVICE_LINKS.delay_s(failures))
                    failures += 1
                else:
                    failures = 0
        finally:
            for timer in self._timers:
                timer.cancel()
            self._timers.clear()

    async def run_once(self) -> None:
        """Open the session, serve it until these devices go away, and wait until they come back.

        Raises:
            UnreachableError: the broker does not answer, or the link broke.
        """
        async with self._open_link(list(self._devices), self._session_name) as link:
            self.online.set()
            try:
                await self._serve(link)
            finally:
                self.online.clear()
                self._seen_at = self._clock.monotonic()
        if self._away is not None:
            await self._away()

    async def _serve(self, link: DeviceLink) -> None:
        bodies = [self._listen(link), *(self._speak(link) for _ in range(_WINDOW))]
        if self._stay is not None:
            bodies.append(self._stay())
        await first_to_end(*bodies)

    async def _listen(self, link: DeviceLink) -> None:
        async for topic, payload in link.commands():
            device = self._devices.get(topic)
            if device is not None:
                for answer in device.receive(payload):
                    self._schedule(answer)

    def say(self, answer: Answer) -> None:
        """Publish this in its time, though nobody asked."""
        self._schedule(answer)

    def slow_down(self, factor: float, seconds: float) -> None:
        """Let answers that begin within so long take so many times as long."""
        self._slow = (factor, self._clock.monotonic() + seconds)

    def holds(self, device: SimulatedDevice) -> bool:
        """Return whether the device is one of these."""
        return self._devices.get(device.topic) is device

    def _schedule(self, answer: Answer) -> None:
        def due() -> None:
            self._timers.discard(timer)
            self._due.put_nowait(answer)

        factor, until = self._slow
        delay_s = answer.delay_s * (factor if self._clock.monotonic() < until else 1.0)
        timer = asyncio.get_running_loop().call_later(delay_s, due)
        self._timers.add(timer)

    async def _speak(self, link: DeviceLink) -> None:
        while True:
            answer = await self._due.get()
            try:
                await link.answer(answer.topic, answer.payload, answer.qos)
            except BaseException:
                self._due.put_nowait(answer)  # a copy is harmless, a lost answer is not
                raise
