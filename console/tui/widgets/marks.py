"""The marks of a table's rows."""

from collections.abc import Iterable


class Marks:
    """The marked keys; some of them may not be listed now."""

    def __init__(self) -> None:
        self._keys: frozenset[str] = frozenset()

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    @property
    def keys(self) -> frozenset[str]:
        return self._keys

    def add(self, keys: Iterable[str]) -> None:
        """Mark these rows, too."""
        self._keys |= frozenset(keys)

    def remove(self, keys: Iterable[str]) -> None:
        """Remove the marks of these rows."""
        self._keys -= frozenset(keys)

    def mark_one(self, key: str) -> None:
        """Mark this row in place of all others, or unmark it."""
        self._keys = frozenset() if key in self._keys else frozenset({key})

    def toggle(self, keys: Iterable[str]) -> None:
        """Mark these rows, or unmark them if all are marked."""
        wanted = frozenset(keys)
        self._keys = self._keys - wanted if wanted <= self._keys else self._keys | wanted
