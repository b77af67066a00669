"""A machine whose clock is a day off runs a worker and a shell: the database's clock decides, nobody notices."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess, start_broker
from tests.conftest import Fleet
from tests.devices import device, ok
from tests.faults.processes import environment, program
from tests.faults.program import CLOCK_SHIFT_S
from tests.needs import find_program, need
from tests.rows import add_command, log_settling, row_of, status_of
from tests.waiting import PATIENCE_S, until

DAY_S = 86_400
LATENESS_S = PATIENCE_S / 3  # on a busy machine; a wrong clock would make it a day
_FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


@pytest.fixture(scope="module")
def broker() -> Iterator[BrokerProcess]:
    with start_broker("mosquitto" if find_program("mosquitto") else "nats-server") as running:
        yield running


def of_the_program(days: int) -> dict[str, str]:
    """The clocks that Python reads."""
    return {CLOCK_SHIFT_S: str(days * DAY_S)}


def of_the_process(days: int) -> dict[str, str]:
    """Also those that a library in C reads."""
    need("libfaketime", _FAKETIME)
    return {"LD_PRELOAD": str(_FAKETIME[0]), "FAKETIME": f"{days:+}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@pytest.mark.slow
@pytest.mark.parametrize("days", [1, -1])
@pytest.mark.parametrize("wrong", [of_the_program, pytest.param(of_the_process, marks=pytest.mark.soak)])
async def test_a_worker_whose_clock_is_a_day_off_publishes_settles_and_acknowledges_in_time(
    access: Access, broker: BrokerProcess, owner: asyncpg.Connection, fleet: Fleet, tmp_path: Path, wrong, days: int
) -> None:  # fmt: skip
    """Without the database's clock, a day ahead nothing goes out and a day behind nothing ends."""
    await log_settling(owner)
    await add_command(owner, "acme", "unroutable", "x/y", ttl=timedelta(seconds=4))
    await add_command(owner, "acme", "of another writer", "pump-3", age=timedelta(minutes=1))
    env = environment(tmp_path, access.url, broker.address, **wrong(days))

    def answer(command: dict[str, object]) -> bytes | None:
        return None if command["command_id"] in {"silent", "patient"} else ok(command)

    async with device(broker.address, "+", answer) as pumps, program(env, "--sweeper") as worker:
        await worker.ready()
        written = [json.loads(line)["at"] for line in worker.message if "ready" in line]
        ahead = datetime.fromisoformat(written[0]) - await owner.fetchval("SELECT clock_timestamp()")
        assert abs(ahead.total_seconds() - days * DAY_S) < 600  # else all of this proves nothing
        for command_id, ttl in (("answered", "1h"), ("silent", "5s"), ("patient", "1h")):
            async with program(env, "send", "pump-1", "ping", "--id", command_id, "--ttl", ttl) as sending:
                assert await sending.ended() == 0, sending.message

        async def has(command_id: str, status: str) -> bool:
            return await status_of(owner, command_id) == status

        for command_id, status in (
            ("answered", "delivered"), ("of another writer", "delivered"), ("unroutable", "expired"), ("silent", "missed"),
        ):  # fmt: skip
            await until(partial(has, command_id, status))
        patient = await row_of(owner, "patient")
        assert worker.alive
    assert {c["command_id"] for c in pumps.commands} == {"answered", "silent", "patient", "of another writer"}
    assert (patient["status"], patient["published_at"] is None) == ("queued", False)
    lateness = {row["command_id"]: row["late_s"] for row in await owner.fetch("SELECT * FROM settled")}
    assert lateness["answered"] < 0
    assert 0 <= lateness["silent"] < LATENESS_S
    assert 0 <= lateness["unroutable"] < LATENESS_S
    for command_id, ttl_s in (("answered", 3_600), ("silent", 5), ("patient", 3_600)):
        row = await row_of(owner, command_id)
        assert abs((row["expires_at"] - row["created_at"]).total_seconds() - ttl_s) < 1
        assert await owner.fetchval("SELECT abs(extract(epoch FROM now() - $1)) < 600", row["created_at"])
