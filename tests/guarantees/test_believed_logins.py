"""A login that the server believes without asking, on PostgreSQL 15, which does not tell: over real TCP."""

from collections.abc import Iterator

import asyncpg
import pytest

from console.demo.login import ensure_login
from console.errors import RefusedError
from console.store.access import Access
from console.store.pool import Database
from console.store.schema import checks
from console.store.schema.checks import check_start
from console.store.schema.migrate import migrate
from tests.faults.debian import DebianPostgres, debian_postgres

pytestmark = pytest.mark.debian_postgres


@pytest.fixture(scope="module")
def server() -> Iterator[DebianPostgres]:
    with debian_postgres(
        "host all believed 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256"
    ) as running:
        yield running


@pytest.fixture
async def logins(server: DebianPostgres) -> None:
    await migrate(Access(server.url), platform_tables=True)
    database = Database(Access(server.url))
    await database.open()
    await ensure_login(database)
    await database.close()
    owner = await asyncpg.connect(server.url)
    for name, rest in (("believed", ""), ("asked", "PASSWORD 'sesame'")):
        await owner.execute(
            f"DO $$ BEGIN CREATE ROLE {name} LOGIN {rest} IN ROLE pulse_app, device_console_worker;"
            " EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
    await owner.close()


async def _start(url: str) -> tuple[str, ...]:
    database = Database(Access(url))
    await database.open()
    try:
        return (await check_start(database)).warnings
    finally:
        await database.close()


async def test_before_postgresql_16_a_believed_login_is_found_by_the_password_that_nobody_gave(
    server: DebianPostgres, logins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without that look, anybody on the network is the operator, and nobody says so."""
    address = f"127.0.0.1:{server.port}/postgres"
    assert await _start(f"postgresql://asked:sesame@{address}") == ()
    assert any("without asking" in text for text in await _start(f"postgresql://believed@{address}"))

    def elsewhere(login: object, trusted: dict[str, bool]) -> None:
        inner(login, {"trusted": trusted["trusted"], "local": False} if trusted else None)

    inner = checks._check_trust
    monkeypatch.setattr(checks, "_check_trust", elsewhere)
    with pytest.raises(RefusedError, match="without asking .trust in pg_hba.conf."):
        await _start(f"postgresql://believed@{address}")
