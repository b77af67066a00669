"""Asking at a terminal before something dangerous is sent; a script is never asked."""

import asyncio
import contextlib
import sys
import termios
from collections.abc import Sequence

from console.domain.danger import to_type
from console.domain.text.counts import counted
from console.domain.text.safe import safe, safe_id
from console.errors import InvalidInputError
from console.runtime.program import Program
from console.shell import output


async def ask_first(program: Program, device_ids: Sequence[str], command_type: str, *, yes: bool) -> None:
    """Require the end of the device's id to be typed, or the number of several, if input is a terminal.

    Raises:
        InvalidInputError: something else was typed; nothing is sent.
        ConsoleError: the database did not answer.
    """
    if yes or not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        return
    catalogue = await program.catalogues.of_devices(program.tenants[0], device_ids)
    listing = catalogue.listing(command_type)
    count = len(device_ids)
    dangerous = program.danger.asks(command_type, listing.danger_for(count))
    wanted = to_type(device_ids, dangerous=dangerous)
    if wanted is None:
        return
    kind = safe(command_type, 60)
    whom = safe_id(device_ids[0], 128) if count == 1 else counted(count, "device")
    harm = (
        f"{kind} interrupts or changes {'the device' if count == 1 else 'the devices'}." if dangerous else ""
    )
    about = safe(listing.description, 300) or harm
    if about:
        output.say(about)
    # discard what was typed or pasted before the question
    with contextlib.suppress(termios.error):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    output.say(f"Type {wanted.what}, {wanted.text}, to send {kind} to {whom} (--yes skips this):")
    if (await _line()).strip() != wanted.text:
        raise InvalidInputError("Nothing was sent: what you typed does not match.")


async def _line() -> str:
    """Read one line from the terminal; Ctrl-C takes effect at once."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline()
