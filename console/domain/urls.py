"""Connection strings as people paste them: with unencoded passwords, several hosts, or key=value lists.

A sentence about a URL names the place of the fault and never quotes the URL: what looks like a host or a
parameter may be part of the password.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

LONGEST = 8_192
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.:-]*)://")
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+(?:%[\w.~%-]+)?\]|[\w.~%-]*)(?::(?P<port>[0-9]{0,5}))?")
_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_PAIR = re.compile(
    r"\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'(?=\s|$)|((?:[^\s'\\]|\\.)(?:[^\s\\]|\\.)*|))", re.DOTALL
)
_ENCODE = "write / as %2F, @ as %40, ? as %3F, # as %23 and % as %25 in the user and the password"


class UrlError(ValueError):
    """A URL that cannot be read; the text of the error gives the reason and no part of the URL."""


@dataclass(frozen=True, slots=True)
class Url:
    """The decoded parts of a connection string. A host without a port has the port None.

    `written_path` is the path before decoding: only there is every / a separator. `target` is all that is
    written behind the hosts, with the / or ? that begins it.
    """

    scheme: str
    hosts: tuple[tuple[str, int | None], ...]
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    path: str = ""
    written_path: str = ""
    parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    target: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read a URL: the part before the @, and the parts after it."""

    login: str | None
    hosts: tuple[tuple[str, int | None], ...]
    path: str
    pairs: tuple[tuple[str, str], ...]
    target: str


def cleaned(text: str) -> str:
    """Strip what files, shells and copying put around a URL: a byte order mark, line ends, quotes.

    Raises:
        UrlError: nothing is left, or more than one line.
    """
    text = text.strip("\ufeff\0 \t\r\n")
    for quote in "\"'`":
        if len(text) > 1 and text[0] == text[-1] == quote:
            text = text[1:-1].strip()
    if not text:
        raise UrlError("it is empty")
    if len(text) > LONGEST:
        raise UrlError(f"it is longer than {LONGEST} characters")
    if any(ord(sign) < ord(" ") or sign == "\x7f" for sign in text):
        raise UrlError("it has control characters or more than one line")
    return text


def read_url(text: str, known: frozenset[str]) -> Url:
    """Read a URL. An @, /, ? or # in the password may be unencoded if only one reading is possible.

    Args:
        text: the URL, cleaned.
        known: the names of expected parameters: only between those may a value contain an @.

    Raises:
        UrlError: it is not a URL, or can be read in several ways.
    """
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise UrlError("it has no scheme such as postgresql:// or mqtt://")
    reading = _only_reading(text[scheme.end() :], known)
    user, password = _login(reading.login)
    return Url(
        scheme[1].lower(),
        tuple((decoded(host, "host"), port) for host, port in reading.hosts),
        user,
        password,
        decoded(reading.path, "path"),
        reading.path,
        tuple((decoded(name, "parameters"), decoded(value, "parameters")) for name, value in reading.pairs),
        reading.target,
    )


def _only_reading(rest: str, known: frozenset[str]) -> _Reading:
    """Return the reading of the standard (an authority ends at the first / ? or #) if that is possible."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    standard = authority.rfind("@")
    readings = {
        place: reading
        for place in (-1, *(match.start() for match in re.finditer("@", rest)))
        if (reading := _reading(rest, place, known)) is not None
    }
    if standard in readings:
        return readings[standard]
    if not readings:
        raise UrlError(f"check its host, port and brackets, and {_ENCODE}")
    if len(readings) > 1:
        raise UrlError(f"it may be read in several ways: {_ENCODE}")
    return next(iter(readings.values()))


def _reading(rest: str, place: int, known: frozenset[str]) -> _Reading | None:
    match = re.fullmatch(r"([^/?#@]*)(?:/([^?#@]*))?(?:\?(.*))?", rest[place + 1 :])
    hosts = None if match is None else _hosts(match[1])
    if match is None or hosts is None:
        return None
    pairs = tuple(entry.partition("=") for entry in (match[3] or "").split("&") if entry)
    if not all(middle and _NAME.fullmatch(name) for name, middle, _ in pairs):
        return None
    if "@" in (match[3] or "") and not all(name in known for name, _, _ in pairs):
        return None
    login = rest[:place] if place >= 0 else None
    target = match[0][match.end(1) :]
    return _Reading(login, hosts, match[2] or "", tuple((name, value) for name, _, value in pairs), target)


def _hosts(text: str) -> tuple[tuple[str, int | None], ...] | None:
    """Return the hosts as they are written, or None if this is not a list of hosts."""
    found: list[tuple[str, int | None]] = []
    for entry in text.split(",") if text else ():
        match = _HOST.fullmatch(entry)
        port = int(match["port"]) if match and match["port"] else None
        if match is None or (port is not None and not 0 < port < 65_536):
            return None
        found.append((match["host"].strip("[]"), port))
    return tuple(found)


def _login(login: str | None) -> tuple[str | None, str | None]:
    if not login:
        return None, None
    user, middle, password = login.partition(":")
    return decoded(user, "user") or None, (decoded(password, "password") or None) if middle else None


def decoded(value: str, what: str) -> str:
    """Percent-decode a text; return it unchanged if no % in it begins an escape.

    Raises:
        UrlError: only some of the % begin an escape, or the bytes are not text.
    """
    escapes = len(_ESCAPE.findall(value))
    if not escapes:
        return value
    if escapes != value.count("%"):
        raise UrlError(f"its {what} mixes plain % signs with escapes such as %20: write each plain % as %25")
    try:
        text = unquote_to_bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        raise UrlError(f"its {what} is not UTF-8 when it is decoded: write each % as %25") from None
    if "\0" in text:
        raise UrlError(f"its {what} has a zero byte (%00)")
    return text


def looks_like_pairs(text: str) -> bool:
    """Return whether this is a list such as ``host=db.example dbname=iot`` and not a URL."""
    return _SCHEME.match(text) is None and re.match(r"\w+\s*=", text) is not None


def read_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Read ``key=value`` pairs as libpq does: single quotes around spaces, a backslash before quotes.

    Raises:
        UrlError: it is not such a list.
    """
    found: list[tuple[str, str]] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _PAIR.match(text, place)
        if match is None or (match.end() < end and not text[match.end()].isspace()):
            raise UrlError(
                "put single quotes around values with spaces, and a backslash before ' and \\ in them"
            )
        quoted, bare = match[2], match[3]
        value = bare if quoted is None else quoted
        found.append((match[1].lower(), re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)))
        place = match.end()
    return tuple(found)


def spread(hosts: Sequence[str], ports: Sequence[int | None]) -> tuple[tuple[str, int | None], ...]:
    """Assign each host its port; a single port is for all of them.

    Raises:
        UrlError: there are several ports, but not as many as hosts.
    """
    if len(ports) not in {0, 1, len(hosts)}:
        raise UrlError("it names a different number of ports than hosts")
    each = list(ports) * len(hosts) if len(ports) == 1 else list(ports) or [None] * len(hosts)
    return tuple(zip(hosts, each, strict=True))
