"""What many devices answered, as few groups: equal answers, and those that differ only where all differ.

Decided in docs/decisions/0089-groups-of-answers.md
"""

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from console.domain.acks import CODE_KEYS
from console.domain.batches import AnswerGroup
from console.domain.commands import Phase

MOST_FIELDS = 40
MOST_SAMPLES = 3
VARIES = "varies"
_FEWEST = 3  # devices: of two, any texts that differ may be news
_NEARLY_ALL = 0.8  # of the devices have a text of their own
TELLING = frozenset({"status", *CODE_KEYS})  # never called varying
_LARGEST_WHOLE = 1e15

Row: TypeAlias = tuple[Phase, str | None, int, tuple[str, ...]]
Fields: TypeAlias = dict[str, object]
_UNREAD: Fields = {"status": "?"}  # of an answer that is no object of ours


def gather(exact: Sequence[Row]) -> tuple[AnswerGroup, ...]:
    """Build the groups from rows of phase, answer, count and sample; the largest first.

    Answers of one phase, one status and the same keys are one group if they differ only in numbers, or in
    texts of a key of which nearly every device has its own, such as a serial number or an address.
    """
    classes: dict[tuple[object, ...], list[tuple[Row, Fields]]] = {}
    for row in exact:
        fields = _fields(row[1])
        unread = row[1] if fields == _UNREAD else None
        classes.setdefault((row[0], unread, fields.get("status"), *fields), []).append((row, fields))
    groups = [_group(members) for alike in classes.values() for members in _divided(alike)]
    return tuple(sorted(groups, key=lambda group: -group.count))


def _divided(alike: Sequence[tuple[Row, Fields]]) -> list[list[tuple[Row, Fields]]]:
    """Divide answers with the same keys by the values that tell them apart."""
    free = _varying(alike)
    shapes: dict[tuple[object, ...], list[tuple[Row, Fields]]] = {}
    for member in alike:
        shape = tuple(None if key in free or _is_number(value) else value for key, value in member[1].items())
        shapes.setdefault(shape, []).append(member)
    return list(shapes.values())


def _varying(alike: Sequence[tuple[Row, Fields]]) -> frozenset[str]:
    """Return the keys of which nearly every device has a text of its own."""
    devices = sum(row[2] for row, _ in alike)
    if devices < _FEWEST:
        return frozenset()
    texts = {
        key: {value for _, fields in alike if isinstance(value := fields[key], str)}
        for key in alike[0][1]
        if key.rpartition(".")[2] not in TELLING
    }
    return frozenset(key for key, values in texts.items() if len(values) >= _NEARLY_ALL * devices)


def _group(members: Sequence[tuple[Row, Fields]]) -> AnswerGroup:
    rows = [row for row, _ in members]
    return AnswerGroup(
        phase=rows[0][0],
        answers=tuple(answer for _, answer, _, _ in rows if answer is not None),
        count=sum(count for _, _, count, _ in rows),
        sample=tuple(device for row in rows[:MOST_SAMPLES] for device in row[3])[:MOST_SAMPLES],
        fields=_merged([fields for _, fields in members]),
    )


def _fields(answer: str | None) -> Fields:
    """Return the answer's status and the keys of its details, in order of their names.

    What is nested is named by both keys, ``wifi.rssi``, one level deep.
    """
    try:
        document = json.loads(answer or "{}")
    except (ValueError, RecursionError):
        return _UNREAD
    details = document.get("details")
    status = document.get("status")
    found: Fields = {} if status is None else {"status": _plain(status)}
    if isinstance(details, dict):
        flat: Fields = {}
        for key, value in details.items():
            inner = value if isinstance(value, dict) and value else {"": value}
            flat |= {f"{key}.{name}" if name else key: one for name, one in inner.items()}
        found.update((key, _plain(value)) for key, value in sorted(flat.items())[:MOST_FIELDS])
    elif details is not None:
        found["details"] = _plain(details)
    return found


def _plain(value: object) -> object:
    return value if _is_number(value) or isinstance(value, str) else json.dumps(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _merged(several: Sequence[Mapping[str, object]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, first in several[0].items():
        values = {fields[key] for fields in several}
        numbers = [value for value in values if isinstance(value, int | float)]
        if len(values) > 1 and len(numbers) == len(values):
            found[key] = f"{_number(min(numbers))} to {_number(max(numbers))}"
        elif len(values) > 1:
            found[key] = VARIES
        else:
            found[key] = _number(first) if isinstance(first, float) else str(first)
    return found


def _number(value: float) -> str:
    """Format a whole number with all its digits: 8955 to 7740810, not to 7.74081e+06."""
    if isinstance(value, float) and not (value.is_integer() and abs(value) < _LARGEST_WHOLE):
        return f"{value:g}"
    return str(int(value))
