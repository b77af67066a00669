"""What a worker with ``--listen`` answers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from prometheus_client.parser import text_string_to_metric_families

from tests.brokers import free_port
from tests.faults.processes import Running, program
from tests.waiting import PATIENCE_S, until

PREFIX = "device_console_"


async def page(port: int, path: str) -> tuple[int, str]:
    """Status and body; 0 while nobody listens."""
    with suppress(ConnectionError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE_S):
            head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        return int(head.split(" ")[1]), body
    return 0, ""


def samples(text: str) -> dict[str, float]:
    """The numbers of a page, by name without the prefix and the values of the labels: ``link_up broker``."""
    return {
        " ".join((sample.name.removeprefix(PREFIX), *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Listener:
    """A worker and its pages."""

    def __init__(self, running: Running, port: int) -> None:
        self.running = running
        self.port = port

    async def numbers(self) -> dict[str, float]:
        code, text = await page(self.port, "/metrics")
        assert code == 200, text
        return samples(text)

    async def reaches(self, wanted: Mapping[str, float]) -> None:
        """Wait until the numbers are these; fail with those that there are."""
        found: dict[str, float] = {}

        async def there() -> bool:
            nonlocal found
            numbers = await self.numbers()
            found = {name: numbers.get(name, -1.0) for name in wanted}
            return found == wanted

        try:
            await until(there)
        except AssertionError:
            assert found == wanted

    async def answers(self, code: int, words: str) -> None:
        """Wait until /readyz is this."""
        found = (0, "")

        async def there() -> bool:
            nonlocal found
            found = await page(self.port, "/readyz")
            return found[0] == code and words in found[1]

        try:
            await until(there)
        except AssertionError:
            assert found == (code, words)


@asynccontextmanager
async def listening(env: dict[str, str], *, wait: bool = True) -> AsyncIterator[Listener]:
    """A worker that listens, until the block ends."""
    port = free_port()
    async with program(env, "--sweeper", "--listen", str(port)) as running:
        if wait:
            await running.ready()
        yield Listener(running, port)
