"""A large fleet on the screen: first rows, keys under load, bytes and processor time, an answer until its cell changes."""

import asyncio
import json
import os
import statistics
import sys
import time
from collections import defaultdict

import aiomqtt

from benchmarks.figures import Figure, Sample, percentile
from benchmarks.hands import NO_DELAY, Hand, TimedTerminal
from benchmarks.place import Copy, Place, Scale
from benchmarks.processes import cpu_s, environment, memory_mb
from benchmarks.starts import BARE_APP, environment_of_terminal
from console.demo.scale import seed_history
from console.store.access import Access
from console.store.pool import Database
from tests.brokers import BrokerProcess
from tests.pseudo_terminal import PROGRAM

SCALE_TENANT = "scale"
_FIRST, _WHOLE = "P13 first row of the fleet", "P13 whole fleet counted"
_KEYS, _ROW, _ROW_BYTES = (
    "P13 key under 100 changes/s, p99",
    "P13 one changed row, p50",
    "P13 bytes of one changed row",
)
_MEMORY, _IDLE = "P13 memory of the screen", "P14 idle"
_BYTES, _CPU = "P14 written at 100 changes/s", "P14 processor at 100 changes/s"
_CELL, _CELL_TAIL = "P8 answer to changed cell, p50", "P8 answer to changed cell, p99"
_TEXTUAL, _SUBSCRIBER = "bare Textual application", "bare subscriber, p50"
FIGURES = (
    Figure(_FIRST, "ms", _TEXTUAL, 600, 10, at_most=True, absolute=True),
    Figure(_WHOLE, "ms", _TEXTUAL, None, 15, at_most=True, absolute=True),
    Figure(_KEYS, "ms", "", 30, 500, at_most=True, absolute=True),
    Figure(_ROW, "ms", "", None, 2_000, at_most=True, absolute=True),
    Figure(_ROW_BYTES, "B", "", 600, 6_000, at_most=True, absolute=True),
    Figure(_MEMORY, "MB", "", 80, 240, at_most=True, absolute=True),
    Figure(_IDLE, "kB/s", "", 1, 20, at_most=True, absolute=True),
    Figure(_BYTES, "kB/s", "", 20, 120, at_most=True, absolute=True),
    Figure(_CPU, "%", "", 10, 150, at_most=True, absolute=True),
    Figure(_CELL, "ms", _SUBSCRIBER, 20, None, at_most=True, absolute=True),
    Figure(_CELL_TAIL, "ms", _SUBSCRIBER, 60, None, at_most=True, absolute=True),
)
_CHANGES_PER_S, _IN_VIEW = 100, 30
Measured = dict[str, list[Sample]]


async def measure(place: Place, scale: Scale) -> Measured:
    found: Measured = defaultdict(list)
    devices = 2_000 if scale.short else scale.rows
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)  # the thread that notes arrivals must not wait for the parser
    try:
        with place.broker() as broker:
            async with place.database() as copy:
                await seed_fleet(copy, devices, 3 * devices)
                await asyncio.to_thread(_look, copy, broker, scale, found)
    finally:
        sys.setswitchinterval(before)
    place.notes.append(f"screens: a fleet of {devices:,} devices")
    return found


async def seed_fleet(copy: Copy, devices: int, commands: int) -> None:
    """Add a tenant with so many devices and settled commands."""
    database = Database(Access(copy.url), max_size=1)
    await database.open()
    await seed_history(database, SCALE_TENANT, devices=devices, commands=commands)
    await database.close()


def _look(copy: Copy, broker: BrokerProcess, scale: Scale, found: Measured) -> None:
    env = environment_of_terminal(environment(copy, broker, CONSOLE_TENANT=SCALE_TENANT))
    for _ in range(1 if scale.short else scale.pairs):
        floor, first, whole = first_rows(env)
        found[_FIRST].append(Sample(first, floor))
        found[_WHOLE].append(Sample(whole, floor))
    hand = Hand(copy.url, broker.port)
    hand.start()
    hand.ready.wait(10)
    terminal = TimedTerminal(120, 40, PROGRAM, env)
    try:
        terminal.until(lambda: terminal.has("meter-000001"), time.perf_counter(), 60)
        terminal.read(1.0, 6.0 if scale.short else 12.0)
        found[_MEMORY].append(Sample(memory_mb(terminal.pid)))
        _one_row(terminal, hand, 2 if scale.short else 20, found)
        found[_IDLE].append(Sample(_watched(terminal, 1.0 if scale.short else 5.0)[0]))
        _under_load(terminal, hand, scale, found)
        _cells(terminal, hand, scale, found)
    finally:
        terminal.stop()
        hand.end()


def first_rows(env: dict[str, str]) -> tuple[float, float, float]:
    """ms until a bare Textual application shows its text, ours its first row, and ours the whole fleet's counts."""
    bare = TimedTerminal(120, 40, [sys.executable, "-c", BARE_APP], env)
    floor = bare.until(lambda: bare.has("bare-app"), time.perf_counter(), 60)
    bare.stop()
    began = time.perf_counter()
    terminal = TimedTerminal(120, 40, PROGRAM, env)
    first = terminal.until(lambda: terminal.has("meter-000001"), began, 60)
    whole = terminal.until(
        lambda: any("Devices" in x and " online" in x for x in terminal.screen.display[:4]), began, 60
    )
    terminal.stop()
    return floor * 1e3, first * 1e3, whole * 1e3


def _one_row(terminal: TimedTerminal, hand: Hand, turns: int, found: Measured) -> None:
    for turn in range(turns):
        terminal.read(1.2, 6.0)
        word = "STALE" if turn % 2 == 0 else "OFFLINE"
        before, began = len(terminal.raw), time.perf_counter()
        hand.do(_set_state(hand, "meter-000005", word))
        took = terminal.until(lambda w=word: terminal.has("meter-000005", w.lower()), began)  # type: ignore[misc]
        found[_ROW].append(Sample(took * 1e3))
        terminal.read(0.3, 0.5)
        found[_ROW_BYTES].append(Sample(len(terminal.raw) - before))


async def _set_state(hand: Hand, device: str, word: str) -> None:
    await hand.sql.execute(
        "UPDATE device_state SET status = $2 WHERE tenant_id = $3 AND device_id = $1",
        device,
        word,
        SCALE_TENANT,
    )


async def _changes(hand: Hand, seconds: float) -> int:
    """So many changed rows a second, all of them in view."""
    began, done = time.monotonic(), 0
    words = ("ONLINE", "STALE", "OFFLINE")
    while time.monotonic() - began < seconds:
        await _set_state(hand, f"meter-{1 + done % 30:06}", words[done // 30 % 3])
        done += 1
        await asyncio.sleep(max(0.0, began + done / _CHANGES_PER_S - time.monotonic()))
    return done


def _watched(terminal: TimedTerminal, seconds: float) -> tuple[float, float]:
    """Kilobytes a second that the program writes, and per cent of a processor that it takes."""
    size, cpu, began = len(terminal.raw), cpu_s(terminal.pid), time.monotonic()
    while time.monotonic() - began < seconds:
        terminal.read(0.05, 0.2)
    took = time.monotonic() - began
    return (len(terminal.raw) - size) / 1000 / took, (cpu_s(terminal.pid) - cpu) / took * 100


def _under_load(terminal: TimedTerminal, hand: Hand, scale: Scale, found: Measured) -> None:
    seconds, keys = (1.5, 30) if scale.short else (6.0, 200)
    task = hand.begin(_changes(hand, seconds + 1.0 + keys * 0.1))
    terminal.read(0.0, 1.0)
    size, cpu = _watched(terminal, seconds)
    found[_BYTES].append(Sample(size))
    found[_CPU].append(Sample(cpu))
    taken = []
    for turn in range(keys):
        key, row = ("j", 1) if turn % 20 < 10 else ("k", -1)
        place = next(n for n, line in enumerate(terminal.screen.display) if line.startswith("▌"))
        began = time.perf_counter()
        terminal.type(key)
        taken.append(
            terminal.until(lambda p=place + row: terminal.screen.buffer[p][0].data == "▌", began) * 1e3  # type: ignore[misc]
        )
        terminal.read(0.02, 0.05)
    found[_KEYS].append(Sample(percentile(taken, 0.99), None, len(taken)))
    task.result(60)


def _cells(terminal: TimedTerminal, hand: Hand, scale: Scale, found: Measured) -> None:
    """A device's answer until the cell has changed, beside a bare subscriber's time for a message."""
    floor = statistics.median(hand.do(_bare_trips(hand)))
    for turn in range(1 if scale.short else 3):
        count = 10 if scale.short else _IN_VIEW
        ids = [f"bench-{os.getpid()}-{turn}-{n}" for n in range(count)]
        hand.do(_published(hand, ids))
        terminal.read(1.5, 8.0)
        taken: list[float] = []
        for number, name in enumerate(ids):
            device = f"meter-{1 + number:06}"
            began = time.perf_counter()
            hand.begin(_answer(hand, device, name))
            taken.append(terminal.until(lambda d=device: terminal.has(d, "failed"), began) * 1e3)  # type: ignore[misc]
            terminal.read(0.05, 0.15)
        found[_CELL].append(Sample(percentile(taken, 0.5), floor, count))
        found[_CELL_TAIL].append(Sample(percentile(taken, 0.99), floor, count))
        hand.do(_forget(hand, ids))


async def _bare_trips(hand: Hand) -> list[float]:
    taken = []
    async with aiomqtt.Client("127.0.0.1", hand.port, socket_options=NO_DELAY) as client:
        await client.subscribe("bench/floor", qos=1)
        for _ in range(100):
            began = time.perf_counter()
            await hand.mqtt.publish("bench/floor", b"x", qos=1)
            await anext(aiter(client.messages))
            taken.append((time.perf_counter() - began) * 1e3)
    return taken


async def _published(hand: Hand, ids: list[str]) -> None:
    """One command each for the first devices, published and not answered."""
    await hand.sql.executemany(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, published_at)"
        " VALUES ($1, $2, $3, 'ping', now())",
        [(SCALE_TENANT, name, f"meter-{1 + n:06}") for n, name in enumerate(ids)],
    )
    await hand.sql.execute("SELECT pg_notify('device_console', $1)", SCALE_TENANT)


async def _answer(hand: Hand, device: str, command_id: str) -> None:
    topic = f"tenant/{SCALE_TENANT}/device/{device}/commands/ack"
    await hand.mqtt.publish(topic, json.dumps({"command_id": command_id, "status": "error"}), qos=1)


async def _forget(hand: Hand, ids: list[str]) -> None:
    await hand.sql.execute(
        "DELETE FROM device_commands WHERE tenant_id = $1 AND command_id = ANY ($2)", SCALE_TENANT, ids
    )
