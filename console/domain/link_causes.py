"""Why a link is down: the cause of an error of the system as a value, and the words for it."""

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
# asyncio tries each address of a host and raises one OSError without errno that quotes all their errors
_SEVERAL = re.compile(r"Multiple exceptions: \[Errno (-?\d+)\] ([^\[]*), \[")
_MOST = 200


def cause_of(error: BaseException) -> tuple[Cause, str]:
    """Return the cause of an error of the system, and the error's own text where that has more detail."""
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
    """Return the cause in words, like ``connection refused``; the detail instead if there is one."""
    return detail or _WORDS.get(cause, "")


def with_cause(sentence: str, cause: Cause, detail: str = "") -> str:
    """End a sentence like ``The broker does not answer`` with ``(connection refused).`` or ``in time.``."""
    if cause is Cause.NO_ANSWER and not detail:
        return f"{sentence} in time."
    words = cause_words(cause, detail)
    return f"{sentence} ({words})." if words else f"{sentence}."


def _clause(error: object) -> str:
    """Return the first line of an error's text, or its name if it has no text."""
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return first.rstrip(".")[:_MOST]
