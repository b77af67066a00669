"""What this console offers at all: less where it is read-only, or restricted to itself.

Decided in docs/decisions/0066-restricted-to-the-console.md
"""

from collections.abc import Iterable
from typing import Any

from console.runtime.director import Director
from console.runtime.program import Program
from console.tui.keys.actions import Action

NO_EDITOR = "This console is restricted: it starts no editor on its host."
NO_STOP = "This console is restricted: it cannot be suspended. q leaves it."
_READ_ONLY = "This console is read-only: it sends nothing."
_NO_FILE = "This console is restricted: it writes no files on its host."
_NO_FILE_TO_READ_ONLY = "This console is read-only and writes no files: --allow-export would let it."


def no_program(program: Program) -> str | None:
    """Return why no program may be started on this host; None if it may."""
    return NO_EDITOR if program.restricted else None


def never_sends(program: Program) -> str | None:
    """Return why nothing was sent from here; None if it may be."""
    return _READ_ONLY if program.read_only else None


def no_file(program: Program) -> str | None:
    """Return why no file may be written on this host; None if it may."""
    if program.restricted:
        return _NO_FILE
    return None if program.may_export else _NO_FILE_TO_READ_ONLY


def keeps_theme(program: Program) -> bool:
    """Return whether a theme that is chosen on the screen is written to the operator's own file."""
    is_free = not (program.restricted or program.read_only)
    return is_free and program.preferences.theme_file is not None and program.preferences.theme == "auto"


def director_for(program: Program) -> Director | None:
    """Return whom scenes of the demo can be asked of: they send commands and end a process of this host."""
    return None if program.restricted or program.read_only else program.director


def theme_note(program: Program) -> str:
    """Say for how long a chosen theme is taken."""
    if program.preferences.theme != "auto":
        return "until you leave: CONSOLE_THEME is set"
    return "from now on" if keeps_theme(program) else "until you leave"


def allowed(actions: Iterable[Action[Any]], program: Program) -> tuple[Action[Any], ...]:
    """Leave out what a read-only console would change, and what reaches the host where it must not."""
    return tuple(
        action
        for action in actions
        if not (action.act and program.read_only) and action.barred(program) is None
    )
