"""Hostile batches at random: what `acknowledge` makes of them is what the plain reference makes of them."""

import random
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.rows import add_tenant

REFERENCE = Path(__file__).with_name("answers_by_sets.sql")
TENANTS, DEVICES = [f"t{n}" for n in range(4)], [f"d{n}" for n in range(4)]
ANSWERS = (
    '{"status":"ok","details":null}', '{"details": null, "status": "ok"}', '{"status":"error","details":{"a":1}}',
    '{"status":"error","details":{"a":1.0}}', '{"status":"1","details":{"value":5}}',
)  # fmt: skip
STORED = (*ANSWERS, '{"status": null}', "{}", '{"status": 1, "details": 5}', "5", None)
FILL = (
    "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, status, published_at, acked_at,"
    " ack_details, expires_at) SELECT t, c, d, 'ping', s, now() - p * interval '1 minute', now() - a * interval '1 minute',"
    " j::jsonb, now() + e * interval '1 hour'"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::int[], $7::text[], $8::int[])"
    " AS r(t, c, d, s, p, a, j, e)"
)
NOTED = "INSERT INTO device_console.journal (tenant_id, command_id, kind, detail) VALUES ($1, $2, $3, $4)"
ROWS = (
    "SELECT tenant_id, command_id, status, ack_details::text, published_at IS NULL, published_at = acked_at,"
    " CASE WHEN acked_at < now() THEN acked_at END, acked_at IS NULL,"
    " CASE WHEN published_at < now() THEN published_at END FROM device_commands ORDER BY 1, 2"
)
JOURNAL = "SELECT tenant_id, command_id, kind, detail FROM device_console.journal ORDER BY 1, 2, entry_id"
ENDED = "SELECT tenant_id, outcome, unnest(command_ids) FROM device_console.ended_events"
Answer = tuple[str, str, str, str]


async def fill(owner: asyncpg.Connection, by: random.Random) -> list[tuple[str, str, str]]:
    """Rows of every kind: open, overdue, settled, answered, reset by another program, of a status that is not ours."""
    rows = []
    for number in range(by.randint(1, 50)):
        status = by.choice(
            ["queued"] * 6 + ["missed", "missed", "expired", "delivered", "delivered", "parked"]
        )
        is_answered = status == "delivered" or by.random() < 0.15
        rows.append(
            (
                by.choice(TENANTS),
                f"c{number}",
                by.choice(DEVICES),
                status,
                by.choice([1, 5, None]),
                by.choice([1, 1, 1, None]) if is_answered else None,
                by.choice(STORED) if is_answered else None,
                by.choice([1, 1, 1, -1]),
            )
        )
    await owner.execute(FILL, *map(list, zip(*rows, strict=True)))
    for tenant_id, command_id, *_ in rows:
        if by.random() < 0.1:
            kind = by.choice(["conflict", "late_ack", "progress"])
            await owner.execute(NOTED, tenant_id, command_id, kind, by.choice(ANSWERS))
    return [(row[0], row[1], row[2]) for row in rows]


def batch(keys: list[tuple[str, str, str]], by: random.Random) -> list[Answer]:
    """Answers to them, some from another device, of another tenant, to no command; many of them copies."""
    keys = by.sample(keys, by.randint(1, len(keys)))
    answers = []
    for _ in range(by.choice([1, 5, 40, 120])):
        tenant_id, command_id, device_id = by.choice(keys)
        answers.append(
            (
                by.choice([*TENANTS, "t9"]) if by.random() < 0.05 else tenant_id,
                by.choice(DEVICES) if by.random() < 0.1 else device_id,
                "nope" if by.random() < 0.05 else command_id,
                by.choice(ANSWERS) if by.random() < 0.5 else ANSWERS[0],
            )
        )
    return answers


async def outcome_of(
    owner: asyncpg.Connection, function: str, answers: list[Answer], *, accept: bool
) -> tuple[list[str], Any, Any, set[tuple[str, ...]]]:
    """What the function says and leaves behind; all of it is undone."""
    trial = owner.transaction()
    await trial.start()
    lists = [list(values) for values in zip(*answers, strict=True)]
    rows = await owner.fetch(
        f"SELECT n, outcome FROM device_console.{function}($1, $2, $3, $4, $5)", *lists, accept
    )
    outcomes = {row["n"]: row["outcome"] for row in rows}
    assert len(outcomes) == len(rows)
    told = [outcomes.get(n, "acked") for n in range(1, len(answers) + 1)]
    ended = {tuple(row) for row in await owner.fetch(ENDED)}
    left = (await owner.fetch(ROWS), await owner.fetch(JOURNAL))
    await trial.rollback()
    return told, *left, ended


@pytest.mark.parametrize("seed", range(8))
async def test_every_batch_is_taken_as_the_reference_takes_it(owner: asyncpg.Connection, seed: int) -> None:
    """Without one of its branches, an answer of some kind is lost, wins twice or is reported as another kind."""
    by = random.Random(seed)
    await owner.execute(REFERENCE.read_text())
    await owner.execute("ALTER TABLE device_commands DROP CONSTRAINT device_commands_status_check")
    for tenant_id in TENANTS:
        await add_tenant(owner, tenant_id)
    seen: set[str] = set()
    for _ in range(50):
        turn = owner.transaction()
        await turn.start()
        answers = batch(await fill(owner, by), by)
        accept = by.random() < 0.5
        wanted = await outcome_of(owner, "acknowledge_by_sets", answers, accept=accept)
        found = await outcome_of(owner, "acknowledge", answers, accept=accept)
        assert found[:3] == wanted[:3], (answers, accept)
        ends = zip(answers, found[0], strict=True)
        assert found[3] == {(a[0], outcome, a[2]) for a, outcome in ends if outcome in {"acked", "late"}}
        seen.update(found[0])
        await turn.rollback()
    assert seen == {"acked", "late", "late recorded", "duplicate", "conflict", "forged", "unknown"}
