"""The error tree: an exception here is the operator's or the network's; anything else is a bug.

::

    ConsoleError                 one sentence: what is wrong and what to do; ends with `exit_code`
    ├── UsageError          2    the command line, the configuration, or no terminal
    │   ├── ReadOnlyError   2    this console may change nothing
    │   └── RefusedError    2    a set-up that would be dangerous or cannot work
    │       ├── CopyError   2    this database, or another, is a copy: two would send each command
    │       └── UnfinishedError  the migrations were not applied, or not all of them
    ├── InvalidInputError   2    what the operator typed breaks a limit of the contract
    │   └── NotFoundError   2    the device or command that was named does not exist
    ├── ConflictError       1    the operation lost against the state of the world
    ├── LeaseLostError      1    another process took over what this one held
    ├── UnreachableError    3    database or broker does not answer: retryable
    │   ├── DatabaseUnreachableError
    │   └── BrokerUnreachableError
    │       └── TakenOverError   the broker gave our session to another client
    └── BusyError          75    another process holds what is needed
"""

from enum import Enum, StrEnum, auto

from console.exit_codes import ExitCode


class Link(StrEnum):
    """What the program is connected to."""

    DATABASE = "database"
    BROKER = "broker"


class Cause(Enum):
    """Why a link is down, as a value; `domain/link_causes` has the texts."""

    REFUSED = auto()
    NO_ANSWER = auto()
    UNKNOWN_HOST = auto()
    NO_ROUTE = auto()
    CLOSED = auto()
    TAKEN_OVER = auto()
    LOGIN = auto()
    TLS = auto()
    OTHER = auto()


class ConsoleError(Exception):
    """An expected failure. Its text is shown to the operator as it is and must hold no secret.

    `link` is the link that is down, if that is the failure; `cause` and `detail` (words of the other side,
    which may be empty) are the reason, for code that makes its own sentence of it.
    """

    exit_code: ExitCode = ExitCode.FAILED
    link: Link | None = None

    def __init__(
        self, text: str = "", *, link: Link | None = None, cause: Cause = Cause.OTHER, detail: str = ""
    ) -> None:
        super().__init__(text)
        self.link = link or self.link
        self.cause = cause
        self.detail = detail


class UsageError(ConsoleError):
    """The command line or the configuration is wrong."""

    exit_code = ExitCode.USAGE


class ReadOnlyError(UsageError):
    """This console was started, or its session opened, to change nothing, and something would have."""


class RefusedError(UsageError):
    """The program refuses to run on this set-up because it would be dangerous or cannot work."""


class UnfinishedError(RefusedError):
    """The database is not migrated, or not completely."""


class CopyError(RefusedError):
    """Workers of a copy of the database would send each command a second time."""


class PooledError(RefusedError):
    """An operation needs a session of its own, but the pooler does not provide one."""


class InvalidInputError(ConsoleError):
    """The operator's input breaks a limit of the contract. Nothing was written."""

    exit_code = ExitCode.USAGE


class NotFoundError(InvalidInputError):
    """The device or command that was named does not exist in this tenant."""


class ConflictError(ConsoleError):
    """The operation came too late or collides with what exists. Nothing was changed."""


class LeaseLostError(ConsoleError):
    """Another process took over a role of this one, or may have: nothing was written."""


class DataRefusedError(ConsoleError):
    """PostgreSQL refused the data of a statement; in a batch, one row can make the whole batch fail."""


class UnreachableError(ConsoleError):
    """A server does not answer. Trying again may succeed."""

    exit_code = ExitCode.UNREACHABLE


class DatabaseUnreachableError(UnreachableError):
    """The database does not answer, or the link to it broke."""

    link = Link.DATABASE


class RowsLockedError(DatabaseUnreachableError):
    """Somebody else has locked the rows for longer than was waited."""


class BrokerUnreachableError(UnreachableError):
    """The broker does not answer, or the link to it broke."""

    link = Link.BROKER


class TakenOverError(BrokerUnreachableError):
    """The broker closed our session, or gave it to another client with our client id.

    `is_certain`: the broker reported it; with MQTT 3.1.1, brokers close the connection without a reason.
    """

    def __init__(self, text: str, *, is_certain: bool, detail: str = "") -> None:
        super().__init__(text, cause=Cause.TAKEN_OVER if is_certain else Cause.CLOSED, detail=detail)
        self.is_certain = is_certain


class BusyError(ConsoleError):
    """Another process holds what is needed."""

    exit_code = ExitCode.BUSY
