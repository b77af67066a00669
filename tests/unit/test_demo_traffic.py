"""When the invented operators act, and what they do, without a fleet."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from console.errors import DatabaseUnreachableError
from console.simulator.behaviours import Behaviour
from console.simulator.device import Answer, SimulatedDevice
from console.simulator.traffic import BUSY_S, OPENING, OPERATORS, QUIET_S, Happening, Traffic


class Stage:
    """Writes down what the operators order, and what devices are told to say. Time is what it is set to."""

    def __init__(self, *, fails: bool = False) -> None:
        self.now = 0.0
        self.fails = fails
        self.sent: list[tuple[float, str, str, timedelta, str]] = []
        self.bulk: list[tuple[float, tuple[str, ...], str, timedelta]] = []
        self.said: list[tuple[str, Answer]] = []
        self.quiet: list[tuple[float, str, float]] = []
        self.slow: list[tuple[float, float]] = []

    async def send(
        self, tenant_id: str, device_id: str, command_type: str, params_json: str, ttl: timedelta, by: str
    ) -> str:
        assert (tenant_id, type(json.loads(params_json))) == ("t", dict)
        self.sent.append((self.now, device_id, command_type, ttl, by))
        if self.fails:
            raise DatabaseUnreachableError("gone")
        return f"{device_id}:{len(self.sent)}"

    async def send_many(
        self, tenant_id: str, device_ids: Sequence[str], command_type: str, params_json: str, ttl: timedelta,
        by: str, target: str,
    ) -> None:  # fmt: skip
        assert (tenant_id, bool(command_type), params_json[0], by in OPERATORS) == ("t", True, "{", True)
        self.bulk.append((self.now, tuple(device_ids), target, ttl))

    def say(self, device: SimulatedDevice, answer: Answer) -> None:
        self.said.append((device.device_id, answer))

    def go_quiet(self, site: str, seconds: float) -> None:
        self.quiet.append((self.now, site, seconds))

    def slow_down(self, factor: float, seconds: float) -> None:
        self.slow.append((factor, seconds))


def fleet() -> list[SimulatedDevice]:
    sites = ("lyon", "lyon", "porto")
    return [
        SimulatedDevice("t", f"pump-{n}", Behaviour.DEAF if n == 8 else Behaviour.PROMPT, site=sites[n % 3])
        for n in range(9)
    ]


PORTO = ("pump-2", "pump-5", "pump-8")


def payload_of(answer: Answer) -> dict[str, str]:
    """What can be read of it."""
    try:
        return dict(json.loads(answer.payload))
    except json.JSONDecodeError:
        return {}


async def until_s(traffic: Traffic, stage: Stage, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the traffic run until that time; nobody sleeps in fact."""
    waiting: list[tuple[float, asyncio.Future[None]]] = []
    loop = asyncio.get_running_loop()

    async def sleep(length_s: float) -> None:
        waiting.append((stage.now + length_s, loop.create_future()))
        await waiting[-1][1]

    class Loop:
        def time(self) -> float:
            return stage.now

    monkeypatch.setattr("console.simulator.traffic.asyncio.sleep", sleep)
    monkeypatch.setattr("console.simulator.traffic.asyncio.get_running_loop", Loop)
    running = loop.create_task(traffic.run())
    while True:
        for _ in range(10):
            await loop.run_in_executor(None, lambda: None)
        waiting.sort(key=lambda one: one[0])
        at, future = waiting.pop(0)
        if at > seconds:
            break
        stage.now = at
        future.set_result(None)
    monkeypatch.undo()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_the_first_minute_has_everything_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, whoever looks at the demo for a minute sees a fleet in which nothing ever happens."""
    stage = Stage()
    await until_s(Traffic(fleet(), stage, stage, "79"), stage, 60, monkeypatch)
    assert 40 < len(stage.sent) < 110
    assert {by for *_, by in stage.sent} == set(OPERATORS)
    (first, devices, target, _), (second, missed, _, ttl) = stage.bulk
    assert first == next(at for at, what in OPENING if what is Happening.BULK)
    assert target == f"site:{'porto' if devices == PORTO else 'lyon'}"
    assert stage.quiet == [(50.0, "porto", QUIET_S)]
    assert (second, missed) == (53.0, PORTO)
    assert ttl.total_seconds() < QUIET_S / 2
    assert [payload_of(answer).get("status") for _, answer in stage.said] == ["ok", None, "error", "ok"]


async def test_each_happening_is_what_its_name_says() -> None:
    stage = Stage()
    traffic = Traffic(fleet(), stage, stage, "79")
    for what in (Happening.FORGED, Happening.CONFLICTING, Happening.LATE, Happening.MALFORMED):
        await traffic.happen(what)
    (forger, forged), (contrary, other), (deaf, late), (garbler, garbled) = stage.said
    owners = [payload_of(answer)["command_id"].split(":")[0] for answer in (forged, other, late)]
    assert owners[0] != forger
    assert owners[1:] == [contrary, deaf] == [contrary, "pump-8"]
    assert late.delay_s > stage.sent[2][3].total_seconds()
    assert payload_of(garbled) == {}
    assert garbled.topic == f"tenant/t/device/{garbler}/commands/ack"


async def test_what_a_presenter_may_ask_for_besides(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    traffic = Traffic(fleet(), stage, stage, "79")
    for what in (Happening.STORM, Happening.SLOW, Happening.CALM):
        await traffic.happen(what)
    assert [(len(devices), target) for _, devices, target, _ in stage.bulk] == [(9, "all devices")] * 5
    assert stage.slow == [(10.0, 60.0)]
    await until_s(traffic, stage, 300, monkeypatch)
    assert len(stage.sent) == 4  # those of the opening, which is a story to be told whole
    await traffic.happen(Happening.CALM)
    await until_s(traffic, stage, 330, monkeypatch)
    assert len(stage.sent) > 10


async def test_commands_become_rare_so_that_a_demo_can_be_left_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it, a demo that runs over the weekend fills the disk."""
    stage = Stage()
    await until_s(Traffic(fleet(), stage, stage, "79"), stage, BUSY_S + 1_000, monkeypatch)
    ordinary = Counter(at > BUSY_S for at, *_ in stage.sent)
    assert ordinary[False] > 10 * ordinary[True] > 0


async def test_what_cannot_be_sent_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, the fleet ends with the database's first restart."""
    stage = Stage(fails=True)
    await until_s(Traffic(fleet(), stage, stage, "79"), stage, 40, monkeypatch)
    assert len(stage.sent) > 20
    assert stage.said == []


async def test_a_fleet_of_one_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    running = asyncio.create_task(Traffic(fleet()[:1], stage, stage, "79").run())
    for _ in range(10):
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    assert not running.done()
    running.cancel()
    assert (stage.sent, stage.bulk) == ([], [])
