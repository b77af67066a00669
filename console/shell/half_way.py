"""What an operator needs to know when a long operation is interrupted: what is done, and how to go on."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from console.errors import DatabaseUnreachableError
from console.shell import output


@contextmanager
def saying(more: Callable[[], str]) -> Iterator[None]:
    """Add `more` to an error of the link, and say it when the operation is interrupted."""
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
        """Note that a read failed."""
        if not self._lasts:
            output.say(f"{error} Waiting for it.")
        self._lasts = True

    def ends(self, missed: str) -> None:
        """Note that a read succeeded; `missed` is what the outage may have hidden."""
        if self._lasts:
            output.say(f"The database is back; {missed}.")
        self._lasts = False
