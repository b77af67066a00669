"""The addresses of a configured database and broker, from URLs and files.

Decided in docs/decisions/0012-verified-unless-local.md
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from console.domain.urls import Url, UrlError, cleaned, read_url
from console.errors import UsageError
from console.mqtt.address import BrokerAddress
from console.settings import Settings
from console.store.access import Access
from console.store.dsn import Dsn, read_dsn

_CLEAR_DATABASE = "The connection to the database is not encrypted: remove sslmode=disable."
_UNVERIFIED_DATABASE = (
    "The database's certificate is not verified: use sslmode=verify-full, or leave sslmode out."
)
_CLEAR_BROKER = "The connection to the broker is not encrypted: use mqtts:// or wss:// in MQTT_URL."
_HOME_CAS = Path("~/.postgresql/root.crt").expanduser()  # where libpq and the driver look
_LEFT_OUT_OF_BROKER = "the path in MQTT_URL has no meaning for MQTT and is ignored"
_SCHEMES = {
    "mqtt": (False, 1883), "tcp": (False, 1883), "mqtts": (True, 8883), "ssl": (True, 8883),
    "tls": (True, 8883), "ws": (False, 80), "wss": (True, 443),
}  # fmt: skip
_WEBSOCKETS = {"ws", "wss"}
_WEBSOCKETS_PATH = "/mqtt"  # of EMQX, HiveMQ, nats-server and AWS IoT; mosquitto takes any
_IN_A_TARGET = "/?%:@!$&'()*+,;=[]"  # what stays as it is written, besides letters and digits


def database_access(settings: Settings, url: str) -> Access:
    """Return how to reach the database at `url` under the configured roles.

    Raises:
        UsageError: the URL is not one of PostgreSQL.
    """
    direct = settings.newest_secret("direct_database_url")
    notes: list[str] = []
    warnings: list[str] = []

    def context(name: str, text: str) -> ssl.SSLContext | None:
        dsn = _dsn(name, text)
        found, warning = _database_tls(settings, dsn)
        notes.extend(f"{name}: {note}" for note in dsn.notes)
        warnings.extend(f"{name}: {note}." for note in dsn.warnings)
        warnings.extend([warning] if warning else [])
        return found

    return Access(
        url=url,
        direct_url=direct,
        operator_role=settings.operator_role,
        worker_role=settings.worker_role,
        tls=context("DATABASE_URL", url),
        direct_tls=context("CONSOLE_DIRECT_DATABASE_URL", direct) if direct else None,
        warnings=tuple(dict.fromkeys(warnings)),
        notes=tuple(dict.fromkeys(notes)),
    )


def _dsn(name: str, text: str) -> Dsn:
    try:
        return read_dsn(text)
    except UrlError as error:
        raise UsageError(f"{name} cannot be read: {error}.") from None


def _database_tls(settings: Settings, dsn: Dsn) -> tuple[ssl.SSLContext | None, str]:
    """Return the TLS context for this URL, if any, and what is unsafe about the link.

    A server elsewhere is verified by host name and CA unless the URL (or PGSSLMODE) differs; one on
    this machine need not use TLS. With CONSOLE_DATABASE_CA every link with TLS is verified, and with
    sslrootcert=system, or with sslmode=verify-full and no file of CAs, by the system's CAs.
    """
    mode, root = dsn.ssl_mode, dsn.ssl_root
    local = all(_is_local(host) for host, _ in dsn.hosts)
    if mode == "disable":
        return None, "" if local else _CLEAR_DATABASE
    files = settings.database_ca or settings.database_cert
    trusts_system = root == "system" or (mode.startswith("verify") and not root and not _HOME_CAS.exists())
    if (local or mode) and not files and not trusts_system:
        unsure = not local and not mode.startswith("verify") and not root
        return None, _UNVERIFIED_DATABASE if unsure else ""
    context = _context(
        settings.database_ca or (Path(root) if root not in {"", "system"} else None),
        settings.database_cert or _path(dsn.parameters.get("sslcert")),
        settings.database_key or _path(dsn.parameters.get("sslkey")),
    )
    if mode == "verify-ca" and (settings.database_ca or not trusts_system):
        context.check_hostname = False
    return context, ""


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _is_local(host: str) -> bool:
    """Return whether this host, or this folder of a Unix socket, is on this machine."""
    if not host or host.startswith("/") or host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def configured_database(settings: Settings) -> Access | None:
    """Return the configured database, read again at each connection: secrets and certificates are rotated.

    Raises:
        UsageError: the URL or a TLS file cannot be used.
    """
    url = settings.newest_secret("database_url")
    if url is None:
        return None
    access = database_access(settings, url)

    def newest() -> Access:
        """Return the address with the files' present content; with the earlier one if that cannot be used."""
        nonlocal access
        with suppress(UsageError):
            access = replace(
                database_access(settings, settings.newest_secret("database_url") or url), renew=newest
            )
        return access

    access = replace(access, renew=newest)
    return access


def configured_broker(settings: Settings) -> BrokerAddress | None:
    """Return the configured broker, read again at each connection.

    Raises:
        UsageError: the URL or a TLS file cannot be used.
    """
    url = settings.newest_secret("mqtt_url")
    if url is None:
        return None
    address = broker_address(settings, url)

    def newest() -> BrokerAddress:
        nonlocal address
        with suppress(UsageError):
            address = replace(
                broker_address(settings, settings.newest_secret("mqtt_url") or url), renew=newest
            )
        return address

    address = replace(address, renew=newest)
    return address


def broker_address(settings: Settings, url: str) -> BrokerAddress:
    """Return where the broker is and how to log in. Several hosts are one cluster, tried in turn.

    Raises:
        UsageError: the URL or a TLS file cannot be used.
    """
    try:
        parts = read_url(cleaned(url), frozenset())
    except UrlError as error:
        raise UsageError(f"MQTT_URL cannot be read: {error}; write it as mqtt://user@host:1883.") from None
    if parts.scheme not in _SCHEMES or not all(host for host, _ in parts.hosts) or not parts.hosts:
        raise UsageError(
            "MQTT_URL must be mqtt://host[:1883], mqtts://host[:8883], ws://host[:80][/mqtt] or "
            "wss://host[:443][/mqtt]."
        )
    secure, usual_port = _SCHEMES[parts.scheme]
    hosts = tuple((host, port or usual_port) for host, port in parts.hosts)
    local = all(_is_local(host) for host, _ in hosts)
    websockets = parts.scheme in _WEBSOCKETS
    left_out = not websockets and (parts.path.strip("/") or parts.parameters)
    return BrokerAddress(
        host=hosts[0][0],
        port=hosts[0][1],
        username=parts.user,
        password=parts.password,
        tls=_context(settings.mqtt_ca, settings.mqtt_cert, settings.mqtt_key) if secure else None,
        force_v3=settings.mqtt_version == "3.1.1",
        warnings=() if secure or local else (_CLEAR_BROKER,),
        notes=(_LEFT_OUT_OF_BROKER,) if left_out else (),
        others=hosts[1:],
        websockets=websockets,
        path=_websockets_path(parts),
    )


def _websockets_path(parts: Url) -> str:
    """Return what a request for WebSockets asks for: the path, if there is one, and the query as written."""
    path, mark, query = parts.target.partition("?")
    return quote(f"{path or _WEBSOCKETS_PATH}{mark}{query}", safe=_IN_A_TARGET)


def _context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return a TLS context that verifies host name and CA, with at least TLS 1.2.

    Raises:
        UsageError: a file cannot be used; the sentence names it.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca:
        _load(str(ca), lambda: context.load_verify_locations(ca))
    if certificate:
        names = f"{certificate} with the key {key}" if key else str(certificate)
        _load(names, lambda: context.load_cert_chain(certificate, key, password=_no_password))
    return context


def _no_password() -> str:
    raise _EncryptedKeyError


class _EncryptedKeyError(Exception):
    """The key of a certificate is encrypted, and a password cannot be typed here."""


def _load(names: str, act: Callable[[], None]) -> None:
    try:
        act()
    except _EncryptedKeyError:
        raise UsageError(f"The TLS file {names} is encrypted: give a key without a password.") from None
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"The TLS file {names} cannot be used: {reason}.") from None


def listening_address(text: str, flag: str) -> tuple[str, int]:
    """Return host and port of ``[HOST:]PORT``; without a host it is this machine only.

    Raises:
        UsageError: it cannot be read.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not (port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise UsageError(f"{flag} needs a port, or HOST:PORT: {text!r} is neither.")
    return host, int(port)
