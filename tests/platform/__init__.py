"""The platform's database beside which the console has to live, built from what its catalog tells.

The roles belong to the whole cluster: they are made where they are missing, and stay. Because the owner is a superuser
in one of the two kinds and cannot be both at once, the plain one has a name of its own.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from tests.addresses import as_login, with_database

OWNERS = {True: "iot", False: "iot_plain"}
_FOLDER = Path(__file__).parent
_MAKING = 0x70_6C_61_74  # "plat"; the key of the lock under which roles are made
_ROLES = """
DO $$
DECLARE
    wanted RECORD;
BEGIN
    FOR wanted IN SELECT * FROM (VALUES
        ('iot', 'LOGIN SUPERUSER'),
        ('iot_plain', 'LOGIN'),
        ('pulse_app', 'NOLOGIN'),
        ('pulse_operator', 'NOLOGIN BYPASSRLS'),
        ('pulse_operator_read', 'NOLOGIN BYPASSRLS'),
        ('pulse_operator_write', 'NOLOGIN'),
        ('platform_person', 'LOGIN'),
        ('platform_keeper', 'LOGIN')
    ) AS r(name, attributes) LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
            EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.attributes);
        END IF;
    END LOOP;
END
$$;
GRANT pulse_app, pulse_operator TO iot, iot_plain;
GRANT pulse_app TO platform_person, platform_keeper;
"""


@dataclass(frozen=True)
class PlatformUrls:
    """The ways into one platform database.

    `person` is a login that is only a member of `pulse_app`, `keeper` one that gets the console's worker role, too:
    by `let_work`, once that role exists.
    """

    superuser: str
    owner: str
    person: str
    keeper: str


async def make_platform(superuser_url: str, name: str, *, owner_superuser: bool) -> PlatformUrls:
    """Make the database `name` as the platform's migration 121 leaves it, with two tenants in it."""
    owner = OWNERS[owner_superuser]
    superuser = await asyncpg.connect(superuser_url)
    try:
        await make_roles(superuser)
        await superuser.execute(f"CREATE DATABASE {name} OWNER {owner}")
    finally:
        await superuser.close()
    url = with_database(superuser_url, name)
    maker = await asyncpg.connect(url)
    try:
        await maker.execute(f"SET ROLE {owner}")
        await maker.execute((_FOLDER / "schema.sql").read_text().replace(":owner", owner))
        await maker.execute("RESET ROLE")
        await maker.execute((_FOLDER / "seed.sql").read_text())
    finally:
        await maker.close()
    return PlatformUrls(
        url, as_login(url, owner), as_login(url, "platform_person"), as_login(url, "platform_keeper")
    )


async def make_roles(superuser: asyncpg.Connection) -> None:
    """Make the platform's roles where the cluster lacks them, whoever else does so at this moment."""
    await superuser.execute("SELECT pg_advisory_lock($1)", _MAKING)
    try:
        for attempt in range(5):  # a migration in another database may make pulse_app at this moment
            try:
                await superuser.execute(_ROLES)
            except (
                asyncpg.DuplicateObjectError,
                asyncpg.UniqueViolationError,
                asyncpg.InternalServerError,
            ):
                if attempt == 4:
                    raise
                await asyncio.sleep(0)
            else:
                return
    finally:
        await superuser.execute("SELECT pg_advisory_unlock($1)", _MAKING)


async def let_work(urls: PlatformUrls, worker_role: str = "device_console_worker") -> None:
    """Give the worker role to the owner and to `keeper`, as the platform's operator would; make it if it is missing."""
    superuser = await asyncpg.connect(urls.superuser)
    try:
        await superuser.execute("SELECT pg_advisory_lock($1)", _MAKING)
        if not await superuser.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", worker_role):
            await superuser.execute(f"CREATE ROLE {worker_role} NOLOGIN")
        await superuser.execute(f"GRANT {worker_role} TO iot_plain, platform_keeper")
    finally:
        await superuser.close()


async def drop_platform(superuser_url: str, name: str) -> None:
    """The database goes; the roles stay, for other databases of the cluster use them."""
    superuser = await asyncpg.connect(superuser_url)
    try:
        await superuser.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    finally:
        await superuser.close()
