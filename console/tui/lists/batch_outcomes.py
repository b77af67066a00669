"""How the commands of the listed bulk sends stand: those in view are counted, a bounded number at a time."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from console.domain.batches import Batch
from console.domain.commands import OPEN, Phase

MOST_AT_ONCE = 20_000  # commands: a row of 10,000 devices takes some 50 ms
_OPEN_AGAIN_S = 2.0
_SETTLED_AGAIN_S = 60.0  # a late answer may still change it
_REST = 20  # times as long as a count took


@dataclass(frozen=True, slots=True)
class _Counted:
    phases: Mapping[Phase, int]
    again_at: float


class BatchOutcomes:
    """Counts by bulk send, with when each is to be counted again."""

    def __init__(self) -> None:
        self._counted: dict[str, _Counted] = {}

    def get(self, batch_id: str) -> Mapping[Phase, int] | None:
        """Return the counts of a bulk send, None if it has not been counted yet."""
        counted = self._counted.get(batch_id)
        return counted.phases if counted else None

    def due(self, shown: Iterable[Batch], now: float | None = None) -> tuple[str, ...]:
        """Return which of these to count now: at least one, and no more than `MOST_AT_ONCE` commands."""
        moment = time.monotonic() if now is None else now
        ids: list[str] = []
        commands = 0
        waiting = [batch for batch in shown if self._again_at(batch.batch_id) <= moment]
        for batch in sorted(waiting, key=lambda one: self._again_at(one.batch_id)):
            commands += batch.draft.wanted
            if ids and commands > MOST_AT_ONCE:
                break
            ids.append(batch.batch_id)
        return tuple(ids)

    def take(self, found: Mapping[str, Mapping[Phase, int]], took_s: float, now: float | None = None) -> None:
        """Keep these counts, which took so long to read."""
        moment = time.monotonic() if now is None else now
        for batch_id, phases in found.items():
            is_open = any(phases.get(phase) for phase in OPEN)
            pause = _OPEN_AGAIN_S if is_open or not phases else _SETTLED_AGAIN_S
            self._counted[batch_id] = _Counted(phases, moment + max(pause, _REST * took_s))

    def has_all(self, batch_ids: Iterable[str]) -> bool:
        """Return whether each of these has been counted."""
        return all(batch_id in self._counted for batch_id in batch_ids)

    def _again_at(self, batch_id: str) -> float:
        counted = self._counted.get(batch_id)
        return counted.again_at if counted else 0.0
