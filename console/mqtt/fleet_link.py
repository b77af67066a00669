"""The simulated devices' connection: one client for all devices of a tenant."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from console.errors import BrokerUnreachableError
from console.mqtt.session import BrokerAddress, Session, SessionKind, connect, lost_error


class SimulatedLink:
    """Takes commands of every device of a tenant and sends answers without waiting for their PUBACK."""

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address
        self._session: Session | None = None
        self._commands: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def attach(self, session: Session, tenant_id: str) -> None:
        """Listen for the commands of one tenant."""
        self._session = session
        await session.client.subscribe(f"tenant/{tenant_id}/device/+/commands", qos=1)

    async def next_command(self) -> tuple[str, bytes]:
        """Wait for a command.

        Raises:
            BrokerUnreachableError: the link broke.
        """
        session = self._session
        if session is None:
            raise BrokerUnreachableError(f"The broker at {self._address.label} is not connected.")
        command = asyncio.ensure_future(self._commands.get())
        try:
            await asyncio.wait((command, session.lost), return_when=asyncio.FIRST_COMPLETED)
            if command.done():
                return command.result()
        finally:
            command.cancel()
        raise lost_error(session, self._address)

    def answer(self, topic: str, payload: bytes) -> None:
        """Publish an answer; one that is lost with the link is lost, as a device's would be."""
        if self._session is not None and not self._session.lost.done():
            self._session.paho.publish(topic, payload, 1)

    def take(self, _paho: Any, _userdata: Any, message: Any) -> None:
        """Keep one command until it is asked for; called by paho."""
        self._commands.put_nowait((message._topic.decode("utf-8", "replace"), message.payload))  # noqa: SLF001
        if self._session is not None and message.qos:
            self._session.paho.ack(message.mid, message.qos)


@asynccontextmanager
async def simulated_link(address: BrokerAddress, tenant_id: str) -> AsyncIterator[SimulatedLink]:
    """Connect the devices of one tenant."""
    link = SimulatedLink(address)
    kind = SessionKind(client_id=f"simulated-{uuid.uuid4().hex[:12]}", on_message=link.take)
    async with connect(address, kind) as session:
        await link.attach(session, tenant_id)
        yield link
