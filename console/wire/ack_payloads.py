"""The payload of an acknowledgement: bytes a device sent to a value PostgreSQL can store.

Nothing here raises anything but `AckError`; nothing recurses, so that nesting costs no stack.
"""

import json
import re
from dataclasses import dataclass

from console.domain.acks import MAX_ACK_BYTES
from console.domain.commands import MAX_JSON_DEPTH
from console.domain.identifiers import id_fault
from console.domain.json_text import json_depth
from console.wire.json_scan import ScanError, top_level_members

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN|-?\d[-+.0-9eE]*', re.DOTALL)
_PAIR_OR_LONE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\u0000|\\."
)
_SUSPICIOUS = re.compile(r"\\u(?:0000|[dD][89a-fA-F])|NaN|Infinity|[eE][-+]?\d{4}|\d{1000}")
_USED = ("command_id", "status", "details")
_REPLACEMENT = "\\ufffd"
_MAX_WEIGHT = 16_000  # digits on either side of the point that PostgreSQL's numeric surely holds


class AckError(ValueError):
    """An acknowledgement that can never become valid; its text says why."""


@dataclass(frozen=True, slots=True)
class AckPayload:
    """The readable part of an acknowledgement; `ack_json` is ``{"status": …, "details": …}`` as text.

    `word` is the status as text. `claims` are the tenant and device that the payload itself names, as JSON:
    only the topic's count.
    """

    command_id: str
    ack_json: str
    repairs: tuple[str, ...] = ()
    word: str = "ok"
    claims: tuple[str | None, str | None] = (None, None)


def decode_ack(payload: bytes, max_bytes: int = MAX_ACK_BYTES) -> AckPayload:
    """Read what a device answered.

    Args:
        payload: the message as it came.
        max_bytes: larger payloads are refused before parsing.

    Raises:
        AckError: empty, too large, not UTF-8, not a JSON object, or without a usable command id.
    """
    if not payload:
        raise AckError("empty payload")
    if len(payload) > max_bytes:
        raise AckError(f"payload of {len(payload):,} bytes, at most {max_bytes:,} are taken")
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise AckError("not UTF-8") from None
    members = _members(text)
    repairs: list[str] = []
    command_id = _command_id(members)
    status = _status(members.get("status"), repairs)
    details = _details(members.get("details"), repairs)
    claims = (members.get("tenant_id"), members.get("device_id"))
    ack_json = f'{{"status":{status},"details":{details}}}'
    return AckPayload(command_id, ack_json, tuple(repairs), str(json.loads(status)), claims)


def _members(text: str) -> dict[str, str]:
    try:
        members = top_level_members(text)
    except ScanError as error:
        raise AckError(str(error)) from None
    if json_depth(text) <= MAX_JSON_DEPTH:
        _check(text)
    else:  # too deep for a parser: what is used of it must be right by itself
        for name in _USED:
            if json_depth(members.get(name, "")) <= MAX_JSON_DEPTH:
                _check(members.get(name, "null"))
    return members


def _check(text: str) -> None:
    try:
        json.loads(text, parse_int=len, parse_float=len, parse_constant=len)
    except ValueError as error:
        raise AckError(f"not JSON: {error}"[:200]) from None


def _command_id(members: dict[str, str]) -> str:
    raw = members.get("command_id")
    if raw is None:
        raise AckError("no command_id")
    if not raw.startswith('"'):
        raise AckError("command_id is not a string")
    command_id = str(json.loads(raw))
    fault = id_fault(command_id)
    if fault:
        raise AckError(f"command_id cannot be used: {fault}")
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

    def mend(match: re.Match[str]) -> str:
        token = match.group()
        if token.startswith('"'):
            return _mend_string(token, found)
        if token.endswith(("NaN", "Infinity")):
            found.add(f"{token} in {where} became text")
            return f'"{token}"'
        if _too_large(token):
            found.add(f"a number in {where} that PostgreSQL cannot hold became text")
            return f'"{token}"'
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


def _too_large(token: str) -> bool:
    mantissa, _, exponent = token.lower().partition("e")
    magnitude = abs(int(exponent)) if len(exponent) < 8 and exponent else (10**8 if exponent else 0)
    return len(mantissa) + magnitude > _MAX_WEIGHT
