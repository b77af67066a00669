"""Input that comes faster than it is acted on."""

import asyncio
import os
import signal

from textual import events

from console.tui.terminal.type_ahead import TypeAhead


class Taker:
    """An application that keeps what it is handed, and tells when it has so many."""

    def __init__(self, many: int) -> None:
        self.taken: list[object] = []
        self.full = asyncio.Event()
        self._many = many

    def post_message(self, message: object) -> bool:
        self.taken.append(message)
        if len(self.taken) == self._many:
            self.full.set()
        return True


async def test_a_flood_of_input_loses_no_signal():
    """Told of each event by itself, the loop finds its pipe full, and the signal behind them is gone."""
    taker, heard = Taker(2_000), asyncio.Event()
    ahead = TypeAhead(taker)  # type: ignore[arg-type] # all that it calls of an application
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, heard.set)
    try:
        pasted = [events.MouseMove(None, n, 1, 0, 0, 0, False, False, False) for n in range(2_000)]
        for event in pasted:
            ahead.put(event)
        os.kill(os.getpid(), signal.SIGUSR1)
        async with asyncio.timeout(5):
            await heard.wait()
            await taker.full.wait()
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)
    assert taker.taken == pasted
