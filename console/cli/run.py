"""From arguments to an exit code: configuration, one front end, errors turned into sentences.

What is slow to import (asyncio, pydantic, the front ends) is imported where it is used: help, a version and a
wrong command line do not need it.
"""

import argparse
import codecs
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from console.cli.output_filter import guard_terminals
from console.cli.parser import parse
from console.errors import ConsoleError
from console.exit_codes import ExitCode
from console.shell.registry import VERBS

if TYPE_CHECKING:
    import asyncio

    from console.settings import Configuration, Settings
    from console.shell.verb import Verb


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code."""
    _speak_the_terminals_language()
    guard_terminals()
    _leave_out_the_callers_folder()
    options = parse(arguments)
    try:
        if options.command is None and not _has_no_screen(options):
            _refuse_terminal()
        from console.settings import load

        configuration = load(vars(options))
        return _run(options, configuration)
    except ConsoleError as error:
        print(f"device-console: {_clean(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return ExitCode.OK


def _has_no_screen(options: argparse.Namespace) -> bool:
    return bool(options.sweeper or options.serve_ssh or options.serve_web)


def _speak_the_terminals_language() -> None:
    """Write ASCII where the locale is not UTF-8, so that no output raises an error."""
    from console.domain.text.ascii import is_utf8, replaced

    codecs.register_error("device-console", replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding=None if is_utf8(os.environ) else "ascii", errors="device-console")


def _leave_out_the_callers_folder() -> None:
    """Keep only absolute folders in PATH: with ".", another user's mosquitto could be started."""
    folders = [folder for folder in os.get_exec_path() if folder.startswith("/")]
    os.environ["PATH"] = os.pathsep.join(folders) or os.defpath


def _refuse_terminal() -> None:
    """Refuse a terminal that cannot show a screen, before any server is started.

    Raises:
        UsageError: the reason, with what to do instead.
    """
    from console.tui import refuse_terminal

    is_terminal = all(
        stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)
    )
    refuse_terminal(os.environ.get("TERM", ""), is_terminal=is_terminal)


def _clean(text: str) -> str:
    from console.domain.text.safe import safe

    return safe(text, 2_000)


def _run(options: argparse.Namespace, configuration: "Configuration") -> int:
    from console.shell.verb import Plain, refuse_host, refuse_read_only

    verb = VERBS.get(options.command)
    if configuration.settings.restricted:
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)  # ctrl+z, also before and after the screen
    if verb is not None:
        refuse_host(verb, options, configuration.settings)
        refuse_read_only(verb, options, configuration.settings)
    if isinstance(verb, Plain):
        return verb.run(options, configuration)
    import asyncio

    try:
        return asyncio.run(_quiet(_front(verb, options, configuration)))
    except asyncio.CancelledError:
        return ExitCode.INTERRUPTED


async def _quiet(front: Coroutine[Any, Any, int]) -> int:
    """Run `front` with library messages kept off the screen; an interrupt cancels it in order."""
    import asyncio

    from console.interrupts import on_interrupt
    from console.leaving import leave

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    loop.set_exception_handler(_log_noise)
    if task is None:
        return await front
    with on_interrupt(loop, lambda: leave() if task.cancelling() else task.cancel()):
        return await front


def _log_noise(_loop: "asyncio.AbstractEventLoop", context: dict[str, Any]) -> None:
    import logging

    logging.getLogger("console.loop").warning("%s: %r", context.get("message"), context.get("exception"))


def _front(
    verb: "Verb | None", options: argparse.Namespace, configuration: "Configuration"
) -> Coroutine[Any, Any, int]:
    if options.sweeper:
        from console.worker.run import run_sweeper

        return run_sweeper(configuration.settings)
    if options.serve_ssh or options.serve_web:
        from console.serve.run import Ports, run_served

        ports = Ports(options.serve_ssh, options.serve_web, options.guests)
        return run_served(configuration.settings, ports, parse)
    if verb is None:
        return _screen(configuration.settings)
    from console.shell.run import run as run_verb

    return run_verb(verb, options, configuration)


async def _screen(settings: "Settings") -> int:
    from console.tui import check_looks

    check_looks(settings.theme, settings.keys)
    from console.cli.starting import StartingLine
    from console.runtime.logs import log_to_file
    from console.runtime.startup import open_program

    log_to_file(settings.log_folder)
    starting = StartingLine(sys.stderr)
    try:
        async with open_program(settings, jobs="auto", simulate=True, tell=starting.begin) as opened:
            from console.tui import run_console

            starting.end()
            return await run_console(opened.program)
    except ConsoleError:
        raise
    except Exception as error:  # noqa: BLE001 - a bug of a worker, which ends the screen, too
        from console.tui.application.crash import write_crash

        starting.end()
        path = write_crash(error, settings.log_folder)
        where = f"the report is in {path}" if path else "no report could be written"
        print(f"device-console crashed; {where}.", file=sys.stderr)
        return ExitCode.FAILED
    finally:
        starting.end()
