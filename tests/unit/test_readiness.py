"""What a worker reports as wrong, a sentence each."""

import pytest

from console.domain.acks import Outcome
from console.domain.dispatch import Confirmed, Returned
from console.domain.events import Problem, ProblemKind
from console.domain.reasons import Outcome as Attempt
from console.errors import BrokerUnreachableError, DatabaseUnreachableError
from console.services.counts import Answer, Counts, Publication
from console.services.health import Health, Work
from console.worker.readiness import SWEEP_STALE_S, faults


class FakeClock:
    seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def health(clock: FakeClock) -> Health:
    """All is well."""
    health = Health(clock)
    health.database_up()
    health.broker_up()
    health.broker_up(part="ingest")
    health.sweep = health.ingest = health.dispatch = "on"
    health.swept_at = clock.seconds
    return health


@pytest.mark.parametrize("ingest", ["on", "standby"])
def test_a_worker_is_ready_when_all_runs_here_or_it_stands_by(
    health: Health, clock: FakeClock, ingest: Work
) -> None:
    """Without the standby, every worker but one is taken for broken."""
    health.ingest = ingest
    assert faults(health, clock.seconds) == []


def test_a_link_that_is_down_is_named_with_its_reason(health: Health, clock: FakeClock) -> None:
    health.broker_down(BrokerUnreachableError("nobody listens on broker:1883."), part="ingest")
    health.database_down(DatabaseUnreachableError("it shuts down."))
    assert faults(health, clock.seconds) == [
        "the database is down: it shuts down.",
        "the broker is down: nobody listens on broker:1883.",
    ]
    health.broker_up(part="ingest")
    health.database_up()
    assert faults(health, clock.seconds) == []


def test_before_the_first_connection_it_is_not_ready(clock: FakeClock) -> None:
    assert faults(Health(clock), clock.seconds) == [
        "the database is down: no link yet",
        "the broker is down: no link yet",
        "dispatch does not run",
        "nobody here receives answers or stands by",
        "the sweep does not run",
    ]


@pytest.mark.parametrize("ever", [True, False])
def test_a_sweep_that_ended_long_ago_or_never_is_a_fault(
    health: Health, clock: FakeClock, ever: bool
) -> None:
    """Without the beginning to count from, a sweep whose first pass never ends is well for ever."""
    health.swept_at = clock.seconds if ever else None
    assert faults(health, clock.seconds + SWEEP_STALE_S) == []
    assert faults(health, clock.seconds + SWEEP_STALE_S + 1) == ["no sweep has ended well for 61 s"]


def test_workers_that_stopped_for_good_say_why_and_nothing_else(health: Health, clock: FakeClock) -> None:
    health.workers_stopped("this database is a copy")
    assert faults(health, clock.seconds) == ["this database is a copy"]


def test_every_end_of_an_attempt_is_counted_once_and_what_never_began_not_at_all() -> None:
    """Without a count of its own, a broker that refuses everything looks like one that nobody publishes to."""
    counts = Counts()
    counts.published(
        [Confirmed("acme", "a"), Confirmed("acme", "b"), Confirmed("acme", "c", nobody_listens=True)],
        [
            Returned("acme", "d", Attempt.REFUSED, "", 0.0),
            Returned("acme", "e", Attempt.UNKNOWN, "", 0.0),
            Returned("acme", "f", Attempt.NOT_TRIED, "", 0.0),
            Returned("acme", "g", None, "", 0.0),
        ],
    )
    assert counts.publications == {
        Publication.ACCEPTED: 2, Publication.NO_SUBSCRIBER: 1, Publication.REFUSED: 1, Publication.LOST: 1,
    }  # fmt: skip


def test_every_outcome_of_an_answer_is_counted() -> None:
    """Without it, a new outcome ends the ingest with a KeyError."""
    counts = Counts()
    counts.answered(Outcome, [])
    assert counts.answers.total() == len(Outcome)
    assert set(counts.answers) == set(Answer)


def test_an_answer_that_cannot_be_read_is_counted_and_an_oddity_of_one_that_can_is_not() -> None:
    counts = Counts()
    kinds = [
        ProblemKind.MALFORMED_ACK,
        ProblemKind.ODD_ACK,
        ProblemKind.REPAIRED_ACK,
        ProblemKind.MALFORMED_ACK,
    ]
    counts.answered([], [Problem("acme", kind, "pump-1", "", "") for kind in kinds])
    assert counts.answers == {Answer.MALFORMED: 2}
