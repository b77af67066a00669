"""The dispatcher's own looks, for what the claim in the database cannot know."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from console.domain.dispatch import Claimed, Confirmed, Marked, Returned
from console.domain.events import Problem, ProblemKind
from console.domain.pace import Pace
from console.domain.publication import Puback, Publication
from console.domain.reasons import Outcome
from console.errors import BrokerUnreachableError, DatabaseUnreachableError
from console.services.dispatcher import Dispatcher, DispatchSettings
from tests.waiting import until


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
        self, _holder: UUID, _limit: int, _lease_s: float, _bytes: int, _chain: int, _after: str
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


async def test_what_is_claimed_goes_out_at_its_pace() -> None:
    """Without the bound where it is written, what waits for its turn or a PUBACK would go in one burst."""
    clock, loop = FakeClock(), asyncio.get_running_loop()
    outbox = FakeOutbox(clock, [claimed(f"c{n}", f"pump-{n % 30}") for n in range(60)])
    sent_at: list[float] = []

    class Noting(FakePublisher):
        def send(self, publications: Sequence[Publication]) -> list[int]:
            sent_at.extend([loop.time()] * len(publications))
            return super().send(publications)

    link, pace = Noting(), Pace(100.0, loop.time)
    relay = Dispatcher(outbox, link, FakeProblems(), lambda _tenant: None, clock, pace=pace)
    running = asyncio.create_task(relay.run())

    async def all_sent() -> bool:
        return len(sent_at) == 60

    await until(all_sent, 10)
    relay.end()
    await running
    for place, at in enumerate(sent_at):
        assert place + 1 <= 100.0 * (at - sent_at[0]) + 10 + 0.001
    for number in range(30):
        assert [c for c in link.sent if c in {f"c{number}", f"c{number + 30}"}] == [
            f"c{number}",
            f"c{number + 30}",
        ]
    assert not outbox.returned


async def test_what_waits_for_its_pace_is_given_back_at_the_end() -> None:
    """Without that, it would be leased until its lease runs out, and nobody else could publish it."""
    clock, loop = FakeClock(), asyncio.get_running_loop()
    outbox = FakeOutbox(clock, [claimed(f"c{n}", f"pump-{n}") for n in range(5)])
    link = FakePublisher()
    relay = Dispatcher(outbox, link, FakeProblems(), lambda _tenant: None, clock, pace=Pace(0.001, loop.time))
    running = asyncio.create_task(relay.run())

    async def one_marked() -> bool:
        return len(outbox.marked) == 1

    await until(one_marked, 10)
    relay.end()
    await asyncio.wait_for(running, 2)
    assert link.sent == ["c0"]
    assert sorted(back.command_id for back in outbox.returned) == ["c1", "c2", "c3", "c4"]
    assert {back.outcome for back in outbox.returned} == {None}


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
        self, _holder: UUID, _limit: int, _lease_s: float, _bytes: int, _chain: int, _after: str
    ) -> tuple[Claimed, ...]:
        self.looks += 1
        return ()

    async def next_due(self) -> float | None:
        return -5.0


@pytest.mark.parametrize("window", [1, 500])
async def test_what_is_due_and_cannot_be_had_is_looked_at_ever_more_seldom(
    monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    """Without the pauses, the dispatcher turns thousands of times a second while somebody else's lease lasts."""
    clock = FakeClock()
    outbox = Blocked(clock)
    relay = Dispatcher(
        outbox, FakePublisher(), FakeProblems(), lambda _tenant: None, clock, DispatchSettings(window=window)
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


class Held(FakePublisher):
    """A broker whose PUBACKs a test releases."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[int] = []
        self.forgotten: list[int] = []
        self.came = asyncio.Event()

    def answer(self, publications: Sequence[Publication], tokens: Sequence[int]) -> None:
        del publications
        self.open += tokens
        self.came.set()

    def forget(self, tokens: Sequence[int]) -> None:
        self.forgotten += tokens

    def say(self, code: int = 0) -> None:
        """Confirm all that is open, with one reason."""
        assert self.on_pubacks is not None
        tokens, self.open = self.open, []
        self.came.clear()
        self.on_pubacks([(token, Puback(code)) for token in tokens])

    def hang_up(self) -> None:
        self._broken.set_result(None)


CHAIN = [claimed("a"), claimed("b"), claimed("c"), claimed("x", "pump-2")]


def held_dispatcher(
    rows: Sequence[Claimed], **limits: float
) -> tuple[Dispatcher, FakeOutbox, Held, FakeClock]:
    clock = FakeClock()
    outbox, link = FakeOutbox(clock, rows), Held()
    settings = DispatchSettings(**limits)  # type: ignore[arg-type]
    return (
        Dispatcher(outbox, link, FakeProblems(), lambda _tenant: None, clock, settings),
        outbox,
        link,
        clock,
    )


async def test_the_commands_of_a_device_go_out_one_after_the_other() -> None:
    """Without the wait for the PUBACK of the one before, a broken link leaves a later command published and an earlier one not."""
    relay, outbox, link, _ = held_dispatcher(CHAIN)
    running = asyncio.create_task(relay.run())
    seen: list[list[str]] = []
    for _ in range(3):
        await link.came.wait()
        seen.append(link.sent[:])
        link.say()
    relay.end()
    await running
    assert seen == [["a", "x"], ["a", "x", "b"], ["a", "x", "b", "c"]]
    assert sorted(row.command_id for row in outbox.marked) == ["a", "b", "c", "x"]


async def test_what_stands_behind_a_refused_command_is_given_back_and_was_never_begun() -> None:
    """Without that, what is behind a refused command of its device overtakes it."""
    relay, outbox, link, _ = held_dispatcher(CHAIN)
    running = asyncio.create_task(relay.run())
    await link.came.wait()
    link.say(0x97)
    await outbox.idle.wait()
    relay.end()
    await running
    assert link.sent == ["a", "x"]
    given_back = {row.command_id: row.outcome for row in outbox.returned}
    assert given_back == {"a": Outcome.REFUSED, "x": Outcome.REFUSED, "b": None, "c": None}


async def test_of_a_link_that_breaks_only_what_was_in_flight_is_unknown() -> None:
    """Without the difference, what was never sent counts attempts, and is taken for what breaks links."""
    relay, outbox, link, _ = held_dispatcher(CHAIN)
    running = asyncio.create_task(relay.run())
    await link.came.wait()
    link.hang_up()
    with pytest.raises(BrokerUnreachableError):
        await running
    given_back = {row.command_id: row.outcome for row in outbox.returned}
    assert given_back == {"a": Outcome.UNKNOWN, "x": Outcome.UNKNOWN, "b": None, "c": None}


async def test_a_puback_that_is_owed_too_long_ends_the_link() -> None:
    """Without the look at the oldest, a broker that swallows one PUBACK keeps its device waiting for ever."""
    relay, outbox, link, _ = held_dispatcher([claimed("a")], puback_timeout_s=0.05)
    with pytest.raises(BrokerUnreachableError, match=r"no PUBACK within 0\.05 s"):
        await relay.run()
    assert [row.outcome for row in outbox.returned] == [Outcome.UNKNOWN]
    assert link.forgotten == [1]


async def test_a_lease_that_could_end_before_the_puback_is_not_used() -> None:
    """Without the time of the PUBACK, another dispatcher sends a copy of what is in flight at the end of its lease."""
    relay, outbox, link, clock = held_dispatcher(CHAIN)
    running = asyncio.create_task(relay.run())
    await link.came.wait()
    clock.seconds += 5.0  # of 15, of which a PUBACK may take 10
    link.say()
    await outbox.idle.wait()
    relay.end()
    await running
    assert link.sent == ["a", "x"]
    assert [(row.command_id, row.outcome) for row in outbox.returned] == [("b", None), ("c", None)]


async def test_an_end_waits_for_what_is_in_flight_and_gives_back_the_rest() -> None:
    relay, outbox, link, _ = held_dispatcher(CHAIN)
    running = asyncio.create_task(relay.run())
    await link.came.wait()
    relay.end()
    link.say()
    await running
    assert sorted(row.command_id for row in outbox.marked) == ["a", "x"]
    assert [(row.command_id, row.outcome) for row in outbox.returned] == [("b", None), ("c", None)]


class Late(FakeOutbox):
    """A claim whose reply a test releases."""

    def __init__(self, clock: FakeClock, rows: Sequence[Claimed]) -> None:
        super().__init__(clock, rows)
        self.asked, self.reply = asyncio.Event(), asyncio.Event()

    async def claim(
        self, _holder: UUID, _limit: int, _lease_s: float, _bytes: int, _chain: int, _after: str
    ) -> tuple[Claimed, ...]:
        self.asked.set()
        await self.reply.wait()
        return await super().claim(_holder, _limit, _lease_s, _bytes, _chain, _after)


async def test_what_is_being_claimed_when_it_ends_is_given_back() -> None:
    """Without the look behind the claim, a dispatcher that may work on a copy of the database publishes a window more."""
    clock = FakeClock()
    outbox, link = Late(clock, CHAIN), Held()
    relay = Dispatcher(outbox, link, FakeProblems(), lambda _tenant: None, clock)
    running = asyncio.create_task(relay.run())
    await outbox.asked.wait()
    relay.end()
    outbox.reply.set()
    await running
    assert link.sent == []
    assert {row.command_id: row.outcome for row in outbox.returned} == dict.fromkeys("abcx")


class Failing(FakeOutbox):
    """Gives out its rows, then fails, as when the database is gone."""

    def __init__(self, clock: FakeClock, rows: Sequence[Claimed]) -> None:
        super().__init__(clock, rows)
        self.failed = asyncio.Event()

    async def next_due(self) -> float | None:
        self.failed.set()
        raise DatabaseUnreachableError("it is gone")


async def test_a_claim_that_fails_loses_no_puback() -> None:
    """Without waiting for what is in flight, the next dispatcher sends all of it again."""
    clock = FakeClock()
    outbox, link = Failing(clock, [claimed("a")]), Held()
    relay = Dispatcher(outbox, link, FakeProblems(), lambda _tenant: None, clock)
    running = asyncio.create_task(relay.run())
    await outbox.failed.wait()
    for _ in range(50):
        await asyncio.sleep(0)
    link.say()
    with pytest.raises(DatabaseUnreachableError):
        await running
    assert [row.command_id for row in outbox.marked] == ["a"]


class Waiting(FakeOutbox):
    """Another command of the device can be claimed once the first one is marked."""

    def __init__(self, clock: FakeClock, rows: Sequence[Claimed], later: Sequence[Claimed]) -> None:
        super().__init__(clock, rows)
        self._later = tuple(later)
        self.claims = 0

    async def claim(
        self, _holder: UUID, _limit: int, _lease_s: float, _bytes: int, _chain: int, _after: str
    ) -> tuple[Claimed, ...]:
        self.claims += 1
        return await super().claim(_holder, _limit, _lease_s, _bytes, _chain, _after)

    async def mark(self, holder: UUID, confirmed: Sequence[Confirmed]) -> Marked:
        self._claimed, self._later = self._later, ()
        return await super().mark(holder, confirmed)

    async def next_due(self) -> float | None:
        self.idle.set()
        return None


async def test_what_came_while_its_device_was_busy_is_looked_for_when_it_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the look after the mark, a second command of a device waits for the next poll: nothing else wakes the dispatcher."""
    monkeypatch.setattr("console.services.dispatcher._POLL_S", 3600.0)
    clock = FakeClock()
    outbox, link = Waiting(clock, [claimed("a")], [claimed("b")]), Held()
    relay = Dispatcher(outbox, link, FakeProblems(), lambda _tenant: None, clock)
    running = asyncio.create_task(relay.run())
    await link.came.wait()
    relay.wake()  # it was sent now; its device is busy
    await outbox.idle.wait()
    link.say()
    async with asyncio.timeout(10):
        await link.came.wait()
    assert link.sent == ["a", "b"]
    link.say()
    relay.end()
    await running


class Foreign(FakeOutbox):
    """Rows of another program, some of which are taken over at a time."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock, ())
        self.left = [2_000, 2_000, 7, 0, 0]

    async def adopt(self, _age_s: float, _limit: int) -> int:
        return self.left.pop(0)


async def test_what_the_claim_left_out_is_looked_for_when_the_device_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the look after the mark, what ends within the lease is claimed one a second behind another, and expires."""
    monkeypatch.setattr("console.services.dispatcher._POLL_S", 3600.0)
    clock = FakeClock()
    outbox, link = Waiting(clock, [replace(claimed("a"), there=2)], [claimed("b")]), Held()
    relay = Dispatcher(outbox, link, FakeProblems(), lambda _tenant: None, clock)
    running = asyncio.create_task(relay.run())
    await link.came.wait()
    await outbox.idle.wait()
    link.say()
    async with asyncio.timeout(10):
        await link.came.wait()
    link.say()
    relay.end()
    await running
    assert link.sent == ["a", "b"]


async def test_others_rows_are_taken_over_as_long_as_there_are_any() -> None:
    """Without going on at once, 10,000 rows of another program are published at 500 a second."""
    clock = FakeClock()
    outbox = Foreign(clock)
    relay = Dispatcher(outbox, Held(), FakeProblems(), lambda _tenant: None, clock)
    await once(relay, outbox)
    assert outbox.left == [0]
