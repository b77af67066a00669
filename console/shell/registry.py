"""Which twin answers to which command, and what each needs to be open."""

import argparse
from collections.abc import Awaitable, Callable

from console.domain.filters.language import Scope
from console.errors import InvalidInputError
from console.runtime.logs import log_to_stderr
from console.runtime.program import Program
from console.runtime.startup import RunningProgram, open_program
from console.settings import Settings
from console.shell import batches as bulk
from console.shell import commands as acts
from console.shell import favourites, ids, output
from console.shell import lists as reads
from console.shell import types as catalogue
from console.shell.batches import checked

_READS: dict[str, Callable[[argparse.Namespace, Program], Awaitable[int]]] = {
    "devices": reads.devices,
    "history": reads.history,
    "show": reads.show,
    "problems": reads.problems,
    "tail": reads.tail,
    "export": reads.export,
    "types": catalogue.types,
    "favourites": favourites.favourites,
    "batches": bulk.batches,
    "batch": bulk.batch,
}
_ACTS: dict[str, Callable[[argparse.Namespace, RunningProgram], Awaitable[int]]] = {
    "send": acts.send,
    "retry": acts.retry,
    "resume": acts.resume,
    "cancel": acts.cancel,
}


_SCOPES = {
    "devices": Scope.DEVICES,
    "send": Scope.DEVICES,
    "problems": Scope.PROBLEMS,
    "batches": Scope.BATCHES,
}


def _check_filter(options: argparse.Namespace) -> None:
    """Before any server is started for it.

    Raises:
        InvalidInputError: a part of it cannot be understood; the sentence names it.
    """
    text = _filter_of(options)
    if text:
        checked(text, _scope_of(options))


def _filter_of(options: argparse.Namespace) -> str:
    words = getattr(options, "text", None)
    return " ".join(words) if words else getattr(options, "where", None) or ""


def _scope_of(options: argparse.Namespace) -> Scope:
    return _SCOPES.get(options.command, Scope.COMMANDS)


async def _judge_filter(options: argparse.Namespace, program: Program) -> None:
    """Say which values of the filter do not occur, and what was probably meant.

    Raises:
        InvalidInputError: the filter cannot mean anything: it names a group that does not exist.
    """
    text = _filter_of(options)
    for note in (
        await program.history.filter_notes(program.tenants[0], text, _scope_of(options)) if text else ()
    ):
        if note.is_fault:
            raise InvalidInputError(f"The filter {text[:80]!r} cannot be used: {note.sentence}")
        output.say(f"note: {note.sentence}")


async def _complete(options: argparse.Namespace, program: Program) -> None:
    """Put the whole id in the place of its beginning."""
    if options.command in ids.KINDS:
        options.id = await ids.whole_id(program, options.command, options.id)


async def run(options: argparse.Namespace, settings: Settings) -> int:
    """Open what the twin needs and run it; return the exit code."""
    import logging

    log_to_stderr(logging.ERROR)
    _check_filter(options)
    if options.command in _READS:
        async with open_program(settings, jobs="none") as opened:
            await _complete(options, opened.program)
            await _judge_filter(options, opened.program)
            return await _READS[options.command](options, opened.program)
    async with open_program(settings, jobs="later", simulate=True) as opened:
        await _complete(options, opened.program)
        await _judge_filter(options, opened.program)
        return await _ACTS[options.command](options, opened)
