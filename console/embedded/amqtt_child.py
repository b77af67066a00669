"""Runs amqtt in a process of its own, because its packets would steal time from the screen.

Arguments: the port, the process to die with, and the user and group to become when started by root.
"""

import asyncio
import logging
import os
import signal
import sys

from amqtt.broker import Broker
from amqtt.contexts import BaseContext, BrokerConfig, ListenerConfig
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

from console.embedded.children import die_with_parent

_SESSION_EXPIRY_S = 7 * 24 * 3600


class WelcomeAll(BaseAuthPlugin):  # type: ignore[misc]  # amqtt is untyped
    """Lets everybody in without the mark "anonymous", at which amqtt forgets the session of who leaves."""

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)

    async def authenticate(self, *, session: Session) -> bool:  # noqa: ARG002 - amqtt's signature
        return True


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


async def _serve(port: int, parent: int, account: list[int]) -> None:
    listener = ListenerConfig(bind=f"127.0.0.1:{port}")
    config = BrokerConfig(
        listeners={"default": listener},
        session_expiry_interval=_SESSION_EXPIRY_S,
        plugins={f"{WelcomeAll.__module__}.{WelcomeAll.__name__}": {}},
    )
    broker = Broker(config)
    if account:
        _become(*account)
    die_with_parent(parent, signal.SIGTERM)  # once more: the kernel forgets it when the user changes
    await broker.start()
    while os.getppid() == parent:  # noqa: ASYNC110 - not every kernel tells of a parent's death
        await asyncio.sleep(1)


def main() -> None:
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    port, parent, *account = map(int, sys.argv[1:])
    asyncio.run(_serve(port, parent, account))


if __name__ == "__main__":
    main()
