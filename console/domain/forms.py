"""Forms for params: a JSON Schema becomes fields, and what is typed into them becomes JSON.

Decided in docs/decisions/0017-forms-from-the-catalogue.md
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

MOST_FIELDS = 40
MOST_CHOICES = 60
_LARGEST_WHOLE = 1e15
_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,2})?", re.ASCII)


class FieldKind(StrEnum):
    """How a field's text is read."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    CHOICE = "choice"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class Field:
    """One key of the params. `choices` are JSON values by the text that is shown for them."""

    name: str
    kind: FieldKind
    required: bool
    hint: str
    choices: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a command in the schema's order: the required ones first, then the others."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """The content of a form: the params, and a sentence for each field that is missing or cannot be read."""

    params: dict[str, Any]
    faults: tuple[str, ...]


def form_of(schema_text: str | None) -> Form | None:
    """Return the form for a JSON Schema; None unless it describes an object that is small enough."""
    try:
        return _form(json.loads(schema_text or ""))
    except (ValueError, RecursionError):  # raised also when a deeply nested default is written out
        return None


def _form(schema: Any) -> Form | None:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not 0 < len(properties) <= MOST_FIELDS:
        return None
    required = schema.get("required")
    wanted = [name for name in map(str, required) if name in properties] if isinstance(required, list) else []
    order = dict.fromkeys([*wanted, *properties])
    return Form(tuple(_field(name, properties[name], required=name in wanted) for name in order))


def _field(name: str, rule: Any, *, required: bool) -> Field:
    rule = rule if isinstance(rule, dict) else {}
    kind, choices = _kind(rule)
    return Field(name, kind, required, _hint(kind, rule, required=required), choices)


def _kind(rule: dict[str, Any]) -> tuple[FieldKind, dict[str, Any]]:
    values = _allowed(rule)
    if 0 < len(values) <= MOST_CHOICES:
        return FieldKind.CHOICE, {_as_text(value): value for value in values}
    kind = rule.get("type")
    if isinstance(kind, list):
        kind = next((word for word in kind if word != "null"), None)
    if kind == "boolean":
        return FieldKind.CHOICE, {"true": True, "false": False}
    plain = {"string": FieldKind.TEXT, "integer": FieldKind.INTEGER, "number": FieldKind.NUMBER}
    return plain.get(str(kind), FieldKind.JSON), {}


def _allowed(rule: dict[str, Any]) -> list[Any]:
    """Return the only values that the rule allows, if it lists them; a const is a list of one."""
    if "const" in rule:
        return [rule["const"]]
    values = rule.get("enum")
    if isinstance(values, list):
        return values
    several = rule.get("oneOf", rule.get("anyOf"))
    if isinstance(several, list) and all(isinstance(one, dict) and "const" in one for one in several):
        return [one["const"] for one in several]
    return []


def _hint(kind: FieldKind, rule: dict[str, Any], *, required: bool) -> str:
    parts = ["required"] if required else []
    if kind is FieldKind.CHOICE:
        values = _allowed(rule) or [True, False]
        parts.append(" | ".join(map(_as_text, values)) if len(values) > 1 else f"only {_as_text(values[0])}")
    else:
        parts.append(kind.value)
    parts += _bounds(rule)
    if "default" in rule:
        parts.append(f"default {_as_text(rule['default'])}")
    description = rule.get("description") or rule.get("title")
    return ", ".join(parts) + (f" · {description}" if isinstance(description, str) else "")


def _bounds(rule: dict[str, Any]) -> list[str]:
    """Describe the rule's limits for a number or for the length of a text."""
    parts = _range(rule.get("minimum"), rule.get("maximum"))
    above, below, step = (
        _number(rule.get(key)) for key in ("exclusiveMinimum", "exclusiveMaximum", "multipleOf")
    )
    parts += [f"more than {above}"] if above else []
    parts += [f"less than {below}"] if below else []
    parts += [f"a multiple of {step}"] if step else []
    return parts + [f"{part} characters" for part in _range(rule.get("minLength"), rule.get("maxLength"))]


def _range(low: Any, high: Any) -> list[str]:
    least, most = _number(low), _number(high)
    if least and most:
        return [f"{least} to {most}" if least != most else f"exactly {least}"]
    if least:
        return [f"at least {least}"]
    return [f"at most {most}"] if most else []


def _number(value: Any) -> str:
    """Format a number with all its digits, 604800 and not 6.048e+05; return "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    whole = isinstance(value, int) or (value.is_integer() and abs(value) < _LARGEST_WHOLE)
    return str(int(value)) if whole else f"{value:g}"


def _as_text(value: Any) -> str:
    """Return a string unchanged and every other value as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def texts_of(form: Form, params_text: str) -> dict[str, str] | None:
    """Return the text of each field for these params; None if a form would change or hide some of them."""
    try:
        params = json.loads(params_text)
        if not isinstance(params, dict) or _exactly(json.dumps(params)) != _exactly(params_text):
            return None
    except (ValueError, RecursionError):
        return None
    texts = {field.name: _shown(field, params[field.name]) for field in form.fields if field.name in params}
    optional = Form(tuple(replace(field, required=False) for field in form.fields))
    again = filled(optional, texts, params_text)
    return texts if not again.faults and again.params == params else None


def _exactly(text: str) -> Any:
    """Return the value with its numbers as written, so that those differ that a float cannot represent."""
    return json.loads(text, parse_float=str, parse_int=str)


def _shown(field: Field, value: Any) -> str:
    if field.kind is FieldKind.CHOICE:
        return next((text for text, choice in field.choices.items() if _same(choice, value)), _as_text(value))
    return json.dumps(value, ensure_ascii=False) if field.kind is FieldKind.JSON else _as_text(value)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def filled(form: Form, texts: Mapping[str, str], params_text: str) -> Filled:
    """Return the params that the fields describe.

    Args:
        form: the fields.
        texts: the texts of the fields, by name; an empty field leaves its key out.
        params_text: the params so far: keys without a field are kept.
    """
    try:
        before = json.loads(params_text)
    except (ValueError, RecursionError):
        before = {}
    names = {field.name for field in form.fields}
    params = {k: v for k, v in before.items() if k not in names} if isinstance(before, dict) else {}
    faults: list[str] = []
    for field in form.fields:
        text = texts.get(field.name, "")
        if field.kind is not FieldKind.TEXT:
            text = text.strip()
        if not text:
            if field.required:
                faults.append(f"{field.name} is required")
            continue
        try:
            params[field.name] = _value(field, text)
        except (ValueError, RecursionError):
            faults.append(f"{field.name}: {text[:40]!r} is not {_wanted(field)}")
    return Filled(params, tuple(faults))


def _value(field: Field, text: str) -> Any:
    if field.kind is FieldKind.TEXT:
        return text
    if field.kind is FieldKind.CHOICE:
        if text not in field.choices:
            raise ValueError(text)
        return field.choices[text]
    if field.kind is FieldKind.INTEGER and not _INTEGER.fullmatch(text):
        raise ValueError(text)
    if field.kind is FieldKind.NUMBER and not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return json.loads(text, parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise ValueError(name)


def _wanted(field: Field) -> str:
    if field.kind is FieldKind.CHOICE:
        return "one of the choices"
    if field.kind is FieldKind.JSON:
        return "valid JSON"
    return f"{'an' if field.kind is FieldKind.INTEGER else 'a'} {field.kind.value}"
