"""The dispatcher's own looks, for what the claim in the database cannot know."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from console.domain.dispatch import Claimed, Confirmed, Marked, Returned
from console.domain.events import Problem, ProblemKind
from console.domain.publication import Puback, Publication
from console.domain.reasons import Outcome
from console.errors import BrokerUnreachableError
from console.services.dispatcher import Dispatcher, DispatchSettings


class FakeClock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime.now(UTC)


class FakeOutbox:
    """Leases what it was given, once; `slept_s` passes meanwhile."""

    def __init__(self, clock: FakeClock, claimed: Sequence[Claimed], slept_s: float = 0.0) -> None:
        self._clock, self._claimed, self._slept_s = clock, tuple(claimed), slept_s
        self.idle = asyncio.Event()
        self.marked: list[Confirmed] = []
        self.returned: list[Returned] = []

    async def claim(
        self, _holder: UUID, _limit: int, _lease_s: float, _bytes: int, _chain: int
    ) -> tuple[Claimed, ...]:
        self._clock.seconds += self._slept_s
        claimed, self._claimed = self._claimed, ()
        return claimed

    async def mark(self, _holder: UUID, confirmed: Sequence[Confirmed]) -> Marked:
        self.marked += confirmed
        return Marked(len(confirmed))

    async def release(self, _holder: UUID, returned: Sequence[Returned]) -> None:
        self.returned += returned

    async def adopt(self, _age_s: float, _limit: int) -> int:
        return 0

    async def next_due(self) -> float | None:
        self.idle.set()
        return None


class FakePublisher:
    """A broker that hangs up on everything in flight when it gets the command named `poison`."""

    def __init__(self, poison: str = "") -> None:
        self.topics: list[str] = []
        self.sent: list[str] = []
        self.on_pubacks: Callable[[Sequence[tuple[int, Puback]]], None] | None = None
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._poison = poison
        self._token = 0

    def send(self, publications: Sequence[Publication]) -> list[int]:
        if self._broken.done():
            raise BrokerUnreachableError("it hung up")
        self.topics += [publication.topic for publication in publications]
        self.sent += [publication.command_id for publication in publications]
        tokens = [self._token + place for place in range(1, len(publications) + 1)]
        self._token = tokens[-1]
        if self._poison in self.sent[-len(publications) :]:
            self._broken.set_result(None)
        else:
            asyncio.get_running_loop().call_soon(self.answer, publications, tokens)
        return tokens

    def answer(self, publications: Sequence[Publication], tokens: Sequence[int]) -> None:
        assert self.on_pubacks is not None
        self.on_pubacks([(token, Puback(0)) for token in tokens[: len(publications)]])

    def forget(self, tokens: Sequence[int]) -> None: ...

    def unanswered(self, timeout_s: float) -> BrokerUnreachableError:
        return BrokerUnreachableError(f"no PUBACK within {timeout_s:g} s")

    async def until_lost(self) -> None:
        await asyncio.wait({self._broken})
        raise BrokerUnreachableError("it hung up")


class FakeProblems:
    def __init__(self) -> None:
        self.recorded: list[Problem] = []

    async def record(self, problems: Sequence[Problem]) -> None:
        self.recorded += problems


def claimed(
    command_id: str, device_id: str = "pump-1", seconds_left: float = 60.0, attempt: int = 1
) -> Claimed:
    return Claimed("acme", command_id, device_id, "ping", "{}", datetime.now(UTC), seconds_left, attempt)


async def once(relay: Dispatcher, outbox: FakeOutbox) -> None:
    """Relay until nothing is left to claim, or the link breaks."""
    running = asyncio.create_task(relay.run())
    idle = asyncio.create_task(outbox.idle.wait())
    await asyncio.wait({running, idle}, return_when=asyncio.FIRST_COMPLETED)
    idle.cancel()
    relay.end()
    await running


def dispatcher(
    rows: Sequence[Claimed], slept_s: float = 0.0, poison: str = ""
) -> tuple[Dispatcher, FakeOutbox, FakePublisher, FakeProblems]:
    clock = FakeClock()
    outbox, link, problems = FakeOutbox(clock, rows, slept_s), FakePublisher(poison), FakeProblems()
    made = Dispatcher(outbox, link, problems, lambda _tenant: None, clock, DispatchSettings())
    return made, outbox, link, problems


async def test_time_lost_between_claim_and_publish_counts() -> None:
    """Without the second look, a process that slept with a lease in hand publishes after the deadline."""
    relay, outbox, link, _ = dispatcher([claimed("late", seconds_left=5.0), claimed("fine")], slept_s=4.5)
    await once(relay, outbox)
    assert len(link.topics) == 1
    assert [row.command_id for row in outbox.marked] == ["fine"]
    assert [row.command_id for row in outbox.returned] == ["late"]


async def test_a_process_that_slept_beyond_its_leases_publishes_nothing_of_them() -> None:
    """Without the look at the lease, one that wakes up sends again what another has sent since."""
    relay, outbox, link, _ = dispatcher([claimed("c1", seconds_left=600.0)], slept_s=15.0)
    await once(relay, outbox)
    assert link.topics == []
    assert [row.command_id for row in outbox.returned] == ["c1"]


async def test_an_id_that_the_database_let_pass_is_a_problem_and_no_crash() -> None:
    """Without the second look at the topic, an outer no-break space ends the worker again and again."""
    rows = [claimed("c1", "\u00a0pump"), claimed("c2")]  # to a database in the C locale that is no space
    relay, outbox, link, problems = dispatcher(rows)
    await once(relay, outbox)
    assert link.topics == ["tenant/acme/device/pump-1/commands"]
    assert [row.command_id for row in outbox.returned] == ["c1"]
    assert [(p.kind, p.command_id) for p in problems.recorded] == [(ProblemKind.UNROUTABLE, "c1")]


async def test_what_makes_the_broker_hang_up_is_tried_alone_and_later_and_harms_only_itself() -> None:
    """Without turns for what the link did not survive twice, one command keeps those of all tenants waiting."""
    rows = [claimed(name, f"pump-{n}", attempt=3) for n, name in enumerate(("a", "poison", "b", "c"))]
    relay, outbox, _, _ = dispatcher([claimed("fresh", "pump-9"), *rows], poison="poison")
    with pytest.raises(BrokerUnreachableError):
        await once(relay, outbox)
    assert [row.command_id for row in outbox.marked] == ["fresh", "a"]
    delays = {row.command_id: row.delay_s for row in outbox.returned}
    assert delays["poison"] >= 1.0
    assert (delays["b"], delays["c"]) == (0.0, 0.0)


async def test_a_link_that_broke_once_delays_nobody() -> None:
    relay, outbox, _, _ = dispatcher([claimed("a", "pump-1"), claimed("poison", "pump-2")], poison="poison")
    with pytest.raises(BrokerUnreachableError):
        await once(relay, outbox)
    assert {row.command_id: row.delay_s for row in outbox.returned} == {"a": 0.0, "poison": 0.0}


class Blocked(FakeOutbox):
    """Says that something is due and gives nothing out, as when others hold it."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock, ())
        self.looks = 0

    async def claim(
        self, _holder: UUID, _limit: int, _lease_s: float, _bytes: int, _chain: int
    ) -> tuple[Claimed, ...]:
        self.looks += 1
        return ()

    async def next_due(self) -> float | None:
        return -5.0


async def test_what_is_due_and_cannot_be_had_is_looked_at_ever_more_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the pauses, the dispatcher turns thousands of times a second while somebody else's lease lasts."""
    clock = FakeClock()
    outbox = Blocked(clock)
    relay = Dispatcher(
        outbox, FakePublisher(), FakeProblems(), lambda _tenant: None, clock, DispatchSettings()
    )
    pauses: list[float] = []

    def pause(seconds: float) -> asyncio.Timeout:
        pauses.append(seconds)
        if len(pauses) == 8:
            relay.end()
        return asyncio.timeout_at(0.0)

    monkeypatch.setattr("console.services.dispatcher.asyncio.timeout", pause)
    await relay.run()
    assert outbox.looks == 8
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]


class Slow(FakePublisher):
    """A broker that takes `fast` after a while and says nothing of the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.all_there = asyncio.Event()

    def answer(self, publications: Sequence[Publication], tokens: Sequence[int]) -> None:
        assert self.on_pubacks is not None
        self.all_there.set()
        fast = [token for p, token in zip(publications, tokens, strict=True) if p.command_id == "fast"]
        take = self.on_pubacks
        asyncio.get_running_loop().call_later(0.05, lambda: take([(token, Puback(0)) for token in fast]))


async def test_a_dispatcher_that_is_stopped_records_what_it_hears_and_gives_the_rest_back() -> None:
    """Without it, the leases of a shell command that has ended hold up its device for a quarter of a minute."""
    clock = FakeClock()
    outbox, link = FakeOutbox(clock, [claimed("fast", "pump-1"), claimed("slow", "pump-2")]), Slow()
    relay = Dispatcher(outbox, link, FakeProblems(), lambda _tenant: None, clock, DispatchSettings())
    task = asyncio.create_task(relay.run())
    await link.all_there.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [row.command_id for row in outbox.marked] == ["fast"]
    assert [(row.command_id, row.delay_s) for row in outbox.returned] == [("slow", 0.0)]
    assert (outbox.returned[0].outcome, outbox.returned[0].error) == (
        Outcome.UNKNOWN,
        "the worker was stopped",
    )
