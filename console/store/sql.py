"""SQL by name: every statement lives in a file below `queries/`."""

from functools import cache
from importlib import resources

_ROWS = "/*command_rows*/"


@cache
def query(name: str, package: str = "console.store") -> str:
    """Return the text of ``queries/<name>.sql`` of a package, with our reading of commands at its mark.

    Raises:
        FileNotFoundError: a bug: no such statement is shipped.
    """
    text = resources.files(package).joinpath("queries", f"{name}.sql").read_text("utf-8")
    return with_command_rows(text) if _ROWS in text else text


def with_command_rows(text: str) -> str:
    """The statement with the commands as we read them in place of ``/*command_rows*/``."""
    return text.replace(_ROWS, query("command_rows"))
