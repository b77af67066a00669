"""Which tenant, device and command ids can be routed: they become levels of an MQTT topic."""

import re
import unicodedata

from console.limits import MAX_ID_LENGTH

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_FORBIDDEN = "/+#"


def id_fault(value: str) -> str | None:
    """Return why this id cannot be routed, or None when it can.

    Rule: at least one character and at most `MAX_ID_LENGTH`, no control characters, no surrogates, no
    ``/ + #``, no outer spaces.
    A control character in a topic makes some brokers drop the whole connection; wildcards would route
    to other devices.
    """
    if not value:
        return "it is empty"
    if len(value) > MAX_ID_LENGTH:
        return f"it has {len(value)} characters, at most {MAX_ID_LENGTH} are allowed"
    for character in value:
        if character in _FORBIDDEN:
            return f"it contains {character!r}"
        if unicodedata.category(character) in {"Cc", "Cs"}:
            return f"it contains the control character U+{ord(character):04X}"
    if value != value.strip():
        return "it begins or ends with a space"
    return None


def name_shown(name: str | None) -> str:
    """Return a command's sender for display: the UUID of a platform's user is cut, as nobody reads it."""
    text = name or ""
    return f"{text[:8]}…" if _UUID.fullmatch(text) else text
