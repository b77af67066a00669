"""Asking at a terminal before something dangerous is sent; a script is never asked."""

import asyncio
import sys

from console.domain.danger import to_type
from console.domain.safe_text import safe, safe_id
from console.errors import InvalidInputError
from console.headless import output
from console.runtime.program import Program


async def ask_first(program: Program, device_id: str, command_type: str, *, yes: bool) -> None:
    """Want the end of the device's id typed where somebody is there to type it.

    Raises:
        InvalidInputError: something else was typed; nothing is sent.
        ConsoleError: the database did not answer.
    """
    if yes or not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        return
    catalogue = await program.catalogues.of_devices(program.tenants[0], (device_id,))
    listing = catalogue.listing(command_type)
    wanted = to_type(
        (device_id,), dangerous=program.danger.asks(command_type, listing.danger_for(1))
    )  # fmt: skip
    if wanted is None:
        return
    kind = safe(command_type, 60)
    output.say(safe(listing.description, 300) or f"{kind} interrupts or changes the device.")
    whom = safe_id(device_id, 128)
    output.say(f"Type {wanted.what}, {wanted.text}, to send {kind} to {whom} (--yes does not ask):")
    if (await _line()).strip() != wanted.text:
        raise InvalidInputError("Nothing was sent: that is not what was to be typed.")


async def _line() -> str:
    """One line from the terminal; whoever presses Ctrl-C is not kept waiting by it."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline()
