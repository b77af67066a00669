"""What an operator needs to know when a long operation is interrupted: what is done, and how to continue."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from console.errors import DatabaseUnreachableError
from console.shell import output


@contextmanager
def saying(more: Callable[[], str]) -> Iterator[None]:
    """Add `more` to an error of the database link, and print it when the operation is interrupted."""
    try:
        yield
    except DatabaseUnreachableError as error:
        raise DatabaseUnreachableError(f"{error} {more()}") from None
    except asyncio.CancelledError:
        output.say(more())
        raise


class DatabaseOutage:
    """Reports once that the database is unreachable, and once that it is back."""

    def __init__(self) -> None:
        self._lasts = False

    def begins(self, error: DatabaseUnreachableError) -> None:
        """Record that a read failed."""
        if not self._lasts:
            output.say(f"{error} Waiting for it.")
        self._lasts = True

    def ends(self, missed: str) -> None:
        """Record that a read succeeded; `missed` is what may not have been shown because of the outage."""
        if self._lasts:
            output.say(f"The database is back; {missed}.")
        self._lasts = False
