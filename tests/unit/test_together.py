"""What runs together ends together, also when a library swallows the first cancellation."""

import asyncio

import pytest

from console import concurrency as together
from console.concurrency import first_to_end
from console.errors import BrokerUnreachableError


async def test_the_first_error_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_CANCEL_AGAIN_S", 0.001)
    cancellations = 0

    async def stubborn() -> None:
        nonlocal cancellations
        while cancellations < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancellations += 1

    async def broken() -> None:
        await asyncio.sleep(0)
        message = "The link broke."
        raise BrokerUnreachableError(message)

    with pytest.raises(BrokerUnreachableError):
        await asyncio.wait_for(first_to_end(stubborn(), broken()), 5)
    assert cancellations == 2
