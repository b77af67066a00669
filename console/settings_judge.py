"""Judges values of settings with pydantic, which loads slowly: only where a value could be wrong.

Decided in docs/decisions/0059-a-command-is-loaded-when-it-is-named.md
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, Field
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model, field_validator
from pydantic import Field as Bounds

from console.errors import UsageError

_PLAIN = {
    "string_pattern_mismatch": "it must be a name of lower-case letters, digits, - and _",
    "bool_parsing": "it must be on or off",
    "int_parsing": "it must be a whole number",
    "float_parsing": "it must be a number",
}


def judged(
    settings: Iterable[Field[Any]],
    values: Mapping[str, object],
    origins: Mapping[str, str],
    *,
    as_text: Collection[str],
) -> dict[str, Any]:
    """Return the values as their settings want them; those of `as_text` stay texts.

    Raises:
        UsageError: a value or a name is wrong; the sentence names the place and never shows the value.
    """
    try:
        found = _model(settings, as_text).model_validate(values)
    except ValidationError as error:
        raise UsageError(_sentence(error, origins)) from None
    return {name: getattr(found, name) for name in found.model_fields_set}


def _model(settings: Iterable[Field[Any]], as_text: Collection[str]) -> type[BaseModel]:
    """Build a model of these fields, whose metadata are bounds; unknown names are refused."""
    fields: dict[str, Any] = {
        setting.name: (
            str | None if setting.name in as_text else setting.type,
            Bounds(None if setting.default is MISSING else setting.default, **setting.metadata),
        )
        for setting in settings
    }
    return create_model(
        "Settings",
        __config__=ConfigDict(extra="forbid", hide_input_in_errors=True),
        __validators__={"pairs": field_validator("keys", mode="before")(_pairs)},
        **fields,
    )


def _pairs(value: object) -> object:
    """Read pairs from the environment: ``history.retry=ctrl+r; quit=f10``."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(";") if part.strip()]
    if any(not middle for _, middle, _ in pairs):
        raise ValueError("write it as history.retry=ctrl+r; quit=f10")
    return {name.strip(): key.strip() for name, _, key in pairs}


def _sentence(error: ValidationError, origins: Mapping[str, str]) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "configuration"
    place = origins.get(name, "the configuration")
    if first["type"] == "extra_forbidden":
        return f"The setting {name} in {place} does not exist: `device-console config show` lists all."
    message = _PLAIN.get(first["type"], first["msg"]).removeprefix("Value error, ")
    return f"The setting {name} (from {place}) is wrong: {message[0].lower()}{message[1:].rstrip('.')}."
