"""Why a link is down: the value that an error of the system stands for, and the words for a value."""

import errno
import re
import socket
import ssl

from console.errors import Cause

_WORDS = {
    Cause.REFUSED: "connection refused",
    Cause.NO_ANSWER: "no answer in time",
    Cause.UNKNOWN_HOST: "the host name is unknown",
    Cause.NO_ROUTE: "no route to the host",
    Cause.CLOSED: "the connection was closed",
    Cause.TAKEN_OVER: "another client took over our client id",
    Cause.LOGIN: "the login was refused",
    Cause.TLS: "the TLS connection failed",
}
_BY_TYPE: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Cause], ...] = (
    (TimeoutError, Cause.NO_ANSWER),
    (ConnectionRefusedError, Cause.REFUSED),
    ((ConnectionResetError, ConnectionAbortedError, BrokenPipeError, EOFError), Cause.CLOSED),
    (ssl.SSLError, Cause.TLS),
)
_NO_ROUTE = {"EHOSTUNREACH", "ENETUNREACH"}
# asyncio tries each address of a host and raises one OSError without a number, which quotes all of theirs
_SEVERAL = re.compile(r"Multiple exceptions: \[Errno (-?\d+)\] ([^\[]*), \[")
_MOST = 200


def cause_of(error: BaseException) -> tuple[Cause, str]:
    """The cause that an error of the system stands for, and its own words where those say more."""
    for kinds, cause in _BY_TYPE:
        if isinstance(error, kinds):
            return cause, str(getattr(error, "reason", "") or "")
    if isinstance(error, socket.gaierror):
        known = error.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
        return (Cause.UNKNOWN_HOST, "") if known else (Cause.OTHER, _clause(error.strerror or error))
    if isinstance(error, OSError):
        return _of_system(error)
    return Cause.OTHER, _clause(error)


def _of_system(error: OSError) -> tuple[Cause, str]:
    several = _SEVERAL.match(str(error)) if error.errno is None else None
    if several:
        return cause_of(OSError(int(several[1]), several[2]))
    if errno.errorcode.get(error.errno or 0) in _NO_ROUTE:
        return Cause.NO_ROUTE, ""
    return Cause.OTHER, _clause(error.strerror or error)


def cause_words(cause: Cause, detail: str = "") -> str:
    """A clause that says why: ``connection refused``; the detail where there is one, since it says more."""
    return detail or _WORDS.get(cause, "")


def with_cause(sentence: str, cause: Cause, detail: str = "") -> str:
    """``The broker does not answer`` with why: ``(connection refused).``, ``in time.``."""
    if cause is Cause.NO_ANSWER and not detail:
        return f"{sentence} in time."
    words = cause_words(cause, detail)
    return f"{sentence} ({words})." if words else f"{sentence}."


def _clause(error: object) -> str:
    """The first line of an error's words, or its name where it has none."""
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return first.rstrip(".")[:_MOST]
