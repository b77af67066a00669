"""Decoding of an acknowledgement's payload: from a device's bytes to a value that PostgreSQL can store.

Only `AckError` is raised here, and nothing recurses, so that deep nesting does not exhaust the stack.
"""

import json
import re
from dataclasses import dataclass

from console.domain.identifiers import id_fault
from console.domain.text.json import json_depth
from console.domain.text.json_size import written
from console.limits import MAX_ACK_BYTES, MAX_JSON_DEPTH
from console.wire.json_scan import ScanError, top_level_members

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN|-?\d[-+.0-9eE]*', re.DOTALL)
_PAIR_OR_LONE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\u0000|\\."
)
_SUSPICIOUS = re.compile(r"\\u(?:0000|[dD][89a-fA-F])|NaN|Infinity|[eE][-+]?\d{2}|\d{1000}")
_USED = ("command_id", "status", "details")
_REPLACEMENT = "\\ufffd"
_MAX_DIGITS = 262_144  # in total over all numbers of an answer, as the database writes them
_SPACE = " \t\r\n"  # the white space that JSON allows around a value
_CONTROLS = "".join(map(chr, (*range(9), 11, 12, *range(14, 32), *range(127, 160))))
_PADDING = (
    _SPACE
    + _CONTROLS
    + "\ufeff\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
    + "".join(map(chr, range(0x2000, 0x200B)))
)
PADDED = "NUL or other control bytes around the JSON were dropped"
_WIDE = "UTF-16 or UTF-32, not UTF-8"


class AckError(ValueError):
    """An acknowledgement that can never become valid; its text explains why, `reason` is from a fixed set."""

    def __init__(self, reason: str, more: str = "") -> None:
        super().__init__(f"{reason}: {more}" if more else reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class AckPayload:
    """The readable part of an acknowledgement; `ack_json` is ``{"status": …, "details": …}`` as text.

    `word` is the status as text. `claims` are the tenant and device in the payload, as JSON: only those of
    the topic count. `padded` is true if a byte order mark or white space was around the JSON, `correlates`
    if the Correlation Data names this command, too, or is missing.
    """

    command_id: str
    ack_json: str
    repairs: tuple[str, ...] = ()
    word: str = "ok"
    claims: tuple[str | None, str | None] = (None, None)
    padded: bool = False
    correlates: bool = True


def decode_ack(
    payload: bytes, max_bytes: int = MAX_ACK_BYTES, correlation: bytes | None = None
) -> AckPayload:
    """Decode an answer of a device.

    Args:
        payload: the message as received; padding around the one JSON object is dropped.
        max_bytes: larger payloads are refused before parsing.
        correlation: the message's Correlation Data: the command's id if the payload has none.

    Raises:
        AckError: empty, too large, not UTF-8, not a JSON object, or without a usable command id.
    """
    if not payload:
        raise AckError("empty payload")
    if len(payload) > max_bytes:
        raise AckError("too large", f"{len(payload):,} bytes, at most {max_bytes:,} are taken")
    text, padding = _unpadded(payload)
    members = _members(text)
    repairs: list[str] = []
    has_controls = not set(_CONTROLS).isdisjoint(padding)
    if has_controls:
        repairs.append(PADDED)
    command_id, correlates = _command_id(members, correlation)
    status = _status(members.get("status"), repairs)
    details = _details(members.get("details"), repairs)
    claims = (members.get("tenant_id"), members.get("device_id"))
    ack_json = f'{{"status":{status},"details":{details}}}'
    word = str(json.loads(status))
    padded = bool(padding) and not has_controls
    return AckPayload(command_id, ack_json, tuple(repairs), word, claims, padded, correlates)


def _unpadded(payload: bytes) -> tuple[str, str]:
    """Return the text without the padding that C firmware, gateways and editors add, and that padding."""
    try:
        whole = payload.decode()
    except UnicodeDecodeError:
        raise AckError(_WIDE if payload[:2] in {b"\xff\xfe", b"\xfe\xff"} else "not UTF-8") from None
    text = whole.strip(_PADDING)
    if not text:
        raise AckError("empty payload", "nothing but white space or control bytes")
    if text[1:2] == "\x00":
        raise AckError(_WIDE)
    start = whole.index(text)
    return text, whole[:start] + whole[start + len(text) :]


def _members(text: str) -> dict[str, str]:
    try:
        members = top_level_members(text)
    except ScanError as error:
        raise AckError(error.reason, error.more) from None
    if json_depth(text) <= MAX_JSON_DEPTH:
        _check(text)
    else:  # too deep for a parser: validate each member that is used
        for name in _USED:
            if json_depth(members.get(name, "")) <= MAX_JSON_DEPTH:
                _check(members.get(name, "null"))
    return members


def _check(text: str) -> None:
    try:
        json.loads(text, parse_int=len, parse_float=len, parse_constant=len)
    except ValueError as error:
        raise AckError("not JSON", str(error)[:190]) from None


def _command_id(members: dict[str, str], correlation: bytes | None) -> tuple[str, bool]:
    """Return the command's id, the payload's own first, and whether the Correlation Data agrees."""
    raw = members.get("command_id", "null")
    if raw == "null":
        if not correlation:
            raise AckError("no command_id")
        return _correlated(correlation), True
    if not raw.startswith('"'):
        raise AckError("command_id is not a string")
    command_id = str(json.loads(raw))
    fault = id_fault(command_id)
    if fault:
        raise AckError("command_id cannot be used", fault)
    return command_id, not correlation or correlation == command_id.encode()


def _correlated(correlation: bytes) -> str:
    """Return the id in the Correlation Data: we send the command's id, but a device may return anything."""
    try:
        command_id = correlation.decode()
    except UnicodeDecodeError:
        raise AckError("Correlation Data", "it is not UTF-8, and there is no command_id") from None
    fault = id_fault(command_id)
    if fault:
        raise AckError("Correlation Data", f"it cannot be used, and there is no command_id: {fault}")
    return command_id


def _status(raw: str | None, repairs: list[str]) -> str:
    if raw is None or raw == "null":
        return '"ok"'
    if raw.startswith('"'):
        return _storable(raw, repairs, "status")
    return json.dumps(raw, ensure_ascii=False)


def _details(raw: str | None, repairs: list[str]) -> str:
    if raw is None:
        return "null"
    if json_depth(raw) > MAX_JSON_DEPTH - 2:
        repairs.append(f"details nested more than {MAX_JSON_DEPTH} levels deep were dropped")
        return "null"
    stored = _storable(raw, repairs, "details")
    return stored if raw == "null" or raw.startswith("{") else f'{{"value":{stored}}}'


def _storable(raw: str, repairs: list[str], where: str) -> str:
    """Replace what PostgreSQL's jsonb refuses; token by token, so in linear time."""
    if not _SUSPICIOUS.search(raw):
        return raw
    found: set[str] = set()
    digits = 0

    def mend(match: re.Match[str]) -> str:
        token = match.group()
        if token.startswith('"'):
            return _mend_string(token, found)
        if token.endswith(("NaN", "Infinity")):
            found.add(f"{token} in {where} became text")
            return f'"{token}"'
        nonlocal digits
        number = written(token)
        if not number.fits:
            found.add(f"a number in {where} that PostgreSQL cannot hold became text")
            return f'"{token}"'
        if digits + number.length > _MAX_DIGITS:
            found.add(f"numbers in {where} of more than {_MAX_DIGITS:,} digits in all became text")
            return f'"{token}"'
        digits += number.length
        return token

    mended = _TOKEN.sub(mend, raw)
    repairs.extend(sorted(found))
    return mended


def _mend_string(token: str, found: set[str]) -> str:
    def mend(match: re.Match[str]) -> str:
        escape = match.group()
        if len(escape) != len(_REPLACEMENT):
            return escape
        found.add("NUL became U+FFFD" if escape == "\\u0000" else "half a surrogate pair became U+FFFD")
        return _REPLACEMENT

    return _PAIR_OR_LONE.sub(mend, token)
