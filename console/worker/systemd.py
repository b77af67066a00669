"""The protocol of systemd's notifications: ready, status, watchdog, stopping."""

import logging
import os
import socket
from collections.abc import Callable, Mapping

REPORT_EVERY_S = 10.0
_log = logging.getLogger("console.sweeper")


def watchdog_s(environment: Mapping[str, str]) -> float:
    """Return the seconds between two watchdog notifications: half of systemd's limit, at most ten."""
    try:
        patience_s = int(environment.get("WATCHDOG_USEC", "0")) / 1e6
    except ValueError:
        return REPORT_EVERY_S
    return min(REPORT_EVERY_S, patience_s / 2) if patience_s > 0 else REPORT_EVERY_S


def notify_systemd(text: str, send: Callable[[str, bytes], None] | None = None) -> None:
    """Send one state to systemd; do nothing if it did not ask for notifications."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    (send or _send)(address.replace("@", "\0", 1) if address.startswith("@") else address, text.encode())


def _send(address: str, data: bytes) -> None:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.sendto(data, address)
    except OSError as error:
        _log.debug("systemd was not notified: %s", error)
