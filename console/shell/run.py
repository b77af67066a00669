"""Running one shell command: what it needs is opened for it, and --read-only is enforced here for all."""

import argparse
import logging

from console.runtime.logs import log_to_stderr
from console.runtime.program import Program
from console.runtime.startup import open_program
from console.settings import Configuration
from console.shell import filter_argument
from console.shell.ids import whole_id
from console.shell.verb import Act, Read, Setup, Verb


async def run(verb: Verb, options: argparse.Namespace, configuration: Configuration) -> int:
    """Open what the command needs and run it; return the exit code.

    Raises:
        InvalidInputError: its filter or its id cannot be used.
    """
    settings = configuration.settings
    match verb:
        case Setup():
            return await verb.run(options, configuration)
        case Read():
            log_to_stderr(logging.ERROR)
            _check_filter(verb, options)
            async with open_program(settings, jobs="none") as opened:
                await _complete(verb, options, opened.program)
                return await verb.run(options, opened.program)
        case Act():
            log_to_stderr(logging.ERROR)
            _check_filter(verb, options)
            async with open_program(settings, jobs="later", simulate=True) as opened:
                await _complete(verb, options, opened.program)
                return await verb.run(options, opened)
        case _:
            raise TypeError(verb)


def _filter_of(options: argparse.Namespace) -> str:
    words = getattr(options, "text", None)
    return " ".join(words) if words else getattr(options, "where", None) or ""


def _check_filter(verb: Read | Act, options: argparse.Namespace) -> None:
    """Parse the filter into `wanted`, once, before any server is started."""
    if verb.filters is not None:
        options.wanted = filter_argument.checked(_filter_of(options), verb.filters)


async def _complete(verb: Read | Act, options: argparse.Namespace, program: Program) -> None:
    """Replace a prefix by the whole id, and check the filter against the tenant's values."""
    if verb.ids:
        options.id = await whole_id(program, verb.ids, options.id)
    if verb.filters is not None:
        await filter_argument.judge(program, options.wanted)
