"""A device's data as SQL: from the registry, or else from its template or its metadata.

r is the registry, t the device's template; both come from `FROM … r` and `template_join`.
"""

from functools import lru_cache

from console.store.shape import Shape

_MOST_BYTES = 8_192  # of a device's metadata as stored: larger metadata is ignored
_LONGEST = 200
_TEMPLATE = {"model": "model", "manufacturer": "manufacturer", "device_type": "category"}
_METADATA = {
    "model": ("model",),
    "manufacturer": ("manufacturer", "vendor"),
    "device_type": ("device_type", "type"),
    "fw_version": ("fw_version", "firmware_version", "firmware"),
    "name": ("name", "display_name", "label"),
}
_ALWAYS = frozenset({"model", "fw_version"})  # columns that the console requires
STATE = "CASE WHEN r.decommissioned_at <= now() THEN 'decommissioned' ELSE lower(r.status COLLATE \"C\") END"
IN_SERVICE = "(r.decommissioned_at IS NULL OR r.decommissioned_at > now())"


@lru_cache(maxsize=256)
def fact(name: str, shape: Shape) -> str:
    """Return SQL for the first value in registry, template and metadata; NULL if there is none."""
    sources = []
    if name in _ALWAYS or shape.has("device_registry", name):
        sources.append(f"r.{name}")
    column = _TEMPLATE.get(name)
    if column and shape.has_templates and shape.has("device_templates", column):
        sources.append(f"t.{column}")
    if shape.has("device_registry", "metadata"):
        sources += [_noted(key) for key in _METADATA[name]]
    given = ", ".join(f"NULLIF({source}, '')" for source in sources)
    return f"COALESCE({given})" if given else "NULL::text"


def _noted(key: str) -> str:
    """Return SQL for a string in the metadata; a number is ignored: it may have thousands of digits."""
    is_text = f"jsonb_typeof(r.metadata -> '{key}') = 'string'"
    return (
        f"CASE WHEN pg_column_size(r.metadata) <= {_MOST_BYTES} AND {is_text}"
        f" THEN left(r.metadata ->> '{key}', {_LONGEST}) END"
    )


def parent(shape: Shape) -> str:
    """Return SQL for the device through which it is reached."""
    return "r.parent_device_id" if shape.has("device_registry", "parent_device_id") else "NULL::text"


def template(column: str, shape: Shape) -> str:
    """Return SQL for a column of the device's template."""
    return f"t.{column}" if shape.has_templates and shape.has("device_templates", column) else "NULL::text"


def template_join(shape: Shape) -> str:
    """Return the join that adds t to r; empty if there are no templates."""
    joined = "\nLEFT JOIN public.device_templates t ON t.id = r.template_id"
    return joined if shape.has_templates else ""
