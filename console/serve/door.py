"""What the connections of a server share, and whom it takes a key for."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import asyncssh

from console.serve.authorized_keys import AuthorizedKeys
from console.serve.commands import Commands
from console.serve.identity import Identity, NotAdmittedError, identity_of
from console.serve.sessions import Sessions
from console.serve.strangers import Strangers

MOST_BEGIN = 2


@dataclass(frozen=True, slots=True)
class Door:
    """`turn` is for beginning a screen: if all began at once, all would wait too long for the database.

    `guest` is whom those without a known key are let in as, if at all. `read_only` holds for everybody.
    """

    keys: AuthorizedKeys | None
    sessions: Sessions
    commands: Commands
    guest: Identity | None
    strangers: Strangers
    most_per_key: int  # connections of one key
    most_per_address: int  # connections of guests from one address
    read_only: bool
    prepare: Callable[[Identity], Coroutine[Any, Any, None]]  # raises NotAdmittedError
    inside: Counter[str] = field(default_factory=Counter)  # connections that have logged in
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_BEGIN))

    def whom(self, key: asyncssh.SSHKey, address: str) -> Identity | NotAdmittedError | None:
        """Return whom this key stands for now, or why it does not; None if it is not known."""
        options = self.keys.options_of(key, address, address) if self.keys else None
        if options is None:
            return None
        try:
            who = identity_of(options, key.get_fingerprint(), datetime.now(UTC))
        except NotAdmittedError as error:
            return error
        return replace(who, read_only=who.read_only or self.read_only)
