"""SQL by name: every statement lives in a file below `queries/`."""

from functools import cache
from importlib import resources


@cache
def query(name: str) -> str:
    """Return the text of ``queries/<name>.sql``.

    Raises:
        FileNotFoundError: a bug: no such statement is shipped.
    """
    return resources.files("console.store").joinpath("queries", f"{name}.sql").read_text("utf-8")
