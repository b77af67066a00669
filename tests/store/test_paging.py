"""Pages of problems and bulk sends by the key of their last row: none is skipped, none comes twice."""

import asyncpg

from console.runtime.program import Program
from tests.filters import of_problems


async def test_problems_come_page_by_page(program: Program, owner: asyncpg.Connection) -> None:
    """Without the whole key, rows of one instant are skipped or repeated where a page ends."""
    await owner.execute(
        "INSERT INTO device_console.problems (tenant_id, kind, device_id, command_id, detail, last_at)"
        " SELECT 'acme', (ARRAY['late ack', 'forged ack'])[1 + n % 2], 'd' || n % 7, 'c' || n, 'x', now() - (n / 10) * interval '1 s'"
        " FROM generate_series(1, 95) n"
    )
    seen: list[tuple[str, str, str]] = []
    before = None
    while page := await program.history.problems("acme", of_problems(""), 10, before):
        seen += [(p.kind.value, p.device_id, p.command_id) for p in page]
        before = page[-1]
    assert (len(seen), len(set(seen))) == (95, 95)
    found = await program.history.problems(
        "acme",
        of_problems("forged"),
        10,
        (await program.history.problems("acme", of_problems("forged"), 10))[-1],
    )
    assert {p.kind.value for p in found} == {"forged ack"}


async def test_bulk_sends_come_page_by_page(program: Program, owner: asyncpg.Connection) -> None:
    await owner.execute(
        "INSERT INTO device_console.batches (tenant_id, batch_id, command_type, params, ttl_s, target, wanted, created_at)"
        " SELECT 'acme', 'b' || n, 'ping', '{}', 60, 'all', 1, now() - (n / 10) * interval '1 s' FROM generate_series(1, 45) n"
    )
    seen: list[str] = []
    before = None
    while page := await program.bulk.batches("acme", 10, before):
        seen += [batch.batch_id for batch in page]
        before = page[-1]
    assert (len(seen), len(set(seen))) == (45, 45)


async def test_a_filter_is_completed_with_what_occurs_in_the_tenant(
    program: Program, owner: asyncpg.Connection
) -> None:
    """Without the whole tenant, only what happens to be on screen is offered."""
    await owner.execute(
        "UPDATE device_registry SET site_id = 'porto' WHERE device_id = 'pump-5';"
        "INSERT INTO device_tags VALUES ('acme', 'pump-1', 'critical'), ('rival', 'pump-1', 'secret');"
        "INSERT INTO device_groups VALUES ('acme', 'north', 'Northern ring')"
    )
    known = await program.history.known_values("acme")
    assert known.values == {
        "site": ("lyon", "porto"), "model": ("PX-200",), "fw": ("1.4.2",), "tag": ("critical",),
        "group": ("Northern ring",), "name": (), "template": (), "parent": (),
    }  # fmt: skip
    assert known.whole == set(known.values)
