"""What send takes is published: sizes, numbers and ids are judged as the database and the claim judge them."""

import asyncio
import json
import sys
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from console.domain.commands import Draft, params_fault
from console.domain.identifiers import id_fault
from console.domain.text.json_size import stored_size
from console.errors import ConflictError, InvalidInputError
from console.limits import MAX_PAYLOAD_BYTES
from console.runtime.program import Program
from console.store.outbox import OutboxStore
from console.store.pool import Database
from tests.conftest import Fleet
from tests.rows import add_command

_numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,6})(\.[0-9]{1,8})?([eE][-+]?0{0,2}[0-9]{1,3})?", fullmatch=True)
_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)
_values = st.recursive(
    _numbers.map(lambda token: ("number", token)) | _texts | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(_texts, inner), max_size=4).map(dict),
    max_leaves=12,
)


def _typed(value: object) -> str:
    """JSON text with numbers as they were drawn."""
    match value:
        case ("number", str(token)):
            return token
        case dict():
            return "{" + ",".join(f"{json.dumps(k)}:{_typed(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ",".join(map(_typed, value)) + "]"
        case _:
            return json.dumps(value)


@pytest.mark.slow
def test_the_size_is_the_one_that_the_database_writes_out(database_url: str) -> None:
    with asyncio.Runner() as runner:
        owner = runner.run(asyncpg.connect(database_url))

        @settings(
            max_examples=400,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(_values)
        @example(("number", "-0"))
        @example(("number", "-0.00"))
        @example(("number", "0e-7"))
        @example(("number", "1.500e1"))
        @example(("number", "1e308"))
        @example(("number", "0.00012E3"))
        @example('\x7f\x1f"\\/\u2028\b')
        def same(value: object) -> None:
            text = _typed(value)
            assert stored_size(text) == runner.run(
                owner.fetchval("SELECT octet_length($1::text::jsonb::text)", text)
            ), text

        same()
        twice = '{"a": 1, "a": [1e3, 2], "b":""}'
        assert stored_size(twice) == runner.run(
            owner.fetchval("SELECT octet_length($1::text::jsonb::text)", twice)
        )
        runner.run(owner.close())


@pytest.mark.parametrize(
    ("token", "says"),
    [
        ("1e400", "beyond about 1.8e308"),
        ("-1e400", "beyond about 1.8e308"),
        ("1e-20000", "16,383 after the decimal point"),
        ("1e-99999999999999", "16,383 after the decimal point"),
        ("1" + "0" * 140_000, "131,072 before"),
        ("NaN", "not JSON"),
        ("1e300", None),
        ("1e-16383", None),
        ("9" * 131_072, None),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_a_number_is_refused_for_the_limit_that_it_breaks(
    owner: asyncpg.Connection, token: str, says: str | None
) -> None:
    """Without the true limit in the sentence, an operator looks for a fault that is not there."""
    text = f'{{"a": {token}}}'
    fault = params_fault(text, 1_000_000)
    if says is None:
        assert fault is None
        assert await owner.fetchval("SELECT $1::text::jsonb IS NOT NULL", text)
        return
    assert fault is not None
    assert says in fault
    if "digits" in fault:
        with pytest.raises(asyncpg.PostgresError):
            await owner.fetchval("SELECT $1::text::jsonb", text)


def _params(rest: int, shape: str) -> str:
    """Params of about `rest` bytes as the database writes them, in forms that are shorter when they are typed."""
    if shape == "spaces":
        return '{"a":[' + ",".join(["1"] * (rest // 3)) + "]}"
    if shape == "exponents":
        return '{"a":[' + ",".join(["1e300"] * (rest // 303)) + "]}"
    return '{"a":"' + "x" * rest + '"}'


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["spaces", "exponents", "plain"])
async def test_what_is_accepted_at_send_is_never_parked_at_publication(
    database: Database, program: Program, owner: asyncpg.Connection, fleet: Fleet, shape: str
) -> None:
    """Without the size that counts at publication, a command is accepted, parked as too large, and expires."""
    low, high = 1_000, 2 * MAX_PAYLOAD_BYTES
    while high - low > 310:  # the largest that send takes
        middle = (low + high) // 2
        draft = Draft(str(uuid4()), "pump-1", "ping", _params(middle, shape))
        low, high = (middle, high) if not draft.faults() else (low, middle)
    receipt = await program.sender.send("acme", [program.sender.draft("pump-1", "ping", _params(low, shape))])
    job = program.bulk.job(
        "ping", _params(low, shape), timedelta(minutes=1), None, device_ids=["pump-2"], target="all"
    )
    await program.bulk.begin("acme", job)
    await program.bulk.run("acme", job)
    claimed = await OutboxStore(database).claim(uuid4(), 10, 10, MAX_PAYLOAD_BYTES)
    assert {c.command_id for c in claimed} == {*receipt.command_ids, job.draft.command_id("pump-2")}
    for size in (high + 400, 3 * MAX_PAYLOAD_BYTES):
        with pytest.raises(InvalidInputError, match="at most 65,536"):
            await program.sender.send("acme", [program.sender.draft("pump-1", "ping", _params(size, shape))])
        too_large = program.bulk.job(
            "ping", _params(size, shape), timedelta(minutes=1), None, device_ids=["pump-2"], target="all"
        )
        with pytest.raises(InvalidInputError, match="at most 65,536"):
            await program.bulk.begin("acme", too_large)
    assert await owner.fetchval("SELECT count(*) FROM device_console.problems") == 0


async def test_a_retry_of_what_is_read_back_cut_names_that(
    program: Program, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without it, whole JSON is said to be none."""
    await add_command(
        owner, fleet.acme, "c1", status="missed", published=True, params=_params(80_000, "plain")
    )
    with pytest.raises(ConflictError, match="too long to be read back in full"):
        await program.sender.retry("acme", "c1", "alice")


@pytest.mark.slow
async def test_an_id_that_send_takes_is_one_that_the_claim_routes(owner: asyncpg.Connection) -> None:
    """Without the same rule, a command to such an id is accepted and never leaves."""
    places = [n for n in range(1, sys.maxunicode + 1) if not 0xD800 <= n < 0xE000]
    ids = [pattern.format(chr(n)) for n in places for pattern in ("a{0}", "{0}a", "a{0}b")]
    routed = await owner.fetch(
        "SELECT i.id FROM unnest($1::text[]) AS i(id) WHERE NOT device_console.id_is_routable(i.id)", ids
    )
    assert [row["id"] for row in routed if id_fault(row["id"]) is None] == []
