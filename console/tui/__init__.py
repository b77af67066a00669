"""The terminal user interface: on this terminal, or at the end of a link. Textual is imported only then."""

import os
from typing import TYPE_CHECKING

from console.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.runtime.program import Program
    from console.tui.application.remote import RemoteSession

__all__ = ["check_looks", "prepare_for_many", "refuse_terminal", "remote_session", "run_console"]


async def run_console(program: "Program") -> int:
    """Run the console on this terminal until the operator leaves; return the exit code."""
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")  # Textual reads it when it is imported
    from console.tui.application.run import run

    return await run(program)


def prepare_for_many() -> None:
    """Make this process fit for several sessions; call it once, before the first."""
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    os.environ.pop("NO_COLOR", None)  # the server's own; what a client asks for is looked at for each session
    from console.tui.terminal.app import leave_output_alone

    leave_output_alone()


def remote_session(
    program: "Program", term: str, environment: "Mapping[str, str]", size: tuple[int, int]
) -> "RemoteSession":
    """Return a console for a terminal of this type, with what its client says in its environment."""
    from console.tui.application.remote import RemoteSession

    return RemoteSession(program, term, environment, size)


def check_looks(theme: str, keys: "Mapping[str, str]") -> None:
    """Check the operator's theme and keys before any server is started.

    Raises:
        UsageError: a theme, action or key does not exist.
    """
    if keys or theme not in {"auto", "dark", "light"}:  # the defaults need no look, which imports Textual
        from console.tui.keys.keymap import keymap
        from console.tui.look.theme import theme_named
        from console.tui.screens.registry import ACTIONS

        keymap(keys, ACTIONS)
        theme_named(theme)


def refuse_terminal(term: str, *, is_terminal: bool) -> None:
    """Refuse a terminal that cannot show a full screen.

    Raises:
        UsageError: the reason, with what to do instead.
    """
    if not is_terminal:
        raise UsageError(
            "The screen needs a terminal on stdin, stdout and stderr: run `device-console --sweeper` on a "
            "server, or a command such as `device-console devices` (see --help)."
        )
    if term in {"", "dumb"}:
        raise UsageError(
            f"The terminal (TERM={term or 'unset'}) cannot show a full screen: set TERM, for example "
            "xterm-256color, or use a subcommand such as `device-console history`."
        )
