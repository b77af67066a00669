"""How large a document is as text: told exactly where it fits, and never by writing what does not."""

import time

import asyncpg
import pytest

MOST = 65_536
NUMBERS = "(SELECT jsonb_build_object('x', jsonb_agg({number})) FROM generate_series(1, {count}) n)"


async def size(owner: asyncpg.Connection, document: str) -> int | None:
    sql = f"SELECT device_console.json_bytes({document}, $1)"
    return await owner.fetchval(sql, MOST)


@pytest.mark.parametrize(
    "document",
    [
        "'{}'::jsonb", "'[]'::jsonb", "'\"x\"'::jsonb", "'null'::jsonb", "'1e400'::jsonb", "'[1, [2, {\"a\": true}]]'::jsonb",
        NUMBERS.format(number="0", count=20_000), NUMBERS.format(number="n * 1e17", count=2_500),
        NUMBERS.format(number="n / 7.0", count=2_500), NUMBERS.format(number="1e10000::numeric", count=6),
        "(SELECT jsonb_object_agg('k' || n, '') FROM generate_series(1, 5000) n)",
        "(SELECT jsonb_build_object('x', string_agg(md5(n::text), '')) FROM generate_series(1, 2040) n)",
        "(SELECT jsonb_agg(E'\\u0001'::text) FROM generate_series(1, 5000) n)",
    ],
)  # fmt: skip
async def test_what_fits_is_told_exactly(owner: asyncpg.Connection, document: str) -> None:
    real = await owner.fetchval(f"SELECT octet_length(({document})::text)")
    assert real <= MOST
    assert await size(owner, document) == real


@pytest.mark.parametrize(
    "number", ["1e131000::numeric", "('1.' || repeat('0', 16000))::numeric", "('1e-16000')::numeric"]
)
async def test_a_number_of_few_bytes_is_counted_before_it_is_written(
    owner: asyncpg.Connection, number: str
) -> None:
    """Without the count, sixty kilobytes become hundreds of megabytes of text, for every worker that looks at them."""
    assert await size(owner, NUMBERS.format(number=number, count=5_000)) is None


@pytest.mark.parametrize(
    "document",
    [
        "jsonb_build_object('x', repeat('a', 100000000))",
        NUMBERS.format(number="n", count=400_000),
        "(repeat('[', 6000) || repeat(']', 6000))::jsonb",
    ],
)
async def test_what_is_far_too_large_costs_little_to_tell(owner: asyncpg.Connection, document: str) -> None:
    await owner.execute("CREATE TEMP TABLE kept (document jsonb)")
    await owner.execute(f"INSERT INTO kept VALUES ({document})")
    began = time.monotonic()
    told = await owner.fetchval("SELECT device_console.json_bytes(document, $1) FROM kept", MOST)
    assert told is None or told <= MOST
    assert time.monotonic() - began < 5.0
