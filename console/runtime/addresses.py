"""From URLs and files to addresses: what a configured database and broker are reached by."""

import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from console.errors import UsageError
from console.mqtt.session import BrokerAddress
from console.settings import Settings
from console.store.pool import Access

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
    direct = settings.direct_database_url
    return Access(
        url=url,
        direct_url=direct.get_secret_value() if direct else None,
        operator_role=settings.operator_role,
        worker_role=settings.worker_role,
    )


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
        tls=_tls(settings) if secure else None,
        force_v3=settings.mqtt_version == "3.1.1",
    )


def _part(parts: SplitResult, name: str) -> str | None:
    value = getattr(parts, name)
    return unquote(value) if value else None


def _tls(settings: Settings) -> ssl.SSLContext:
    """Host name and CA are always verified."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.mqtt_ca:
        _load(settings.mqtt_ca, lambda: context.load_verify_locations(settings.mqtt_ca))
    if settings.mqtt_cert:
        certificate, key = settings.mqtt_cert, settings.mqtt_key
        _load(certificate, lambda: context.load_cert_chain(certificate, key, password=lambda: ""))
    return context


def _load(path: Path, act: Callable[[], None]) -> None:
    try:
        act()
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"The TLS file {path} cannot be used: {reason}.") from None
