"""The database's connection string: from what libpq knows and providers print to what the driver takes."""

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urlencode

from console.domain.urls import (
    Url,
    UrlError,
    cleaned,
    decoded,
    looks_like_pairs,
    read_pairs,
    read_url,
    spread,
)
from console.store.links import TARGETS, Host

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_USUAL_PORT = 5432
_LEAST_TIMEOUT_S, _MOST_TIMEOUT_S = 2.0, 60.0
_PLACE = ("host", "hostaddr", "port", "dbname", "database", "user", "password", "service")
_DRIVER = (
    "passfile", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation",
    "ssl_min_protocol_version", "ssl_max_protocol_version", "krbsrvname", "gsslib", "application_name",
    "options",
)  # fmt: skip
_OURS = (
    "connect_timeout",
    "target_session_attrs",
    "fallback_application_name",
    "ssl",
    "gssencmode",
    "pgbouncer",
)
# Set by the program itself, or without effect on it.
_NEEDLESS = (
    "client_encoding", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
    "tcp_user_timeout", "sslcompression", "sslsni", "sslcertmode", "gssdelegation", "load_balance_hosts",
    "min_protocol_version", "max_protocol_version", "scram_client_key", "scram_server_key", "sslkeylogfile",
    "supa", "schema", "connection_limit", "pool_timeout", "pool_size", "max_overflow", "socket_timeout",
    "statement_cache_size", "prepared_statement_cache_size", "prepareThreshold", "sslaccept", "sslidentity",
    "sslfactory", "currentSchema", "uselibpqcompat", "serverVersion", "charset", "single_use_connections",
    "reWriteBatchedInserts", "loginTimeout", "socketTimeout", "tcpKeepAlive", "targetServerType",
)  # fmt: skip
# Parameters that would make the link safer, but that the driver does not support.
_WEAKER = ("channel_binding", "require_auth", "requirepeer", "sslcrldir")
KNOWN = frozenset((*_PLACE, *_DRIVER, *_OURS, *_NEEDLESS, *_WEAKER, "replication", "requiressl"))


@dataclass(frozen=True, slots=True)
class Dsn:
    """The address of a database. `url` is for the driver, with everything encoded; `hosts` are tried in turn.

    `is_pooled` is true if the URL itself names a pooler. `notes` name the parameters that are left out,
    `warnings` those of them that would make the link safer.
    """

    url: str = field(repr=False)
    hosts: tuple[Host, ...]
    target: str = "any"
    timeout_s: float | None = None
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_pooled: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def ssl_mode(self) -> str:
        """sslmode, or the one that is meant by another parameter; "" if there is none."""
        given = self.parameters.get("sslmode") or os.environ.get("PGSSLMODE", "")
        if self.ssl_root == "system":
            return "verify-full"
        return given or ("require" if _says_ssl(self.parameters) else "")

    @property
    def ssl_root(self) -> str:
        """The file of CAs, `system` for those that the system trusts, or ""."""
        return self.parameters.get("sslrootcert") or os.environ.get("PGSSLROOTCERT", "")


def _says_ssl(given: Mapping[str, str]) -> bool:
    return given.get("ssl", "").lower() in {"true", "1", "on", "require"} or given.get("requiressl") == "1"


def read_dsn(text: str) -> Dsn:
    """Read a URL of PostgreSQL or a list of key=value pairs.

    Raises:
        UrlError: it cannot be read; the text contains no part of it.
    """
    text = cleaned(text)
    url = _from_pairs(text) if looks_like_pairs(text) else _from_url(text)
    given = _with_service(dict(url.parameters))
    if os.environ.get("PGTARGETSESSIONATTRS"):
        given.setdefault("target_session_attrs", os.environ["PGTARGETSESSIONATTRS"])
    _check(given)
    hosts = _hosts(url, given)
    notes, warnings = _left_out(given)
    return Dsn(
        _driver_url(url, given),
        hosts,
        given.get("target_session_attrs") or "any",
        _timeout_s(given.get("connect_timeout") or os.environ.get("PGCONNECT_TIMEOUT", "")),
        given,
        given.get("pgbouncer", "").lower() == "true",
        notes,
        warnings,
    )


def _from_url(text: str) -> Url:
    url = read_url(text, KNOWN)
    name = url.scheme.removeprefix("jdbc:").partition("+")[0]
    if name not in {"postgresql", "postgres"}:
        raise UrlError("it must begin with postgresql:// (for example postgresql://user@host/db)")
    name = url.written_path.strip("/")
    if "/" in name:
        raise UrlError("the name of its database has a / in it: write %2F")
    return _overridden(replace(url, path=decoded(name, "path")))


def _overridden(url: Url) -> Url:
    """Return the URL with its query parameters in place of the parts before them, as in libpq."""
    own = dict(url.parameters)
    names = own["host"].split(",") if own.get("host") else [host for host, _ in url.hosts]
    ports = _ports(own["port"]) if own.get("port") else [port for _, port in url.hosts]
    return replace(
        url,
        hosts=spread([name.strip() for name in names], ports if any(ports) else []) if names else (),
        user=own.get("user") or url.user,
        password=own.get("password") or url.password,
        path=own.get("dbname") or url.path,
    )


def _ports(text: str) -> list[int | None]:
    return [_port(entry) for entry in text.split(",")]


def _from_pairs(text: str) -> Url:
    pairs = read_pairs(text)
    if any(name not in KNOWN for name, _ in pairs):
        raise UrlError(
            "it has a key that libpq does not know: write it as a URL, or see libpq's list of keys"
        )
    return Url("postgresql", (), parameters=pairs)


def _with_service(given: dict[str, str]) -> dict[str, str]:
    """Add the parameters of the service file's section; those of the URL take precedence."""
    name = given.pop("service", "") or os.environ.get("PGSERVICE", "")
    if not name:
        return given
    path = Path(os.environ.get("PGSERVICEFILE") or Path.home() / ".pg_service.conf")
    services = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        services.read_string(path.read_text("utf-8-sig"))
        section = dict(services[name])
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError):
        raise UrlError("its service is not in the service file (PGSERVICEFILE)") from None
    return {key: value for key, value in section.items() if key in KNOWN} | given


def _check(given: Mapping[str, str]) -> None:
    if given.get("sslmode", "disable") not in SSL_MODES:
        raise UrlError(f"its sslmode must be one of {', '.join(SSL_MODES)}")
    if given.get("target_session_attrs", "any") not in TARGETS:
        raise UrlError(f"its target_session_attrs must be one of {', '.join(sorted(TARGETS))}")
    if given.get("gssencmode") == "require":
        raise UrlError("encryption by GSSAPI (gssencmode=require) is not supported: use TLS")


def _hosts(url: Url, given: Mapping[str, str]) -> tuple[Host, ...]:
    """Return every host with its port, from the parameters if the URL has none."""
    named = [host for host, _ in url.hosts]
    ports: list[int | None] = [port for _, port in url.hosts]
    if not any(named):
        entries = given.get("host") or given.get("hostaddr") or os.environ.get("PGHOST", "")
        named = [entry.strip() for entry in entries.split(",")] if entries else []
    if given.get("port") and not any(ports):
        ports = _ports(given["port"])
    if not named and any(ports):
        named = ["localhost"]
    if not any(ports):
        ports = _ports(os.environ.get("PGPORT", ""))
    if len(ports) == 1 or not any(ports):
        ports = ports[:1] if any(ports) else []
    return tuple(
        (host or "localhost", port or _USUAL_PORT) for host, port in spread(named, ports if named else [])
    )


def _port(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65_536):
        raise UrlError("its port is not a number from 1 to 65535")
    return int(text)


def _timeout_s(text: str) -> float | None:
    """Apply libpq's rule: whole seconds, 0 and less wait for ever (here: a minute), 1 counts as 2."""
    if not text.strip():
        return None
    try:
        seconds = int(text.strip()[:9])
    except ValueError:
        raise UrlError("its connect_timeout is not a whole number of seconds") from None
    return _MOST_TIMEOUT_S if seconds <= 0 else min(max(float(seconds), _LEAST_TIMEOUT_S), _MOST_TIMEOUT_S)


def _left_out(given: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return notes and warnings on ignored parameters; name only known ones: others may be of a password."""
    needless = [name for name in _NEEDLESS if name in given]
    unknown = sum(name not in KNOWN for name in given)
    notes = [f"{', '.join(needless)}: ignored, because the console sets this itself"] if needless else []
    if unknown:
        notes.append(f"{unknown} parameters that libpq does not know are left out")
    weaker = [name for name in _WEAKER if given.get(name, "") not in {"", "disable", "prefer", "none"}]
    warnings = [f"{name} has no effect: the driver does not support it" for name in weaker]
    return tuple(notes), tuple(warnings)


def _driver_url(url: Url, given: Mapping[str, str]) -> str:
    """Build the driver's URL: the driver decodes each part and takes unknown parameters for settings."""
    user = url.user if url.user is not None else given.get("user")
    password = url.password if url.password is not None else given.get("password")
    login = quote(user or "", safe="") + (f":{quote(password, safe='')}" if password else "")
    database = url.path or given.get("dbname") or given.get("database") or ""
    taken = {name: given[name] for name in _DRIVER if given.get(name)}
    name = given.get("fallback_application_name")
    if name and "application_name" not in taken:
        taken["application_name"] = name
    if "sslmode" not in taken and _says_ssl(given):
        taken["sslmode"] = "require"
    if taken.get("sslrootcert") == "system":
        del taken["sslrootcert"]
    tail = f"?{urlencode(taken, quote_via=quote)}" if taken else ""
    return f"postgresql://{login}{'@' if login else ''}/{quote(database, safe='')}{tail}"
