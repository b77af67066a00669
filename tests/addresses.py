"""The addresses of databases, for other databases and other logins."""


def with_database(url: str, name: str) -> str:
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")


def as_login(url: str, login: str) -> str:
    """The same address for another login; the servers of the tests ask for no password."""
    scheme, rest = url.split("://", 1)
    return f"{scheme}://{login}@{rest.partition('@')[2] or rest}"
