"""What the fault tests share: the channel in this process, and a PostgreSQL that may be killed."""

from collections.abc import AsyncIterator, Iterator

import pytest

from console.store.access import Access
from tests.e2e.conftest import open_channel
from tests.faults.postgres import PrivatePostgres, private_postgres, target_of
from tests.faults.proxy import Proxy, proxy

__all__ = ["open_channel"]


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[PrivatePostgres]:
    with private_postgres() as running:
        yield running


@pytest.fixture
async def postgres(postgres_server: PrivatePostgres) -> PrivatePostgres:
    """A PostgreSQL of the module's own with a fresh database: kill it at will."""
    await postgres_server.prepare()
    return postgres_server


@pytest.fixture
async def database_proxy(access: Access) -> AsyncIterator[Proxy]:
    """Between the program and the run's PostgreSQL."""
    async with proxy(target_of(access.url)) as running:
        yield running
