"""The filter of a shell command: parsed before any server is started, checked against the tenant's values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.domain.filters.keys import Scope
from console.errors import InvalidInputError
from console.shell import output

if TYPE_CHECKING:
    from console.domain.filters.language import Filter
    from console.runtime.program import Program


def checked(text: str, scope: Scope) -> Filter:
    """Return the parsed filter.

    Raises:
        InvalidInputError: a part of it cannot be understood; the sentence names it.
    """
    from console.domain.filters.language import parse_filter

    wanted = parse_filter(text, scope)
    faults = wanted.faults
    if faults:
        raise InvalidInputError(f"The filter {text[:80]!r} cannot be used: {faults[0].sentence}")
    return wanted


async def judge(program: Program, wanted: Filter) -> None:
    """Print which values of a filter do not occur, and what was probably meant.

    Raises:
        InvalidInputError: the filter names a group that does not exist.
    """
    for note in await program.history.filter_notes(program.tenants[0], wanted) if wanted else ():
        if note.is_fault:
            raise InvalidInputError(f"The filter {wanted.text[:80]!r} cannot be used: {note.sentence}")
        output.say(f"note: {note.sentence}")
