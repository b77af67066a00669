"""How cost grows with how many devices there are, and with how many commands wait for each."""

import asyncio

from benchmarks.place import Place
from benchmarks.processes import environment
from benchmarks.publications import publish
from benchmarks.screens import SCALE_TENANT, first_rows, seed_fleet
from benchmarks.starts import environment_of_terminal

DEPTHS = [1, 10, 100, 1_000, 5_000]
FLEETS = [1_000, 10_000, 100_000, 1_000_000]
_WAITING, _MOST_COMMANDS = 5_000, 300_000


async def depth(place: Place, deep: int) -> dict[str, float]:
    """5,000 commands that wait, so many of them for each device."""
    device = f"'dev-' || lpad(((n - 1) / {deep})::text, 5, '0')"
    speed, _, _ = await publish(place, _WAITING, device=device, within_s=60)
    return {"one worker": 1e6 / speed}


async def fleet(place: Place, devices: int) -> dict[str, float]:
    """A start with so many devices until their first rows are read, and until all are counted."""
    async with place.database(f"fleet_{devices}", lambda _: asyncio.sleep(0)) as copy:
        await seed_fleet(copy, devices, min(3 * devices, _MOST_COMMANDS))
        with place.broker() as broker:
            env = environment_of_terminal(environment(copy, broker, CONSOLE_TENANT=SCALE_TENANT))
            bare, first, whole = await asyncio.to_thread(first_rows, env)
    return {"first row": first, "all counted": whole, "bare Textual": bare}
