"""Running the application so that the terminal is restored however it ends."""

import asyncio
import os
import signal
import threading

from console.runtime.program import Program
from console.tui.application.app import ConsoleApp
from console.tui.terminal.app import never_wait_for_the_terminal
from console.tui.terminal.driver import JOB_CONTROL

PATIENCE_S = 5.0


async def run(program: Program) -> int:
    """Run the application; return the exit code: 0 if the operator or a signal ended it, 1 after a crash."""
    never_wait_for_the_terminal()
    app = ConsoleApp(program)
    loop = asyncio.get_running_loop()
    leaving = threading.Timer(PATIENCE_S, os._exit, (0,))
    leaving.daemon = True

    def leave() -> None:
        """End in order; after a while at once, because a stalled terminal may never recover."""
        if not leaving.is_alive():
            leaving.start()
        app.exit(0)

    signals = (signal.SIGTERM, signal.SIGHUP)

    def crash(failed: threading.ExceptHookArgs) -> None:
        """End the program when a thread fails: without the one that reads keys, it could not be operated."""
        if isinstance(failed.exc_value, Exception) and not loop.is_closed():
            loop.call_soon_threadsafe(app.end_with, failed.exc_value)

    for number in signals:
        loop.add_signal_handler(number, leave)
    threading.excepthook, before = crash, threading.excepthook
    try:
        await app.run_async(mouse=program.preferences.mouse)
    finally:
        threading.excepthook = before
        app.free_input()
        if leaving.is_alive():  # what is closed after the screen gets the same limited time
            leaving.cancel()
            last = threading.Timer(2 * PATIENCE_S, os._exit, (0,))
            last.daemon = True
            last.start()
        for number in (*signals, *JOB_CONTROL):
            loop.remove_signal_handler(number)
    return app.return_code or 0
