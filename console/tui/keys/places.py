"""Places of a screen that a letter can go to."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a letter stands, in cells of the screen, and what it does."""

    x: int
    y: int
    go: Callable[[], object]
