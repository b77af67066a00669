"""A bulk send: one command to many devices, kept together so that its outcome can be seen and repeated.

Decided in docs/decisions/0014-batches.md
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from console.domain.commands import OPEN, Draft, Phase

RETRIED = (Phase.FAILED, Phase.MISSED, Phase.EXPIRED)


def member_id(batch_id: str, device_id: str) -> str:
    """Return the id of a batch's command to a device: a UUID of version 5, made from both ids."""
    return member_ids(batch_id, (device_id,))[0]


def member_ids(batch_id: str, device_ids: Iterable[str]) -> list[str]:
    """Return the ids of a batch's commands to these devices, as ``uuid.uuid5`` makes them, but sooner."""
    from hashlib import sha1  # as uuid does: a start without a bulk send does not load it

    seed = sha1(uuid.UUID(batch_id).bytes, usedforsecurity=False)
    ids = []
    for device_id in device_ids:
        made = seed.copy()
        made.update(device_id.encode())
        octets = bytearray(made.digest()[:16])
        octets[6], octets[8] = (
            octets[6] & 0x0F | 0x50,
            octets[8] & 0x3F | 0x80,
        )  # version 5, variant of RFC 4122
        text = octets.hex()
        ids.append(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
    return ids


@dataclass(frozen=True, slots=True)
class BatchDraft:
    """A bulk send before it is stored. `target` describes the devices in words, `wanted` is their number."""

    batch_id: str
    command_type: str
    params_json: str
    ttl: timedelta
    target: str
    wanted: int
    created_by: str | None = None
    retry_of: str | None = None

    def command_id(self, device_id: str) -> str:
        """Return the id of the batch's command to a device: always the same, so sending again is harmless."""
        return member_id(self.batch_id, device_id)

    def faults(self, max_payload_bytes: int) -> tuple[str, ...]:
        """Return every limit of the contract that the command breaks for any device."""
        sample = Draft(self.batch_id, "any", self.command_type, self.params_json, self.ttl, self.created_by)
        return sample.faults(max_payload_bytes)


@dataclass(frozen=True, slots=True)
class Batch:
    """A bulk send as it was recorded."""

    draft: BatchDraft
    created_at: datetime
    stopped_at: datetime | None = None
    stopped_by: str | None = None

    @property
    def batch_id(self) -> str:
        return self.draft.batch_id


class BatchState(StrEnum):
    """Whether anything more will happen to a bulk send by itself."""

    SENDING = "sending"  # by this process
    RUNNING = "running"
    STOPPED = "stopped"
    UNFINISHED = "not all sent"
    DONE = "done"


def state_of(batch: Batch, phases: Mapping[Phase, int], *, is_sending: bool) -> BatchState:
    """Return the state of a bulk send whose commands are in these phases."""
    if batch.stopped_at is not None:
        return BatchState.STOPPED
    if is_sending:
        return BatchState.SENDING
    if any(phases.get(phase) for phase in OPEN):
        return BatchState.RUNNING
    return BatchState.DONE if sum(phases.values()) >= batch.draft.wanted else BatchState.UNFINISHED


@dataclass(frozen=True, slots=True)
class Unsent:
    """The devices of a bulk send that have no command of it.

    `waiting` would get one if it went on; `refused` cannot be sent to: not registered, decommissioned, or
    with an id that no topic can carry. `deleted` counts the commands that have been deleted since.
    """

    waiting: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    deleted: int = 0

    @property
    def count(self) -> int:
        return len(self.waiting) + len(self.refused) + self.deleted


@dataclass(frozen=True, slots=True)
class AnswerGroup:
    """Devices whose commands ended in the same way: with the same phase and the same answer.

    `answers` are ``{"status": …, "details": …}`` as stored: one, none while there is no answer, or several
    that differ only in numbers and in texts that hardly two devices share. `fields` are the answer's keys and
    values: a range where numbers differ, the word "varies" where texts do.
    """

    phase: Phase
    answers: tuple[str, ...]
    count: int
    sample: tuple[str, ...]
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch and its progress: commands by phase, and groups of equal answers, the largest first.

    `unsent` are the devices without a command, once they have been looked up.
    """

    batch: Batch
    phases: Mapping[Phase, int]
    groups: tuple[AnswerGroup, ...]
    read_at: datetime
    unsent: Unsent = field(default_factory=Unsent)

    @property
    def unsendable(self) -> int:
        """The number of devices that have no command and will not get one."""
        return len(self.unsent.refused) + self.unsent.deleted

    @property
    def left(self) -> int:
        """The number of devices that could still get a command."""
        return max(0, self.batch.draft.wanted - self.committed - self.unsendable)

    @property
    def committed(self) -> int:
        return sum(self.phases.values())

    @property
    def settled(self) -> int:
        return sum(count for phase, count in self.phases.items() if phase.settled)

    @property
    def retriable(self) -> int:
        """The number of commands that failed, were missed or expired."""
        return sum(self.phases.get(phase, 0) for phase in RETRIED)


@dataclass(frozen=True, slots=True)
class InFlight:
    """A command that is still open: who sent it and when."""

    device_id: str
    command_type: str
    by: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Preview:
    """Which devices a send would reach: exact numbers, read at one instant.

    `forbidden` are devices that get nothing: not registered, decommissioned, or with an id that no topic
    can carry; `links` counts the others. `same_in_flight` counts devices with an open command of the same
    type. `newest` is the newest open command: of the same type where there is one. `bad` counts the devices
    on which the type failed, was missed or expired in the last hour, as far as that is kept, the first of
    them at `bad_since`. `models` are those of the devices, 100 at most.
    """

    total: int
    forbidden: int = 0
    links: Mapping[str, int] = field(default_factory=dict)
    in_flight: int = 0
    same_in_flight: int = 0
    newest: InFlight | None = None
    last_latency: timedelta | None = None
    last_acked_at: datetime | None = None
    read_at: datetime | None = None
    bad: Mapping[Phase, int] = field(default_factory=dict)
    bad_since: datetime | None = None
    models: frozenset[str] = frozenset()
