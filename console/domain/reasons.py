"""Why a command is not published: values as the database stores them, and the words that are shown."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

_Word = TypeVar("_Word", bound=StrEnum)


class Outcome(StrEnum):
    """How one attempt to publish ended."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # it was sent to the broker, which did not answer: it may have the command
    NOT_TRIED = "not tried"


class BlockedBy(StrEnum):
    """What prevents an attempt."""

    TENANT = "tenant"
    DEVICE = "device"
    BATCH = "batch"
    OTHER_PROGRAM = "other program"
    EARLIER_COMMAND = "earlier command"
    BROKER = "broker"
    CONTENT = "content"
    DATABASE = "database"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a command is not published; `words` are the broker's or the database's, or the tenant's status."""

    outcome: Outcome | None = None
    blocked_by: BlockedBy | None = None
    words: str = ""

    @property
    def is_unknown_outcome(self) -> bool:
        """Whether the newest known event is an attempt without an answer."""
        return self.outcome is Outcome.UNKNOWN and self.blocked_by is None

    @property
    def sentence(self) -> str:
        """The reason in words; empty when nothing is known."""
        match self.blocked_by:
            case BlockedBy.TENANT:
                return f"the tenant is {self.words or 'gone'}"
            case BlockedBy.DEVICE:
                return "the device is decommissioned"
            case BlockedBy.BATCH:
                return "its bulk send was stopped"
            case BlockedBy.OTHER_PROGRAM:
                return "an earlier command of another program is not published yet"
            case BlockedBy.EARLIER_COMMAND:
                return (
                    f"an earlier command to the device goes first{f' ({self.words})' if self.words else ''}"
                )
            case BlockedBy.BROKER:
                return "no connection to the broker"
            case BlockedBy.CONTENT:
                return self.words
            case BlockedBy.DATABASE:
                return f"it cannot be handled: {self.words}"
            case _:
                return self._attempt

    @property
    def _detail(self) -> str:
        return f": {self.words}" if self.words else ""

    @property
    def _attempt(self) -> str:
        match self.outcome:
            case Outcome.REFUSED:
                return f"the broker refused it{self._detail}"
            case Outcome.UNKNOWN:
                return f"the outcome is unknown{self._detail}"
            case Outcome.NOT_TRIED:
                return f"not tried{self._detail}"
            case _:
                return self.words


NO_REASON = Reason()


def known(words: type[_Word], value: str | None) -> _Word | None:
    """Return the value as one of these words; None for a value that a later version of the program stored."""
    return words(value) if value is not None and value in tuple(words) else None
