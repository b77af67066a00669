"""The garbage collector during a start: what imports make stays, so looking through it often is wasted.

Decided in docs/decisions/0059-a-command-is-loaded-when-it-is-named.md
"""

import gc

_RARELY = 200_000  # new objects between two looks: a start makes fewer
_usual = gc.get_threshold()


def collect_rarely() -> None:
    """Look through new objects rarely, until `collect_as_usual`."""
    gc.set_threshold(_RARELY, *_usual[1:])


def collect_as_usual() -> None:
    """Look through new objects as often as Python does by itself."""
    gc.set_threshold(*_usual)


def collect_for_many() -> None:
    """Look through everything seldom, and never through what a start leaves: for many screens in one process.

    A walk over all objects of twenty screens takes up to a second, in which none of them draws.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def spare_the_end() -> None:
    """Exempt all objects from the collections with which the interpreter ends: they would free nothing."""
    gc.freeze()
