"""A linear scan of a JSON object's top-level members: works at any nesting, where a parser needs stack."""

import json
import re

_NEXT = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|["\[\]{}]')
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"[^\s,\[\]{}\":]+")
_SPACE = re.compile(r"[ \t\n\r]*")
_CLOSES = {"{": "}", "[": "]"}


class ScanError(ValueError):
    """The text is not one JSON object: `reason` is short, `more` has further details if there are any."""

    def __init__(self, reason: str, more: str = "") -> None:
        super().__init__(f"{reason}: {more}" if more else reason)
        self.reason, self.more = reason, more


def top_level_members(text: str) -> dict[str, str]:
    """Map each key of the object to the text of its value; the last of equal keys wins, as in PostgreSQL.

    Raises:
        ScanError: no object, brackets that do not match, text after the end, or ``command_id`` twice.
    """
    position = _skip(text, 0)
    if text[position : position + 1] != "{":
        raise ScanError("not an object")
    members: dict[str, str] = {}
    position = _skip(text, position + 1)
    if text[position : position + 1] == "}":
        _expect_end(text, position + 1)
        return members
    while True:
        key, position = _key(text, position)
        end = _value_end(text, position)
        if key == "command_id" and key in members:
            raise ScanError("command_id twice")
        members[key] = text[position:end]
        position = _skip(text, end)
        separator = text[position : position + 1]
        position = _skip(text, position + 1)
        if separator == "}":
            _expect_end(text, position)
            return members
        if separator != ",":
            raise ScanError("not JSON", "a comma or the end of the object is missing")


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _expect_end(text: str, position: int) -> None:
    if _skip(text, position) != len(text):
        raise ScanError("not JSON", "text after the end of the object")


def _key(text: str, position: int) -> tuple[str, int]:
    match = _STRING.match(text, position)
    if not match:
        raise ScanError("not JSON", "a key is missing")
    try:
        key = str(json.loads(match.group()))
    except ValueError:
        raise ScanError("not JSON", "a key cannot be read") from None
    position = _skip(text, match.end())
    if text[position : position + 1] != ":":
        raise ScanError("not JSON", "a colon is missing")
    return key, _skip(text, position + 1)


def _value_end(text: str, position: int) -> int:
    first = text[position : position + 1]
    if first == '"':
        match = _STRING.match(text, position)
    elif first and first in "{[":
        return _container_end(text, position)
    else:
        match = _SCALAR.match(text, position)
    if not match:
        raise ScanError("not JSON", "a value is missing")
    return match.end()


def _container_end(text: str, position: int) -> int:
    expected: list[str] = []
    for match in _NEXT.finditer(text, position):
        found = match.group()
        if found in _CLOSES:
            expected.append(_CLOSES[found])
        elif found == '"':  # an unterminated string
            break
        elif found[0] == '"':
            continue
        elif expected.pop() != found:
            raise ScanError("not JSON", "brackets do not match")
        if not expected:
            return match.end()
    raise ScanError("not JSON", "it ends too early")
