"""Answers whose commands somebody had locked: kept in a table, taken once the lock is gone."""

import asyncio
import json
from collections.abc import Sequence
from typing import Protocol

from console.domain.acks import Acknowledgement, RawAck
from console.wire.topics import ack_topic

_LOOK_EVERY_S = 1.0


class Keeps(Protocol):
    """What is needed of the database."""

    async def kept(self, limit: int) -> tuple[tuple[int, Acknowledgement], ...]: ...
    async def forget_kept(self, answers: Sequence[int]) -> None: ...


class KeptAnswers:
    """Reads as the broker's stream does, so that whoever takes answers takes these, too."""

    def __init__(self, settlement: Keeps) -> None:
        self._settlement = settlement

    async def batch(self, limit: int) -> tuple[RawAck, ...]:
        """Wait for answers that can be taken now, and return them."""
        while True:
            kept = await self._settlement.kept(limit)
            if kept:
                return tuple(_message(answer_id, ack) for answer_id, ack in kept)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def acknowledge(self, messages: Sequence[RawAck]) -> None:
        """Forget what has been committed."""
        await self._settlement.forget_kept([message.mid for message in messages])


def _message(answer_id: int, ack: Acknowledgement) -> RawAck:
    """The answer as its device might have sent it."""
    payload = f'{{"command_id":{json.dumps(ack.command_id)},{ack.ack_json.lstrip()[1:]}'
    return RawAck(ack_topic(ack.tenant_id, ack.device_id).encode(), payload.encode(), answer_id, 1)
