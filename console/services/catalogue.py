"""The catalogue of commands: reading it, and checking params and answers against its schemas."""

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
    4  # a schema is first checked by its own rules: as much work as for that many parts of a value
)
_LONGEST_SENTENCE = 200
# Patterns may match for ever, references may be endless, items are compared pairwise, and unevaluated ones
# are searched twice at every level.
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
    """The source of the catalogue."""

    async def of_devices(self, tenant_id: str, device_ids: Sequence[str]) -> Catalogue: ...


class Catalogues:
    """Reads catalogues, and checks params and answers against them. A mismatch is never refused."""

    def __init__(self, reads: CatalogueReads) -> None:
        self._reads = reads

    async def of_devices(self, tenant_id: str, device_ids: Sequence[str]) -> Catalogue:
        """Return what the models of these devices list; empty if the database has no catalogue."""
        found = await self._reads.of_devices(tenant_id, device_ids)
        if found:
            await asyncio.to_thread(importlib.import_module, "jsonschema")  # not while somebody types
        return found

    async def answer_verdict(
        self, tenant_id: str, device_id: str, command_type: str, ack_json: str | None
    ) -> str | None:
        """Return what is wrong with an answer, "" if it is valid, None if it is not in the catalogue."""
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
    """Return a sentence on why the catalogue does not accept these params; None if it does."""
    if not listing.devices:
        return None
    if listing.is_unknown:
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
    """Return how a JSON text violates a JSON Schema; "" if it is valid, None if that cannot be decided.

    Neither text is trusted: patterns, formats, uniqueness and unevaluated items are not checked, and schemas
    with references or of a size that would take long are not used.
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
