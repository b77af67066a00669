"""Failures of asyncpg and PgBouncer that only their text identifies: neither code nor type is specific.

A test compares the words with the source of the installed asyncpg, and fails if a release changes them.
PgBouncer has one SQLSTATE (08P01) for permanent refusals and for temporary failures.
"""

import asyncpg

NO_TLS = "rejected SSL upgrade"  # a bare ConnectionError, like those of a lost link
CLOSED = ("is closed", "is closing")  # asyncpg.InterfaceError, like those for wrong arguments
# asyncpg.InternalClientError: raised if a connection dies during an operation, but also for a bug
DIED_UNDER_IT = "another operation"
POOLED_BY_STATEMENT = "not allowed in statement pooling mode"
POOLER_REFUSES = (
    "does not exist",
    "no such",
    "authentication failed",
    "unsupported startup",
    "not allowed to",
)


def offers_no_tls(error: BaseException) -> bool:
    """Return whether the error means that the server has no TLS."""
    return isinstance(error, ConnectionError) and NO_TLS in str(error)


def is_closed(error: BaseException) -> bool:
    """Return whether the error means that the connection was closed or died during its use."""
    if isinstance(error, asyncpg.InternalClientError):
        return DIED_UNDER_IT in str(error)
    return isinstance(error, asyncpg.InterfaceError) and any(words in str(error) for words in CLOSED)


def pools_by_statement(error: BaseException) -> bool:
    """Return whether the error means that a pooler allows no transactions."""
    return isinstance(error, asyncpg.PostgresError) and POOLED_BY_STATEMENT in str(error)


def pooler_refuses(error: BaseException) -> bool:
    """Return whether a pooler refuses the login, the database or a parameter for good."""
    return isinstance(error, asyncpg.ProtocolViolationError) and any(
        words in str(error) for words in POOLER_REFUSES
    )
