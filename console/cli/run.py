"""From arguments to an exit code: configuration, one front end, errors turned into sentences."""

import argparse
import asyncio
import codecs
import os
import sys
from collections.abc import Coroutine, Sequence
from io import TextIOWrapper
from typing import Any

from console.cli.parser import parse
from console.errors import ConsoleError, UsageError
from console.settings import Configuration, Settings, load

INTERRUPTED = 130
_CHANGES = {
    "migrate": "migrate changes the database",
    "simulate": "simulate answers commands and writes rows",
}


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code."""
    _speak_the_terminals_language()
    options = parse(arguments)
    try:
        configuration = load(vars(options))
        return _run(options, configuration)
    except ConsoleError as error:
        print(f"device-console: {_clean(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def _speak_the_terminals_language() -> None:
    """Without UTF-8 our symbols become ASCII, and no output ends the program."""
    from console.domain.plain_text import is_utf8, replaced

    codecs.register_error("device-console", replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding=None if is_utf8(os.environ) else "ascii", errors="device-console")


def _refuse_read_only(settings: Settings, why: str) -> None:
    if settings.read_only:
        raise UsageError(f"{why[0].upper()}{why[1:]}, and --read-only forbids changes.")


def _clean(text: str) -> str:
    from console.domain.safe_text import safe

    return safe(text, 2_000)


def _run(options: argparse.Namespace, configuration: Configuration) -> int:
    settings = configuration.settings
    if options.command == "config":
        from console.headless.care import show_configuration

        return show_configuration(configuration, as_json=options.json)
    if options.command == "demo":
        from console.headless.care import reset_demo

        _refuse_read_only(settings, "demo reset deletes the demo's data")
        return reset_demo(settings)
    return asyncio.run(_quiet(_front(options, settings)))


async def _quiet(front: Coroutine[Any, Any, int]) -> int:
    """Keep the noise of libraries off the screen."""
    asyncio.get_running_loop().set_exception_handler(_log_noise)
    return await front


def _log_noise(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    import logging

    logging.getLogger("console.loop").warning("%s: %r", context.get("message"), context.get("exception"))


def _front(options: argparse.Namespace, settings: Settings) -> Coroutine[Any, Any, int]:
    if options.sweeper:
        from console.headless.sweep import run_sweeper

        return run_sweeper(settings)
    if options.command is None:
        return _screen(settings)
    if options.command in {"migrate", "doctor", "ingest-slots", "simulate"}:
        from console.headless import care

        if options.command in _CHANGES:
            _refuse_read_only(settings, _CHANGES[options.command])

        return care.run(options, settings)
    from console.headless import twins

    return twins.run(options, settings)


async def _screen(settings: Settings) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "The screen needs a terminal: run `device-console --sweeper` on a server, or a command such as "
            "`device-console devices` (see --help)."
        )
    from console.headless.logs import log_to_file
    from console.runtime.opening import open_program

    log_to_file(settings.home_folder / "log")
    async with open_program(settings, jobs="auto", simulate=True) as opened:
        from console.tui import run_console

        return await run_console(opened.program)
