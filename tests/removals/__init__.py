"""What each guarantee rests on: a mechanism to take out, and the test that must then fail.

A test that passes with its mechanism gone proves nothing. ``python -m tests.removals`` takes each one out of a copy
of the tree and runs its test there; the run fails when a test still passes.
"""

import importlib
import pkgutil
from dataclasses import dataclass


@dataclass(frozen=True)
class Removal:
    """Replace `old` by `new` in `file`, and `test` fails.

    `guarantee` is the number in docs/guarantees.md, `mechanism` the words for what is gone. `old` must stand in
    the file exactly once.
    """

    guarantee: str
    mechanism: str
    file: str
    old: str
    new: str
    test: str


def all_removals() -> tuple[Removal, ...]:
    """The tables of every module of this package, by guarantee."""
    found: list[Removal] = []
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            found += importlib.import_module(f"{__name__}.{module.name}").REMOVALS
    return tuple(sorted(found, key=lambda removal: (int(removal.guarantee[1:]), removal.mechanism)))
