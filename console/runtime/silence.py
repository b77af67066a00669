"""A broker that does not answer: shown at once, long before the link counts as lost."""

import asyncio
from typing import Protocol

from console.mqtt.session import SILENT_AFTER_S
from console.services.health import Health

_LOOK_EVERY_S = 0.5


class MeasuredLink(Protocol):
    """One connection to the broker."""

    @property
    def silent_s(self) -> float: ...


async def watch_silence(link: MeasuredLink, health: Health, part: str) -> None:
    """Report to the health for how long the broker has not answered on this connection, until cancelled."""
    try:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            silent_s = link.silent_s
            health.broker_silent(silent_s if silent_s >= SILENT_AFTER_S else None, part)
    finally:
        health.broker_silent(None, part)
