"""The commands that a device's model accepts, as its catalogue lists them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One command of one template. The schemas are JSON Schema as text; None where there is none.

    `danger` is what the params' schema says under ``x-dangerous``: true, false, or nothing.
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
    """What the models of some devices say of one command type.

    `devices` have a model with a catalogue, `lacking` of them one that does not list the type.
    `agreed` is the entry where all that list it say the same, `description` what they say of it in words.
    `danger` is true where one of them calls it dangerous, false where each of them says that it is not.
    """

    command_type: str
    devices: int
    lacking: int
    agreed: CatalogueEntry | None
    description: str = ""
    danger: bool | None = None

    def danger_for(self, devices: int) -> bool | None:
        """What it says to so many devices: that it is harmless only where it says so of each of them."""
        return None if self.danger is False and self.devices < devices else self.danger


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The entries of the templates of some devices, as they are to be offered, and how many each has."""

    entries: tuple[CatalogueEntry, ...] = ()
    devices: tuple[tuple[str, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entries)

    @property
    def types(self) -> tuple[str, ...]:
        """Every type that one of the models lists."""
        return tuple(dict.fromkeys(entry.command_type for entry in self.entries))

    def listing(self, command_type: str) -> Listing:
        """What the models say of this type."""
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
