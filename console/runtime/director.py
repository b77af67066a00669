"""The director of the demo: what can be made to happen while somebody looks on.

Decided in docs/decisions/0079-a-demo-that-is-alive.md
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from console.errors import ConflictError

if TYPE_CHECKING:
    from console.simulator.traffic import Happening


class Scene(StrEnum):
    """What the director can ask for, in the words of the screen."""

    QUIET = "quiet site"
    FORGED = "forged answer"
    LATE = "late answer"
    CONFLICTING = "conflicting answer"
    MALFORMED = "malformed answer"
    BULK = "bulk send"
    STORM = "storm"
    SLOW = "slow devices"
    BROKER = "broker killed"
    CALM = "calm"


NOTES = {
    Scene.QUIET: "the smallest site disconnects and misses what it is sent",
    Scene.FORGED: "a device answers the command of another one",
    Scene.LATE: "an answer comes after the deadline",
    Scene.CONFLICTING: "a device answers twice, first ok, then failed",
    Scene.MALFORMED: "an answer breaks off in the middle",
    Scene.BULK: "one command to all devices of a site",
    Scene.STORM: "five commands to every device at once",
    Scene.SLOW: "for a minute every answer takes ten times as long",
    Scene.BROKER: "the broker dies, and is started again",
    Scene.CALM: "the invented operators rest, or go on",
}


class Plays(Protocol):
    """The operators of the demo, while this process runs them."""

    async def happen(self, what: Happening) -> None: ...


class Director:
    """Makes things happen in the demo whose fleet this process simulates.

    `kill_broker` ends the embedded broker, which its supervisor starts again.
    """

    def __init__(self, kill_broker: Callable[[], None]) -> None:
        self._kill_broker = kill_broker
        self.plays: Plays | None = None

    async def ask_for(self, scene: Scene) -> None:
        """Let it happen now.

        Raises:
            ConflictError: another process simulates the fleet.
        """
        if scene is Scene.BROKER:
            self._kill_broker()
            return
        if self.plays is None:
            raise ConflictError("Another process simulates the demo’s fleet: ask for it there.")
        from console.simulator.traffic import Happening

        await self.plays.happen(Happening(scene.value))
