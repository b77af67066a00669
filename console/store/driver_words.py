"""What asyncpg and PgBouncer say in words only: neither a code nor a type tells these failures from others.

A test compares the words with the text of asyncpg as installed: a release that says it otherwise fails there.
PgBouncer has one SQLSTATE (08P01) for all that it refuses and all that passes by itself.
"""

import asyncpg

NO_TLS = "rejected SSL upgrade"  # a bare ConnectionError, as is what follows a lost link
CLOSED = ("is closed", "is closing")  # asyncpg.InterfaceError, as are wrong arguments of ours
# asyncpg.InternalClientError: it came for a connection that died under an operation, as a defect would
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
    """Whether the server has no TLS."""
    return isinstance(error, ConnectionError) and NO_TLS in str(error)


def is_closed(error: BaseException) -> bool:
    """Whether the connection was closed, or died, under us."""
    if isinstance(error, asyncpg.InternalClientError):
        return DIED_UNDER_IT in str(error)
    return isinstance(error, asyncpg.InterfaceError) and any(words in str(error) for words in CLOSED)


def pools_by_statement(error: BaseException) -> bool:
    """Whether a pooler allows no transactions."""
    return isinstance(error, asyncpg.PostgresError) and POOLED_BY_STATEMENT in str(error)


def pooler_refuses(error: BaseException) -> bool:
    """Whether a pooler refused the login, the database or a parameter for good."""
    return isinstance(error, asyncpg.ProtocolViolationError) and any(
        words in str(error) for words in POOLER_REFUSES
    )
