"""The catalogue of commands: which form the params of one have, and whether params and answer fit."""

import asyncio
import importlib
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

from console.domain.catalogue import Catalogue, Listing
from console.domain.text.counts import counted

MOST_WORK = 50_000  # parts of the schema times those of the value: the worst pair measured takes 0.8 s
_SCHEMA_ITSELF = (
    4  # a schema is looked at by its own rules first: as much work as for that many parts of a value
)
_LONGEST_SENTENCE = 200
# Patterns may match for ever, references be endless, items are compared each with each, and what is not
# evaluated yet is looked for twice at every level.
_LEFT_OUT = (
    "pattern",
    "patternProperties",
    "format",
    "uniqueItems",
    "unevaluatedItems",
    "unevaluatedProperties",
)
_REFERENCES = ('"$ref"', '"$dynamicRef"', '"$recursiveRef"')


class CatalogueReads(Protocol):
    """Where the catalogue comes from."""

    async def of_devices(self, tenant_id: str, device_ids: Sequence[str]) -> Catalogue: ...


class Catalogues:
    """Reads catalogues, and judges what is sent and answered by them. Nothing is refused for it."""

    def __init__(self, reads: CatalogueReads) -> None:
        self._reads = reads

    async def of_devices(self, tenant_id: str, device_ids: Sequence[str]) -> Catalogue:
        """What the models of these devices list; empty where the database has no catalogue."""
        found = await self._reads.of_devices(tenant_id, device_ids)
        if found:
            await asyncio.to_thread(importlib.import_module, "jsonschema")  # not while somebody types
        return found

    async def answer_verdict(
        self, tenant_id: str, device_id: str, command_type: str, ack_json: str | None
    ) -> str | None:
        """What is wrong with an answer, "" when it fits, None where nothing is known of it."""
        if ack_json is None:
            return None
        entry = (await self.of_devices(tenant_id, (device_id,))).listing(command_type).agreed
        try:
            details = json.loads(ack_json).get("details")
        except (ValueError, AttributeError, RecursionError):
            return None
        if entry is None or entry.answer_schema is None:
            return None
        return misfit(entry.answer_schema, json.dumps(details))


def params_verdict(listing: Listing, params_text: str) -> str | None:
    """What the catalogue has against these params, in a sentence; None when nothing."""
    if not listing.devices:
        return None
    if listing.lacking == listing.devices:
        one = listing.devices == 1
        whose = "its model" if one else "their models"
        return f"The catalogue of {whose} does not list “{listing.command_type}”."
    if listing.lacking:
        return (
            f"The catalogue does not list it for the models of {listing.lacking:,} of "
            f"{counted(listing.devices, 'device')}."
        )
    if listing.agreed is None or listing.agreed.params_schema is None:
        return None
    fault = misfit(listing.agreed.params_schema, params_text)
    return f"Catalogue mismatch: {fault}." if fault else None


@lru_cache(maxsize=256)
def misfit(schema_text: str, value_text: str) -> str | None:
    """How a JSON text breaks a JSON Schema; "" when it fits, None when that cannot be decided.

    Both come from others: patterns, formats, uniqueness and what is left unevaluated are not looked at, and
    schemas with references or of a size that would take long are not looked into.
    """
    if _parts(schema_text) * (_SCHEMA_ITSELF + _parts(value_text)) > MOST_WORK:
        return None
    import jsonschema

    try:
        schema, value = json.loads(schema_text), json.loads(value_text)
        if any(word in json.dumps(schema) for word in _REFERENCES):
            return None
        judge = _judge(jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator))
        judge.check_schema(schema)
        error = jsonschema.exceptions.best_match(judge(schema).iter_errors(value))
    except Exception:  # noqa: BLE001 - the library trips over odd schemas in many ways; nothing is said of them
        return None
    if error is None:
        return ""
    place = ".".join(str(part) for part in error.absolute_path)
    return (f"{place}: " if place else "") + str(error.message)[:_LONGEST_SENTENCE]


def _parts(text: str) -> int:
    return 1 + sum(text.count(mark) for mark in ",{[")


@lru_cache(maxsize=8)
def _judge(known: Any) -> Any:
    import jsonschema

    return jsonschema.validators.extend(known, dict.fromkeys(_LEFT_OUT, _nothing))


def _nothing(*_: object) -> tuple[()]:
    return ()
