"""What this process did since its start, in numbers, for whoever watches it from outside."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from console.domain.acks import Outcome
from console.domain.dispatch import Confirmed, Returned
from console.domain.events import Problem, ProblemKind
from console.domain.histograms import NO_ANSWERS, Histogram
from console.domain.reasons import Outcome as Attempt


class Publication(StrEnum):
    """How an attempt to publish ended. `LOST`: the broker did not answer, and may have the command."""

    ACCEPTED = "accepted"
    NO_SUBSCRIBER = "no_subscriber"
    REFUSED = "refused"
    LOST = "lost"


class Answer(StrEnum):
    """What came of a message on the topic for answers."""

    DELIVERED = "delivered"
    PROGRESS = "progress"
    LATE = "late"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"
    FORGED = "forged"
    MALFORMED = "malformed"
    KEPT = "kept"


_ANSWERS: Mapping[Outcome, Answer] = {
    Outcome.ACKED: Answer.DELIVERED,
    Outcome.LATE: Answer.LATE,
    Outcome.LATE_RECORDED: Answer.LATE,
    Outcome.DUPLICATE: Answer.DUPLICATE,
    Outcome.CONFLICT: Answer.CONFLICT,
    Outcome.FORGED: Answer.FORGED,
    Outcome.UNKNOWN: Answer.UNKNOWN,
    Outcome.PROGRESS: Answer.PROGRESS,
    Outcome.LATE_PROGRESS: Answer.PROGRESS,
    Outcome.PROGRESS_AFTER_END: Answer.PROGRESS,
    Outcome.KEPT: Answer.KEPT,
    Outcome.REFUSED: Answer.MALFORMED,
}
_ATTEMPTS = {Attempt.REFUSED: Publication.REFUSED, Attempt.UNKNOWN: Publication.LOST}


@dataclass(slots=True)
class Counts:
    """Counters that only grow. `missed` and `expired` are commands that the sweep of this process settled.

    `pruned` are old ones that it deleted, `latency` are the answer times that its fold counted, whoever wrote
    the answers.
    """

    publications: Counter[Publication] = field(default_factory=Counter)
    answers: Counter[Answer] = field(default_factory=Counter)
    missed: int = 0
    expired: int = 0
    sweeps: int = 0
    pruned: int = 0
    latency: Histogram = NO_ANSWERS

    def published(self, confirmed: Iterable[Confirmed], returned: Iterable[Returned]) -> None:
        """Count attempts; one that was never begun is none."""
        for command in confirmed:
            self.publications[
                Publication.NO_SUBSCRIBER if command.nobody_listens else Publication.ACCEPTED
            ] += 1
        for back in returned:
            if back.outcome in _ATTEMPTS:
                self.publications[_ATTEMPTS[back.outcome]] += 1

    def answered(self, outcomes: Iterable[Outcome], problems: Iterable[Problem]) -> None:
        """Count the answers of one batch, and those in it that could not be read."""
        self.answers.update(Counter(_ANSWERS[outcome] for outcome in outcomes))
        unread = sum(problem.kind is ProblemKind.MALFORMED_ACK for problem in problems)
        if unread:
            self.answers[Answer.MALFORMED] += unread

    def swept(self, missed: int, expired: int) -> None:
        """Count a pass of the sweep that ended well."""
        self.sweeps += 1
        self.missed += missed
        self.expired += expired

    def folded(self, answered: Histogram) -> None:
        """Count the answer times of one fold."""
        self.latency += answered

    def deleted(self, commands: int) -> None:
        """Count commands that the retention deleted."""
        self.pruned += commands
