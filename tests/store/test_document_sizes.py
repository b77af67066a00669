"""How large a document is as text: told exactly where it fits, and never by writing what does not."""

import json
import time

import asyncpg
import pytest

from console.domain.history import HistoryPage
from console.runtime.program import Program
from console.services.exporter import FORMATS, Format, exported
from tests.conftest import Fleet
from tests.rows import add_command

MOST = 65_536
NUMBERS = "(SELECT jsonb_build_object('x', jsonb_agg({number})) FROM generate_series(1, {count}) n)"


async def size(owner: asyncpg.Connection, document: str) -> int | None:
    sql = f"SELECT device_console.json_bytes({document}, $1)"
    found: int | None = await owner.fetchval(sql, MOST)
    return found


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
async def test_what_fits_is_reported_exactly(owner: asyncpg.Connection, document: str) -> None:
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
    reported = await owner.fetchval("SELECT device_console.json_bytes(document, $1) FROM kept", MOST)
    assert reported is None or reported <= MOST
    assert time.monotonic() - began < 5.0


LARGE = NUMBERS.format(number="1e131000::numeric", count=3_000)
CUT = '"cut: as text, this document is too long to be shown"'


@pytest.fixture
async def large(owner: asyncpg.Connection, fleet: Fleet) -> None:
    """A command and its answer, some thirty kilobytes each, and 393 MB as text."""
    await add_command(owner, fleet.acme, "large", status="delivered", published=True)
    await owner.execute(
        f"UPDATE device_commands SET command_params = {LARGE}, acked_at = now(),"
        f" ack_details = jsonb_build_object('status', 'ok', 'details', {LARGE})"
    )


async def test_what_is_too_long_to_be_shown_is_marked_as_cut(
    program: Program, owner: asyncpg.Connection, large: None
) -> None:
    """Without the bound, a page of history takes seconds, and hundreds of megabytes."""
    del large

    def documents(page: HistoryPage) -> list[str | None]:
        return [text for c in page.commands for text in (c.params_json, c.ack_json)]

    assert documents(await program.history.commands("acme")) == [CUT, CUT]
    assert documents(await program.history.reread("acme", ["large"])) == [CUT, CUT]
    detail = await program.history.command("acme", "large")
    assert detail is not None
    assert (detail.command.params_json, detail.command.ack_json, detail.command.ack_status) == (
        CUT,
        CUT,
        "ok",
    )
    assert await program.history.recent_commands("acme") == ()
    await owner.execute(f"UPDATE device_commands SET ack_details = jsonb_build_object('status', {LARGE})")
    (command,) = (await program.history.commands("acme")).commands
    assert command.ack_status == CUT


@pytest.mark.parametrize("form", FORMATS)
async def test_nor_is_it_exported(program: Program, large: None, form: Format) -> None:
    """Without the bound, an export of one row is a gigabyte; what it says instead can still be read."""
    del large
    text = "".join([piece async for piece, _ in exported(program.history, "acme", form)])
    assert len(text) < 2_000
    if form != "csv":
        (row,) = json.loads(text) if form == "json" else [json.loads(text)]
        assert row["params"] == row["ack_details"] == json.loads(CUT)
    assert "too long to be shown" in text


async def test_a_large_document_within_the_bound_is_exported_whole(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    await add_command(owner, fleet.acme, "c1", params=json.dumps({"x": "y" * 400_000}))
    text = "".join([piece async for piece, _ in exported(program.history, "acme", "jsonl")])
    assert len(json.loads(text)["params"]["x"]) == 400_000
