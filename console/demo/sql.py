"""The demo's statements by name: they write rows that otherwise only the platform writes."""

from console.store import sql


def query(name: str) -> str:
    """Return the text of the demo's ``queries/<name>.sql``."""
    return sql.query(name, __package__)
