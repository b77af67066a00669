"""SQL by name: every statement is a file in `queries/`."""

from functools import cache
from importlib import import_module
from pathlib import Path

_ROWS = "/*command_rows*/"


@cache
def query(name: str, package: str = "console.store") -> str:
    """Return the text of ``queries/<name>.sql`` of a package, with the columns of commands at its mark.

    Raises:
        FileNotFoundError: there is no such statement, which is a bug.
    """
    folder = Path(import_module(package).__path__[0])  # importlib.resources loads zipfile for the same
    text = (folder / "queries" / f"{name}.sql").read_text("utf-8")
    return with_command_rows(text) if _ROWS in text else text


def with_command_rows(text: str) -> str:
    """Return the statement with our subquery for commands in place of ``/*command_rows*/``."""
    return text.replace(_ROWS, query("command_rows"))
