"""Translation of the database's errors into errors of this program."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from console.domain.link_causes import cause_of, with_cause
from console.errors import (
    Cause,
    ConflictError,
    ConsoleError,
    CopyError,
    DatabaseUnreachableError,
    DataRefusedError,
    LeaseLostError,
    Link,
    RefusedError,
    RowsLockedError,
)
from console.store.driver_words import is_closed, offers_no_tls, pooler_refuses, pools_by_statement

_SILENT = "The database does not answer"
_CANNOT_NOW = "The database reports an error that may pass"
_LINK_TROUBLE = (OSError, TimeoutError, EOFError)
# Classes of SQLSTATE: data, constraints, limits, triggers that raise; then links, locks, resources, disks.
_DATA = "21 22 23 27 44 54 P0"
_MOMENT = "08 0Z 25 40 53 55 57 58 72 XX"
_ACCESS = (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)
_LEASE_LOST = "DCL01"  # raised by device_console.fence
_COPY = "DCC01"  # raised by device_console.take_lease
IS_A_COPY = (
    "This database is a copy, or was moved: workers here would send the commands of the original a second "
    "time. If no worker runs on the original any more, start once with --accept-copy."
)
_MISSING = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError)


def translate(error: BaseException) -> ConsoleError | None:
    """Return our error for the driver's, or None if it is a bug of ours or of the driver."""
    text = _sentence(error)
    if isinstance(error, ConsoleError):
        return error
    return _refusal(error, text) or _trouble(error, text)


def _refusal(error: BaseException, text: str) -> ConsoleError | None:
    """Translate errors that another attempt would not change."""
    if isinstance(error, _ACCESS):
        return RefusedError(
            f"The database refused the login ({text}): check user, password and pg_hba.conf.",
            link=Link.DATABASE, cause=Cause.LOGIN, detail=text,
        )  # fmt: skip
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return RefusedError(f"The database does not exist ({text}): check DATABASE_URL.")
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return RefusedError(
            f"The database denied access ({text}): run `device-console doctor` to see which right is missing."
        )
    if pools_by_statement(error):
        return RefusedError(
            f"The pooler before the database allows no transactions ({text}): let it pool by transaction or "
            "by session, or set DATABASE_URL to the address of the server itself."
        )
    if pooler_refuses(error):
        return RefusedError(
            f"The pooler before the database refused the login ({text}): check user, password, database and "
            "parameters in DATABASE_URL.",
            link=Link.DATABASE, cause=Cause.LOGIN, detail=text,
        )  # fmt: skip
    if isinstance(error, asyncpg.InvalidSchemaNameError | _MISSING[0] | _MISSING[1] | _MISSING[2]):
        return RefusedError(
            f"The database lacks what the console needs ({text}): run `device-console migrate`."
        )
    return _tls_refusal(error, text)


def _trouble(error: BaseException, text: str) -> ConsoleError | None:
    """Translate errors of the data, or of the server or the link at this moment."""
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return DatabaseUnreachableError(
            "The tables were altered while the console was using them: try again.",
            detail="its tables were changed at this moment",
        )
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return ConflictError("The database is read-only now: connect to the primary server.")
    if isinstance(error, asyncpg.LockNotAvailableError):
        return RowsLockedError(f"Another transaction holds the rows ({text}): try again.", detail=text)
    if isinstance(error, _LINK_TROUBLE):
        cause, detail = cause_of(error)
        return DatabaseUnreachableError(with_cause(_SILENT, cause, detail), cause=cause, detail=detail)
    if is_closed(error):
        return DatabaseUnreachableError(with_cause(_SILENT, Cause.CLOSED), cause=Cause.CLOSED)
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate == _COPY:
        return CopyError(IS_A_COPY)
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate == _LEASE_LOST:
        return LeaseLostError("Another process has taken over this job: this one wrote nothing.")
    if isinstance(error, asyncpg.PostgresError):
        return _by_class(str(error.sqlstate or "")[:2], text)
    return None


def _by_class(sqlstate_class: str, text: str) -> ConsoleError:
    """Translate other errors by class: none ends the program, as a trigger, limit or disk may cause it."""
    if sqlstate_class in _DATA.split():
        return DataRefusedError(f"The database refused the data: {text}.")
    if sqlstate_class in _MOMENT.split():
        return DatabaseUnreachableError(with_cause(_CANNOT_NOW, Cause.OTHER, text), detail=text)
    return RefusedError(
        f"The database cannot do what the console asks ({text}): run `device-console doctor` to see what "
        "differs."
    )


def _tls_refusal(error: BaseException, text: str) -> RefusedError | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return RefusedError(
            f"The certificate of the database does not verify ({error.verify_message}): check the host name "
            "and CONSOLE_DATABASE_CA.",
            link=Link.DATABASE, cause=Cause.TLS, detail=error.verify_message,
        )  # fmt: skip
    if isinstance(error, ssl.SSLError):
        return RefusedError(
            f"The database refused the TLS connection ({error.reason or text}): check CONSOLE_DATABASE_CERT "
            "and CONSOLE_DATABASE_KEY.",
            link=Link.DATABASE, cause=Cause.TLS, detail=error.reason or text,
        )  # fmt: skip
    if offers_no_tls(error):
        return RefusedError(
            "The database offers no TLS, and a server that is not on this machine is only trusted with it: "
            "switch TLS on there, or add ?sslmode=disable to DATABASE_URL if you trust the network.",
            link=Link.DATABASE, cause=Cause.TLS, detail="the server offers no TLS",
        )  # fmt: skip
    return None


# read-only after a switch-over; an unknown prepared statement; a server that ends; its internal errors
_USELESS = ("25006", "26000", "42P05", "57P", "XX")


def is_useless_session(error: BaseException) -> bool:
    """Return whether the session with this error, and all that are as old, should not be used again.

    The cause may persist in the session after it is gone on the server: a new session may work at once.
    """
    if isinstance(error, ConsoleError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, asyncpg.InvalidCachedStatementError | asyncpg.OutdatedSchemaCacheError):
        return True
    return isinstance(error, asyncpg.PostgresError) and str(error.sqlstate or "").startswith(_USELESS)


def is_read_only_refusal(error: BaseException) -> bool:
    """Return whether PostgreSQL refused to write because the transaction is read-only, whoever made it so."""
    return isinstance(error, asyncpg.ReadOnlySQLTransactionError) or isinstance(
        error.__cause__, asyncpg.ReadOnlySQLTransactionError
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into `ConsoleError`; a bug is raised unchanged."""
    try:
        yield
    except Exception as error:
        ours = translate(error)
        if ours is None or ours is error:
            raise
        raise ours from error


def _sentence(error: BaseException) -> str:
    first = (str(error) or type(error).__name__).strip().splitlines()[0]
    return first.rstrip(".")[:200]
