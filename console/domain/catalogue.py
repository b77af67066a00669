"""The commands that a device's model accepts, as its catalogue lists them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One command of one template. The schemas are JSON Schema as text; None where there is none.

    `danger` is the value of ``x-dangerous`` in the params' schema: true, false, or None without it.
    """

    template_id: str
    command_type: str
    name: str
    params_schema: str | None
    answer_schema: str | None
    description: str = ""
    danger: bool | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The catalogue entries that the models of some devices have for one command type.

    `devices` counts the devices whose model has a catalogue, `lacking` those of them that lack the type.
    `agreed` is the entry if all models that list the type have the same; `description` joins theirs.
    `danger` is true if one of them marks the type as dangerous, false if each of them marks it as harmless.
    """

    command_type: str
    devices: int
    lacking: int
    agreed: CatalogueEntry | None
    description: str = ""
    danger: bool | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether the models have catalogues, and none of them lists the type."""
        return bool(self.command_type) and 0 < self.devices == self.lacking

    def danger_for(self, devices: int) -> bool | None:
        """Return `danger` for so many devices: false only if the type is marked as harmless for each."""
        return None if self.danger is False and self.devices < devices else self.danger


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The catalogue entries of some devices' templates, in the order shown, and the devices per template."""

    entries: tuple[CatalogueEntry, ...] = ()
    devices: tuple[tuple[str, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entries)

    @property
    def types(self) -> tuple[str, ...]:
        """Return every type that at least one of the models lists."""
        return tuple(dict.fromkeys(entry.command_type for entry in self.entries))

    def listing(self, command_type: str) -> Listing:
        """Return what the models list for this type."""
        known = {entry.template_id for entry in self.entries}
        counts = {template: count for template, count in self.devices if template in known}
        found = [entry for entry in self.entries if entry.command_type == command_type]
        listed = sum(counts.get(entry.template_id, 0) for entry in found)
        total = sum(counts.values())
        texts = dict.fromkeys(entry.description for entry in found if entry.description)
        return Listing(
            command_type, total, total - listed, _agreed(found), " / ".join(texts),
            _danger(found, lacking=total - listed),
        )  # fmt: skip


def _agreed(entries: Sequence[CatalogueEntry]) -> CatalogueEntry | None:
    alike = {(entry.params_schema, entry.answer_schema) for entry in entries}
    return entries[0] if len(alike) == 1 else None


def _danger(entries: Sequence[CatalogueEntry], *, lacking: int) -> bool | None:
    flags = {entry.danger for entry in entries}
    if True in flags:
        return True
    return False if flags == {False} and not lacking else None
