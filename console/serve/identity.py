"""Who a key stands for: what the server's own authorized_keys says, and nothing that a client sends.

Decided in docs/decisions/0068-who-a-key-stands-for.md
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from console.domain.identifiers import id_fault
from console.services.sender import clean_name

_FORMS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}  # sshd(8), expiry-time
_HEEDED = {"environment", "expiry-time", "from"}
_NOT_DONE_ANYWAY = {
    "agent-forwarding", "no-agent-forwarding", "no-port-forwarding", "no-user-rc", "no-x11-forwarding",
    "permitlisten", "permitopen", "port-forwarding", "pty", "restrict", "tunnel", "user-rc", "x11-forwarding",
}  # fmt: skip
_NO = {"", "0", "false", "no", "off"}


@dataclass(frozen=True, slots=True)
class Identity:
    """An operator and the tenants open to them. A guest may only read, and sees the demo's tenants.

    `fingerprint` is the key's; `tab` tells the tabs of one browser apart, which have no key.
    """

    tenants: tuple[str, ...]
    operator: str
    read_only: bool
    fingerprint: str = ""
    tab: str = ""
    is_guest: bool = False


class NotAdmittedError(Exception):
    """The sentence says why."""


def identity_of(options: Mapping[str, object], fingerprint: str, now: datetime) -> Identity:
    """Return whom a line of authorized_keys admits.

    Args:
        options: the options of the line, as asyncssh reads them.
        fingerprint: of the key, as SHA256:…
        now: compared with expiry-time.

    Raises:
        NotAdmittedError: the key has expired, names no tenant, or its line asks for what is not done here.
    """
    for name in options:
        if name not in _HEEDED and name.lower() not in _NOT_DONE_ANYWAY:
            raise NotAdmittedError(f"the option {clean_name(name)} of this key is not supported here")
    if "restrict" in options and "pty" not in options:
        raise NotAdmittedError("the option restrict of this key allows no screen: add pty to it")
    expiry = options.get("expiry-time")
    for text in expiry if isinstance(expiry, list) else [expiry] if expiry else []:
        if now >= _instant(str(text)):
            raise NotAdmittedError("this key has expired")
    given = options.get("environment")
    environment: Mapping[str, str] = given if isinstance(given, dict) else {}
    names = (name.strip() for name in environment.get("CONSOLE_TENANT", "").split(","))
    tenants = tuple(dict.fromkeys(name for name in names if name))
    if not tenants:
        raise NotAdmittedError('this key names no tenant (environment="CONSOLE_TENANT=…" in authorized_keys)')
    if any(id_fault(name) for name in tenants):
        raise NotAdmittedError("a tenant of this key cannot be used")
    operator = clean_name(environment.get("CONSOLE_OPERATOR", "") or f"key {fingerprint[-8:]}")
    read_only = environment.get("CONSOLE_READ_ONLY", "").strip().lower() not in _NO
    return Identity(tenants, operator, read_only, fingerprint)


def guest(tenants: tuple[str, ...]) -> Identity:
    """Return somebody of whom nothing is known."""
    return Identity(tenants, "guest", read_only=True, is_guest=True)


def _instant(text: str) -> datetime:
    """Return the end of a key's time: local unless it ends in Z, as sshd reads it.

    Raises:
        NotAdmittedError: it cannot be read; a key whose end is unknown is not taken.
    """
    digits = text.removesuffix("Z")
    try:
        at = datetime.strptime(digits, _FORMS[len(digits)])  # noqa: DTZ007 - the zone is set below
        return at.replace(tzinfo=UTC) if text.endswith("Z") else at.astimezone()
    except (KeyError, ValueError, OverflowError):
        raise NotAdmittedError("the expiry-time of this key cannot be read") from None
