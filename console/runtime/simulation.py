"""The simulated fleet beside the program: one process of all runs it, the others stand by."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from console.runtime.place import Place


@asynccontextmanager
async def simulate_demo(place: Place, devices: int) -> AsyncIterator[None]:
    """Placeholder until the simulator lands."""
    del place, devices
    yield


@asynccontextmanager
async def simulate_tenant(place: Place, tenant_id: str, devices: int) -> AsyncIterator[None]:
    """Placeholder until the simulator lands."""
    del place, devices, tenant_id
    yield
