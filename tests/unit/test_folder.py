"""When the fold looks at the database, and when it does not."""

import asyncio
import logging
from datetime import timedelta

import pytest

from console.clock import SystemClock
from console.domain.histograms import Histogram
from console.errors import DatabaseUnreachableError, RefusedError, RowsLockedError
from console.services.counts import Counts
from console.services.folder import COMMANDS, TRIM_EVERY_S, Folder
from console.store.figures import Folded


class Time(SystemClock):
    """A clock that stands still until it is moved."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class Events:
    """What each fold finds; an error is raised. After the last of them the loop is over."""

    def __init__(self, *found: Folded | Exception) -> None:
        self.found = list(found)
        self.asked: list[int] = []
        self.trimmed: list[int] = []
        self.left = 0

    async def fold(self, commands: int) -> Folded:
        self.asked.append(commands)
        if not self.found:
            raise asyncio.CancelledError
        found = self.found.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async def trim(self, minutes: timedelta, hours: timedelta, keep: int, most: int) -> int:
        assert (minutes.days, hours.days, keep) == (8, 400, 100_000)
        self.trimmed.append(most)
        self.left -= 1
        return most if self.left > 0 else 0


def never() -> bool:
    return False


NONE = Folded(0, is_over=True)


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the folder rests between two looks; it does not rest in fact."""
    rests: list[float] = []

    async def nap(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr("console.services.folder.asyncio.sleep", nap)
    return rests


async def run(events: Events, woken: asyncio.Event) -> None:
    with pytest.raises(asyncio.CancelledError):
        await Folder(events, woken, never, Counts(), SystemClock()).run()


async def test_it_looks_once_at_the_beginning_and_then_only_when_it_is_woken(naps: list[float]) -> None:
    """Without the wait, an idle fleet is asked about for ever."""
    events, woken = Events(NONE, NONE, NONE), asyncio.Event()
    looking = asyncio.create_task(Folder(events, woken, never, Counts(), SystemClock()).run())
    for looks in (1, 2):
        for _ in range(5):
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        assert events.asked == [COMMANDS] * looks
        assert not woken.is_set()
        woken.set()
    assert naps == [2.0, 2.0]
    looking.cancel()


async def test_one_look_folds_until_nothing_is_left_and_leaves_most_time_to_others(naps: list[float]) -> None:
    """Without the next batch, a backlog of an hour takes a day; without the rest, the sweep has half a processor less."""
    events = Events(
        Folded(2_000, is_over=False, answered=Histogram((1, 2))),
        Folded(1_500, is_over=False),
        Folded(3, is_over=True, answered=Histogram((0, 0, 3))),
    )
    clock, counts = Time(), Counts()

    async def fold(commands: int) -> Folded:
        clock.now += 0.25
        return await Events.fold(events, commands)

    events.fold = fold  # type: ignore[method-assign]
    assert await Folder(events, asyncio.Event(), never, counts, clock).run_once() == 3_503
    assert counts.latency == Histogram((1, 2, 3))
    assert naps == [0.75, 0.75]


@pytest.mark.parametrize(("behind", "waits"), [(0, 0), (2, 2), (99, 5)])
async def test_a_sweep_that_is_behind_goes_first_but_not_for_ever(
    naps: list[float], behind: int, waits: int
) -> None:
    """Without the wait, what is overdue is settled later; without its end, a day of backlog is a day without figures."""
    events, looks = Events(), iter([True] * behind)
    with pytest.raises(asyncio.CancelledError):
        await Folder(events, asyncio.Event(), lambda: next(looks, False), Counts(), SystemClock()).run()
    assert (naps, events.asked) == ([2.0] * (1 + waits), [COMMANDS])


@pytest.mark.parametrize("error", [RowsLockedError("x"), DatabaseUnreachableError("x"), RefusedError("x")])
async def test_what_fails_is_tried_again_two_seconds_later(
    naps: list[float], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Without the next try, events wait for the next end; with an error that gets out, the sweep ends with the fold."""
    told: list[str] = []
    log = logging.getLogger("test.folder")
    monkeypatch.setattr(log, "warning", lambda text, *values: told.append(text % values))
    monkeypatch.setattr("console.services.folder._log", log)
    events, woken = Events(error, error, NONE, error), asyncio.Event()
    looking = asyncio.create_task(run(events, woken))
    while len(events.asked) < 3 or woken.is_set():
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    woken.set()
    await looking
    assert naps == [2.0] * 5
    assert told == (["What ended is not counted for now: x"] * 2 if type(error) is RefusedError else [])


async def test_old_figures_are_trimmed_once_an_hour_until_none_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the trimming, the minutes of years stay."""
    events, woken, clock = Events(*[NONE] * 5), asyncio.Event(), Time()
    events.left = 3

    async def nap(_seconds: float) -> None:
        clock.now += TRIM_EVERY_S / 3

    async def fold(commands: int) -> Folded:
        woken.set()
        return await Events.fold(events, commands)

    events.fold = fold  # type: ignore[method-assign]
    monkeypatch.setattr("console.services.folder.asyncio.sleep", nap)
    with pytest.raises(asyncio.CancelledError):
        await Folder(events, woken, never, Counts(), clock).run()
    assert len(events.trimmed) == 3 + 1
