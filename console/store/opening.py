"""Opening one connection: the hosts of a URL in turn, and how long each may take."""

import asyncio
import ssl
from contextvars import Context
from typing import Any

import asyncpg

from console.domain.urls import UrlError
from console.errors import UsageError
from console.store.dsn import read_dsn
from console.store.links import ServerConnection, open_link

CONNECT_TIMEOUT_S = 8.0
SEVERAL_HOSTS_TIMEOUT_S = 3.0  # for each host, since the next one waits for it


async def open_connection(url: str, tls: ssl.SSLContext | None, **options: Any) -> ServerConnection:
    """Open a connection to the first suitable host of this URL.

    It remembers the context in which it was opened, by which it would keep a screen alive: it gets its own.

    Raises:
        UsageError: the URL cannot be read.
    """
    try:
        dsn = read_dsn(url)
        options |= {"ssl": tls} if tls else {}
        options["patience_s"] = _host_timeout_s(dsn.timeout_s, len(dsn.hosts))
        opening = open_link(dsn.url, dsn.hosts, dsn.target, believe=not dsn.is_pooled, **options)
        return await asyncio.create_task(opening, context=Context())
    except ssl.SSLCertVerificationError:  # also a ValueError, which is caught below
        raise
    except UrlError as error:
        raise UsageError(f"DATABASE_URL cannot be read: {error}.") from None
    except (asyncpg.exceptions.ClientConfigurationError, ValueError):
        raise UsageError(
            "DATABASE_URL cannot be read: write it as postgresql://user@host:port/database."
        ) from None


def _host_timeout_s(wanted_s: float | None, hosts: int) -> float:
    return wanted_s or (SEVERAL_HOSTS_TIMEOUT_S if hosts > 1 else CONNECT_TIMEOUT_S)


def patience_s(url: str) -> float:
    """Return how many seconds opening a connection may take in total, over all of its hosts.

    Raises:
        UsageError: the URL cannot be read.
    """
    try:
        dsn = read_dsn(url)
    except UrlError as error:
        raise UsageError(f"DATABASE_URL cannot be read: {error}.") from None
    hosts = max(1, len(dsn.hosts))
    return max(CONNECT_TIMEOUT_S, hosts * _host_timeout_s(dsn.timeout_s, hosts))
