"""What the header shows of the links: each connection mends its own trouble, and no other's."""

from console.errors import BrokerUnreachableError, Cause, TakenOverError
from console.services.health import Health


class FakeClock:
    seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


def test_the_broker_is_up_again_once_each_of_our_connections_is() -> None:
    """Without a state for each connection, the one that comes back last leaves the header at DOWN for ever."""
    health = Health(FakeClock())
    health.broker_up(detail="v5")
    health.broker_down(BrokerUnreachableError("it hung up"), 1.0, "dispatch")
    health.broker_down(BrokerUnreachableError("it hung up"), 1.0, "ingest")
    health.broker_up(detail="v5")
    assert not health.view().broker.up
    health.broker_up(part="ingest")
    assert (health.view().broker.up, health.view().broker.detail) == (True, "v5")


def test_an_ingest_session_that_never_comes_back_is_seen() -> None:
    """Without a state for each connection, a dispatcher that lives hides that no answer is heard."""
    clock = FakeClock()
    health = Health(clock)
    health.broker_up(detail="v5")
    clock.seconds += 5
    health.broker_down(
        TakenOverError("another client took over our client id", is_certain=True), 5.0, "ingest"
    )
    health.broker_up(detail="v5", part="dispatch")
    view = health.view()
    assert (view.broker.up, view.broker.since) == (False, 105.0)
    assert "client id" in view.broker.error
    assert view.broker.cause is Cause.TAKEN_OVER


def test_an_outage_of_several_connections_is_reported_once_for_each() -> None:
    health = Health(FakeClock())
    health.broker_up()
    for _ in range(3):
        health.broker_down(BrokerUnreachableError("gone"), 1.0, "dispatch")
        health.broker_down(BrokerUnreachableError("gone"), 1.0, "ingest")
    assert health.take_troubles() == (("broker", "gone"), ("broker", "gone"))


def test_a_broker_that_nobody_here_needs_is_neither_up_nor_down() -> None:
    health = Health(FakeClock())
    health.broker_unused()
    assert (health.view().broker.up, health.view().broker.is_used) == (True, False)
