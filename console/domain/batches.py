"""A bulk send: one command to many devices, kept together so that its outcome can be seen and repeated."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from console.domain.commands import Draft, Phase

RETRIED = (Phase.FAILED, Phase.MISSED, Phase.EXPIRED)


@dataclass(frozen=True, slots=True)
class BatchDraft:
    """What is sent to all. `target` says in words whom it was meant for, `wanted` how many that were."""

    batch_id: str
    command_type: str
    params_json: str
    ttl: timedelta
    target: str
    wanted: int
    created_by: str | None = None
    retry_of: str | None = None

    def command_id(self, device_id: str) -> str:
        """The id of this batch's command to a device: always the same, so that sending again is harmless."""
        return str(uuid.uuid5(uuid.UUID(self.batch_id), device_id))

    def faults(self, max_payload_bytes: int) -> tuple[str, ...]:
        """Every limit of the contract that the command breaks, whoever gets it."""
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


@dataclass(frozen=True, slots=True)
class AnswerGroup:
    """Devices whose command ended alike: the same phase and the same answer.

    `answer_json` is ``{"status": …, "details": …}`` as stored, None without an answer.
    """

    phase: Phase
    answer_json: str | None
    count: int
    sample: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch with how it stands: commands by phase, and groups of equal answers, the largest first."""

    batch: Batch
    phases: Mapping[Phase, int]
    groups: tuple[AnswerGroup, ...]
    read_at: datetime

    @property
    def committed(self) -> int:
        return sum(self.phases.values())

    @property
    def settled(self) -> int:
        return sum(count for phase, count in self.phases.items() if phase.settled)

    @property
    def retriable(self) -> int:
        """How many failed, were missed or expired."""
        return sum(self.phases.get(phase, 0) for phase in RETRIED)


@dataclass(frozen=True, slots=True)
class InFlight:
    """The newest command of a type that is still open: who sent it and when."""

    device_id: str
    by: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Preview:
    """Whom a send would reach: exact numbers, taken at one instant.

    `forbidden` are devices that get nothing: not registered, decommissioned, or with an id that no topic
    can carry. `same_in_flight` counts devices with an open command of the same type, `newest_same` is one.
    """

    total: int
    forbidden: int = 0
    links: Mapping[str, int] = field(default_factory=dict)
    in_flight: int = 0
    same_in_flight: int = 0
    newest_same: InFlight | None = None
    last_latency: timedelta | None = None
    last_acked_at: datetime | None = None
    read_at: datetime | None = None
