"""What a device can make us write is bounded, and so is what many devices can."""

from console.domain.events import Problem, ProblemKind
from console.services.ack_problems import ProblemLimiter


class FakeClock:
    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


def problem(device: str, number: int, tenant: str = "acme") -> Problem:
    return Problem(tenant, ProblemKind.FORGED_ACK, device, f"c{number}", "forged")


def rows(limiter: ProblemLimiter, *problems: Problem) -> set[tuple[str, str, str]]:
    limited = [limiter.limited(one) for one in problems]
    return {(one.tenant_id, one.device_id, one.command_id) for one in limited}


def test_one_device_ends_on_one_row() -> None:
    found = rows(ProblemLimiter(FakeClock()), *(problem("d", n) for n in range(500)))
    assert len(found) == 31
    assert ("acme", "d", "") in found


def test_many_devices_of_one_tenant_end_on_one_row_and_the_next_tenant_is_not_touched() -> None:
    """Without the tenant's bound, whoever may publish as anybody fills the table with invented devices."""
    limiter = ProblemLimiter(FakeClock())
    assert len(rows(limiter, *(problem(f"d{n}", n) for n in range(5_000)))) == 601
    assert rows(limiter, problem("d", 1, "rival")) == {("rival", "d", "c1")}


def test_the_bound_is_a_rate() -> None:
    clock = FakeClock()
    limiter = ProblemLimiter(clock)
    rows(limiter, *(problem("d", n) for n in range(100)))
    clock.seconds += 60
    assert len(rows(limiter, *(problem("d", n) for n in range(30)))) == 30
