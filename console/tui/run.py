"""Running the screen: signals, crash reports, and the terminal given back as it was."""

import asyncio
import logging
import os
import signal
import sys
import traceback

os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")  # read when textual is imported

from console.errors import UsageError
from console.runtime.program import Program

_log = logging.getLogger("console.tui")
CRASHED = 1


async def run_console(program: Program) -> int:
    """Show the console until the operator leaves; return the exit code.

    Raises:
        UsageError: the terminal cannot show a screen.
    """
    if os.environ.get("TERM", "dumb") in {"dumb", "unknown", ""}:
        raise UsageError(
            "This terminal (TERM=dumb) cannot show a screen: use a command such as `device-console devices`."
        )
    from console.tui.app import ConsoleApp

    app = ConsoleApp(program)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, lambda: app.exit(0))
    try:
        await app.run_async()
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
    if app.crash is None:
        return app.return_code or 0
    report = "".join(traceback.format_exception(app.crash))  # without locals
    _log.error("the screen crashed\n%s", report)
    print(
        f"device-console: the screen crashed ({type(app.crash).__name__}); the log tells more.",
        file=sys.stderr,
    )
    return CRASHED
