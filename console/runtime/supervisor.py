"""Keeps the links and the workers running: one task each, with jittered back-off."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from console.errors import ConsoleError, CopyError, Link, UnreachableError
from console.retry import LINKS
from console.services.health import Health

PROBE = "database"  # the body that checks the database link
_log = logging.getLogger("console.supervisor")


class Supervisor:
    """Runs bodies for ever. An expected failure is reported and retried, a bug ends the program."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def forever(self, name: str, body: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `body` again and again; a body returns when there is nothing to do for now.

        Raises:
            CopyError: trying again would do harm.
        """
        failures = 0
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await body()
                failures = 0
            except CopyError:
                raise
            except ConsoleError as error:
                failures = 0 if asyncio.get_running_loop().time() - started > LINKS.longest_s else failures
                delay_s = LINKS.delay_s(failures)
                failures += 1
                self._tell(name, error, delay_s)
                await asyncio.sleep(delay_s)

    def _tell(self, name: str, error: ConsoleError, delay_s: float) -> None:
        values = {
            "job": name,
            "link": error.link,
            "cause": error.cause.name.lower(),
            "delay_s": round(delay_s, 3),
        }
        _log.warning(
            "%s: %s Trying again in %.1f s.", name, error, delay_s, extra={"event": "retry", "values": values}
        )
        match error.link:
            case Link.DATABASE if name == PROBE or isinstance(error, UnreachableError):
                self._health.database_down(error, delay_s)
            case Link.BROKER:
                self._health.broker_down(error, delay_s, name)
            case _:  # the links work for others, but this worker fails: an operator should know
                self._health.trouble(name, str(error))
