"""The terminal user interface. `run_console` is its only entry; Textual is imported when it is called."""

import os
import sys

from console.errors import UsageError
from console.runtime.program import Program

__all__ = ["run_console"]


async def run_console(program: Program) -> int:
    """Run the console on this terminal until the operator leaves; return the exit code.

    Raises:
        UsageError: there is no terminal that can show it.
    """
    refuse_terminal(os.environ.get("TERM", ""), is_terminal=_is_terminal())
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")  # Textual reads it when it is imported
    from console.tui.run import run

    return await run(program)


def refuse_terminal(term: str, *, is_terminal: bool) -> None:
    """Say why there can be no full screen here.

    Raises:
        UsageError: the reason, with what to do instead.
    """
    if not is_terminal:
        raise UsageError(
            "The console needs a terminal on stdin, stdout and stderr: use a subcommand such as "
            "`device-console history --json` in scripts."
        )
    if term in {"", "dumb"}:
        raise UsageError(
            f"The terminal (TERM={term or 'unset'}) cannot show a full screen: set TERM, for example "
            "xterm-256color, or use a subcommand such as `device-console history`."
        )


def _is_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
