"""Running the application so that the terminal is restored however it ends."""

import asyncio
import signal

from console.runtime.program import Program
from console.tui.app import ConsoleApp

_OFF = {"0", "off", "no", "false"}


async def run(program: Program) -> int:
    """Return the exit code: 0 when the operator or a signal ended it, 1 after a crash."""
    app = ConsoleApp(program)
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, app.exit, 0)
    try:
        mouse = program.environment.get("CONSOLE_MOUSE", "").lower() not in _OFF
        await app.run_async(mouse=mouse)
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
    return app.return_code or 0
