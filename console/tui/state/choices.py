"""What an operator may choose after `:`, and what was chosen."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from textual.message import Message

from console.tui.keys.actions import Action


class Kind(StrEnum):
    """What a choice is, in the order in which those that fit equally well are listed."""

    SITE = "site"
    DEVICE = "device"
    BATCH = "bulk send"
    COMMAND = "command"
    VIEW = "view"
    SCREEN = "screen"
    ACT = "do"


@dataclass(frozen=True, slots=True)
class Choice:
    """One row. `id` is what a typed text may begin or be; `opens` makes the message that goes there."""

    kind: Kind
    id: str
    name: str
    note: str = ""
    opens: Callable[[], Message] | None = None
    action: Action[Any] | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.id
