"""The phases of a device's newest commands are those of its history, the oldest first."""

from datetime import timedelta

import asyncpg

from console.domain.commands import Phase
from console.domain.devices import RECENT
from console.runtime.program import Program
from tests.rows import add_command

HOUR = timedelta(hours=1)


async def _of_every_phase(owner: asyncpg.Connection, program: Program) -> None:
    """Three commands more than are shown, of every phase; the oldest were answered."""
    for number in range(5):
        await add_command(owner, "acme", f"old-{number}", age=(30 - number) * HOUR, published=True)
    await owner.execute(
        "UPDATE device_commands SET status = 'delivered', acked_at = created_at, ack_details = '{\"status\": \"ok\"}'"
    )
    for number, status in enumerate(("missed", "expired", "missed", "queued", "queued", "expired", "missed")):
        await add_command(
            owner, "acme", f"c-{number}", status=status, age=(10 - number) * HOUR, published=number != 4
        )
    await owner.execute(
        """
        UPDATE device_commands SET acked_at = created_at, ack_details = '{"status": "error"}' WHERE command_id = 'c-2';
        UPDATE device_commands SET acked_at = created_at, ack_details = '{"status": "ok"}' WHERE command_id = 'c-6';
        INSERT INTO device_console.journal (tenant_id, command_id, kind, detail)
        VALUES ('acme', 'c-3', 'progress', '{"status": "accepted"}'), ('acme', 'c-5', 'cancelled', '')
        """
    )
    await add_command(owner, "acme", "c-7", age=timedelta(minutes=5), published=True)
    await add_command(owner, "acme", "c-8", age=timedelta(minutes=4))
    await add_command(owner, "acme", "other", "pump-2", status="missed")


async def test_they_are_those_of_the_history(owner: asyncpg.Connection, program: Program) -> None:
    """Without one reading of a command, the strip shows an end that the history does not."""
    await _of_every_phase(owner, program)
    devices = await program.history.devices("acme", ["pump-1", "pump-2", "pump-3"])
    history = await program.history.commands("acme", device_ids=["pump-1"])
    newest = [command.phase for command in history.commands[:RECENT]]
    assert len(history.commands) > RECENT
    assert devices["pump-1"].recent == tuple(reversed(newest))
    assert set(newest) == set(Phase) - {Phase.UNKNOWN}
    assert devices["pump-2"].recent == (Phase.MISSED,)
    assert devices["pump-3"].recent == ()


async def test_commands_of_one_instant_stand_in_the_order_of_the_history(
    owner: asyncpg.Connection, program: Program
) -> None:
    for number, status in enumerate(("missed", "expired", "missed")):
        await add_command(owner, "acme", f"c-{number}", status=status)
    await owner.execute("UPDATE device_commands SET created_at = now()")
    device = (await program.history.devices("acme", ["pump-1"]))["pump-1"]
    history = await program.history.commands("acme", device_ids=["pump-1"])
    assert device.recent == tuple(command.phase for command in reversed(history.commands))
