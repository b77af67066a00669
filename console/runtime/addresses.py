"""From URLs and files to addresses: what a configured database and broker are reached by."""

import os
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from console.errors import UsageError
from console.mqtt.session import BrokerAddress
from console.settings import Settings
from console.store.pool import Access

_CLEAR_DATABASE = (
    "The link to the database is in clear over the network: remove sslmode=disable to change that."
)
_UNVERIFIED_DATABASE = (
    "The database's certificate is not verified: use sslmode=verify-full, or leave sslmode out."
)
_CLEAR_BROKER = "The link to the broker is in clear over the network: use mqtts:// in MQTT_URL."
_PORT = re.compile(r":\d*$")
_SCHEMES = {"mqtt": (False, 1883), "mqtts": (True, 8883)}


def database_access(settings: Settings, url: str) -> Access:
    """How to reach the database at `url` under the configured roles.

    Raises:
        UsageError: the URL is not one of PostgreSQL.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise UsageError(
            "DATABASE_URL must begin with postgresql:// (for example postgresql://user@host/db)."
        )
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise UsageError("DATABASE_URL cannot be read: check host, port and brackets.") from None
    direct = settings.newest_secret("direct_database_url")
    tls, warning = _database_tls(settings, url)
    direct_tls, direct_warning = _database_tls(settings, direct) if direct else (None, "")
    return Access(
        url=url,
        direct_url=direct,
        operator_role=settings.operator_role,
        worker_role=settings.worker_role,
        tls=tls,
        direct_tls=direct_tls,
        warnings=tuple(dict.fromkeys(text for text in (warning, direct_warning) if text)),
    )


def _database_tls(settings: Settings, url: str) -> tuple[ssl.SSLContext | None, str]:
    """The context for this URL, if any, and what is unsafe about the link.

    A server elsewhere is verified by host name and CA unless the URL (or PGSSLMODE) says otherwise; one on
    this machine is not asked for TLS. With CONSOLE_DATABASE_CA every link with TLS is verified.
    """
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    mode = query.get("sslmode", [os.environ.get("PGSSLMODE", "")])[0]
    local = all(map(_is_local, _hosts(parts, query)))
    if mode == "disable":
        return None, "" if local else _CLEAR_DATABASE
    files = settings.database_ca or settings.database_cert
    if (local or mode) and not files:
        unsure = not local and not mode.startswith("verify")
        return None, _UNVERIFIED_DATABASE if unsure else ""
    context = _context(settings.database_ca, settings.database_cert, settings.database_key)
    if mode == "verify-ca":
        context.check_hostname = False
    return context, ""


def _hosts(parts: SplitResult, query: dict[str, list[str]]) -> list[str]:
    """Every host that the URL names, in either place: the driver may try each of them."""
    named = [_PORT.sub("", entry) for entry in parts.netloc.rpartition("@")[2].split(",")]
    named += [host for value in query.get("host", []) for host in value.split(",")]
    found = [unquote(host).strip("[]") for host in named if host]
    return found or os.environ.get("PGHOST", "").split(",")


def _is_local(host: str) -> bool:
    """Whether this host, or this folder of a Unix socket, is on this machine."""
    if not host or host.startswith("/") or host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def configured_database(settings: Settings) -> Access | None:
    """The configured database, read again at each connection: secrets and certificates are rotated.

    Raises:
        UsageError: the URL or a TLS file cannot be used.
    """
    url = settings.newest_secret("database_url")
    if url is None:
        return None
    access = database_access(settings, url)

    def newest() -> Access:
        """What the files hold now; what they held before while that cannot be used."""
        nonlocal access
        with suppress(UsageError):
            access = replace(
                database_access(settings, settings.newest_secret("database_url") or url), renew=newest
            )
        return access

    access = replace(access, renew=newest)
    return access


def configured_broker(settings: Settings) -> BrokerAddress | None:
    """The configured broker, read again at each connection.

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
    """Where the broker is and how to log in.

    Raises:
        UsageError: the URL or a TLS file cannot be used.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError("MQTT_URL cannot be read: write it as mqtt://user@host:1883.") from None
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise UsageError("MQTT_URL must be mqtt://host[:1883] or mqtts://host[:8883].")
    secure, usual_port = _SCHEMES[parts.scheme]
    return BrokerAddress(
        host=parts.hostname,
        port=port or usual_port,
        username=_part(parts, "username"),
        password=_part(parts, "password"),
        tls=_context(settings.mqtt_ca, settings.mqtt_cert, settings.mqtt_key) if secure else None,
        force_v3=settings.mqtt_version == "3.1.1",
        warnings=() if secure or _is_local(parts.hostname) else (_CLEAR_BROKER,),
    )


def _part(parts: SplitResult, name: str) -> str | None:
    value = getattr(parts, name)
    return unquote(value) if value else None


def _context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Host name and CA are always verified; at least TLS 1.2.

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
    """The key of a certificate is encrypted; nobody is there to type a password."""


def _load(names: str, act: Callable[[], None]) -> None:
    try:
        act()
    except _EncryptedKeyError:
        raise UsageError(f"The TLS file {names} is encrypted: give a key without a password.") from None
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"The TLS file {names} cannot be used: {reason}.") from None
