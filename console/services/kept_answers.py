"""Answers whose commands somebody had locked: kept in a table, taken once the lock is gone.

Decided in docs/decisions/0027-kept-answers.md
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from console.domain.acks import PROGRESS_WORDS, Acknowledgement, LateAck, Outcome, answer_word, folded_word
from console.domain.events import Problem
from console.errors import DatabaseUnreachableError, DataRefusedError
from console.services.ack_problems import follow_up

BATCH = 100
_LOOK_EVERY_S = 1.0


class Keeps(Protocol):
    """What is needed of the database."""

    async def take_kept(
        self,
        limit: int,
        is_progress: Callable[[str], bool],
        late_ack: LateAck,
        noted: Callable[[Acknowledgement, Outcome], Sequence[Problem]],
    ) -> tuple[Acknowledgement, ...]: ...
    async def refuse_kept(self, why: str) -> None: ...


class KeptAnswers:
    """Takes answers whose commands are free. Several processes may: each takes the rows that it locks."""

    def __init__(
        self,
        settlement: Keeps,
        on_change: Callable[[str], None],
        *,
        late_ack: LateAck = LateAck.ACCEPT,
        progress: frozenset[str] = PROGRESS_WORDS,
    ) -> None:
        self._settlement = settlement
        self._on_change = on_change
        self._late_ack = late_ack
        self._progress = progress

    async def run(self) -> None:
        """Look for free answers every second, until cancelled."""
        while True:
            taken = 0
            try:
                taken = await self.run_once()
            except DatabaseUnreachableError:  # also raised if a row was locked again: the next look retries
                taken = 0
            if taken == 0:
                await asyncio.sleep(_LOOK_EVERY_S)

    async def run_once(self) -> int:
        """Take one batch and return its size; an answer that PostgreSQL refuses does not stop the others.

        Raises:
            DatabaseUnreachableError: nothing was taken.
        """
        limit = BATCH
        while True:
            try:
                acks = await self._settlement.take_kept(limit, self._is_progress, self._late_ack, follow_up)
            except DataRefusedError as error:
                if limit > 1:
                    limit //= 2
                    continue
                await self._settlement.refuse_kept(str(error))
                return 1
            for tenant_id in {ack.tenant_id for ack in acks}:
                self._on_change(tenant_id)
            return len(acks)

    def _is_progress(self, ack_json: str) -> bool:
        word = answer_word(ack_json)
        return word is not None and folded_word(word) in self._progress
